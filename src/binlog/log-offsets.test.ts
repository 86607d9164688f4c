/** Places of events where the log does not say them. */
import { deepEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT_TYPE } from './event-type.ts';
import { LogOffsets } from './log-offsets.ts';

function move(offsets: LogOffsets, sizeBytes: number, logPosition: number): readonly number[] {
  const typeCode = EVENT_TYPE.tableMap;
  const place = offsets.move({ typeCode, artificial: false, sizeBytes, logPosition });
  return [place.startOffset, place.endOffset];
}

test('an event without a place stands behind the one before it, as of MariaDB 11.4 (spec: Y1)', () => {
  const offsets = new LogOffsets();
  offsets.rotate({ fileName: 'binlog.000002', position: 379 });
  deepEqual(move(offsets, 42, 421), [379, 421]);
  // The server left an event of 57 bytes out here, and says so at the transaction's end only.
  deepEqual(move(offsets, 64, 0), [421, 485]);
  deepEqual(move(offsets, 40, 0), [485, 525]);
  deepEqual(move(offsets, 31, 613), [582, 613]);
  throws(() => move(offsets, 31, 640), { code: 'LOG-EVENT-MALFORMED' });
});
