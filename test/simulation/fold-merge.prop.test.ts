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

const HISTORIES = { plain: 8, others: 4 };

interface Kind {
  readonly formatVersion: 2 | 3;
  readonly upgrades: boolean;
}

test('a base is the fold of its ledger after every merge (spec: M1, M7, M8, M9, M10, M20)', (t) =>
  playAll(t, { formatVersion: 2, upgrades: false }));

test('a base with deletion vectors is the fold of its ledger (spec: M1, M21)', (t) =>
  playAll(t, { formatVersion: 3, upgrades: false }));

test('a base that is upgraded on its way is the fold of its ledger (spec: M1, M23)', (t) =>
  playAll(t, { formatVersion: 2, upgrades: true }));

async function playAll(t: TestContext, kind: Kind): Promise<void> {
  const counts = noCounts();
  const isPlain = kind.formatVersion === 2 && !kind.upgrades;
  const count = isPlain ? HISTORIES.plain : HISTORIES.others;
  for (let seed = 1; seed <= count; seed++) {
    const store = createMemoryObjectStore('memory://lake');
    const context = lakeContext(store, seed);
    const engine = createFileEngine(context);
    try {
      await playHistory({ context, engine, ...kind }, seed, counts);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
  t.diagnostic(JSON.stringify(counts));
}
