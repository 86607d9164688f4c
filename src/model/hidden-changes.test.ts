/** What a server's counts tell of changes that Debezium hides. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { carriedCounts, judgeHidden } from './hidden-changes.ts';
import type { CarriedVerdict, HiddenChanges } from './hidden-changes.ts';

const NOW_MS = Date.UTC(2026, 0, 2);
const THEN: HiddenChanges = {
  uptimeS: 1000n,
  xaPrepared: 5n,
  compressed: 3n,
  logFileBytesMax: 2n ** 32n,
};
const BEFORE = carriedCounts(THEN, NOW_MS);

/** A minute later. */
function judge(changed: Partial<HiddenChanges>, before = BEFORE): CarriedVerdict {
  return judgeHidden({ ...THEN, uptimeS: 1060n, ...changed }, before, NOW_MS + 60_000);
}

function reason(verdict: CarriedVerdict): string {
  return verdict.kind === 'carried' ? '' : verdict.what.replace(/;.*/, '');
}

test('only what is new is not carried (spec: D9, E19)', () => {
  deepEqual(judge({}), { kind: 'carried', counts: BEFORE });
  equal(reason(judge({ xaPrepared: 7n })), '2 XA transactions were prepared at the server');
  equal(reason(judge({ compressed: 4n })), '1 transactions were compressed in the log');
  const long = judge({ logFileBytesMax: 2n ** 32n + 1n });
  equal(reason(long), 'A file of the log is longer than 4 GiB');
  // A server that cannot compress has none.
  const plain = carriedCounts({ ...THEN, compressed: null }, NOW_MS);
  deepEqual(judge({ compressed: null }, plain), { kind: 'carried', counts: plain });
});

test('a server that started anew counts from 0, and nothing of it is taken for carried', () => {
  const anew = { uptimeS: 10n, xaPrepared: 0n, compressed: 0n };
  const verdict = judge(anew);
  equal(verdict.kind === 'carried' && verdict.counts.startedMs, NOW_MS + 50_000);
  equal(reason(judge({ ...anew, xaPrepared: 1n })).slice(0, 1), '1');
  // Fewer than before, though the clocks say that it has run on.
  equal(reason(judge({ xaPrepared: 4n })).slice(0, 1), '4');
  equal(reason(judgeHidden(THEN, null, NOW_MS)).slice(0, 1), '5');
});
