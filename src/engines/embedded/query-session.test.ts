/** Queries see exactly the tables, and can do nothing else. spec: P9 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { access, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../kernel/clock.ts';
import type { TestContext } from 'node:test';
import { isFirnError } from '../../kernel/firn-error.ts';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import type { QuerySession } from '../../ports/row-engine.ts';
import { createMemoryObjectStore } from '../../storage/memory-object-store.ts';
import { openLake } from '../../../test/embedded/mini-lake.ts';
import type { MiniLake } from '../../../test/embedded/mini-lake.ts';
import { rowBatch, temporaryFolder, tableSchema } from '../../../test/embedded/rows.ts';
import { createBaseWriter } from './base-writer.ts';
import { openQuerySession } from './query-session.ts';

const SCHEMA = tableSchema({ id: 'long', name: 'string' });
const LIMITS = { threads: 2, memoryBytesMax: 128 * 1024 * 1024, spillBytesMax: 2 ** 30 };

async function openSession(t: TestContext, lake: MiniLake, watermark = 10): Promise<QuerySession> {
  const base = {
    namespace: 'shop',
    name: 'orders',
    icebergSchema: lake.target.icebergSchema,
    files: lake.base,
  };
  const ledger = { ...base, name: 'orders_ledger', icebergSchema: lake.ledgerSchema };
  const from = { epoch: 1, seq: BigInt(watermark) };
  const session = await openQuerySession(
    {
      store: lake.parts.files.store,
      clock: systemClock,
      limits: { ...LIMITS, spillFolder: `${await temporaryFolder(t)}/spill` },
    },
    {
      tables: [base, { ...ledger, files: lake.ledger }],
      live: [
        {
          namespace: 'shop',
          name: 'orders_live',
          schema: SCHEMA,
          base,
          ledger: { ...ledger, files: lake.ledger },
          rules: { from, to: { epoch: 1, seq: 100n }, rereadsAfter: 0n },
        },
      ],
    },
  );
  t.after(() => session.close());
  return session;
}

async function lakeWith(t: TestContext, ids: readonly number[]): Promise<MiniLake> {
  const lake = await openLake(t, SCHEMA);
  const { engine, files } = lake.parts;
  const writer = createBaseWriter({
    open: async () => engine,
    files,
    target: lake.target,
    schema: SCHEMA,
    bucketing: lake.bucketing,
    limits: { rowsMax: 1e6, bytesMax: 1e9 },
  });
  const rows = ids.map((id) => [BigInt(id), 'base']);
  await writer.append(rowBatch(SCHEMA, rows));
  lake.addBase(await writer.finish());
  return lake;
}

async function rowsOf(
  session: QuerySession,
  sql: string,
  parameters?: readonly string[],
): Promise<readonly (readonly (string | null)[])[]> {
  const answer = await session.run(sql, parameters);
  const rows: (readonly (string | null)[])[] = [];
  for await (const chunk of answer.rows) rows.push(...chunk);
  return rows;
}

test('base, ledger and live views show live rows, with and without namespace', async (t) => {
  const lake = await lakeWith(t, [1, 2, 3, 4]);
  await lake.append([
    { op: 'd', seq: 11, values: [1n, null] },
    { op: 'u', seq: 11, row: 3, values: [2n, 'merged'] },
  ]);
  await lake.merge({ from: { epoch: 1, seq: 10n }, to: { epoch: 1, seq: 11n }, seen: 0n });
  await lake.append([
    { op: 'u', seq: 12, values: [2n, 'unmerged'] },
    { op: 'd', seq: 12, row: 2, values: [3n, null] },
    { op: 'c', seq: 13, values: [5n, 'unmerged'] },
    { op: 'u', seq: 14, values: [5n, 'newest'] },
    { op: 'r', seq: 9, row: REREAD_ROW, values: [4n, 'late'] },
    { op: 'c', seq: 101, values: [6n, 'beyond'] },
  ]);
  const session = await openSession(t, lake, 11);
  const ordered = 'SELECT * FROM shop.orders ORDER BY id';
  deepEqual(await rowsOf(session, ordered), [
    ['2', 'merged'],
    ['3', 'base'],
    ['4', 'base'],
  ]);
  deepEqual(await rowsOf(session, 'FROM orders_live ORDER BY id'), [
    ['2', 'unmerged'],
    ['4', 'late'],
    ['5', 'newest'],
  ]);
  deepEqual(await rowsOf(session, 'SELECT count(*), max(_firn_seq) FROM orders_ledger'), [
    ['8', '101'],
  ]);
  deepEqual(await rowsOf(session, 'SELECT name FROM orders WHERE id = $1', ['2']), [['merged']]);
  const answer = await session.run('SELECT id, name FROM orders');
  deepEqual(answer.columns, [
    { name: 'id', type: 'BIGINT' },
    { name: 'name', type: 'VARCHAR' },
  ]);
});

test('live folds an unmerged truncate. spec: M20', async (t) => {
  const lake = await lakeWith(t, [1, 2]);
  await lake.append([
    { op: 'u', seq: 11, values: [1n, 'before'] },
    { op: 't', seq: 12 },
    { op: 'c', seq: 13, values: [3n, 'after'] },
  ]);
  const session = await openSession(t, lake);
  deepEqual(await rowsOf(session, 'FROM shop.orders_live'), [['3', 'after']]);
  const early = await lakeWith(t, [1]);
  await early.append([{ op: 't', seq: 9 }]);
  deepEqual(await rowsOf(await openSession(t, early), 'FROM orders_live'), [['1', 'base']]);
});

test('tables without files are empty, not errors', async (t) => {
  const session = await openSession(t, await openLake(t, SCHEMA));
  for (const table of ['orders', 'orders_ledger', 'orders_live']) {
    deepEqual(await rowsOf(session, `SELECT count(*) FROM ${table}`), [['0']]);
  }
});

test('values are exact text, in UTC', async (t) => {
  const session = await openSession(t, await openLake(t, SCHEMA));
  const cases: readonly (readonly [string, string | null])[] = [
    ['1::DOUBLE', '1.0'],
    ['1e20::DOUBLE', '1e+20'],
    ['-1e-7::DOUBLE', '-1e-07'],
    ['1e15::DOUBLE', '1000000000000000.0'],
    ['1e16::DOUBLE', '1e+16'],
    ['123456.789::DOUBLE', '123456.789'],
    ['0.0001::DOUBLE', '0.0001'],
    ['0::DOUBLE', '0.0'],
    ["'-0.0'::DOUBLE", '-0.0'],
    ["'nan'::DOUBLE", 'nan'],
    ["'-inf'::FLOAT", '-inf'],
    ['1.1::FLOAT', '1.1'],
    ['16777216::FLOAT', '16777216.0'],
    ['12345678901234567890.10::DECIMAL(38, 2)', '12345678901234567890.10'],
    ['9223372036854775807', '9223372036854775807'],
    ["TIMESTAMPTZ '2020-01-01 01:02:03.5+00'", '2020-01-01 01:02:03.5+00'],
    ["TIMESTAMP '1969-12-31 23:59:59.999999'", '1969-12-31 23:59:59.999999'],
    ["DATE '0001-01-01'", '0001-01-01'],
    ["'\\xAA''a'::BLOB", '\\xAA\\x27a'],
    ["'00112233-4455-6677-8899-aabbccddeeff'::UUID", '00112233-4455-6677-8899-aabbccddeeff'],
    ['[1.0::DOUBLE, NULL]', '[1.0, NULL]'],
    ["{'a': 1::DOUBLE, 'b': 'it''s'}", "{'a': 1.0, 'b': 'it''s'}"],
    ["MAP {'k': TIMESTAMPTZ '2020-01-01 00:00:00+00'}", "{'k'=2020-01-01 00:00:00+00}"],
    ['NULL', null],
    ['true', 'true'],
  ];
  for (const [sql, text] of cases) deepEqual(await rowsOf(session, `SELECT ${sql}`), [[text]], sql);
});

test('only one SELECT over the tables is let through', async (t) => {
  const lake = await lakeWith(t, [1]);
  const session = await openSession(t, lake);
  const [first] = lake.base;
  ok(first !== undefined);
  const local = await lake.parts.files.store.materialise(first.file.filePath);
  const folder = dirname(local.path);
  const refused = [
    'DROP VIEW orders',
    'INSERT INTO orders VALUES (1, 2)',
    'CREATE TABLE x AS SELECT 1',
    'SET threads = 1',
    'RESET threads',
    'PRAGMA version',
    'PRAGMA enable_profiling',
    'CALL range(3)',
    "ATTACH ':memory:' AS x",
    'USE shop',
    `COPY (SELECT 1) TO '${folder}/x.csv'`,
    'EXPLAIN ANALYZE SELECT 1',
    'BEGIN TRANSACTION',
    'SELECT 1; DROP VIEW orders',
    'SELECT 1; SELECT 2',
    '',
    '-- nothing',
    'SELECT * FROM enable_logging()',
    `SELECT * FROM enable_logging('QueryLog', storage := 'file')`,
    'SELECT (SELECT count(*) FROM truncate_duckdb_logs())',
    `SELECT * FROM query('SELECT 1')`,
    `SELECT * FROM read_text('/etc/hostname')`,
    `WITH a AS (SELECT * FROM glob('/*')) FROM a`,
    'FROM duckdb_settings()',
    'LOAD httpfs',
  ];
  for (const sql of refused) {
    await rejects(session.run(sql), (error) => isFirnError(error, 'QUERY-NOT-SELECT'), sql);
  }
  const failing = [
    'SELEC 1',
    'SELECT * FROM nothing',
    `SELECT * FROM '/etc/hostname'`,
    `SELECT * FROM '${folder}/other.parquet'`,
    "SELECT 1 / 'x'::INTEGER",
    'SELECT $1',
  ];
  for (const sql of failing) {
    await rejects(rowsOf(session, sql), (error) => isFirnError(error, 'QUERY-FAILED'), sql);
  }
  const shows = await rowsOf(session, 'SHOW TABLES');
  deepEqual(
    shows.map(([name]) => name),
    ['orders', 'orders_ledger', 'orders_live'],
  );
  equal((await rowsOf(session, 'DESCRIBE orders')).length, 2);
  equal((await readdir(folder)).includes('x.csv'), false);
});

test('a large answer streams, and may be left unfinished', async (t) => {
  const session = await openSession(t, await openLake(t, SCHEMA));
  const answer = await session.run('SELECT range FROM range(10000000000)');
  let rows = 0;
  for await (const chunk of answer.rows) {
    rows += chunk.length;
    if (rows > 5000) break;
  }
  ok(rows > 5000 && rows < 10_000);
  deepEqual(await rowsOf(session, 'SELECT 1'), [['1']]);
});

test('a query that needs more memory spills, and leaves nothing', async (t) => {
  const spillFolder = `${await temporaryFolder(t)}/spill`;
  const session = await openQuerySession(
    {
      store: createMemoryObjectStore('memory://lake'),
      clock: systemClock,
      limits: { ...LIMITS, memoryBytesMax: 64 * 1024 * 1024, spillFolder },
    },
    { tables: [], live: [] },
  );
  const sql = 'SELECT count(*) FROM (SELECT DISTINCT md5(range::VARCHAR) FROM range(1500000))';
  deepEqual(await rowsOf(session, sql), [['1500000']]);
  // Nobody reads this one; closing does not wait for it.
  await session.run('SELECT * FROM range(100000000)');
  await session.close();
  await rejects(access(spillFolder));
});

test('a query ends whenever its signal comes', async (t) => {
  const spillFolder = `${await temporaryFolder(t)}/spill`;
  const store = createMemoryObjectStore('memory://lake');
  const limits = { ...LIMITS, spillFolder };
  for (const afterMs of [null, 0, 1, 5, 20]) {
    const stop = new AbortController();
    const { signal } = stop;
    if (afterMs === null) stop.abort(new Error('stop'));
    const session = await openQuerySession(
      { store, clock: systemClock, limits },
      { tables: [], live: [], signal },
    );
    const counted = rowsOf(session, 'SELECT count(*) FROM range(1000000000000)');
    const ended = rejects(counted, /stop/);
    if (afterMs !== null) await systemClock.sleep(afterMs);
    stop.abort(new Error('stop'));
    await ended;
    await session.close();
  }
});

test('a source column may be called like anything of the engine', async (t) => {
  const names = ['c2', 'c1', 'file_row_number', 'filename', 'rows', 'bucket', 'fi', 'pos', 'op'];
  const schema = tableSchema(Object.fromEntries(names.map((name) => [name, 'string'])), {
    keys: 2,
  });
  const lake = await openLake(t, schema);
  const cells = (id: string): readonly string[] => names.map((name) => `${name} ${id}`);
  await lake.append(
    ['b', 'a', 'c'].map((id, index) => ({ op: 'c', seq: index, values: cells(id) })),
  );
  await lake.merge({ from: null, to: { epoch: 1, seq: 10n }, seen: 0n });
  await lake.append([{ op: 'd', seq: 11, values: cells('b') }]);
  await lake.merge({
    from: { epoch: 1, seq: 10n },
    to: { epoch: 1, seq: 11n },
    seen: 1n,
    rewriteShare: 0.1,
  });
  deepEqual(
    await lake.rows(),
    ['a', 'c'].map((id) => JSON.stringify(cells(id))),
  );
  for (const { file } of lake.base) {
    const [sorted] = await lake.parts.query(
      file,
      'SELECT list(c2) = list_sort(list(c2)) FROM read_parquet(FILE)',
    );
    deepEqual(sorted, [true]);
  }
});
