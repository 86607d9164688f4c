/** Who waits for whom in the queues of tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createTableQueues } from './table-queues.ts';

const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await Promise.resolve();
};

test('spec: C1 spec: C2 turns exclude one another and never deadlock', async () => {
  const turn = fc.record({
    tables: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
    length: fc.nat(5),
    fails: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { maxLength: 12 }), async (turns) => {
      const queues = createTableQueues();
      const busy = new Set<string>();
      const order: number[] = [];
      const run = async (index: number): Promise<void> => {
        const { tables, length, fails } = turns[index] ?? { tables: [], length: 0, fails: false };
        await queues.turn(tables, async () => {
          for (const table of tables) {
            assert.ok(!busy.has(table), 'two turns have one table');
            busy.add(table);
          }
          await ticks(length);
          for (const table of tables) busy.delete(table);
          order.push(index);
          if (fails) throw new Error('failed on purpose');
        });
      };
      const settled = await Promise.allSettled(turns.map((_, index) => run(index)));
      assert.equal(order.length, turns.length, 'every turn ran');
      assert.deepEqual(
        settled.map(({ status }) => status === 'rejected'),
        turns.map(({ fails }) => fails),
        'a failure stays with its caller',
      );
    }),
    { numRuns: 200 },
  );
});

test('spec: C1 turns of one table run in the order asked for', async () => {
  const queues = createTableQueues();
  const order: number[] = [];
  const run = (index: number): Promise<void> =>
    queues.turn(['t'], async () => {
      await ticks(10 - index);
      order.push(index);
    });
  await Promise.all([0, 1, 2, 3].map(run));
  assert.deepEqual(order, [0, 1, 2, 3]);
});

test('spec: C1 jobs follow one another, and short turns pass them', async () => {
  const queues = createTableQueues();
  const events: string[] = [];
  const job = (name: string): Promise<void> =>
    queues.job('t', async () => {
      events.push(`${name} plans`);
      await ticks(30);
      await queues.turn(['t'], async () => {
        events.push(`${name} commits`);
      });
    });
  const chunk = queues.turn(['t'], async () => {
    await ticks(5);
    events.push('chunk commits');
  });
  await Promise.all([job('merge'), job('compaction'), chunk]);
  assert.deepEqual(events, [
    'merge plans',
    'chunk commits',
    'merge commits',
    'compaction plans',
    'compaction commits',
  ]);
});
