/** A run that is stopped ends, whoever waits for its stream, and that is no failure. */
import { test } from 'node:test';
import { FirnError } from '../../src/kernel/firn-error.ts';
import { runPipeline } from '../../src/pipeline/pipeline-runner.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import { createFileEngine } from './file-engine.ts';
import { SimulatedWorld } from './simulated-world.ts';

const HOUR_MS = 3_600_000;

/** Runs two hours on a source whose log is silent. */
async function twoHours(changed: Partial<ChangeSource>): Promise<void> {
  const world = new SimulatedWorld({ engineOf: createFileEngine });
  const { parts } = world.start();
  const source: ChangeSource = {
    ...parts.source,
    async *stream(request) {
      await world.clock.sleep(24 * HOUR_MS, request.signal);
      yield* [];
    },
    ...changed,
  };
  world.database.createTable('orders', [['id', 'long']], 1);
  const ended = new AbortController();
  void world.clock.sleep(2 * HOUR_MS).then(() => ended.abort());
  await world.clock.run(
    runPipeline(
      { ...parts, source },
      { once: false, signal: ended.signal, onRun: () => undefined },
    ),
  );
}

test('a table that is to be opened again waits for the stream, which ends', async () => {
  await twoHours({
    bootstrap() {
      throw new FirnError('SOURCE-TABLE-CHANGED', { what: 'It has other columns' });
    },
  });
});

test('maintenance waits for the stream, which ends', async () => {
  await twoHours({});
});
