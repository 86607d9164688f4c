/**
 * What the tables of types cannot show: moments written in other time zones, columns that the
 * server hides or computes, values of many megabytes; and the values and types that do not fit,
 * each of which must halt its own table by name.
 */
import { equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { pythonSkip } from '../engines/pyiceberg.ts';
import { CASE_SESSION } from '../support/mysql-types/type-case.ts';
import type { TypeCase } from '../support/mysql-types/type-case.ts';
import { liveWorkplace } from './support/live-pipeline.ts';
import { createDatabase, skipWithout } from './support/live-server.ts';
import type { LiveDatabase, LiveServer } from './support/live-server.ts';
import { serverTruth } from './support/server-truth.ts';
import {
  compareRows,
  readLake,
  startHostileServer,
  succeed,
  writeTypesFile,
} from './support/type-pipeline.ts';
import type { TypeTable } from './support/type-tables.ts';

/** A case whose values the test itself writes. */
function column(name: string, declaration: string, type: string): TypeCase {
  return { name, declaration, type, values: [] };
}

/** A zone an hour before UTC, two in summer: an hour is left out in March, one comes twice. */
const ZONE = [
  "INSERT INTO mysql.time_zone VALUES (9001, 'N')",
  "INSERT INTO mysql.time_zone_name VALUES ('Firn/Summer', 9001)",
  `INSERT INTO mysql.time_zone_transition_type VALUES
     (9001, 0, 3600, 0, 'W'), (9001, 1, 7200, 1, 'S')`,
  `INSERT INTO mysql.time_zone_transition VALUES
     (9001, 0, 0), (9001, UNIX_TIMESTAMP('2024-03-31 01:00:00'), 1),
     (9001, UNIX_TIMESTAMP('2024-10-27 01:00:00'), 0)`,
];

const ZONES = ['+00:00', '-12:00', '+13:00', 'Firn/Summer', 'SYSTEM'];

const WALL_CLOCKS = [
  '2024-03-31 01:59:59.999999',
  '2024-03-31 02:30:00',
  '2024-03-31 03:00:00',
  '2024-10-27 01:59:59',
  '2024-10-27 02:30:00.5',
  '2024-10-27 03:00:00',
  '1971-01-01 00:00:00',
];

/** Rows of moments, each written by a session in another zone. */
function momentRows(first: number): readonly string[] {
  let id = first;
  const rows = ZONES.flatMap((zone) => [
    `SET time_zone = '${zone}'`,
    ...WALL_CLOCKS.map((clock) => {
      const values = `${id++}, '${clock}', '${clock}', '${clock}'`;
      return `INSERT INTO moments (id, c_at, c_second, c_wall) VALUES (${values})`;
    }),
  ]);
  return [...rows, CASE_SESSION];
}

interface OddTable extends TypeTable {
  readonly create: string;
  /** Statements before the first run, and before the second. */
  readonly first: readonly string[];
  readonly second: readonly string[];
}

const TEXT_BYTES = 2 ** 24;

function largeRow(id: number, flavour: ServerFlavour): string {
  const document = (text: string): string =>
    flavour === 'mysql' ? `JSON_OBJECT('k', ${text})` : `CONCAT('{"k": "', ${text}, '"}')`;
  const text = `CONCAT(REPEAT('aé', ${TEXT_BYTES / 4}), REPEAT('ü', ${TEXT_BYTES / 8}), '${id}')`;
  return `INSERT INTO large SET id = ${id}, c_text = ${text},
    c_blob = CONCAT(REPEAT(x'00ff', ${TEXT_BYTES / 2}), x'0${id}'),
    c_document = ${document("REPEAT('v', 4000000)")}`;
}

function oddTables(flavour: ServerFlavour): readonly OddTable[] {
  return [
    {
      name: 'moments',
      cases: [
        column('at', 'TIMESTAMP(6)', 'timestamptz'),
        column('second', 'TIMESTAMP', 'timestamptz'),
        column('wall', 'DATETIME(6)', 'timestamp'),
      ],
      create: `CREATE TABLE moments (id INT PRIMARY KEY, c_at TIMESTAMP(6) NULL,
        c_second TIMESTAMP NULL, c_wall DATETIME(6), other INT)`,
      first: momentRows(1000),
      second: [...momentRows(2000), "SET time_zone = '+05:45'", 'UPDATE moments SET other = 1'],
    },
    {
      name: 'hidden',
      cases: [
        column('secret', 'INT', 'int'),
        column('twice', 'DECIMAL(12,2)', 'decimal(12, 2)'),
        column('upper', 'VARCHAR(90) CHARACTER SET latin1', 'string'),
        column('day', 'DATE', 'date'),
      ],
      create: `CREATE TABLE hidden (id INT PRIMARY KEY, price DECIMAL(10,2), word VARCHAR(90)
        CHARACTER SET latin1, moment DATETIME(3), c_secret INT INVISIBLE,
        c_twice DECIMAL(12,2) AS (price * 2) STORED,
        c_upper VARCHAR(90) CHARACTER SET latin1 AS (CONCAT(word, '€')) VIRTUAL,
        c_day DATE AS (CAST(moment AS DATE)) VIRTUAL)`,
      first: [
        `INSERT INTO hidden (id, price, word, moment, c_secret) VALUES
          (1, 1.25, 'é', '2024-02-29 23:59:59.5', 7), (2, NULL, NULL, NULL, NULL),
          (3, 3, '', '1969-12-31 00:00:00', -1)`,
      ],
      second: [
        'UPDATE hidden SET c_secret = 8 WHERE id = 1',
        'UPDATE hidden SET price = -0.01 WHERE id = 3',
        "INSERT INTO hidden (id, price, word, moment) VALUES (4, 4, 'd', '2024-03-01')",
      ],
    },
    {
      name: 'large',
      cases: [
        column('text', 'LONGTEXT CHARACTER SET utf8mb4', 'string'),
        column('blob', 'LONGBLOB', 'binary'),
        column('document', 'JSON', 'string'),
      ],
      create: `CREATE TABLE large (id INT PRIMARY KEY, c_text LONGTEXT CHARACTER SET utf8mb4,
        c_blob LONGBLOB, c_document JSON, other INT)`,
      first: [largeRow(1, flavour), largeRow(2, flavour)],
      second: [largeRow(3, flavour), 'UPDATE large SET other = 1 WHERE id = 2'],
    },
  ];
}

/** Writes the tables in two parts, with a run after each. */
async function copyOdd(
  server: LiveServer,
  place: ReturnType<typeof liveWorkplace>,
  tables: readonly OddTable[],
): Promise<void> {
  await server.run(CASE_SESSION, ...ZONE);
  for (const { create, first } of tables) await server.run(create, CASE_SESSION, ...first);
  await succeed(place, 'run', 'firn.yaml', '--once');
  for (const { second } of tables) await server.run(...second, CASE_SESSION);
  await succeed(place, 'run', 'firn.yaml', '--once');
}

async function startPlace(
  t: TestContext,
  flavour: ServerFlavour,
): Promise<{ readonly server: LiveServer; readonly database: LiveDatabase }> {
  const server = await startHostileServer(t, flavour);
  const database = await createDatabase(t, server);
  await server.run(`USE ${database.name}`);
  return { server, database };
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour) || pythonSkip();

  test(`${flavour}: zones, hidden columns, megabytes (spec: Y15)`, { skip }, async (t) => {
    const { server, database } = await startPlace(t, flavour);
    using place = liveWorkplace(database);
    const tables = oddTables(flavour);
    writeTypesFile(place, { server, database, tables });
    await copyOdd(server, place, tables);
    match(await succeed(place, 'verify', 'firn.yaml', '--json'), /"equal": ?true/);
    const names = tables.map(({ name }) => name);
    const lake = readLake(place, database.name, names);
    let count = 0;
    for (const table of tables) {
      const truth = await serverTruth(server, `${database.name}.${table.name}`, table.cases);
      const base = lake.get(table.name) ?? [];
      equal(base.length, truth.get(table.cases[0]?.name ?? '')?.size, `rows of ${table.name}`);
      count += compareRows(table, base, truth);
      // The last image of each row is what the server still has.
      const last = new Map((lake.get(`${table.name}_ledger`) ?? []).map((row) => [row['id'], row]));
      count += compareRows(table, [...last.values()], truth);
    }
    t.diagnostic(`${count} values`);
  });
}
