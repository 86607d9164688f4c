/**
 * Raising the format version of a base while the process dies at every point (spec: M23): whatever
 * was left, another process finishes the upgrade, and no row is another one.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { ensureBase } from '../../src/base/base-table.ts';
import type { MergeParts } from '../../src/base/merge-base.ts';
import { upgradeBase } from '../../src/base/upgrade-base.ts';
import { MAIN_BRANCH } from '../../src/iceberg/snapshot.ts';
import { commitTables } from '../../src/lake/commit-table.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { present } from '../../src/kernel/assert.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';
import { createFileEngine } from './file-engine.ts';
import { changeBatch } from './row-cells.ts';
import type { TextChange } from './row-cells.ts';
import { readLiveRows } from './row-files.ts';
import { TablePair, lakeContext } from './table-pair.ts';

const SCHEMA: TableSchema = {
  table: { namespace: 'shop', table: 'items' },
  version: 1,
  columns: [
    { id: 1, name: 'id', sourceName: 'id', sourceType: 'long', type: { kind: 'long' } },
    { id: 2, name: 'v', sourceName: 'v', sourceType: 'string', type: { kind: 'string' } },
  ],
  keyColumnIds: [1],
};

class Killed extends Error {}

/** Counts what reaches store and catalog, and dies before or after one of them. */
function dying(
  context: LakeContext,
  death: { readonly at: number; readonly when: 'before' | 'after' },
): { readonly context: LakeContext; readonly count: () => number } {
  let count = 0;
  const dies = <T extends object>(target: T, names: readonly string[]): T =>
    new Proxy(target, {
      get(object, name) {
        const value: unknown = Reflect.get(object, name);
        if (typeof value !== 'function') return value;
        if (!names.includes(String(name))) {
          return (...given: unknown[]): unknown => Reflect.apply(value, object, given);
        }
        return async (...given: unknown[]) => {
          const now = ++count;
          if (now > death.at || (now === death.at && death.when === 'before')) throw new Killed();
          const answer: unknown = await Reflect.apply(value, object, given);
          if (now === death.at) throw new Killed();
          return answer;
        };
      },
    });
  const store = dies(context.store, ['read', 'write', 'upload', 'remove']);
  const catalog = dies(context.catalog, ['commit', 'loadTable']);
  return { context: { ...context, store, catalog }, count: () => count };
}

async function mergedPair(context: LakeContext): Promise<TablePair> {
  const engine = createFileEngine(context);
  const pair = await TablePair.open(context, engine, {
    schema: SCHEMA,
    buckets: 2,
    formatVersion: 2,
  });
  let seq = 0n;
  const merge = async (changes: readonly (readonly [op: 'c' | 'd', id: number])[]) => {
    const list = changes.map(([op, id]): TextChange => {
      seq += 1n;
      return {
        op,
        seq,
        row: op === 'd' ? 0 : 1,
        values: [String(id), op === 'd' ? null : `v${seq}`],
      };
    });
    await pair.append(changeBatch(SCHEMA, list, { epoch: 1, commitTsUs: () => 0n }));
    await pair.flush(seq);
    await pair.merge();
  };
  await merge(Array.from({ length: 60 }, (_, id) => ['c', id] as const));
  await merge([
    ['d', 3],
    ['d', 4],
    ['c', 5],
    ['c', 100],
  ]);
  await merge([
    ['d', 30],
    ['c', 6],
  ]);
  return pair;
}

async function rowsOf(context: LakeContext, pair: TablePair): Promise<readonly string[]> {
  const { metadata } = await pair.base();
  const rows: string[] = [];
  for (const scan of await scanFiles(context, { metadata, ref: MAIN_BRANCH })) {
    if (metadata.formatVersion === 3) {
      ok(scan.file.firstRowId !== null);
      for (const file of scan.deletes) equal(file.fileFormat, 'PUFFIN');
    }
    for (const { row } of await readLiveRows(context, scan)) rows.push(JSON.stringify(row));
  }
  return rows.toSorted();
}

/** What an upgrade in this process works with. */
function partsIn(context: LakeContext): MergeParts {
  const engine = createFileEngine(context);
  return {
    context,
    engine,
    commit: async (request) => present((await commitTables(context, [request]))[0], 'a result'),
  };
}

async function upgradeIn(context: LakeContext, pair: TablePair): Promise<number> {
  const { schema } = pair;
  const identifier = { namespace: schema.table.namespace, name: schema.table.table };
  const base = present(await context.catalog.loadTable(identifier), 'the base');
  return (await upgradeBase(partsIn(context), base)).from;
}

test('an upgrade that is killed anywhere is finished by the next one (spec: M23)', async (t) => {
  let points = 0;
  for (const when of ['before', 'after'] as const) {
    for (let at = 1; ; at++) {
      const context = lakeContext(createMemoryObjectStore('memory://lake'), 1);
      const pair = await mergedPair(context);
      const rows = await rowsOf(context, pair);
      const doomed = dying({ ...context, writer: 'process-2' }, { at, when });
      let isKilled = false;
      try {
        await upgradeIn(doomed.context, pair);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        isKilled = true;
      }
      deepEqual(await rowsOf(context, pair), rows, `killed ${when} ${at}`);
      await upgradeIn({ ...context, writer: 'process-3' }, pair);
      const { metadata } = await pair.base();
      equal(metadata.formatVersion, 3);
      equal(metadata.nextRowId > 0n, true);
      deepEqual(await rowsOf(context, pair), rows, `finished after ${when} ${at}`);
      equal(await upgradeIn(context, pair), 3, 'a second upgrade finds nothing to do');
      points++;
      if (!isKilled && doomed.count() < at) break;
    }
  }
  t.diagnostic(`${points} points`);
  ok(points > 10);
});

test('a base is upgraded between two commits of its copy, never within one (spec: C1, M23)', async () => {
  const context = lakeContext(createMemoryObjectStore('memory://lake'), 1);
  const options = { buckets: 1, bucketBy: null, rowsEstimate: null, formatVersion: 2 } as const;
  const base = await ensureBase(context, SCHEMA, options);
  const { identifier, metadata } = base;
  const upgrades: Promise<unknown>[] = [];
  const { catalog } = context;
  const copying = {
    ...context,
    catalog: new Proxy(catalog, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]): Promise<unknown> => {
          if (name === 'commit') {
            upgrades.push(upgradeBase(partsIn(context), base));
            for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
          }
          return Reflect.apply(value, object, given);
        };
      },
    }),
  };
  const mark = { epoch: 1, seq: 0n };
  const [result] = await commitTables(copying, [
    {
      identifier,
      tableUuid: metadata.tableUuid,
      ref: 'firn_bootstrap_x',
      parentId: null,
      operation: 'append',
      added: [],
      removed: [],
      dataSequenceNumber: null,
      state: {
        kind: 'base',
        sourceId: 'model',
        ledgerUuid: 'ledger',
        ledgerSeen: 0n,
        watermark: mark,
        watermarkTsUs: null,
        lowMark: mark,
        bootstrap: null,
      },
      parentless: true,
      schema: null,
      rebase: 'never',
    },
  ]);
  equal(result?.kind, 'committed');
  await Promise.all(upgrades);
  equal((await catalog.loadTable(identifier))?.metadata.formatVersion, 3);
});
