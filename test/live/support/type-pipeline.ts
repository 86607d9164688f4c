/** The pipeline over the tables of types, and what PyIceberg reads of its lake. */
import { deepEqual, equal } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';
import type { Workplace } from '../../cli/firn-process.ts';
import type { PyRow, PyValue } from '../../engines/pyiceberg.ts';
import { readTables } from '../../engines/pyiceberg.ts';
import { CASE_SESSION } from '../../support/mysql-types/type-case.ts';
import type { TypeCase } from '../../support/mysql-types/type-case.ts';
import { startPrivateServer } from './live-server.ts';
import type { LiveDatabase, LiveServer, PrivateServer } from './live-server.ts';
import { DIGEST_ABOVE, floatText, vectorList } from './server-truth.ts';
import type { ColumnTruth } from './server-truth.ts';
import type { TypeTable } from './type-tables.ts';

/** Defaults of a server that would change what a careless reader gets. */
const HOSTILE = [
  'sql_mode=PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT',
  "default_time_zone='-07:30'",
  'character_set_server=latin1',
  'max_allowed_packet=64M',
  'div_precision_increment=0',
];

/** A server with such defaults, and the statements of its `run` in a session of the cases. */
export async function startHostileServer(
  t: TestContext,
  flavour: ServerFlavour,
): Promise<PrivateServer> {
  const server = await startPrivateServer(t, flavour, HOSTILE);
  await server.run(CASE_SESSION);
  return server;
}

/** Writes `firn.yaml` for tables with the policies of their columns. */
export function writeTypesFile(
  place: Workplace,
  pipeline: {
    readonly server: Pick<LiveServer, 'host' | 'port'>;
    readonly database: LiveDatabase;
    readonly tables: readonly TypeTable[];
    /** In place of the folder `lake`. */
    readonly lake?: Readonly<Record<string, unknown>>;
  },
): void {
  const { server, database, tables, lake = { warehouse: './lake' } } = pipeline;
  const source = {
    type: 'mysql',
    host: server.host,
    port: server.port,
    user: database.user,
    password: { env: 'LIVE_PASSWORD' },
    tls: 'off',
    heartbeatInterval: '1s',
  };
  const document = {
    name: 'types',
    source,
    tables: tables.map(({ name, cases }) => ({
      table: `${database.name}.${name}`,
      columns: Object.fromEntries(
        cases.flatMap((one) =>
          one.onMisfit === undefined ? [] : [[`c_${one.name}`, { onMisfit: one.onMisfit }]],
        ),
      ),
    })),
    lake,
    ledger: { commitInterval: '150ms' },
    base: { mergeInterval: '1s', buckets: 2 },
  };
  writeFileSync(place.path('firn.yaml'), JSON.stringify(document));
}

/** Runs a command of the program that must succeed; what it printed. */
export async function succeed(place: Workplace, ...words: readonly string[]): Promise<string> {
  const { code, out, err } = await place.run(...words);
  equal(code, 0, out + err);
  return out;
}

/** Rows of bases and ledgers, by name without the database (`t`, `t_ledger`). */
export function readLake(
  place: Workplace,
  database: string,
  tables: readonly string[],
): ReadonlyMap<string, readonly PyRow[]> {
  const names = tables.flatMap((table) => [table, `${table}_ledger`]);
  const rows = readTables({
    catalogPath: join(place.folder, 'lake', 'catalog.db'),
    tables: names.map((name) => `${database}.${name}`),
    digestAbove: DIGEST_ABOVE,
  });
  return new Map(names.map((name) => [name, rows.get(`${database}.${name}`) ?? []]));
}

/** A value that PyIceberg read, as the truth of a server has it. */
export function lakeValue(one: TypeCase, value: PyValue | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return floatText(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (one.type !== 'string') return text;
  // Text of floats is free to be any that gives the number back.
  if (/^(?:FLOAT|DOUBLE)/.test(one.declaration)) {
    const number = Number(text);
    return floatText(one.declaration.startsWith('FLOAT') ? Math.fround(number) : number);
  }
  return one.declaration.startsWith('VECTOR') ? vectorList(text) : text;
}

/** Compares a table of the lake with the server's own values; how many were compared. */
export function compareRows(
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
