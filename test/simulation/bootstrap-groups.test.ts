/** Tables that are loaded as a group: what one of them meets is not the fate of the others. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { FirnError } from '../../src/kernel/firn-error.ts';
import { runPipeline } from '../../src/pipeline/pipeline-runner.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import { createFileEngine } from './file-engine.ts';
import { haltsOf } from './follow.ts';
import { SimulatedWorld } from './simulated-world.ts';

/** Runs over three small tables with a source that `change` makes; what was read, in order. */
async function loadGroup(
  change: (source: ChangeSource, stop: AbortController) => Partial<ChangeSource>,
): Promise<{ readonly world: SimulatedWorld; readonly read: readonly string[] }> {
  const world = new SimulatedWorld({ engineOf: createFileEngine });
  for (const name of ['a', 'b', 'c']) {
    world.database.createTable(name, [['id', 'long']], 1);
    world.database.transact([{ do: 'insert', table: name, row: ['1'] }]);
  }
  const { parts } = world.start();
  const stop = new AbortController();
  const read: string[] = [];
  const source: ChangeSource = {
    ...parts.source,
    bootstrap(request) {
      read.push(request.schema.table.table);
      return parts.source.bootstrap(request);
    },
  };
  const told = { ...parts, source: { ...source, ...change(source, stop) } };
  const run = runPipeline(told, { once: true, signal: stop.signal, onRun: () => undefined });
  await world.clock.run(run.catch(() => undefined));
  return { world, read };
}

test('a stop ends a group where it is (spec: P7)', async () => {
  const { read } = await loadGroup((source, stop) => ({
    bootstrap(request) {
      stop.abort();
      return source.bootstrap(request);
    },
  }));
  deepEqual(read, ['a']);
});

test('a low mark that could not be taken is taken again for the next table (spec: B13)', async () => {
  let marks = 0;
  const { world, read } = await loadGroup((source) => ({
    async lowMark(epoch) {
      // The first is for the ledgers.
      if (++marks === 2) throw new FirnError('SOURCE-VALUE-MISFIT', { what: 'Not now' });
      return source.lowMark(epoch);
    },
  }));
  deepEqual(read, ['b', 'c']);
  equal(marks, 3);
  deepEqual(Object.keys(await world.clock.run(haltsOf(world))).length, 1);
});
