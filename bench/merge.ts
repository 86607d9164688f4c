/**
 * One merge of changed keys into a large base, next to the two things that bound it from below:
 * scanning the key column, and joining it. Updates and deletes are spread evenly over the keys.
 *
 * `node bench/merge.ts [rows] [keys] [--s3] [--v3 | --v3-compacted]`: 10 M rows of 8 columns in 16
 * buckets and 50,000 keys without arguments; a tenth of the keys is deleted. With `--s3` the files
 * are in a bucket (S3 in memory, in this process), and the bytes that a merge fetches are counted.
 * With `--v3` the base is of format version 3, with deletion vectors and row ids; `--v3-compacted`:
 * its files hold the row ids, as after a compaction.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bucketExpression, registerBucketFunctions } from '../src/engines/embedded/buckets.ts';
import { openDuckdb } from '../src/engines/embedded/duckdb-instance.ts';
import type { DuckdbInstance } from '../src/engines/embedded/duckdb-instance.ts';
import { createEmbeddedEngine } from '../src/engines/embedded/embedded-engine.ts';
import { dataEntry, stageFile, uploadFiles } from '../src/engines/embedded/parquet-writer.ts';
import type { FileContext } from '../src/engines/embedded/parquet-writer.ts';
import { LAST_UPDATED, ROW_ID } from '../src/iceberg/lineage/row-lineage.ts';
import type { DataFile } from '../src/iceberg/manifest.ts';
import type { ScanFile } from '../src/iceberg/scan-file.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { toSafeNumber } from '../src/kernel/integers.ts';
import { systemRandom } from '../src/kernel/random.ts';
import { ColumnBuilder } from '../src/model/column-builder.ts';
import { OP_CODE } from '../src/model/change-batch.ts';
import type { ChangeBatch } from '../src/model/change-batch.ts';
import { parseColumnType } from '../src/model/column-type.ts';
import type { TableSchema } from '../src/model/table-schema.ts';
import type { MergeFiles, RowEngine } from '../src/ports/row-engine.ts';
import { baseSchema } from '../src/schema/base-table.ts';
import { ledgerSchema } from '../src/schema/ledger-table.ts';
import { columnAlias, parquetRelation } from '../src/sql/parquet-statements.ts';
import { createLocalObjectStore } from '../src/storage/local-object-store.ts';
import { createS3ObjectStore } from '../src/storage/s3/s3-object-store.ts';
import { startMemoryS3 } from '../test/support/memory-s3.ts';
import { storeOptions } from '../test/support/s3-bucket.ts';

/** Columns with the SQL that makes their values from `id`. */
const COLUMNS = [
  ['id', 'long', 'id'],
  ['count', 'int', '(hash(id) % 1000000)::INTEGER'],
  ['score', 'double', '(hash(id) / 1e15)::DOUBLE'],
  ['price', 'decimal(18, 2)', '((hash(id) % 100000000) / 100)::DECIMAL(18, 2)'],
  ['made', 'timestamp', 'make_timestamp((1767225600000000 + id * 1000)::BIGINT)'],
  ['code', 'string', "'u' || (hash(id) % 9999999)::VARCHAR"],
  ['mail', 'string', "'customer-' || hash(id)::VARCHAR || '-' || md5(id::VARCHAR)[1:10]"],
  ['status', 'string', "['new', 'paid', 'shipped', 'returned'][1 + (hash(id) % 4)::INTEGER]"],
] as const;
const BUCKETS = 16;
const REPEATS = 4;
const SCHEMA: TableSchema = {
  table: { namespace: 'bench', table: 'orders' },
  version: 1,
  columns: COLUMNS.map(([name, type], index) => ({
    id: index + 1,
    name,
    sourceName: name,
    type: parseColumnType(type) ?? { kind: 'long' },
    sourceType: type,
  })),
  keyColumnIds: [1],
};
const BASE = baseSchema(SCHEMA);
const LEDGER = ledgerSchema(SCHEMA, { raw: false, beforeImages: false });
const IS_V3 = process.argv.some((word) => word.startsWith('--v3'));
const IS_COMPACTED = process.argv.includes('--v3-compacted');
const BUCKETING = { columnName: 'id', count: BUCKETS };

interface Bench {
  readonly instance: DuckdbInstance;
  readonly files: FileContext;
  readonly engine: RowEngine;
  readonly root: string;
  /** Bytes that a remote store has sent; `null`: the store is a folder. */
  readonly sentBytes: (() => number) | null;
}

function target(
  root: string,
  icebergSchema = BASE,
): Parameters<typeof dataEntry>[0] & {
  readonly icebergSchema: typeof BASE;
  readonly dataFolder: string;
  readonly formatVersion: 2 | 3;
} {
  const formatVersion = IS_V3 && icebergSchema === BASE ? 3 : 2;
  return { icebergSchema, specId: 0, sortOrderId: 1, dataFolder: `${root}/data`, formatVersion };
}

/** The base: every third number is a key. */
async function buildBase(bench: Bench, rowCount: number): Promise<readonly ScanFile[]> {
  const { instance, files, root } = bench;
  const connection = await instance.connect();
  const bucket = bucketExpression('id', { kind: 'long' }, BUCKETS);
  await connection.run(
    `CREATE TEMP TABLE keys AS SELECT id, ${bucket} AS bucket
      FROM (SELECT range * 3 AS id FROM range(${rowCount}))`,
  );
  const built: DataFile[] = [];
  for (let index = 0; index < BUCKETS; index++) {
    const columns = BASE.fields.map((field, column) => {
      return { field, expression: COLUMNS[column]?.[2] ?? 'NULL', exact: column === 0 };
    });
    const ids = [
      { field: ROW_ID, expression: 'id', exact: false },
      { field: LAST_UPDATED, expression: '1::BIGINT', exact: false },
    ];
    const staged = await stageFile(files, connection, {
      columns: IS_COMPACTED ? [...columns, ...ids] : columns,
      source: `FROM (SELECT id FROM keys WHERE bucket = ${index} ORDER BY id)`,
      dataFolder: `${root}/data`,
      width: { rowCount: 1, sizeBytes: 100 },
      entry: dataEntry(target(root), [index]),
    });
    built.push(...(await uploadFiles(files, [staged])));
  }
  connection.closeSync();
  let firstRowId = 0n;
  return built.map((file) => {
    const own = IS_V3 ? { ...file, firstRowId } : file;
    firstRowId += file.recordCount;
    return { file: own, dataSequenceNumber: 1n, deletes: [] };
  });
}

/** Changes of `keyCount` keys, spread over the base; `round` moves them on. */
function changes(rowCount: number, keyCount: number, round: number): ChangeBatch {
  const step = Math.max(1, Math.trunc(rowCount / keyCount));
  const builders = SCHEMA.columns.map(({ type }) => new ColumnBuilder(type));
  for (let index = 0; index < keyCount; index++) {
    const key = BigInt(((index * step + round * 7) % rowCount) * 3);
    const [id, count, score, price, made, code, mail, status] = builders;
    id?.appendBigInt(key);
    count?.appendNumber(index);
    score?.appendNumber(index / 7);
    price?.appendBigInt(BigInt(index));
    made?.appendBigInt(1_767_225_600_000_000n + key);
    code?.appendString(`changed ${index}`);
    mail?.appendString(`customer-${index}-${index * 31}@example.org`);
    status?.appendString('changed');
  }
  return {
    schema: SCHEMA,
    rowCount: keyCount,
    columns: builders.map((builder) => builder.finish()),
    epoch: 1,
    op: Uint8Array.from({ length: keyCount }, (_, row) => (row % 10 ? OP_CODE.u : OP_CODE.d)),
    seq: BigInt64Array.from({ length: keyCount }, (_, row) => BigInt(row + 1)),
    row: Int32Array.from({ length: keyCount }, (_, row) => (row % 10 ? 1 : 0)),
    commitTsUs: new BigInt64Array(keyCount),
    tx: null,
    before: null,
  };
}

async function timed<T>(run: () => Promise<T>): Promise<{ ms: number; cpuMs: number; value: T }> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const value = await run();
  const used = process.cpuUsage(cpu);
  return { ms: performance.now() - start, cpuMs: (used.user + used.system) / 1000, value };
}

async function mergeOnce(
  bench: Bench,
  base: readonly ScanFile[],
  window: readonly ScanFile[],
): Promise<MergeFiles> {
  const session = await bench.engine.openMerge({
    schema: SCHEMA,
    bucketing: BUCKETING,
    ledgerSchema: LEDGER,
    window,
    older: () => Promise.resolve([]),
    rules: { from: null, to: { epoch: 1, seq: 2n ** 62n }, rereadsAfter: 0n },
  });
  try {
    return await session.apply({
      target: target(bench.root),
      bucketing: BUCKETING,
      files: base,
      chooseRewrites: () => new Set(),
    });
  } finally {
    await session.close();
  }
}

/** Scan and join by hand, as little as a merge can do. */
async function lowerBounds(
  bench: Bench,
  base: readonly ScanFile[],
  keyCount: number,
): Promise<readonly [number, number]> {
  const connection = await bench.instance.connect();
  const paths: string[] = [];
  for (const { file } of base)
    paths.push((await bench.files.store.materialise(file.filePath)).path);
  const rowCount = base.reduce((sum, { file }) => sum + file.recordCount, 0n);
  const relation = parquetRelation({
    paths,
    columns: [{ fieldId: 1, type: 'BIGINT' }],
    rowCount,
  });
  const key = columnAlias(1);
  await connection.run(
    `CREATE TEMP TABLE changed AS
      SELECT (range * (${rowCount} // ${keyCount}) * 3)::BIGINT AS id FROM range(${keyCount})`,
  );
  const scan = await timed(() => connection.run(`SELECT sum(${key}) FROM ${relation}`));
  const join = await timed(() =>
    connection.run(
      `SELECT rows.file_index, rows.file_row_number FROM ${relation} AS rows
        JOIN changed ON rows.${key} = changed.id`,
    ),
  );
  connection.closeSync();
  return [scan.ms, join.ms];
}

function tellBounds([scanMs, joinMs]: readonly [number, number]): void {
  const ratio = (joinMs / scanMs).toFixed(1);
  console.log(`scan ${scanMs.toFixed(0)} ms, join ${joinMs.toFixed(0)} ms (${ratio}x)`);
}

/** What a merge fetched: of the window everything, the rest is of the base. */
function tellFetched(
  sentBytes: number,
  base: readonly ScanFile[],
  window: readonly ScanFile[],
): void {
  const sizeOf = (files: readonly ScanFile[]): number =>
    files.reduce((sum, { file }) => sum + toSafeNumber(file.fileSizeBytes), 0);
  const ofBase = sentBytes - sizeOf(window);
  const share = (100 * ofBase) / sizeOf(base);
  console.log(
    `fetched ${(ofBase / 1e6).toFixed(2)} MB of a base of ${(sizeOf(base) / 1e6).toFixed(1)} MB ` +
      `(${share.toFixed(2)} %) and a window of ${(sizeOf(window) / 1e6).toFixed(1)} MB`,
  );
}

async function runRounds(
  bench: Bench,
  size: { readonly rowCount: number; readonly keyCount: number },
): Promise<void> {
  const { rowCount, keyCount } = size;
  const built = await timed(() => buildBase(bench, rowCount));
  const base = built.value;
  console.log(`built ${rowCount} rows in ${(built.ms / 1000).toFixed(1)} s`);
  const writer = bench.engine.ledgerWriter({ ...target(bench.root, LEDGER), sortOrderId: null });
  for (let round = 0; round < REPEATS; round++) {
    await writer.append(changes(rowCount, keyCount, round));
    const window = (await writer.finish()).map((file) => {
      return { file, dataSequenceNumber: BigInt(round + 1), deletes: [] };
    });
    // The bounds read whole files: on S3 they would bring what the merge is to do without.
    if (bench.sentBytes === null) tellBounds(await lowerBounds(bench, base, keyCount));
    const sentBefore = bench.sentBytes?.() ?? 0;
    const merge = await timed(() => mergeOnce(bench, base, window));
    if (bench.sentBytes !== null) tellFetched(bench.sentBytes() - sentBefore, base, window);
    const { addedData, addedDeletes, rowsDeleted, rowsInserted } = merge.value;
    const bytes = [...addedData, ...addedDeletes].reduce((sum, file) => {
      return sum + file.fileSizeBytes;
    }, 0n);
    console.log(
      `merge ${merge.ms.toFixed(0)} ms, ` +
        `${merge.cpuMs.toFixed(0)} CPU ms, -${rowsDeleted} +${rowsInserted} rows, ` +
        `${(Number.parseInt(bytes.toString(), 10) / 1e6).toFixed(1)} MB in ` +
        `${addedData.length} + ${addedDeletes.length} files`,
    );
  }
  const rss = process.resourceUsage().maxRSS / 1024;
  console.log(`peak ${rss.toFixed(0)} MB, with what building the base took`);
}

async function main(): Promise<void> {
  const [rows = '10000000', keys = '50000'] = process.argv
    .slice(2)
    .filter((word) => !word.startsWith('--'));
  const [rowCount, keyCount] = [Number.parseInt(rows, 10), Number.parseInt(keys, 10)];
  const folder = await mkdtemp(join(tmpdir(), 'firn-bench-'));
  const [clock, random] = [systemClock, systemRandom];
  const server = process.argv.includes('--s3') ? await startMemoryS3() : null;
  const copies = `${folder}/copies`;
  const store =
    server === null
      ? createLocalObjectStore({ folder: `${folder}/lake`, clock, random })
      : createS3ObjectStore(storeOptions(server.endpoint, copies));
  const instance = await openDuckdb(
    {
      threads: 2,
      memoryBytesMax: 2 ** 28,
      spillFolder: `${folder}/spill`,
      spillBytesMax: 2 ** 34,
      folders: [folder],
      files: [],
    },
    async (connection, driver) => registerBucketFunctions(connection, driver),
  );
  const stageFolder = `${folder}/stage`;
  const engine = createEmbeddedEngine({ stageFolder, store, clock, random, readFolders: [copies] });
  const files = { store, clock, random, filesFolder: folder };
  try {
    const sentBytes = server?.sentBytes ?? null;
    await runRounds(
      { instance, files, engine, root: store.root, sentBytes },
      { rowCount, keyCount },
    );
  } finally {
    await server?.[Symbol.asyncDispose]();
    await engine.close();
    instance.close();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
