/**
 * A slice of the proof that merges are folds (`test/proof/fold-merge.test.ts` is the whole): the
 * real ledger, merge and lake over an engine in memory.
 */
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';
import { createFileEngine } from './file-engine.ts';
import { noCounts, playHistory } from './random-history.ts';
import { lakeContext } from './table-pair.ts';

const HISTORIES = 20;

for (const formatVersion of [2, 3] as const) {
  const name = `a base of format ${formatVersion} is the fold of its ledger after every merge`;
  test(`${name} (spec: M1, M7, M8, M9, M10, M20, M21)`, (t) => playAll(t, formatVersion));
}

async function playAll(t: TestContext, formatVersion: 2 | 3): Promise<void> {
  const counts = noCounts();
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const store = createMemoryObjectStore('memory://lake');
    const context = lakeContext(store, seed);
    const engine = createFileEngine(context);
    try {
      await playHistory({ context, engine, formatVersion }, seed, counts);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
  t.diagnostic(JSON.stringify(counts));
}
