/** Base files: one per bucket, sorted by the key, with the spec's hash. spec: M18 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { isFirnError } from '../../kernel/firn-error.ts';
import { decodeBound } from '../../iceberg/single-value.ts';
import { bindTransform } from '../../iceberg/transform.ts';
import { baseSchema } from '../../schema/base-table.ts';
import { rowBatch, tableSchema } from '../../../test/embedded/rows.ts';
import type { Cell } from '../../../test/embedded/rows.ts';
import { openParts } from '../../../test/embedded/engine.ts';
import { createBaseWriter } from './base-writer.ts';
import { bucketExpression } from './buckets.ts';

/** What a base writer has in the program. */
const MEMORY = 96 * 1024 * 1024;

const LARGE = { rowsMax: 1e6, bytesMax: 1e9 };

for (const limits of [LARGE, { rowsMax: 700, bytesMax: 1e9 }]) {
  test(`one sorted file per bucket, exact bounds on the key, runs of ${limits.rowsMax}`, async (t) => {
    const { engine, files, query } = await openParts(t);
    const schema = tableSchema({ region: 'string', id: 'long', note: 'string' }, { keys: 2 });
    const icebergSchema = baseSchema(schema);
    const bucketing = { columnName: 'region', count: 4 };
    const target = { icebergSchema, specId: 3, sortOrderId: 1, dataFolder: 'memory://lake/b/data' };
    const writer = createBaseWriter({
      open: async () => engine,
      files,
      target,
      schema,
      bucketing,
      limits,
    });
    const regions = ['é'.repeat(30), 'Z', 'a', '\u{ffff}', '😀', '', 'long region name beyond 16'];
    const rows: Cell[][] = [];
    for (let id = 0; id < 3000; id++) {
      rows.push([regions[(id * 5) % 7] ?? '', BigInt((id * 7919) % 3001), `note ${id}`]);
    }
    for (let from = 0; from < rows.length; from += 500) {
      await writer.append(rowBatch(schema, rows.slice(from, from + 500)));
    }
    const written = await writer.finish();
    const bucketOf = bindTransform({ kind: 'bucket', count: 4 }, { kind: 'string' });
    const byBucket = Map.groupBy(rows, ([region]) => bucketOf(String(region)));
    equal(written.length, byBucket.size);
    for (const file of written) {
      const [bucket] = file.partition;
      const expected = (byBucket.get(bucket ?? null) ?? []).toSorted(
        ([leftRegion, leftId], [rightRegion, rightId]) =>
          Buffer.compare(Buffer.from(String(leftRegion)), Buffer.from(String(rightRegion))) ||
          (BigInt(Number(leftId)) < BigInt(Number(rightId)) ? -1 : 1),
      );
      const got = await query(file, 'SELECT region, id FROM read_parquet(FILE)');
      deepEqual(
        got,
        expected.map(([region, id]) => [region, String(id)]),
      );
      equal(file.specId, 3);
      equal(file.sortOrderId, 1);
      const lower = file.lowerBounds?.get(1);
      const upper = file.upperBounds?.get(1);
      ok(lower !== undefined && upper !== undefined);
      equal(decodeBound({ kind: 'string' }, lower), expected[0]?.[0]);
      equal(decodeBound({ kind: 'string' }, upper), expected.at(-1)?.[0]);
    }
    deepEqual(await writer.finish(), []);
    deepEqual(await readdir(files.filesFolder), []);
    await writer.append(rowBatch(schema, rows.slice(0, 800)));
    await writer.discard();
    deepEqual([writer.rowCount, await readdir(files.filesFolder)], [0, []]);
  });
}

test('a table of many columns of text fits the memory of a writer', async (t) => {
  const { engine, files } = await openParts(t, { memoryBytesMax: MEMORY });
  const texts = Array.from({ length: 300 }, (_, index) => `c${index}`);
  const columns = Object.fromEntries(texts.map((name) => [name, 'string'] as const));
  const schema = tableSchema({ id: 'long', ...columns }, { keys: 1 });
  const icebergSchema = baseSchema(schema);
  const bucketing = { columnName: 'id', count: 1 };
  const target = { icebergSchema, specId: 3, sortOrderId: 1, dataFolder: 'memory://lake/b/data' };
  for (const limits of [LARGE, { rowsMax: 1, bytesMax: 1e9 }]) {
    const open = async (): Promise<typeof engine> => engine;
    const writer = createBaseWriter({ open, files, target, schema, bucketing, limits });
    const rows = Array.from({ length: 500 }, (_, row): Cell[] => {
      return [BigInt(row), ...texts.map((_name, index) => `${(row + index) % 10}`.repeat(20))];
    });
    await writer.append(rowBatch(schema, rows));
    const [file] = await writer.finish();
    equal(file?.recordCount, 500n);
  }
});

test('rows of a megabyte each fit the memory of a writer', async (t) => {
  const { engine, files } = await openParts(t, { memoryBytesMax: MEMORY });
  const schema = tableSchema({ id: 'long', body: 'string' }, { keys: 1 });
  const icebergSchema = baseSchema(schema);
  const bucketing = { columnName: 'id', count: 1 };
  const target = { icebergSchema, specId: 3, sortOrderId: 1, dataFolder: 'memory://lake/b/data' };
  const open = async (): Promise<typeof engine> => engine;
  const writer = createBaseWriter({ open, files, target, schema, bucketing, limits: LARGE });
  const rows = Array.from({ length: 99 }, (_, row): Cell[] => {
    return [BigInt(row), row % 7 === 3 || row % 5 === 0 ? null : `${row}`.repeat(500_000)];
  });
  await writer.append(rowBatch(schema, rows));
  const [file] = await writer.finish();
  equal(file?.recordCount, 99n);
  equal(file?.nullValueCounts?.get(2), 31n);
});

test('a value that needs more memory than the writer has gets it, within bounds', async (t) => {
  const schema = tableSchema({ id: 'long', body: 'string' }, { keys: 1 });
  const icebergSchema = baseSchema(schema);
  const bucketing = { columnName: 'id', count: 1 };
  const target = { icebergSchema, specId: 3, sortOrderId: 1, dataFolder: 'memory://lake/b/data' };
  const write = async (statementBytesMax: number): Promise<unknown> => {
    const { engine, files } = await openParts(t, { memoryBytesMax: MEMORY, statementBytesMax });
    const open = async (): Promise<typeof engine> => engine;
    const writer = createBaseWriter({ open, files, target, schema, bucketing, limits: LARGE });
    const rows = [1n, 2n, 3n].map((id): Cell[] => [id, `${id}`.repeat(40_000_000)]);
    await writer.append(rowBatch(schema, rows));
    const written = await writer.finish();
    const connection = await engine.instance.connect();
    const limit = await connection.runAndReadAll("SELECT current_setting('memory_limit')");
    deepEqual(limit.getRows(), [['96.0 MiB']]);
    return written[0]?.recordCount;
  };
  equal(await write(1024 * 1024 * 1024), 3n);
  await rejects(write(MEMORY), (error) => isFirnError(error, 'STORAGE-ENGINE-MEMORY'));
});

test('vectors and SQL hash every type as the spec does', async (t) => {
  const { engine, files, query } = await openParts(t);
  const limits = LARGE;
  const bytes = Uint8Array.from({ length: 16 }, (_, index) => 255 - index * 3);
  const cases: readonly (readonly [string, readonly Cell[]])[] = [
    ['int', [0, -1, 2 ** 31 - 1, -(2 ** 31), 34]],
    ['long', [0n, -1n, 34n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 40n]],
    ['date', [0, -1, 17_486, -719_162]],
    ['timestamp', [0n, -1n, 1_510_871_468_000_000n]],
    ['timestamptz', [0n, -62_135_596_800_000_000n]],
    ['decimal(4, 2)', [1420n, 0n, -1n, -9999n]],
    ['decimal(38, 3)', [10n ** 38n - 1n, -(10n ** 38n) + 1n, 0n, -128n, 127n, 128n]],
    ['decimal(3, 3)', [999n, -1n, 0n]],
    ['string', ['', 'iceberg', 'é😀', 'more than twelve bytes', '\0']],
    ['binary', [Uint8Array.of(), Uint8Array.of(0, 1, 2, 3), bytes]],
    ['uuid', [bytes, new Uint8Array(16)]],
  ];
  for (const [text, cells] of cases) {
    const schema = tableSchema({ k: text });
    const { type } = schema.columns[0] ?? { type: { kind: 'int' as const } };
    const icebergSchema = baseSchema(schema);
    const target = { icebergSchema, specId: 0, sortOrderId: 1, dataFolder: 'memory://lake/b' };
    const bucketing = { columnName: 'k', count: 1000 };
    const writer = createBaseWriter({
      open: async () => engine,
      files,
      target,
      schema,
      bucketing,
      limits,
    });
    await writer.append(
      rowBatch(
        schema,
        cells.map((cell) => [cell]),
      ),
    );
    const written = await writer.finish();
    const bucketOf = bindTransform({ kind: 'bucket', count: 1000 }, type);
    const expected = new Set(cells.map((cell) => bucketOf(cell)));
    deepEqual(new Set(written.map(({ partition }) => partition[0])), expected, text);
    for (const file of written) {
      const value = text === 'timestamp' ? 'k::TIMESTAMP' : 'k';
      const sql = `SELECT DISTINCT ${bucketExpression(value, type, 1000)} FROM read_parquet(FILE)`;
      deepEqual(await query(file, sql), [[file.partition[0]]], text);
    }
  }
});
