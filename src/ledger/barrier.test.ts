/** Barriers: a ledger is complete to a place only when it has come to every end read after it. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { barriersFrom, reachedBarrier, withBarrier } from './barrier.ts';
import type { Barrier } from './barrier.ts';

function barrier(seq: bigint, ...ends: readonly bigint[]): Barrier {
  const position = { sourceId: 's', partition: 'main', token: String(seq) };
  const mark = { position, completeTo: { epoch: 1, seq } };
  return { mark, ends: new Map([['id', ends]]), takenMs: Number(seq) };
}

test('spec: E17 the newest barrier counts whose ends were all reached', () => {
  const [one, two] = [barrier(10n, 5n, 3n), barrier(20n, 8n, 3n)];
  const reached = (...next: readonly bigint[]): Barrier | null =>
    reachedBarrier([one, two], 'id', next);
  equal(reached(5n, 2n), null, 'one partition is behind');
  equal(reached(5n, 3n), one);
  equal(reached(7n, 9n), one);
  equal(reached(8n, 3n), two);
  equal(reached(8n), null, 'a partition that the ledger does not know yet');
  equal(reachedBarrier([one, two], 'other', [99n, 99n]), null);
});

test('of many barriers the oldest and the newest are kept; reached ones are forgotten', () => {
  let barriers: readonly Barrier[] = [];
  for (let seq = 1n; seq <= 40n; seq++) barriers = withBarrier(barriers, barrier(seq, seq));
  deepEqual(
    barriers.map(({ mark }) => mark.completeTo.seq),
    [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 33n, 34n, 35n, 36n, 37n, 38n, 39n, 40n],
  );
  const later = withBarrier([barrier(5n, 1n)], barrier(4n, 9n));
  equal(later.length, 1, 'a place before the last one says nothing');
  const left = barriersFrom(barriers, barrier(40n).mark);
  deepEqual(
    left.map(({ mark }) => mark.completeTo.seq),
    [40n],
  );
});
