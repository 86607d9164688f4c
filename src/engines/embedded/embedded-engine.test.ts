/** The engine through its port, over a real folder: evolution, other engines' files, compaction. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { access, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { present } from '../../kernel/assert.ts';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { RowEngine, WriteTarget } from '../../ports/row-engine.ts';
import { baseSchema } from '../../schema/base-table.ts';
import { ledgerSchema } from '../../schema/ledger-table.ts';
import { createLocalObjectStore } from '../../storage/local-object-store.ts';
import {
  changeBatch,
  rowBatch,
  tableSchema,
  temporaryFolder,
} from '../../../test/embedded/rows.ts';
import { createEmbeddedEngine } from './embedded-engine.ts';

interface Lake {
  readonly engine: RowEngine;
  readonly folder: string;
  readonly root: string;
}

async function openLake(t: TestContext, feeder: 'bulk' | 'plain' = 'bulk'): Promise<Lake> {
  const folder = await temporaryFolder(t);
  await mkdir(`${folder}/la ke'`);
  const random = seededRandom(3);
  const clock = systemClock;
  const store = createLocalObjectStore({ folder: `${folder}/la ke'`, clock, random });
  const stageFolder = `${folder}/stage`;
  const engine = createEmbeddedEngine({ stageFolder, store, clock, random, feeder });
  t.after(() => engine.close());
  return { engine, folder, root: store.root };
}

function scans(
  files: readonly DataFile[],
  dataSequenceNumber: bigint,
  deletes: readonly DataFile[] = [],
): readonly ScanFile[] {
  return files.map((file) => ({
    file,
    dataSequenceNumber,
    deletes: deletes.filter(({ referencedDataFile }) => referencedDataFile === file.filePath),
  }));
}

function targetFor(root: string, icebergSchema: IcebergSchema, specId = 0): WriteTarget {
  return { icebergSchema, specId, sortOrderId: 1, dataFolder: `${root}/base/data` };
}

async function rowsIn(
  engine: RowEngine,
  icebergSchema: IcebergSchema,
  files: readonly ScanFile[],
): Promise<readonly (readonly (string | null)[])[]> {
  const table = { namespace: 'n', name: 't', icebergSchema, files };
  const session = await engine.openQuery({ tables: [table], live: [] });
  const rows: (readonly (string | null)[])[] = [];
  for await (const chunk of (await session.run('FROM t ORDER BY ALL')).rows) rows.push(...chunk);
  await session.close();
  return rows;
}

async function writeBase(
  engine: RowEngine,
  target: WriteTarget,
  written: {
    readonly schema: TableSchema;
    readonly count: number;
    readonly rows: Parameters<typeof rowBatch>[1];
  },
): Promise<readonly DataFile[]> {
  const { schema, count, rows } = written;
  const bucketing = { columnName: 'id', count };
  const writer = engine.baseWriter(target, { schema, bucketing });
  await writer.append(rowBatch(schema, rows));
  return writer.finish();
}

const NARROW = tableSchema({ id: 'int', price: 'decimal(6, 2)', score: 'float' });
const WIDE = tableSchema(
  { id: 'long', price: 'decimal(20, 2)', score: 'double', note: 'string' },
  { version: 2 },
);

for (const feeder of ['bulk', 'plain'] as const) {
  test(`old files lack later columns and have narrower types, ${feeder} feeder`, async (t) => {
    const { engine, root } = await openLake(t, feeder);
    const old = await writeBase(engine, targetFor(root, baseSchema(NARROW)), {
      schema: NARROW,
      count: 2,
      rows: [1, 2, 3, 4].map((id) => [id, BigInt(id), id / 2]),
    });
    const wide = targetFor(root, baseSchema(WIDE));
    const ledgerTable = ledgerSchema(WIDE, { raw: false, beforeImages: false });
    const ledger = { ...wide, icebergSchema: ledgerTable, dataFolder: `${root}/ledger/data` };
    const writer = engine.ledgerWriter(ledger);
    await writer.append(changeBatch(NARROW, [{ op: 'u', seq: 1, values: [1, 100n, 0.25] }]));
    await writer.append(
      changeBatch(WIDE, [{ op: 'u', seq: 2, values: [2n, 10n ** 18n, 0.1, 'new'] }]),
    );
    const window = scans(await writer.finish(), 1n);
    const bucketing = { columnName: 'id', count: 2 };
    const session = await engine.openMerge({
      schema: WIDE,
      bucketing,
      ledgerSchema: ledgerTable,
      window,
      older: () => Promise.resolve([]),
      rules: { from: null, to: { epoch: 1, seq: 9n }, rereadsAfter: 0n },
    });
    const written = await session.apply({
      target: wide,
      bucketing,
      files: scans(old, 1n),
      chooseRewrites: () => new Set(old.slice(0, 1).map(({ filePath }) => filePath)),
    });
    await session.close();
    const removed = new Set(written.removedData);
    const live = [
      ...scans(
        old.filter((file) => !removed.has(file)),
        1n,
        written.addedDeletes,
      ),
      ...scans(written.addedData, 2n),
    ];
    deepEqual(await rowsIn(engine, wide.icebergSchema, live), [
      ['1', '1.00', '0.25', null],
      ['2', '10000000000000000.00', '0.1', 'new'],
      ['3', '0.03', '1.5', null],
      ['4', '0.04', '2.0', null],
    ]);
  });
}

test('another number of buckets spreads rows anew, compaction changes none. spec: M19', async (t) => {
  const { engine, root } = await openLake(t);
  const schema = tableSchema({ id: 'long', name: 'string' });
  const old = targetFor(root, baseSchema(schema), 0);
  const rows = Array.from({ length: 100 }, (_, id) => [BigInt(99 - id), `n${id}`]);
  const files = await writeBase(engine, old, { schema, count: 2, rows });
  const before = await rowsIn(engine, old.icebergSchema, scans(files, 1n));
  const request = { schema, bucketing: { columnName: 'id', count: 8 } };
  const target = targetFor(root, baseSchema(schema), 1);
  const spread = await engine.compact({ ...request, target, files: scans(files, 1n) });
  deepEqual(
    spread.map(({ partition }) => partition),
    [0, 1, 2, 3, 4, 5, 6, 7].map((b) => [b]),
  );
  ok(spread.every(({ specId }) => specId === 1));
  deepEqual(await rowsIn(engine, target.icebergSchema, scans(spread, 1n)), before);
  const again = await writeBase(engine, target, { schema, count: 8, rows: [[1000n, 'x']] });
  const [bucket] = again[0]?.partition ?? [];
  const mates = spread.filter(({ partition }) => partition[0] === bucket);
  const merged = await engine.compact({
    ...request,
    target,
    files: [...scans(mates, 1n), ...scans(again, 2n)],
  });
  equal(merged.length, 1);
  equal(merged[0]?.recordCount, (mates[0]?.recordCount ?? 0n) + 1n);
});

/** A delete file for several files, as Spark spells paths, written by a plain DuckDB. */
async function writeForeignDeletes(
  folder: string,
  root: string,
  files: readonly [DataFile, DataFile],
): Promise<DataFile> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const duckdb = await DuckDBInstance.create(':memory:');
  const connection = await duckdb.connect();
  const path = `${folder}/la ke'/base/data/foreign.parquet`;
  const spelled = files.map(({ filePath }) => {
    return filePath.replace('file:///', 'file:/').replaceAll("'", "''");
  });
  await connection.run(`COPY (FROM (VALUES ('${spelled[0]}', 0::BIGINT), ('${spelled[1]}', 1),
    ('file:/elsewhere', 2)) AS d(file_path, pos)) TO '${path.replaceAll("'", "''")}'
    (FORMAT parquet, FIELD_IDS {file_path: 2147483546, pos: 2147483545})`);
  duckdb.closeSync();
  return {
    ...files[0],
    content: 'position-deletes',
    filePath: `${root}/base/data/foreign.parquet`,
    recordCount: 3n,
    fileSizeBytes: BigInt((await stat(path)).size),
    lowerBounds: null,
    upperBounds: null,
  };
}

test('delete files of other engines count; one for several files stays', async (t) => {
  const { engine, root, folder } = await openLake(t);
  const schema = tableSchema({ id: 'long', name: 'string' });
  const target = targetFor(root, baseSchema(schema));
  const rows = Array.from({ length: 20 }, (_, id) => [BigInt(id), 'base']);
  const files = await writeBase(engine, target, { schema, count: 2, rows });
  const [first, second] = files;
  ok(first !== undefined && second !== undefined);
  const foreign = await writeForeignDeletes(folder, root, [first, second]);
  const scanned = files.map((file) => ({ file, dataSequenceNumber: 1n, deletes: [foreign] }));
  const ids = (answer: readonly (readonly (string | null)[])[]): readonly (string | null)[] =>
    answer.map(([id]) => id ?? null);
  const live = ids(await rowsIn(engine, target.icebergSchema, scanned));
  equal(live.length, 18);
  const writer = engine.ledgerWriter({
    ...target,
    icebergSchema: ledgerSchema(schema, { raw: false, beforeImages: false }),
  });
  const dead = rows.map(([id]) => String(id)).filter((id) => !live.includes(id));
  const doomed = [present(live[0], 'an id'), present(dead[0], 'an id')];
  await writer.append(
    changeBatch(
      schema,
      doomed.map((id, index) => ({ op: 'd', seq: 1, row: 2 * index, values: [BigInt(id), null] })),
    ),
  );
  const bucketing = { columnName: 'id', count: 2 };
  const session = await engine.openMerge({
    schema,
    bucketing,
    ledgerSchema: ledgerSchema(schema, { raw: false, beforeImages: false }),
    window: scans(await writer.finish(), 1n),
    older: () => Promise.resolve([]),
    rules: { from: null, to: { epoch: 1, seq: 9n }, rereadsAfter: 0n },
  });
  const found: number[] = [];
  const written = await session.apply({
    target,
    bucketing,
    files: scanned,
    chooseRewrites: (all) => {
      found.push(...all.map(({ deletedBefore }) => deletedBefore));
      return new Set();
    },
  });
  await session.close();
  deepEqual(found, [1, 1]);
  equal(written.rowsDeleted, 1);
  deepEqual(written.removedDeletes, []);
  equal(written.addedDeletes.length, 1);
  const after = scanned.map((scan) => ({
    ...scan,
    deletes: [
      foreign,
      ...written.addedDeletes.filter((file) => file.referencedDataFile === scan.file.filePath),
    ],
  }));
  deepEqual(ids(await rowsIn(engine, target.icebergSchema, after)), live.slice(1));
});

test('the stage folder is cleaned at the start and the end, and nothing else of it', async (t) => {
  const { engine, folder, root } = await openLake(t);
  await mkdir(`${folder}/stage/files`, { recursive: true });
  await writeFile(`${folder}/stage/files/left-by-a-crash.parquet`, '');
  await writeFile(`${folder}/stage/not-ours`, '');
  const schema = tableSchema({ id: 'long' });
  const target = targetFor(root, baseSchema(schema));
  await writeBase(engine, target, { schema, count: 1, rows: [[1n]] });
  deepEqual(await readdir(`${folder}/stage/files`), []);
  await engine.close();
  await engine.close();
  deepEqual(await readdir(`${folder}/stage`), ['not-ours']);
  await access(`${folder}/la ke'/base/data`);
});
