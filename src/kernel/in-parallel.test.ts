/** A few at a time, answers in order, nothing left running. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { inParallel, valueOf } from './in-parallel.ts';

test('as many run at the same time as were asked for, and answers are in order', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([5, 1, 4, 2, 3], 2, async (turns) => {
    running += 1;
    most = Math.max(most, running);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    running -= 1;
    if (turns === 4) throw new Error('four');
    return turns * 10;
  });
  deepEqual([most, running], [2, 0]);
  deepEqual(
    results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
    [50, 10, 20, 30],
  );
  const [first, , third] = results;
  equal(first && valueOf(first), 50);
  throws(() => third && valueOf(third), /four/);
  deepEqual(await inParallel([], 2, async () => 1), []);
});
