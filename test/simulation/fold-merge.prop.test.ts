/**
 * A slice of the proof that merges are folds (`test/proof/fold-merge.test.ts` is the whole): the
 * real ledger, merge and lake over an engine in memory.
 */
import { test } from 'node:test';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';
import { createFileEngine } from './file-engine.ts';
import { noCounts, playHistory } from './random-history.ts';
import { lakeContext } from './table-pair.ts';

const HISTORIES = 20;

test('a base is the fold of its ledger after every merge (spec: M1, M7, M8, M9, M10, M20)', async (t) => {
  const counts = noCounts();
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const store = createMemoryObjectStore('memory://lake');
    const context = lakeContext(store, seed);
    const engine = createFileEngine(context);
    try {
      await playHistory({ context, engine }, seed, counts);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
  t.diagnostic(JSON.stringify(counts));
});
