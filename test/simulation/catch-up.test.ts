/**
 * Catching up once beside a bootstrap: one pass over the log after the other, as long as somebody
 * needs the stream, without hurry while nobody waits for it, and without an end that never comes.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runPipeline } from '../../src/pipeline/pipeline-runner.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import { createFileEngine } from './file-engine.ts';
import { audit, haltsOf } from './follow.ts';
import { SimulatedWorld } from './simulated-world.ts';

/** A world with a table of some rows. */
function worldOf(rows: number): SimulatedWorld {
  const world = new SimulatedWorld({ engineOf: createFileEngine });
  world.database.createTable('orders', [['id', 'long'] as const, ['note', 'string'] as const], 1);
  for (let id = 1; id <= rows; id++) insert(world, id);
  return world;
}

function insert(world: SimulatedWorld, id: number): void {
  world.database.transact([{ do: 'insert', table: 'orders', row: [String(id), 'note'] }]);
}

/** Catches up with a source that `change` makes of the model's. */
async function catchUpWith(
  world: SimulatedWorld,
  change: (source: ChangeSource) => Partial<ChangeSource>,
): Promise<void> {
  const { parts } = world.start();
  const source = { ...parts.source, ...change(parts.source) };
  const { signal } = new AbortController();
  await runPipeline({ ...parts, source }, { once: true, signal, onRun: () => {} });
  await parts.engine.close();
}

test('passes are made while a table is loaded, and at once when it is (spec: L16)', async () => {
  const world = worldOf(60);
  const { clock } = world;
  const passes: number[] = [];
  const times = { begunMs: 0, loadedMs: 0, endedMs: 0 };
  const work = async (): Promise<void> => {
    times.begunMs = clock.nowMs();
    await catchUpWith(world, (source) => ({
      async *bootstrap(request) {
        for await (const chunk of source.bootstrap(request)) {
          // A slow read; somebody writes meanwhile.
          await clock.sleep(4000);
          insert(world, 1000 + (clock.nowMs() % 1_000_000));
          yield chunk;
        }
      },
      // A mark that errs late: the log comes to it some passes later.
      async highMark(epoch) {
        times.loadedMs = clock.nowMs();
        const { position, completeTo } = await source.highMark(epoch);
        return { position, completeTo: { epoch, seq: completeTo.seq + 3n } };
      },
      stream(request) {
        equal(request.once, true);
        passes.push(clock.nowMs());
        if (times.loadedMs > 0) insert(world, 2_000_000 + passes.length);
        return source.stream(request);
      },
    }));
    times.endedMs = clock.nowMs();
    await audit(world);
  };
  await clock.run(work());
  deepEqual(await clock.run(haltsOf(world)), {});
  const seconds = (times.loadedMs - times.begunMs) / 1000;
  ok(seconds >= 12, `loading took ${seconds} s`);
  const during = passes.filter((ms) => ms < times.loadedMs).length;
  ok(during >= seconds / 10 && during <= seconds / 5 + 2, `${during} passes in ${seconds} s`);
  ok(
    passes.some((ms) => ms >= times.loadedMs),
    'one after the last chunk',
  );
  const lateMs = times.endedMs - times.loadedMs;
  ok(lateMs < 900, `ended ${lateMs} ms after the last chunk: somebody waited`);
});

test('a log that ends without a transaction is read to its end (spec: Y2)', async () => {
  const world = worldOf(10);
  const { clock, database } = world;
  let passes = 0;
  const change = (source: ChangeSource): Partial<ChangeSource> => ({
    async *stream(request) {
      ok(++passes < 50, 'a pass after the other, and nobody gets what they wait for');
      let position = request.from;
      for await (const event of source.stream(request)) {
        // Only a transaction moves the place to read from; that it was read on is in the mark.
        if (event.kind === 'transaction-end') ({ position } = event);
        yield event.kind === 'heartbeat' && position !== null ? { ...event, position } : event;
      }
    },
  });
  for (let round = 1; round <= 3; round++) {
    // Nothing of the pipeline's tables.
    for (let count = 0; count < 3; count++) database.transact([]);
    passes = 0;
    await clock.run(catchUpWith(world, change));
    insert(world, 100 + round);
    insert(world, 200 + round);
  }
  await clock.run(catchUpWith(world, change));
  deepEqual(await clock.run(haltsOf(world)), {});
  await clock.run(audit(world));
});

test('catching up with nothing to load waits for nobody (spec: L16)', async () => {
  const world = worldOf(10);
  const { clock } = world;
  await clock.run(catchUpWith(world, () => ({})));
  insert(world, 11);
  const begunMs = clock.nowMs();
  await clock.run(catchUpWith(world, () => ({})));
  const tookMs = clock.nowMs() - begunMs;
  ok(tookMs < 900, `took ${tookMs} ms of the clock`);
  await clock.run(audit(world));
});
