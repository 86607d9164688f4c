/**
 * Every type of both servers through the whole program, on every way that a value can take: loaded
 * at first, inserted, carried along by a change of another column, and both again after ALTER
 * TABLE; in columns that were there at first and in columns that were added. What PyIceberg reads
 * of ledger and base is what the server says of its own values.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { pythonSkip } from '../engines/pyiceberg.ts';
import type { PyRow } from '../engines/pyiceberg.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import { liveWorkplace } from './support/live-pipeline.ts';
import { createDatabase, skipWithout, startPrivateServer } from './support/live-server.ts';
import type { LiveServer } from './support/live-server.ts';
import { serverTruth } from './support/server-truth.ts';
import type { ColumnTruth } from './support/server-truth.ts';
import { lakeValue, readLake, succeed, writeTypesFile } from './support/type-pipeline.ts';
import {
  GROUPS,
  addColumns,
  createTable,
  fillAdded,
  insertRows,
  rowsOf,
  typeTablesOf,
} from './support/type-tables.ts';
import type { TypeTable } from './support/type-tables.ts';

/** Defaults of a server that would change what a careless reader gets. */
const HOSTILE = [
  'sql_mode=PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT',
  "default_time_zone='-07:30'",
  'character_set_server=latin1',
  'max_allowed_packet=64M',
  'div_precision_increment=0',
];

/** Compares a table of the lake with the server's own values; how many were compared. */
function compareRows(
  table: TypeTable,
  rows: readonly PyRow[],
  truth: ReadonlyMap<string, ColumnTruth>,
): number {
  const differences: string[] = [];
  let count = 0;
  for (const one of table.cases) {
    const expected = truth.get(one.name);
    for (const row of rows) {
      const id = Number(row['id']);
      const [wanted, found] = [expected?.get(id), lakeValue(one, row[`c_${one.name}`])];
      if (wanted !== found) {
        differences.push(`${one.name}[${id}]: ${wanted?.slice(0, 99)} is ${found?.slice(0, 99)}`);
      }
      count += 1;
    }
  }
  deepEqual(differences.slice(0, 20), [], `${table.name}: ${differences.length} values`);
  return count;
}

async function expectLake(
  server: LiveServer,
  request: {
    readonly database: string;
    readonly tables: readonly TypeTable[];
    readonly lake: ReadonlyMap<string, readonly PyRow[]>;
  },
): Promise<number> {
  const { database, tables, lake } = request;
  let count = 0;
  for (const table of tables) {
    for (const name of [table.name, `${table.name}_added`]) {
      const truth = await serverTruth(server, `${database}.${name}`, table.cases);
      const base = lake.get(name) ?? [];
      const ledger = lake.get(`${name}_ledger`) ?? [];
      const isAdded = name !== table.name;
      const groups = isAdded ? 1 : Object.keys(GROUPS).length;
      equal(base.length, groups * rowsOf(table), `rows of ${name}`);
      // Rows that were there at first are only in the base; two groups of them are changed.
      equal(ledger.length, (isAdded ? 1 : 4) * rowsOf(table), `changes of ${name}`);
      const own = { ...table, name };
      count += compareRows(own, base, truth);
      count += compareRows(own, ledger, truth);
    }
  }
  return count;
}

/** The work on the tables: what is there at first, then changes, then changes after ALTER. */
function stagesOf(tables: readonly TypeTable[]): readonly (readonly string[])[] {
  const each = (make: (table: TypeTable) => readonly string[]): readonly string[] =>
    tables.flatMap(make);
  const touch = (table: TypeTable, group: keyof typeof GROUPS): string =>
    `UPDATE ${table.name} SET other = 1 WHERE id BETWEEN ${GROUPS[group]} AND ${GROUPS[group] + 999}`;
  return [
    each((table) => [
      createTable(table, true),
      createTable(table, false),
      ...(['bootstrap', 'update', 'updateAltered'] as const).flatMap((group) =>
        insertRows(table, group),
      ),
      ...Array.from(
        { length: rowsOf(table) },
        (_, row) => `INSERT INTO ${table.name}_added (id) VALUES (${row})`,
      ),
    ]),
    each((table) => [...insertRows(table, 'insert'), touch(table, 'update')]),
    each((table) => [
      `ALTER TABLE ${table.name} ADD COLUMN middle VARCHAR(20) NULL AFTER id, ALGORITHM=INSTANT`,
      touch(table, 'updateAltered'),
      `ALTER TABLE ${table.name} ADD COLUMN tail BIGINT NULL`,
      ...insertRows(table, 'insertAltered'),
      addColumns(table),
      ...fillAdded(table),
    ]),
  ];
}

async function startHostile(
  t: TestContext,
  flavour: (typeof SERVER_FLAVOURS)[number],
): Promise<LiveServer> {
  const server = await startPrivateServer(t, flavour, HOSTILE);
  await server.run(CASE_SESSION);
  return server;
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour) || pythonSkip();

  test(`${flavour}: every type in the lake (spec: Y15, Y16)`, { skip }, async (t) => {
    const server = await startHostile(t, flavour);
    const database = await createDatabase(t, server);
    using place = liveWorkplace(database);
    await server.run(`USE ${database.name}`);
    const tables = typeTablesOf(flavour);
    const withAdded = tables.flatMap((one) => [one, { ...one, name: `${one.name}_added` }]);
    writeTypesFile(place, { server, database, tables: withAdded });
    for (const statements of stagesOf(tables)) {
      await server.run(...statements);
      await succeed(place, 'run', 'firn.yaml', '--once');
    }
    match(await succeed(place, 'verify', 'firn.yaml', '--json'), /"equal": ?true/);
    const lake = readLake(
      place,
      database.name,
      withAdded.map(({ name }) => name),
    );
    const count = await expectLake(server, { database: database.name, tables, lake });
    const types = tables.reduce((sum, { cases }) => sum + cases.length, 0);
    t.diagnostic(`${count} values of ${types} types in ledgers and bases, read by PyIceberg`);
  });
}
