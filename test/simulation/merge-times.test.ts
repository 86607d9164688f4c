/** When a table is merged: so often as the file says, however long a merge takes. */
import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { runPipeline } from '../../src/pipeline/pipeline-runner.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import { createFileEngine } from './file-engine.ts';
import { SimulatedWorld } from './simulated-world.ts';

/** Milliseconds between the beginnings of merges that take so long, at an interval of 3 s. */
async function pausesOf(mergeMs: number): Promise<readonly number[]> {
  const world = new SimulatedWorld({ engineOf: createFileEngine });
  const { clock, database } = world;
  database.createTable('orders', [['id', 'long'] as const], 1);
  const { parts } = world.start();
  const begunMs: number[] = [];
  const engine: RowEngine = {
    ...parts.engine,
    async openMerge(request) {
      begunMs.push(clock.nowMs());
      await clock.sleep(mergeMs);
      return parts.engine.openMerge(request);
    },
  };
  const base = { ...parts.config.base, mergeIntervalMs: 3000 };
  const config = { ...parts.config, base };
  const stop = new AbortController();
  const request = { once: false, signal: stop.signal, onRun: () => {} };
  const writing = async (): Promise<void> => {
    for (let id = 1; id <= 120; id++) {
      database.transact([{ do: 'insert', table: 'orders', row: [String(id)] }]);
      await clock.sleep(200);
    }
    stop.abort();
  };
  const both = async (): Promise<void> => {
    await Promise.all([runPipeline({ ...parts, engine, config }, request), writing()]);
  };
  await clock.run(both());
  await parts.engine.close();
  return begunMs.slice(1).map((ms, index) => ms - (begunMs[index] ?? 0));
}

test('the interval is from the beginning of a merge to that of the next', async () => {
  for (const [mergeMs, pauseMs] of [
    [100, 3000],
    [2000, 3000],
    [5000, 5000],
  ] as const) {
    const pauses = await pausesOf(mergeMs);
    // The first one follows the copy of the table; a look comes every 200 ms.
    const steady = pauses.slice(1);
    ok(steady.length >= 2, `merges of ${mergeMs} ms: ${pauses.join()}`);
    const isSteady = steady.every((ms) => ms >= pauseMs && ms <= pauseMs + 700);
    ok(isSteady, `merges of ${mergeMs} ms: ${pauses.join()}`);
  }
});
