/**
 * Random histories through the real ledger, lake, merge and engines: after every merge the base is
 * the fold of the ledger at its watermark, and the live table is the fold at the ledger's
 * complete-to. `FIRN_SEED` begins elsewhere, `FIRN_RUNS` says how many.
 */
import { ok } from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createEmbeddedEngine } from '../../src/engines/embedded/embedded-engine.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';
import { createFileEngine } from '../simulation/file-engine.ts';
import { noCounts, playHistory } from '../simulation/random-history.ts';
import { lakeContext } from '../simulation/table-pair.ts';
import { RowIdReader } from '../support/row-ids.ts';

const FIRST_SEED = Number.parseInt(process.env['FIRN_SEED'] ?? '1', 10);
const RUNS = process.env['FIRN_RUNS'];

/** Runs when nothing is asked for: about a minute and a half of one core. */
const RUNS_DEFAULT = { embedded: 12, files: 60 };

type EngineOf = (store: ObjectStore) => RowEngine;

/** The engine of the product, and the folder that its files come to. */
async function embedded(
  t: TestContext,
): Promise<{ readonly stageFolder: string; readonly engineOf: EngineOf }> {
  const folder = await mkdtemp(join(tmpdir(), 'firn-fold-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const stageFolder = join(folder, 'store');
  const engineOf: EngineOf = (store) => {
    const { clock, random } = lakeContext(store, 0);
    const readFolders = [stageFolder];
    return createEmbeddedEngine({ stageFolder: folder, store, clock, random, readFolders });
  };
  return { stageFolder, engineOf };
}

async function playAll(
  t: TestContext,
  runs: number,
  open: {
    readonly stageFolder?: string;
    readonly engineOf: EngineOf;
    readonly formatVersion?: 2 | 3;
    readonly upgrades?: boolean;
  },
): Promise<void> {
  const counts = noCounts();
  const { stageFolder, formatVersion = 2, upgrades = false } = open;
  const count = RUNS === undefined ? runs : Number.parseInt(RUNS, 10);
  const store = createMemoryObjectStore(
    'memory://lake',
    stageFolder === undefined ? {} : { stageFolder },
  );
  const engine = open.engineOf(store);
  const hasIds = (formatVersion === 3 || upgrades) && stageFolder !== undefined;
  const rowIds = hasIds ? await RowIdReader.open(store, [stageFolder]) : null;
  const lake = { engine, formatVersion, upgrades, ...(rowIds !== null && { rowIds }) };
  try {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed++) {
      try {
        await playHistory({ context: lakeContext(store, seed), ...lake }, seed, counts);
      } catch (cause) {
        const again = `FIRN_SEED=${seed} FIRN_RUNS=1 node --test test/proof/fold-merge.test.ts`;
        throw new Error(`${t.name}: repeat it with ${again}`, { cause });
      }
      for await (const object of store.list(store.root)) await store.remove(object.location);
    }
  } finally {
    rowIds?.close();
    await engine.close();
    t.diagnostic(JSON.stringify(counts));
  }
  ok(counts.merges > 0 && counts.rowsCompared > 0);
}

test('merges of the embedded engine are folds (spec: M1, M3, M7, M8, M9, M10, M13, M17, M19, M20)', async (t) => {
  await playAll(t, RUNS_DEFAULT.embedded, await embedded(t));
});

test('merges into format version 3 are folds, and rows keep their ids (spec: M1, M19, M21, M22)', async (t) => {
  const { stageFolder, engineOf } = await embedded(t);
  await playAll(t, RUNS_DEFAULT.embedded, { stageFolder, engineOf, formatVersion: 3 });
});

test('a base that is upgraded on its way is a fold, and rows keep their ids (spec: M1, M22, M23)', async (t) => {
  await playAll(t, RUNS_DEFAULT.embedded, { ...(await embedded(t)), upgrades: true });
});

test('merges of the engine of simulations are folds (spec: M1, M9, M20)', async (t) => {
  await playAll(t, RUNS_DEFAULT.files, {
    engineOf: (store) => createFileEngine(lakeContext(store, 0)),
  });
});
