/**
 * Tables found and read on real servers: every kind of key in chunks that begin anywhere, whole
 * tables, single keys, and answers that break off.
 */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { TableRule } from '../../src/config/pipeline-config.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { SourceTable } from '../../src/model/source-event.ts';
import type { BootstrapChunk, SourceMark } from '../../src/ports/source.ts';
import { readChunks } from '../../src/sources/mysql/reads/bootstrap-chunks.ts';
import type { MysqlConnection } from '../../src/sources/mysql/connection.ts';
import { openConnection } from '../../src/sources/mysql/connection.ts';
import { discoverTables } from '../../src/sources/mysql/discover.ts';
import type { Discovery } from '../../src/sources/mysql/discover.ts';
import { readByKeys } from '../../src/sources/mysql/reads/key-reads.ts';
import { RowSession } from '../../src/sources/mysql/reads/row-session.ts';
import type { TableReadParts } from '../../src/sources/mysql/reads/table-reading.ts';
import { columnsOf, planReading } from '../../src/sources/mysql/reads/table-reading.ts';
import { selectRange } from '../../src/mysql/table-statements.ts';
import { readTable } from '../../src/sources/mysql/reads/whole-table.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { changesIn, rowsIn } from '../support/source-events.ts';
import type { Row } from '../support/source-events.ts';
import { keyCases } from './support/key-cases.ts';
import type { LiveServer } from './support/live-server.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';

interface World {
  readonly server: LiveServer;
  readonly database: string;
  readonly parts: TableReadParts;
}

async function openWorld(t: TestContext, flavour: ServerFlavour): Promise<World> {
  const server = await openLiveServer(t, flavour);
  const database = await createDatabase(t, server);
  await server.run(`USE ${database.name}`);
  const rule: TableRule = {
    pattern: `${database.name}.*`,
    exclude: [],
    rename: {},
    columns: {},
    onDrop: 'halt',
  };
  const mark = (seq: bigint): SourceMark => ({
    position: { sourceId: 's', partition: 'main', token: String(seq) },
    completeTo: { epoch: 1, seq },
  });
  const { user, password } = database;
  const address = { host: server.host, port: server.port, user, password };
  const parts: TableReadParts = {
    open: () => openConnection({ ...address, tls: { kind: 'off' } }),
    clock: systemClock,
    rules: [rule],
    marks: {
      low: async () => mark(1n),
      high: async () => mark(2n),
      ofSnapshot: async () => null,
    },
    connections: 1,
    pace: async () => undefined,
    prove: async () => undefined,
  };
  return { server, database: database.name, parts };
}

async function withConnection<T>(
  { parts }: World,
  work: (connection: MysqlConnection) => Promise<T>,
): Promise<T> {
  const connection = await parts.open();
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

function discover(world: World, rules = world.parts.rules): Promise<Discovery> {
  return withConnection(world, (connection) => discoverTables(connection, rules));
}

function schemaOf(table: SourceTable): TableSchema {
  const columns = table.columns.map((column, index) => {
    return { ...column, id: index + 1, name: column.sourceName };
  });
  const ids = table.keyColumns.map((name) => {
    return columns.findIndex(({ sourceName }) => sourceName === name) + 1;
  });
  return { table: table.table, version: 1, columns, keyColumnIds: ids };
}

async function schemaNamed(world: World, name: string): Promise<TableSchema> {
  const { tables, refused } = await discover(world);
  const found = tables.find(({ table }) => table.table === name);
  return schemaOf(present(found, `${name} among ${JSON.stringify(refused)}`));
}

async function chunksOf(
  parts: TableReadParts,
  request: {
    readonly schema: TableSchema;
    readonly chunkRowsMax: number;
    readonly after?: string | null;
  },
): Promise<readonly BootstrapChunk[]> {
  const { signal } = new AbortController();
  const chunks: BootstrapChunk[] = [];
  for await (const chunk of readChunks(parts, { after: null, ...request, signal })) {
    ok(chunk.rows.rowCount <= request.chunkRowsMax);
    chunks.push(chunk);
  }
  return chunks;
}

function rowsOf(chunks: readonly BootstrapChunk[]): Row[] {
  return chunks.flatMap(({ rows }) => rowsIn(rows));
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: a copy goes on after any row of any kind of key`, { skip }, async (t) => {
    const world = await openWorld(t, flavour);
    for (const [index, { type, values }] of keyCases(flavour).entries()) {
      const name = `k${index}`;
      await world.server.run(
        `CREATE TABLE ${name} (v INT, k ${type} NOT NULL PRIMARY KEY)`,
        `INSERT INTO ${name} VALUES ${values.map((value, at) => `(${at}, ${value})`).join(', ')}`,
      );
      await provePaging(world, name, values.length);
    }
  });

  test(`${flavour}: keys of several columns, in either direction`, { skip }, async (t) => {
    const world = await openWorld(t, flavour);
    await world.server.run(
      `CREATE TABLE c (v INT, a VARCHAR(9) COLLATE utf8mb4_general_ci NOT NULL, b INT NOT NULL,
        d DATE NOT NULL, PRIMARY KEY (a, b, d))`,
    );
    const rows: string[] = [];
    for (const a of ["'x'", "'B'", "'\u00e4'", "''"]) {
      for (const b of ['-1', '0', '5']) {
        for (const d of ["'1999-01-01'", "'2001-02-03'"]) rows.push(`(1, ${a}, ${b}, ${d})`);
      }
    }
    await world.server.run(`INSERT INTO c VALUES ${rows.join(', ')}`);
    await provePaging(world, 'c', rows.length);
    await world.server.run(
      'CREATE TABLE u (v INT, x INT NOT NULL, y INT NOT NULL, UNIQUE KEY odd (y, x))',
      'INSERT INTO u VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 0, 3), (5, -5, 2)',
    );
    await provePaging(world, 'u', 5);
  });

  test(`${flavour}: no row, one row, and several connections`, { skip }, async (t) => {
    const world = await openWorld(t, flavour);
    await world.server.run('CREATE TABLE e (id INT PRIMARY KEY, v VARCHAR(99))');
    const schema = await schemaNamed(world, 'e');
    const empty = await chunksOf(world.parts, { schema, chunkRowsMax: 5 });
    deepEqual(
      empty.map(({ rows, cursor }) => [rows.rowCount, cursor]),
      [[0, null]],
    );
    await world.server.run("INSERT INTO e VALUES (7, 'x')");
    deepEqual(rowsOf(await chunksOf(world.parts, { schema, chunkRowsMax: 5 })), [
      { id: 7, v: 'x' },
    ]);
    await world.server.run('SET cte_max_recursion_depth = 100000').catch(() => undefined);
    await world.server.run(
      `INSERT INTO e WITH RECURSIVE n (i) AS (SELECT 8 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
        SELECT i, REPEAT('v', i % 90) FROM n`,
    );
    const one = rowsOf(await chunksOf(world.parts, { schema, chunkRowsMax: 10 }));
    equal(one.length, 993);
    for (const connections of [2, 5]) {
      const parts = { ...world.parts, connections };
      deepEqual(rowsOf(await chunksOf(parts, { schema, chunkRowsMax: 10 })), one);
    }
  });

  test(`${flavour}: a whole table, and rows by key`, { skip }, async (t) => {
    const world = await openWorld(t, flavour);
    await world.server.run(
      `CREATE TABLE w (k VARCHAR(9) COLLATE utf8mb4_general_ci NOT NULL, n INT NOT NULL, v DOUBLE,
        PRIMARY KEY (k, n))`,
      "INSERT INTO w VALUES ('abc', 1, 0.1), ('b', 2, NULL), ('c', 3, 1e300)",
    );
    const schema = await schemaNamed(world, 'w');
    const { signal } = new AbortController();
    const whole = await readTable(world.parts, { schema, epoch: 1, batchRowsMax: 2, signal });
    await world.server.run("INSERT INTO w VALUES ('later', 9, 9)");
    const read: Row[] = [];
    for await (const batch of whole.batches) read.push(...rowsIn(batch));
    deepEqual(
      read.map(({ k }) => k),
      ['abc', 'b', 'c'],
    );
    deepEqual([whole.low.completeTo.seq, whole.high.completeTo.seq], [1n, 2n]);
    const [keys] = await chunksOf(world.parts, { schema, chunkRowsMax: 9 });
    const { rows } = present(keys, 'a chunk');
    await world.server.run("UPDATE w SET k = 'ABC' WHERE k = 'abc'", "DELETE FROM w WHERE k = 'b'");
    const changes = changesIn(await readByKeys(world.parts, { keys: rows, epoch: 1 }));
    deepEqual(
      changes.map(({ op, values }) => [op, values['k'], values['v']]),
      [
        ['r', 'c', 1e300],
        ['r', 'later', 9],
        ['d', 'abc', null],
        ['d', 'b', null],
      ],
    );
  });

  test(`${flavour}: what is found, and what is refused`, { skip }, async (t) => {
    const world = await openWorld(t, flavour);
    const { server, database } = world;
    await server.run(
      `CREATE TABLE plain (a INT, b VARCHAR(9) NOT NULL, g INT AS (a + 1) STORED,
        h INT INVISIBLE DEFAULT 5, PRIMARY KEY (b))`,
      'CREATE TABLE uniq (a INT NOT NULL, b INT, UNIQUE KEY z (a), UNIQUE KEY b (b))',
      'CREATE TABLE nullable (a INT, UNIQUE KEY (a))',
      'CREATE TABLE prefixed (a TEXT NOT NULL, PRIMARY KEY (a(10)))',
      'CREATE TABLE floating (a DOUBLE PRIMARY KEY)',
      'CREATE TABLE nokey (a INT)',
      'CREATE TABLE reserved (a INT PRIMARY KEY, _firn_op INT)',
      'CREATE VIEW v AS SELECT * FROM plain',
      'CREATE TABLE `we``ird.na*me` (`co``l` INT PRIMARY KEY)',
    );
    const { tables, refused } = await discover(world);
    const found = new Map(tables.map((table) => [table.table.table, table]));
    deepEqual([...found.keys()].toSorted(), [
      'floating',
      'nokey',
      'nullable',
      'plain',
      'prefixed',
      'uniq',
      'we`ird.na*me',
    ]);
    deepEqual(found.get('plain')?.keyColumns, ['b']);
    deepEqual(
      found.get('plain')?.columns.map(({ sourceName }) => sourceName),
      ['a', 'b', 'g', 'h'],
    );
    deepEqual(found.get('uniq')?.keyColumns, ['a']);
    for (const name of ['nullable', 'prefixed', 'floating', 'nokey']) {
      deepEqual(found.get(name)?.keyColumns, [], name);
      ok((found.get(name)?.ledgerOnlyReason ?? '') !== '', name);
    }
    deepEqual(
      refused.map(({ table, code }) => [table.table, code]),
      [['reserved', 'SOURCE-RESERVED-COLUMN']],
    );
    const rule = present(world.parts.rules[0], 'a rule');
    const some = await discover(world, [{ ...rule, pattern: `${database}.n*l*` }]);
    deepEqual(
      some.tables.map(({ table }) => table.table),
      ['nullable'],
    );
    await world.server.run('INSERT INTO `we``ird.na*me` VALUES (1), (2)');
    await provePaging(world, 'we`ird.na*me', 2);
  });

  test(`${flavour}: an answer that breaks off is an error`, { skip }, async (t) => {
    const world = await openWorld(t, flavour);
    await world.server.run('CREATE TABLE big (id INT PRIMARY KEY, v VARCHAR(2000))');
    await world.server.run(
      `INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
        SELECT i, REPEAT('v', 2000) FROM n`,
    );
    for (let round = 0; round < 5; round++)
      await world.server.run(`INSERT INTO big SELECT id + ${900 * 2 ** round}, v FROM big`);
    const schema = await schemaNamed(world, 'big');
    for (const kill of ['KILL', 'KILL QUERY']) {
      const connection = await world.parts.open();
      const reading = await planReading(connection, world.parts.rules, schema);
      const { id } = connection;
      const session = new RowSession(connection, systemClock);
      let rowCount = 0;
      const read = async (): Promise<void> => {
        const rows = session.rows(selectRange(reading.statement, ALL), {
          columns: columnsOf(reading),
          limits: { rowsMax: 100, bytesMax: 1e6 },
          signal: new AbortController().signal,
        });
        for await (const batch of rows) {
          if (rowCount === 0) await world.server.run(`${kill} ${id}`);
          rowCount += batch.rowCount;
        }
      };
      await rejects(read, (error) => {
        return isFirnError(error, 'SOURCE-UNREACHABLE') || isFirnError(error, 'SOURCE-TIMEOUT');
      });
      ok(rowCount > 0 && rowCount < 28_800, String(rowCount));
      equal(session.isOpen, false);
    }
  });

  test(`${flavour}: rows of more than one packet`, { skip, timeout: 60_000 }, async (t) => {
    const world = await openWorld(t, flavour);
    const [row] = await world.server.query('SELECT @@max_allowed_packet AS size');
    if (Number(row?.['size']) < 40_000_000) return t.skip('max_allowed_packet is below 40 MB');
    await world.server.run('CREATE TABLE wide (id INT PRIMARY KEY, v LONGBLOB)');
    for (const size of [16_777_200, 16_777_214, 20_000_000, 35_000_000]) {
      await world.server.run(`INSERT INTO wide VALUES (${size}, REPEAT('x', ${size}))`);
    }
    const schema = await schemaNamed(world, 'wide');
    const sizes: unknown[] = [];
    for (const { rows } of await chunksOf(world.parts, { schema, chunkRowsMax: 10 })) {
      const [id, v] = rows.columns;
      if (id?.kind !== 'int32' || v?.kind !== 'bytes') continue;
      for (let at = 0; at < rows.rowCount; at++) {
        const bytes = v.data.subarray(v.offsets[at], v.offsets[at + 1]);
        sizes.push([id.values[at], bytes.length, bytes.every((byte) => byte === 0x78)]);
      }
    }
    deepEqual(
      sizes,
      [16_777_200, 16_777_214, 20_000_000, 35_000_000].map((size) => [size, size, true]),
    );
  });

  test(`${flavour}: words that may hold a value stay behind (spec: P8)`, { skip }, async (t) => {
    const { host, port } = await openLiveServer(t, flavour);
    const root = { host, port, user: 'root', password: '', tls: { kind: 'off' } } as const;
    const connection = await openConnection(root, systemClock);
    t.after(() => connection.close());
    for (const sql of ["SELECT DATE'topsecret'", "SELECT 1 FRM x WHERE k > 'topsecret'"]) {
      await rejects(connection.query(sql), (error) => {
        ok(isFirnError(error, 'SOURCE-FAILED'), String(error));
        equal(error.message.includes('topsecret'), false, error.message);
        match(error.message, /error (?:1525|1064) of the server/);
        return true;
      });
    }
  });
}

const ALL = { after: null, upTo: null, limit: null };

/** Reads a table in chunks of several sizes and from each cursor on; every time the same rows. */
async function provePaging(world: World, name: string, rowCount: number): Promise<void> {
  const schema = await schemaNamed(world, name);
  ok(schema.keyColumnIds.length > 0, `${name} has a key`);
  const whole = rowsOf(await chunksOf(world.parts, { schema, chunkRowsMax: 10_000 }));
  equal(whole.length, rowCount, name);
  const single = await chunksOf(world.parts, { schema, chunkRowsMax: 1 });
  deepEqual(rowsOf(single), whole, `${name} one by one`);
  for (const [index, { cursor }] of single.entries()) {
    if (cursor === null) continue;
    const rest = await chunksOf(world.parts, { schema, chunkRowsMax: 3, after: cursor });
    deepEqual(rowsOf(rest), whole.slice(index + 1), `${name} after ${cursor}`);
    await withConnection(world, async (connection) => {
      const reading = await planReading(connection, world.parts.rules, schema);
      const after = JSON.parse(cursor) as string[];
      const sql = selectRange(reading.statement, { after, upTo: null, limit: 3 });
      const form = world.server.flavour === 'mysql' ? 'FORMAT=TRADITIONAL ' : '';
      const [plan] = await world.server.query(`EXPLAIN ${form}${sql}`);
      const type = String(plan?.['type']);
      // No server searches an index for the number of a SET.
      if (schema.columns[1]?.sourceType.startsWith('set') === true) return;
      // A range of one key is a constant; one that the server sees to be empty is not read at all.
      ok(
        ['range', 'const'].includes(type) || plan?.['table'] === null,
        `${name} after ${cursor}: ${type}, ${sql}`,
      );
      ok(!String(plan?.['Extra']).includes('filesort'), `${name} is read in the index's order`);
    });
  }
}
