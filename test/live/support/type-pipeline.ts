/** The pipeline over the tables of types, and what PyIceberg reads of its lake. */
import { equal } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Workplace } from '../../cli/firn-process.ts';
import type { PyRow, PyValue } from '../../engines/pyiceberg.ts';
import { readTables } from '../../engines/pyiceberg.ts';
import type { TypeCase } from '../../support/mysql-types/type-case.ts';
import type { LiveDatabase, LiveServer } from './live-server.ts';
import { DIGEST_ABOVE, floatText, vectorList } from './server-truth.ts';
import type { TypeTable } from './type-tables.ts';

/** Writes `firn.yaml` for tables with the policies of their columns. */
export function writeTypesFile(
  place: Workplace,
  pipeline: {
    readonly server: Pick<LiveServer, 'host' | 'port'>;
    readonly database: LiveDatabase;
    readonly tables: readonly TypeTable[];
  },
): void {
  const { server, database, tables } = pipeline;
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
    lake: { warehouse: './lake' },
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
