/**
 * Every type of both servers through the whole program, on every way that a value can take: loaded
 * at first, inserted, carried along by a change of another column, and both again after ALTER
 * TABLE; in columns that were there at first and in columns that were added. What PyIceberg reads
 * of ledger and base is what the server says of its own values.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { pythonSkip } from '../engines/pyiceberg.ts';
import type { PyRow } from '../engines/pyiceberg.ts';
import { liveWorkplace } from './support/live-pipeline.ts';
import { createDatabase, skipWithout } from './support/live-server.ts';
import type { LiveServer } from './support/live-server.ts';
import { serverTruth } from './support/server-truth.ts';
import {
  compareRows,
  readLake,
  startHostileServer,
  succeed,
  writeTypesFile,
} from './support/type-pipeline.ts';
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

/** What `firn types --json` says of columns, as far as it is looked at. */
interface TypesDocument {
  readonly tables: readonly {
    readonly columns: readonly {
      readonly column: string;
      readonly lakeType: string;
      readonly onMisfit: string;
    }[];
  }[];
}

/** `firn types` shows the decision for each type before a row is copied. */
async function expectTypes(
  place: ReturnType<typeof liveWorkplace>,
  tables: readonly TypeTable[],
): Promise<void> {
  const said = JSON.parse(await succeed(place, 'types', 'firn.yaml', '--json')) as TypesDocument;
  const columns = new Map(
    said.tables.flatMap((table) => table.columns.map((column) => [column.column, column])),
  );
  for (const { name, type, onMisfit } of tables.flatMap(({ cases }) => cases)) {
    const column = columns.get(`c_${name}`);
    deepEqual([column?.lakeType, column?.onMisfit], [type, onMisfit ?? 'halt'], name);
  }
}

/** The work on the tables: what is there at first, then changes, then changes after ALTER. */
function stagesOf(tables: readonly TypeTable[]): readonly (readonly string[])[] {
  const each = (make: (table: TypeTable) => readonly string[]): readonly string[] =>
    tables.flatMap(make);
  const touch = (table: TypeTable, group: keyof typeof GROUPS): string =>
    `UPDATE ${table.name} SET other = 1 WHERE id BETWEEN ${GROUPS[group]} AND ${GROUPS[group] + 999}`;
  return [
    each((table) => [
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

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour) || pythonSkip();

  test(`${flavour}: every type in the lake (spec: Y15, Y16)`, { skip }, async (t) => {
    const server = await startHostileServer(t, flavour);
    const database = await createDatabase(t, server);
    using place = liveWorkplace(database);
    await server.run(`USE ${database.name}`);
    const tables = typeTablesOf(flavour);
    const withAdded = tables.flatMap((one) => [one, { ...one, name: `${one.name}_added` }]);
    writeTypesFile(place, { server, database, tables: withAdded });
    await server.run(...tables.map((table) => createTable(table, true)));
    await expectTypes(place, tables);
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
