/**
 * What does not fit: `firn types` names each refusal, a value that no type of the lake can hold
 * halts its own table by name on either way into it, and the other tables go on.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import { liveWorkplace, queryLake } from './support/live-pipeline.ts';
import { createDatabase, skipWithout, startPrivateServer } from './support/live-server.ts';
import { succeed, writeTypesFile } from './support/type-pipeline.ts';

/** A column with a value that fits, and one that does not. */
const MISFITS: readonly (readonly [table: string, column: string, fit: string, misfit: string])[] =
  [
    ['zero', 'DATE', "'2024-02-29'", "'0000-00-00'"],
    ['partial', 'DATE', "'2024-02-29'", "'2024-02-00'"],
    ['impossible', 'DATETIME(3)', "'2024-02-29'", "'2024-02-30 01:02:03'"],
    ['stamp', 'TIMESTAMP NULL', "'2024-02-29'", "'0000-00-00 00:00:00'"],
    ['letters', 'VARCHAR(9) CHARACTER SET cp1250', "'é'", "CONVERT(x'4181' USING cp1250)"],
    ['label', "ENUM('a',x'ff') CHARACTER SET binary", "'a'", '2'],
    // The servers show such a label as a question mark, and it must not become one.
    ...['utf8mb4', 'utf8mb3', 'ascii', 'gbk'].map(
      (set) => [`label_${set}`, `ENUM('a',x'ff') CHARACTER SET ${set}`, "'a'", '2'] as const,
    ),
    ['labels', "SET('a',x'ff') CHARACTER SET ascii", "'a'", '2'],
  ];

/** What `firn types --json` says, as far as it is looked at. */
interface TypesDocument {
  readonly tables: readonly { readonly table: string; readonly ledgerOnly: string | null }[];
  readonly refused: readonly { readonly code: string; readonly table: string | null }[];
}

/** Tables that only MariaDB can have: kept as a version long ago did, or with its own history. */
const MARIADB_ONLY = [
  'SET GLOBAL mysql56_temporal_format = OFF',
  'CREATE TABLE old_time (id INT PRIMARY KEY, v TIME(3))',
  'CREATE TABLE old_stamp (id INT PRIMARY KEY, v TIMESTAMP NULL)',
  'CREATE TABLE old_mended (id INT PRIMARY KEY, v DATETIME(6))',
  "INSERT INTO old_mended VALUES (1, '2024-02-29 23:59:59.000001')",
  'SET GLOBAL mysql56_temporal_format = ON',
  'ALTER TABLE old_mended FORCE',
  'CREATE TABLE history (id INT PRIMARY KEY) WITH SYSTEM VERSIONING',
];

function refusedTables(flavour: ServerFlavour): readonly string[] {
  return flavour === 'mysql' ? [] : ['history', 'old_stamp', 'old_time'];
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: what does not fit halts by name (spec: V6, Y16)`, { skip }, async (t) => {
    const server = await startPrivateServer(t, flavour);
    const database = await createDatabase(t, server);
    using place = liveWorkplace(database);
    await server.run(`USE ${database.name}`, CASE_SESSION);
    await server.run('CREATE TABLE good (id INT PRIMARY KEY, v INT)');
    await server.run("CREATE TABLE same_keys (k ENUM('','a') PRIMARY KEY)");
    for (const [table, column, fit, misfit] of MISFITS) {
      await server.run(
        `CREATE TABLE boot_${table} (id INT PRIMARY KEY, v ${column})`,
        `INSERT INTO boot_${table} VALUES (1, ${fit}), (2, ${misfit})`,
        `CREATE TABLE log_${table} (id INT PRIMARY KEY, v ${column})`,
        `INSERT INTO log_${table} VALUES (1, ${fit})`,
      );
    }
    if (flavour === 'mariadb') await server.run(...MARIADB_ONLY);
    writeTypesFile(place, { server, database, tables: [{ name: '*', cases: [] }] });

    const types = JSON.parse(await succeed(place, 'types', 'firn.yaml', '--json')) as TypesDocument;
    deepEqual(
      types.refused.map(({ code, table }) => `${code} ${table?.split('.')[1]}`),
      refusedTables(flavour).map((table) => `SOURCE-TABLE-UNSUPPORTED ${table}`),
    );
    const ledgerOnly = types.tables.filter((one) => one.ledgerOnly !== null);
    equal(ledgerOnly.length, 1);
    match(ledgerOnly[0]?.ledgerOnly ?? '', /ENUM with an empty label/);

    const first = await place.run('run', 'firn.yaml', '--once');
    for (const [table, , , misfit] of MISFITS) {
      await server.run(`INSERT INTO log_${table} VALUES (2, ${misfit})`);
    }
    await server.run('INSERT INTO good VALUES (1, 1)');
    const second = await place.run('run', 'firn.yaml', '--once');
    for (const [{ code, out, err }, way] of [
      [first, 'boot'],
      [second, 'log'],
    ] as const) {
      equal(code, 3, out + err);
      for (const [table] of MISFITS) {
        match(out + err, new RegExp(`${way}_${table}: halted, Column v: .*SOURCE-VALUE-MISFIT`));
      }
    }
    deepEqual(await queryLake(place, 'SELECT id, v FROM good'), [{ id: 1, v: 1 }]);
    // The row that fits is there, and nothing of the transaction that does not.
    deepEqual(await queryLake(place, 'SELECT id FROM log_zero'), [{ id: 1 }]);
    if (flavour === 'mysql') return;
    deepEqual(await queryLake(place, 'SELECT v FROM old_mended'), [
      { v: '2024-02-29 23:59:59.000001' },
    ]);
  });
}
