/** What waits for what. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTurns } from './in-turn.ts';

test('work on one thing is done one after the other, whatever became of it', async () => {
  const inTurn = createTurns<object>();
  const [one, other] = [{}, {}];
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  const failed = inTurn(one, async () => {
    await first.promise;
    done.push('first');
    throw new Error('it fails');
  });
  const second = inTurn(one, async () => done.push('second'));
  await inTurn(other, async () => done.push('beside'));
  first.resolve();
  await assert.rejects(failed, /it fails/);
  assert.equal(await second, 3);
  assert.deepEqual(done, ['beside', 'first', 'second']);
});
