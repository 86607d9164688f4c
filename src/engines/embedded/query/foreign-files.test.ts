/**
 * Rows of files that other engines wrote: whatever the Iceberg specification lets them leave out of
 * a file or say beside it, the same rows come out.
 */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { openParts } from '../../../../test/embedded/engine.ts';
import type { EngineParts } from '../../../../test/embedded/engine.ts';
import { openLake } from '../../../../test/embedded/mini-lake.ts';
import { tableSchema, temporaryFolder } from '../../../../test/embedded/rows.ts';
import { writePuffin } from '../../../../test/support/puffin.ts';
import type { NestedField } from '../../../iceberg/iceberg-type.ts';
import { UNSAID } from '../../../iceberg/manifest.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import type { EqualityDelete, ScanFile } from '../../../iceberg/scan-file.ts';
import { systemClock } from '../../../kernel/clock.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import { openQuerySession } from '../query-session.ts';
import { compactFiles } from '../table-rows.ts';

const ID: NestedField = { id: 1, name: 'id', required: false, type: { kind: 'long' } };
const NOTE: NestedField = { id: 2, name: 'note', required: false, type: { kind: 'string' } };

/** A Parquet file as somebody else names it; `ids` are its FIELD_IDS, empty: it has none. */
async function fileOf(
  parts: EngineParts,
  written: { readonly name: string; readonly select: string; readonly ids: string },
): Promise<DataFile> {
  const { name, select, ids } = written;
  const path = join(parts.files.filesFolder, name);
  const connection = await parts.engine.instance.connect();
  const options = ids === '' ? 'FORMAT parquet' : `FORMAT parquet, FIELD_IDS {${ids}}`;
  const answer = await connection.runAndReadAll(`COPY (${select}) TO '${path}' (${options})`);
  connection.closeSync();
  const filePath = `memory://lake/t/data/${name}`;
  const { sizeBytes } = await parts.files.store.upload(path, filePath);
  return {
    content: 'data',
    filePath,
    fileFormat: 'PARQUET',
    partition: [],
    specId: 0,
    recordCount: BigInt(String(answer.getRows()[0]?.[0])),
    fileSizeBytes: BigInt(sizeBytes),
    ...UNSAID,
  };
}

async function rowsOf(
  t: TestContext,
  parts: EngineParts,
  table: { readonly files: readonly ScanFile[]; readonly fields?: readonly NestedField[] },
  sql = 'SELECT * FROM t ORDER BY ALL',
): Promise<readonly (readonly (string | null)[])[]> {
  const { files, fields = [ID, NOTE] } = table;
  const icebergSchema = { schemaId: 0, fields, identifierFieldIds: [] };
  const spillFolder = join(dirname(await temporaryFolder(t)), 'spill');
  const limits = { threads: 1, memoryBytesMax: 2 ** 27, spillFolder, spillBytesMax: 2 ** 27 };
  const session = await openQuerySession(
    { store: parts.files.store, clock: systemClock, limits },
    { tables: [{ namespace: 'app', name: 't', icebergSchema, files }], live: [] },
  );
  try {
    const rows: (readonly (string | null)[])[] = [];
    for await (const chunk of (await session.run(sql)).rows) rows.push(...chunk);
    return rows;
  } finally {
    await session.close();
  }
}

function scanOf(file: DataFile, more: Partial<ScanFile> = {}): ScanFile {
  return { file, dataSequenceNumber: 1n, deletes: [], ...more };
}

test('spec: X1 equality deletes of several columns, null being equal to null', async (t) => {
  const parts = await openParts(t);
  const data = await fileOf(parts, {
    name: 'a.parquet',
    select: `SELECT * FROM (VALUES (1::BIGINT, 'x'), (1, NULL), (2, 'x'), (NULL, NULL), (NULL, 'x'))
      AS rows (id, note)`,
    ids: 'id: 1, note: 2',
  });
  const young = await fileOf(parts, {
    name: 'b.parquet',
    select: "SELECT 1::BIGINT AS id, 'x' AS note",
    ids: 'id: 1, note: 2',
  });
  const both = await fileOf(parts, {
    name: 'both.parquet',
    select: "SELECT * FROM (VALUES ('x', 1::INTEGER), (NULL, NULL), ('y', 7)) AS d (n, k)",
    ids: 'n: 2, k: 1',
  });
  const deletes: EqualityDelete = { file: both, dataSequenceNumber: 2n, fields: [NOTE, ID] };
  const files = [
    scanOf(young, { dataSequenceNumber: 2n }),
    scanOf(data, { equalityDeletes: [deletes] }),
  ];
  const left = [
    ['1', 'x'],
    ['1', null],
    ['2', 'x'],
    [null, 'x'],
  ];
  deepEqual(await rowsOf(t, parts, { files }), left);
  // By one column, and both at once; a delete with a lower number leaves younger files alone.
  const one = await fileOf(parts, {
    name: 'one.parquet',
    select: 'SELECT 1::BIGINT AS id',
    ids: 'id: 1',
  });
  const byId: EqualityDelete = { file: one, dataSequenceNumber: 3n, fields: [ID] };
  const all = files.map((scan) => {
    return { ...scan, equalityDeletes: [...(scan.equalityDeletes ?? []), byId] };
  });
  deepEqual(await rowsOf(t, parts, { files: all }), [
    ['2', 'x'],
    [null, 'x'],
  ]);
});

test('spec: X1 equality deletes of one partition leave the same rows of another', async (t) => {
  const parts = await openParts(t);
  const select = 'SELECT range AS id FROM range(4)';
  const ids = 'id: 1';
  const [a, b, d] = [
    { ...(await fileOf(parts, { name: 'a.parquet', select, ids })), partition: [0] },
    { ...(await fileOf(parts, { name: 'b.parquet', select, ids })), partition: [1] },
    await fileOf(parts, { name: 'd.parquet', select: 'SELECT 2::BIGINT AS id', ids }),
  ];
  const one: EqualityDelete = {
    file: { ...d, partition: [0] },
    dataSequenceNumber: 9n,
    fields: [ID],
  };
  const files = [scanOf(a, { equalityDeletes: [one] }), scanOf(b)];
  const sql = 'SELECT id, count(*) FROM t GROUP BY id ORDER BY id';
  deepEqual(await rowsOf(t, parts, { files }, sql), [
    ['0', '2'],
    ['1', '2'],
    ['2', '1'],
    ['3', '2'],
  ]);
});

test('spec: X1 each delete counts for its own partition and for older files only', async (t) => {
  const parts = await openParts(t);
  const ids = 'id: 1';
  const select = 'SELECT range AS id FROM range(4)';
  const made = async (name: string, sql = select): Promise<DataFile> =>
    fileOf(parts, { name: `${name}.parquet`, select: sql, ids });
  const one = async (name: string, id: number, more: Partial<DataFile>): Promise<DataFile> => {
    return { ...(await made(name, `SELECT ${id}::BIGINT AS id`)), ...more };
  };
  const equality = (file: DataFile, dataSequenceNumber: bigint): EqualityDelete => {
    return { file, dataSequenceNumber, fields: [ID] };
  };
  const early = equality(await one('early', 1, { partition: [0] }), 2n);
  const late = equality(await one('late', 2, { partition: [0] }), 5n);
  const other = equality(await one('other', 3, { partition: [1] }), 5n);
  const inPartition = async (name: string, partition: number): Promise<DataFile> => {
    return { ...(await made(name)), partition: [partition] };
  };
  const files = [
    scanOf(await inPartition('a', 0), { equalityDeletes: [early, late] }),
    scanOf(await inPartition('b', 0), { dataSequenceNumber: 3n, equalityDeletes: [late] }),
    scanOf(await inPartition('c', 1), { equalityDeletes: [other] }),
  ];
  const sql = 'SELECT id, count(*) FROM t GROUP BY id ORDER BY id';
  deepEqual(await rowsOf(t, parts, { files }, sql), [
    ['0', '3'],
    ['1', '2'],
    ['2', '1'],
    ['3', '2'],
  ]);
});

test('spec: X1 vectors of several files in one Puffin file', async (t) => {
  const parts = await openParts(t);
  const select = 'SELECT range AS id FROM range(70000)';
  const ids = 'id: 1';
  const a = await fileOf(parts, { name: 'a.parquet', select, ids });
  const b = await fileOf(parts, { name: 'b.parquet', select, ids });
  const even = Array.from({ length: 35_000 }, (_, index) => BigInt(index * 2));
  const vectors = await writePuffin(parts.files.store, 'memory://lake/t/data/v.puffin', [
    { data: a, positions: even },
    { data: b, positions: [3n, 69_999n] },
  ]);
  const files = [a, b].map((file, index) =>
    scanOf(file, { deletes: vectors.slice(index, index + 1) }),
  );
  const sql = 'SELECT count(*), sum(id), count(*) FILTER (id = 3) FROM t';
  const total = (69_999n * 70_000n) / 2n;
  const odd = 35_000n * 35_000n;
  deepEqual(await rowsOf(t, parts, { files }, sql), [
    [String(35_000 + 69_998), String(odd + total - 3n - 69_999n), '1'],
  ]);
});

test('spec: X2 files without field ids are read by name mapping, or refused by name', async (t) => {
  const parts = await openParts(t);
  const named = await fileOf(parts, {
    name: 'named.parquet',
    select: "SELECT 5::INTEGER AS old_id, 'n' AS note, 1 AS other",
    ids: '',
  });
  const plain = await fileOf(parts, {
    name: 'plain.parquet',
    select: "SELECT 6::BIGINT AS renamed, 'p' AS note",
    ids: 'renamed: 1, note: 2',
  });
  const names = new Map([
    [1, ['id', 'old_id']],
    [2, ['note']],
  ]);
  const projection = { constants: new Map(), names };
  const files = [named, plain].map((file) => scanOf(file, { projection }));
  deepEqual(await rowsOf(t, parts, { files }), [
    ['5', 'n'],
    ['6', 'p'],
  ]);
  await rejects(
    rowsOf(t, parts, { files: [scanOf(named)] }),
    (error) => isFirnError(error, 'ICEBERG-FILE-COLUMNS') && error.where === named.filePath,
  );
});

test('spec: X2 missing columns: partition value, default value, NULL; wider types', async (t) => {
  const parts = await openParts(t);
  const fields: readonly NestedField[] = [
    ID,
    { id: 5, name: 'day', required: false, type: { kind: 'date' } },
    { id: 6, name: 'price', required: false, type: { kind: 'decimal', precision: 20, scale: 2 } },
    { id: 7, name: 'kind', required: false, type: { kind: 'string' }, initialDefault: "it's" },
    { id: 8, name: 'raw', required: false, type: { kind: 'binary' }, initialDefault: '00ff' },
    {
      id: 9,
      name: 'seen',
      required: false,
      type: { kind: 'timestamptz' },
      initialDefault: '2017-11-16T22:31:08.123456+00:00',
    },
    NOTE,
  ];
  const old = await fileOf(parts, {
    name: 'old.parquet',
    select: 'SELECT 1::INTEGER AS id, 2.5::DECIMAL(9, 2) AS price',
    ids: 'id: 1, price: 6',
  });
  const full = await fileOf(parts, {
    name: 'full.parquet',
    select: `SELECT 2::BIGINT AS id, DATE '2020-01-01' AS day, NULL::VARCHAR AS kind,
      NULL::BLOB AS raw, NULL::TIMESTAMPTZ AS seen`,
    ids: 'id: 1, day: 5, kind: 7, raw: 8, seen: 9',
  });
  const [, day] = fields;
  const constant = (value: number | null): ScanFile['projection'] => {
    return {
      constants: new Map(day === undefined ? [] : [[5, { field: day, value }]]),
      names: null,
    };
  };
  const files = [
    scanOf(full),
    scanOf(old, { projection: constant(18_262) ?? { constants: new Map(), names: null } }),
  ];
  deepEqual(await rowsOf(t, parts, { files, fields }), [
    ['1', '2020-01-01', '2.50', "it's", '\\x00\\xFF', '2017-11-16 22:31:08.123456+00', null],
    ['2', '2020-01-01', null, null, null, null, null],
  ]);
});

test('spec: X1, M1 a merge goes on over equality deletes, and a compaction frees files of them', async (t) => {
  const schema = tableSchema({ id: 'long', note: 'string' });
  const lake = await openLake(t, schema, { buckets: 1 });
  const rows = Array.from({ length: 40 }, (_, id) => {
    return { op: 'c', seq: id + 1, values: [BigInt(id), `first ${id}`] } as const;
  });
  await lake.append(rows);
  await lake.merge({ from: null, to: { epoch: 1, seq: 40n }, seen: -1n });
  const gone = await fileOf(lake.parts, {
    name: 'gone.parquet',
    select: 'SELECT * FROM (VALUES (3::BIGINT), (4), (5)) AS d (id)',
    ids: 'id: 1',
  });
  const [id] = lake.target.icebergSchema.fields;
  const deletes = { file: gone, dataSequenceNumber: 9n, fields: id === undefined ? [] : [id] };
  lake.base = lake.base.map((scan) => ({ ...scan, equalityDeletes: [deletes] }));
  const read = (): Promise<readonly (readonly (string | null)[])[]> =>
    rowsOf(t, lake.parts, { files: lake.base, fields: lake.target.icebergSchema.fields });
  const left = rows.map(({ values }) => values.map(String)).filter((_, at) => at < 3 || at > 5);
  const sorted = (list: readonly (readonly (string | null)[])[]): readonly string[] =>
    list.map((row) => row.join()).toSorted();
  deepEqual(sorted(await read()), sorted(left));
  // One of the dead rows comes back, a live one goes, one that is dead goes once more.
  await lake.append([
    { op: 'u', seq: 41, values: [4n, 'second'] },
    { op: 'd', seq: 42, values: [7n, 'first 7'] },
    { op: 'd', seq: 43, values: [5n, 'first 5'] },
  ]);
  const from = { epoch: 1, seq: 40n };
  const { files } = await lake.merge({ from, to: { epoch: 1, seq: 43n }, seen: 1n });
  equal(files.rowsDeleted, 1, 'rows that were dead before are not counted');
  equal(files.rowsInserted, 1);
  const expected = [...left.filter(([key]) => key !== '7'), ['4', 'second']];
  deepEqual(sorted(await read()), sorted(expected));
  const { engine, files: context } = lake.parts;
  const connection = await engine.instance.connect();
  const { target, bucketing } = lake;
  const compacted = await compactFiles(context, connection, {
    schema,
    target,
    bucketing,
    files: lake.base,
  });
  connection.closeSync();
  lake.base = compacted.map((file) => scanOf(file, { dataSequenceNumber: 10n }));
  deepEqual(sorted(await read()), sorted(expected));
});
