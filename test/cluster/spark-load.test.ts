/**
 * First copies by a real Spark over JDBC (docs/spec/cluster.md E24, E25): the base is the one
 * that this program's own reader makes, value by value, also while the table is written to; what
 * Spark cannot read so is refused by name, and so is another server.
 */
import { deepEqual, ok, rejects } from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadColumn } from '../../src/cluster/spark/load-column.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { mapColumn } from '../../src/mysql/column-mapping.ts';
import type { MysqlColumn } from '../../src/mysql/mysql-column.ts';
import { ownedBranches } from '../../src/pipeline/state/branch-list.ts';
import type { ForeignRead } from '../../src/ports/source.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { skipWithout } from '../live/support/live-server.ts';
import type { LiveServer } from '../live/support/live-server.ts';
import { createTable, insertRows, typeTablesOf } from '../live/support/type-tables.ts';
import { describeColumns } from '../live/support/two-paths.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import type { TypeCase } from '../support/mysql-types/type-case.ts';
import { skipWithoutSpark } from '../support/spark-lake.ts';
import type { TablePair } from '../simulation/table-pair.ts';
import { LoadWorld } from './support/load-world.ts';
import type { LoadBends } from './support/load-world.ts';

/** Groups of types that make one table: each copy costs Spark a second. */
const TYPE_TABLES = { digits: /^(?:numbers|bits|times)$/, runs: /^(?:texts|bytes|documents)$/ };

/** Two tables with the columns that Spark reads. */
async function typeTables(server: LiveServer, database: string): Promise<void> {
  await server.run(CASE_SESSION);
  for (const [name, groups] of Object.entries(TYPE_TABLES)) {
    const cases: TypeCase[] = [];
    for (const table of typeTablesOf(server.flavour).filter((one) => groups.test(one.name))) {
      await server.run(createTable(table, true));
      const columns = await describeColumns(server, database, table.name);
      await server.run(`DROP TABLE ${table.name}`);
      cases.push(...table.cases.filter((one) => isCarried(one, server.flavour, columns)));
    }
    const kept = { name, cases };
    await server.run(createTable(kept, true), ...insertRows(kept, 'bootstrap'));
  }
}

function isCarried(
  { name, onMisfit, declaration }: TypeCase,
  flavour: ServerFlavour,
  columns: readonly MysqlColumn[],
): boolean {
  const column = columns.find((one) => one.name === `c_${name}`);
  // What does not fit a row together with others is the table's own.
  if (column === undefined || onMisfit !== undefined || /\(\d{5}\)/.test(declaration)) return false;
  const mapping = mapColumn(column, flavour, 'halt');
  if (mapping.kind !== 'mapped') return false;
  return loadColumn({ ...column, ...mapping, id: 1, sourceName: name }).kind === 'carried';
}

/** Names that break quotes, and keys that sort otherwise than their bytes. */
const HOSTILE = [
  `CREATE TABLE \`it's \`\`a?b {d} \\\\\` (\`key?\` VARCHAR(20) COLLATE utf8mb4_general_ci,
    \`when\` DATETIME(3), \`quo\`\`te\` ENUM('x','y?','ü'), \`{fn now()}\` TEXT,
    PRIMARY KEY (\`key?\`, \`when\`, \`quo\`\`te\`)) CHARSET utf8mb4`,
  `INSERT INTO \`it's \`\`a?b {d} \\\\\`
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    SELECT ELT(1 + i % 7, 'b', 'A', 'a2', '\\'?', 'Ü', '', 'z\\\\'), NOW(3) - INTERVAL i SECOND,
      1 + i % 3, CONCAT('?', i) FROM n`,
];

suite('copies by Spark', { concurrency: true }, () => {
  for (const flavour of SERVER_FLAVOURS) {
    const skip = skipWithoutSpark() || skipWithout(flavour);

    test(`spec: E24 — ${flavour}: every type is as Firn reads it`, { skip }, async (t) => {
      const world = await LoadWorld.open(t, flavour, async (server, database) => {
        await typeTables(server, database);
        await server.run(...HOSTILE);
      });
      await Promise.all(
        world.tables.map(async (table) => {
          const [spark = [], firn = []] = await world.compare(table, { rangeRows: 20 });
          ok(firn.length > 1, table);
          deepEqual(spark, firn, table);
        }),
      );
    });
  }

  const skip = skipWithoutSpark() || skipWithout('mysql');

  test('spec: E25 — a table that is written to meanwhile', { skip }, async (t) => {
    const world = await LoadWorld.open(t, 'mysql', (server) => server.run(...WRITTEN));
    const { position } = await world.source.lowMark(1);
    const spark = await world.place('moving', 'spark', { rangeRows: 150 });
    const writer = await startWriter(world.server);
    t.after(() => writer.end());
    const branch = await spark.copy();
    const turns = await writer.end();
    ok(turns > 5, `${turns} turns of the writer beside the copy`);
    const firn = await world.place('moving', 'firn');
    const rows = await spark.publish(branch, position);
    deepEqual(rows, await firn.publish(await firn.copy(), position));
    t.diagnostic(`${rows.length} rows, ${turns} turns`);
  });

  refusals(skip);
});

/** What Firn does not let Spark read. */
function refusals(skip: string | false): void {
  test('spec: E24 — what Spark cannot read is refused by name', { skip }, async (t) => {
    const world = await LoadWorld.open(t, 'mysql', (server) => server.run(...REFUSED));
    for (const [table, code, what] of [
      ['narrow', 'CLUSTER-BOOTSTRAP', /Column old_text .*latin1/],
      ['zero', 'SOURCE-VALUE-MISFIT', /Column no_day:/],
      ['first', 'SOURCE-VALUE-MISFIT', /Column no_year:/],
    ] as const) {
      const { pair, copy } = await world.place(table, 'spark');
      const told = (error: unknown): boolean => isFirnError(error, code) && what.test(error.what);
      await rejects(copy(), told, table);
      deepEqual(await branchesOf(world, pair), ['firn_bootstrap_']);
    }
  });

  test('spec: E25 — no row of another server is read', { skip }, async (t) => {
    const world = await LoadWorld.open(t, 'mysql', (server) => server.run(...WRITTEN));
    const [row] = await world.server.query('SELECT @@server_uuid AS uuid');
    const [own, other] = [String(row?.['uuid']), '00000000-0000-0000-0000-000000000000'];
    const liars: ((read: ForeignRead) => ForeignRead)[] = [
      (read) => ({ ...read, isSame: read.isSame.replace(own, other) }),
      // Only connections that read rows end at another one.
      (read) => ({ ...read, session: read.session.replace(own, other) }),
      (read) => ({ ...read, session: read.session.replace(`${own}:1-`, `${other}:1-1,${own}:1-`) }),
    ];
    const bends: LoadBends = {};
    const { pair, copy } = await world.place('moving', 'spark', bends);
    const codes: string[] = [];
    for (const bend of liars) {
      bends.bend = bend;
      await copy().catch((error: unknown) => codes.push(isFirnError(error) ? error.code : 'none'));
      deepEqual(await branchesOf(world, pair), ['firn_bootstrap_']);
    }
    deepEqual(codes, ['CLUSTER-OTHER-SERVER', 'CLUSTER-STATEMENT', 'CLUSTER-STATEMENT']);
  });

  test('spec: E25 — a copy that ends around its move is there once', { skip }, async (t) => {
    const world = await LoadWorld.open(t, 'mysql', (server) => server.run(...WRITTEN));
    const bends: LoadBends = { rangeRows: 500 };
    const { pair, copy, publish } = await world.place('moving', 'spark', bends);
    bends.move = async () => {
      throw new Error('died before the move');
    };
    await rejects(copy(), /died before/);
    deepEqual(await branchesOf(world, pair), ['firn_bootstrap_']);
    // What a killed process leaves behind.
    await world.leaveBranch(pair, 'firn_load_left');
    bends.move = async (move) => {
      await move();
      throw new Error('the answer is lost');
    };
    await rejects(copy(), /answer is lost/);
    deepEqual(await branchesOf(world, pair), ['firn_bootstrap_']);
    bends.bend = () => {
      throw new Error('all rows are in: nothing is read again');
    };
    const rows = await publish(await copy(), null);
    const firn = await world.place('moving', 'firn');
    deepEqual(rows, await firn.publish(await firn.copy(), null));
  });
}

/** Prefixes of the branches that a base has, and none that is on the list of ours. */
async function branchesOf(world: LoadWorld, pair: TablePair): Promise<readonly string[]> {
  deepEqual([...(await ownedBranches(world.state))], []);
  const names = Object.keys((await pair.base()).metadata.refs);
  return names.filter((name) => name.includes('firn_') && name !== 'firn_state').map(prefixOf);
}

function prefixOf(name: string): string {
  return name.replace(/[^_]*$/, '');
}

const WRITTEN = [
  'CREATE TABLE moving (id INT PRIMARY KEY, n INT, body VARCHAR(200))',
  `INSERT INTO moving WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
    SELECT i * 10, 0, REPEAT('x', i % 200) FROM n`,
];

const REFUSED = [
  'CREATE TABLE narrow (id INT PRIMARY KEY, old_text VARCHAR(10) CHARACTER SET latin1)',
  'CREATE TABLE zero (id INT PRIMARY KEY, a_day DATE, no_day DATE)',
  'CREATE TABLE first (id INT PRIMARY KEY, no_year DATETIME)',
  "SET sql_mode = ''",
  "INSERT INTO first VALUES (1, '0000-01-01 00:00:00')",
  "INSERT INTO zero VALUES (1, '2024-02-29', '2024-02-29'), (2, NULL, '2024-00-00')",
];

/** Changes rows, takes them away and moves them from one end of the key to the other. */
async function startWriter(server: LiveServer): Promise<{ end(): Promise<number> }> {
  const connection = await server.connect();
  const [row] = await server.query('SELECT DATABASE() AS name');
  await connection.query(`USE ${String(row?.['name'])}`);
  const until = new AbortController();
  const write = async (): Promise<number> => {
    let turn = 0;
    for (; !until.signal.aborted; turn++) {
      // Leaves the others some of the machine.
      await systemClock.sleep(5);
      await connection.query('UPDATE moving SET n = n + 1 WHERE id % 7 = ?', [turn % 7]);
      await connection.query('UPDATE IGNORE moving SET id = 9001 + ? - id WHERE id IN (?, ?)', [
        turn % 2 === 0 ? 10 : 0,
        (turn * 130) % 9000,
        9000 - ((turn * 170) % 9000),
      ]);
      await connection.query('DELETE FROM moving WHERE id = ?', [(turn * 70) % 9000]);
      await connection.query('REPLACE INTO moving VALUES (?, ?, ?)', [turn * 3 + 1, turn, 'new']);
    }
    return turn;
  };
  const written = write();
  return {
    async end() {
      until.abort();
      const turns = await written;
      connection.destroy();
      return turns;
    },
  };
}
