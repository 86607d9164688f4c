/** What counts as a place that a connector has stored. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectorOffset } from '../../../engines/cluster/connect-client.ts';
import { placeOf } from './connector-place.ts';

function stored(offset: ConnectorOffset['offset']): ConnectorOffset {
  return { partition: { server: 's' }, offset };
}

test('spec: E9 a connector has begun when it has one place, and reads no definitions', () => {
  const place = stored({ file: 'binlog.000002', pos: 157, gtids: 'a:1-7' });
  deepEqual(placeOf([place]), { fileName: 'binlog.000002', offset: 157n, transactions: 'a:1-7' });
  const without = { fileName: 'binlog.000002', offset: 4n, transactions: null };
  deepEqual(placeOf([stored({ file: 'binlog.000002', pos: 4 })]), without);
  deepEqual(placeOf([]), null);
  deepEqual(placeOf([stored(null)]), null);
  deepEqual(placeOf([stored({ ...place.offset, snapshot: 'INITIAL' })]), null);
  deepEqual(placeOf([place, place]), null, 'of two places neither is known to be its own');
});
