/** Since when a job has read and written everything. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { NO_CHECKPOINTS, settledMs, withCheckpoint } from './seen-checkpoints.ts';

/** Since when a job is settled after these looks, a second apart. */
function settledAfter(...found: readonly (number | null)[]): number {
  let seen = NO_CHECKPOINTS;
  for (const [index, newest] of found.entries()) seen = withCheckpoint(seen, newest, 1000 * index);
  return settledMs(seen);
}

test('a job is settled since the checkpoint before its last two', () => {
  equal(settledAfter(), -Infinity);
  equal(settledAfter(null, 1, 1, 2), -Infinity);
  equal(settledAfter(null, 1, 1, 2, 3), 1000);
  equal(settledAfter(7, 7, 9, 9, 12, 13), 2000);
});

test('a job that was started anew has to complete checkpoints of its own', () => {
  equal(settledAfter(7, 8, 9, null, 1), -Infinity, 'what the old one had read may be on no branch');
  equal(settledAfter(7, 8, 9, null, 9, 10, 11), 4000);
});
