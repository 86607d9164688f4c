/** Which data files a scan gives, with which deletes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  baseState,
  foreignAppend,
  headId,
  reload,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { encodeSingleValue } from '../iceberg/single-value.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { CommitRequest } from './commit-request.ts';
import { commitTables } from './commit-table.ts';
import { scanFiles } from './scan-files.ts';
import type { ScanRequest } from './scan-files.ts';

/** Commits to main and gives the table afterwards. */
async function commit(
  lake: TestLake,
  table: LoadedTable,
  changes: Partial<CommitRequest>,
): Promise<LoadedTable> {
  const request = appendTo(table, [], { state: baseState(1n), ...changes });
  const [result] = await commitTables(lake.context, [request]);
  assert.equal(result?.kind, 'committed');
  return result.table;
}

async function scan(
  lake: TestLake,
  table: LoadedTable,
  filter: Partial<ScanRequest> = {},
): Promise<Record<string, readonly string[]>> {
  const request = { metadata: table.metadata, ref: 'main', ...filter };
  const files = await scanFiles(lake.context, request);
  const entries = files.map(({ file, deletes }) => {
    return [file.filePath, deletes.map((item) => item.filePath)] as const;
  });
  return Object.fromEntries(entries);
}

const long = (value: bigint): Uint8Array => encodeSingleValue({ kind: 'long' }, value);

test('a position delete applies to the file it names, from its own commit on', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const [a, b] = [await testFile(lake.context, empty), await testFile(lake.context, empty)];
  const deletes = await testFile(lake.context, empty, { deletesIn: a });
  const table = await commit(lake, empty, { added: [a, b, deletes], operation: 'overwrite' });
  assert.deepEqual(await scan(lake, table), {
    [a.filePath]: [deletes.filePath],
    [b.filePath]: [],
  });
});

test('equal bounds of the path column name the one file that deletes are for', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const [a, b] = [await testFile(lake.context, empty), await testFile(lake.context, empty)];
  const scoped = await testFile(lake.context, empty, { deletesIn: a });
  const bounds = new Map([[2147483546, encodeSingleValue({ kind: 'string' }, a.filePath)]]);
  const foreign: DataFile = {
    ...scoped,
    referencedDataFile: null,
    lowerBounds: bounds,
    upperBounds: bounds,
  };
  const table = await commit(lake, empty, { added: [a, b, foreign], operation: 'overwrite' });
  assert.deepEqual(await scan(lake, table), {
    [a.filePath]: [foreign.filePath],
    [b.filePath]: [],
  });
});

test('a delete file for a partition applies to its older files, not to newer ones', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const old = await testFile(lake.context, empty, { bucket: 1 });
  const elsewhere = await testFile(lake.context, empty, { bucket: 2 });
  const scoped = await testFile(lake.context, empty, { deletesIn: old });
  const wide: DataFile = { ...scoped, referencedDataFile: null };
  const first = await commit(lake, empty, { added: [old, elsewhere] });
  const second = await commit(lake, first, { added: [wide], operation: 'delete' });
  const young = await testFile(lake.context, empty, { bucket: 1 });
  const table = await commit(lake, second, { added: [young] });
  assert.deepEqual(await scan(lake, table), {
    [old.filePath]: [wide.filePath],
    [elsewhere.filePath]: [],
    [young.filePath]: [],
  });
});

test('a rewritten file with an explicit age keeps the deletes that are younger', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const old = await testFile(lake.context, empty, { bucket: 1 });
  const first = await commit(lake, empty, { added: [old] });
  const scoped = await testFile(lake.context, empty, { deletesIn: old });
  const wide: DataFile = { ...scoped, referencedDataFile: null };
  const second = await commit(lake, first, { added: [wide], operation: 'delete' });
  const compacted = await testFile(lake.context, empty, { bucket: 1 });
  const table = await commit(lake, second, {
    added: [compacted],
    removed: [old],
    operation: 'replace',
    dataSequenceNumber: 1n,
  });
  const [file] = await scanFiles(lake.context, { metadata: table.metadata, ref: 'main' });
  assert.equal(file?.file.filePath, compacted.filePath);
  assert.equal(file.dataSequenceNumber, 1n);
  assert.deepEqual(
    file.deletes.map((item) => item.filePath),
    [wide.filePath],
  );
});

test('spec: X4 deletes that cannot be applied are refused by the name of their file', async () => {
  const unsupported = 'ICEBERG-FILE-UNSUPPORTED';
  const cases: readonly (readonly [ErrorCode, Partial<DataFile>])[] = [
    ['ICEBERG-EQUALITY-DELETES', { content: 'equality-deletes', equalityIds: [1, 77] }],
    ['ICEBERG-EQUALITY-DELETES', { content: 'equality-deletes', equalityIds: [] }],
    ['ICEBERG-EQUALITY-DELETES', { content: 'equality-deletes' }],
    [unsupported, { content: 'equality-deletes', equalityIds: [1], fileFormat: 'PUFFIN' }],
    [unsupported, { content: 'equality-deletes', equalityIds: [1], fileFormat: 'AVRO' }],
    [unsupported, { fileFormat: 'ORC' }],
    [unsupported, { keyMetadata: Uint8Array.of(1) }],
    ['ICEBERG-MANIFEST-INVALID', { partition: [3] }],
  ];
  for (const [code, shape] of cases) {
    const lake = testLake();
    const empty = await testTable(lake.context);
    const data = await testFile(lake.context, empty);
    const deletes = { ...(await testFile(lake.context, empty, { deletesIn: data })), ...shape };
    const table = await foreignAppend(lake.other, empty, [data, deletes]);
    await assert.rejects(
      scan(lake, table),
      (error) => isFirnError(error, code) && error.where === deletes.filePath,
      code,
    );
  }
});

test('spec: X4 data files in other formats, and encrypted ones, are refused by name', async () => {
  for (const shape of [
    { fileFormat: 'ORC' },
    { fileFormat: 'AVRO' },
    { keyMetadata: Uint8Array.of(1) },
  ] as const) {
    const lake = testLake();
    const empty = await testTable(lake.context);
    const data: DataFile = { ...(await testFile(lake.context, empty)), ...shape };
    const table = await foreignAppend(lake.other, empty, [data]);
    await assert.rejects(
      scan(lake, table),
      (error) => isFirnError(error, 'ICEBERG-FILE-UNSUPPORTED') && error.where === data.filePath,
    );
  }
});

test('spec: X1 equality deletes apply to strictly older files of their partition', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const inBucket = async (bucket: number): Promise<DataFile> =>
    testFile(lake.context, empty, { bucket });
  const [old, elsewhere] = [await inBucket(1), await inBucket(2)];
  await foreignAppend(lake.other, empty, [old, elsewhere]);
  const shape = { content: 'equality-deletes', equalityIds: [2, 1] } as const;
  const deletes: DataFile = { ...(await inBucket(1)), ...shape };
  const same = await inBucket(1);
  await foreignAppend(lake.other, empty, [same, deletes]);
  const table = await foreignAppend(lake.other, empty, [await inBucket(1)]);
  const files = await scanFiles(lake.context, { metadata: table.metadata, ref: 'main' });
  const found = files.filter(({ equalityDeletes }) => equalityDeletes !== undefined);
  assert.deepEqual(
    found.map(({ file }) => file.filePath),
    [old.filePath],
  );
  const [applied] = found[0]?.equalityDeletes ?? [];
  assert.equal(applied?.file.filePath, deletes.filePath);
  assert.equal(applied.dataSequenceNumber, 2n);
  assert.deepEqual(
    applied.fields.map(({ name }) => name),
    ['note', 'id'],
  );
});

test('spec: X1 equality deletes of an unpartitioned spec apply to every partition', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const specs = [
    { kind: 'add-spec', spec: { specId: 1, fields: [] } },
    { kind: 'set-default-spec', specId: -1 },
  ] as const;
  const old = await testFile(lake.context, empty, { bucket: 3 });
  const first = await foreignAppend(lake.other, empty, [old]);
  await lake.other.catalog.commit([
    { identifier: empty.identifier, requirements: [], updates: specs },
  ]);
  const global: DataFile = {
    ...(await testFile(lake.context, empty)),
    content: 'equality-deletes',
    equalityIds: [1],
    specId: 1,
    partition: [],
  };
  const table = await foreignAppend(lake.other, first, [global]);
  const request = { metadata: table.metadata, ref: 'main', buckets: new Set([3]) };
  const [scanned] = await scanFiles(lake.context, request);
  assert.equal(scanned?.equalityDeletes?.[0]?.file.filePath, global.filePath);
});

test('filters by bucket, bounds and age pass over files that can hold nothing wanted', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const low = await testFile(lake.context, empty, { bucket: 0, keys: [1n, 10n] });
  const high = await testFile(lake.context, empty, { bucket: 0, keys: [11n, 20n] });
  const other = await testFile(lake.context, empty, { bucket: 3, keys: [1n, 20n] });
  const unknown = await testFile(lake.context, empty, { bucket: 0 });
  let table = await commit(lake, empty, { added: [low] });
  table = await commit(lake, table, { added: [high, other] });
  table = await commit(lake, table, { added: [unknown] });
  const paths = async (filter: Partial<ScanRequest>): Promise<readonly string[]> =>
    Object.keys(await scan(lake, table, filter)).sort();
  const named = (...files: readonly DataFile[]): readonly string[] =>
    files.map((file) => file.filePath).sort();
  assert.deepEqual(await paths({}), named(low, high, other, unknown));
  assert.deepEqual(await paths({ buckets: new Set([3, 1]) }), named(other));
  assert.deepEqual(await paths({ buckets: new Set() }), []);
  const bounds = { fieldId: 1, lower: long(10n), upper: long(10n) };
  assert.deepEqual(await paths({ bounds }), named(low, other, unknown));
  const edge = { fieldId: 1, lower: long(-5n), upper: long(1n) };
  assert.deepEqual(await paths({ bounds: edge }), named(low, other, unknown), 'ends included');
  assert.deepEqual(
    await paths({ bounds, buckets: new Set([0]) }),
    named(low, unknown),
    'a file without bounds may hold anything',
  );
  assert.deepEqual(await paths({ dataSequenceAbove: 1n }), named(high, other, unknown));
  assert.deepEqual(await paths({ dataSequenceAbove: 3n }), []);
  assert.deepEqual(await paths({ ref: 'absent' }), []);
});

test('buckets of the present partition spec rule out no file of an earlier one', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const old = await testFile(lake.context, empty, { bucket: 1 });
  const first = await commit(lake, empty, { added: [old] });
  await lake.other.catalog.commit([
    {
      identifier: empty.identifier,
      requirements: [],
      updates: [
        {
          kind: 'add-spec',
          spec: {
            specId: 9,
            fields: [
              { sourceId: 1, fieldId: 1001, name: 'b8', transform: { kind: 'bucket', count: 8 } },
            ],
          },
        },
        { kind: 'set-default-spec', specId: -1 },
      ],
    },
  ]);
  const evolved = await reload(lake.context, first);
  const young: DataFile = { ...(await testFile(lake.context, empty, { bucket: 5 })), specId: 1 };
  const deletes = await testFile(lake.context, empty, { deletesIn: old });
  const table = await commit(lake, evolved, {
    parentId: headId(evolved),
    added: [young, deletes],
    operation: 'overwrite',
  });
  assert.deepEqual(await scan(lake, table, { buckets: new Set([5]) }), {
    [old.filePath]: [deletes.filePath],
    [young.filePath]: [],
  });
  assert.deepEqual(await scan(lake, table, { buckets: new Set([1]) }), {
    [old.filePath]: [deletes.filePath],
  });
});
