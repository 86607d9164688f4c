/** Failures that pass: how long a pipeline that runs on goes on trying. */
import { equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { FirnError } from '../../src/kernel/firn-error.ts';
import { runPipeline } from '../../src/pipeline/pipeline-runner.ts';
import { createFileEngine } from './file-engine.ts';
import { SimulatedWorld } from './simulated-world.ts';

const HOUR_MS = 3_600_000;

/** Runs while the stream breaks twice, two hours apart; gives how often it was opened. */
async function twoOutages(commits: boolean): Promise<number> {
  const world = new SimulatedWorld({ engineOf: createFileEngine });
  const { parts } = world.start();
  const ended = new AbortController();
  let opened = 0;
  let aheadMs = 0;
  const clock = {
    nowMs: () => world.clock.nowMs() + aheadMs,
    monotonicMs: () => world.clock.monotonicMs() + aheadMs,
    sleep: (ms: number, signal?: AbortSignal) => world.clock.sleep(ms, signal),
  };
  const source = {
    ...parts.source,
    async *stream(): ReturnType<typeof parts.source.stream> {
      opened += 1;
      if (opened === 2) aheadMs = 2 * HOUR_MS;
      if (opened === 3) ended.abort();
      yield* [];
      throw new FirnError('SOURCE-UNREACHABLE', { what: 'It is away' });
    },
  };
  world.database.createTable('orders', [['id', 'long']], 1);
  // What an engine that writes the ledgers by itself says of its commits.
  const onRun: Parameters<typeof runPipeline>[1]['onRun'] = (run) => {
    if (run !== null) run.hasCommitted = commits;
  };
  const { signal } = ended;
  const running = runPipeline({ ...parts, source, clock }, { once: false, signal, onRun });
  await world.clock.run(
    running.catch((error: unknown) => {
      if (!signal.aborted) throw error;
    }),
  );
  return opened;
}

test('outages with commits between them are not one long outage', async () => {
  equal(await twoOutages(true), 3);
  await rejects(twoOutages(false), { code: 'SOURCE-UNREACHABLE' });
});
