/**
 * What a query reads: which columns of which tables. A DuckDB of its own has the same views over
 * empty tables; its plan, with all optimizers off but the one that drops unused columns, names
 * every column that any plan of the query could read. Nothing of the query runs there.
 */
import type * as Api from '@duckdb/node-api';
import { parseJson } from '../../../kernel/lossless-json.ts';
import type { JsonValue } from '../../../kernel/lossless-json.ts';
import type { LiveTable, QueryTable } from '../../../ports/row-engine.ts';
import { columnAlias } from '../../../sql/parquet-statements.ts';
import { quoteText } from '../../../sql/quoting.ts';
import { openDuckdb, runAll } from '../duckdb-instance.ts';
import type { DuckdbLimits } from '../duckdb-instance.ts';
import { duckdbTypeName } from '../duckdb-types.ts';
import { createViews } from './query-views.ts';
import type { RowSources, ViewRequest } from './query-views.ts';

/** Columns of one table. */
export interface TableRead {
  readonly table: QueryTable;
  readonly fieldIds: readonly number[];
}

/** Answers what queries over some views read, until closed. */
export interface QueryReads {
  /** A query whose plan cannot be told reads everything. */
  of(sql: string, parameters: readonly string[]): Promise<readonly TableRead[]>;
  close(): void;
}

const SCHEMA = 'firn_scans';

/** Opens the instance with the views. */
export async function openQueryReads(
  limits: Omit<DuckdbLimits, 'folders' | 'files'>,
  request: ViewRequest,
): Promise<QueryReads> {
  const tables: QueryTable[] = [];
  const own = { ...limits, threads: 1, spillFolder: `${limits.spillFolder}-plan` };
  const instance = await openDuckdb({ ...own, folders: [], files: [] }, async (connection) => {
    tables.push(...new Set([...request.tables, ...request.live.flatMap(partsOf)]));
    await runAll(connection, [`CREATE SCHEMA ${SCHEMA}`, ...tables.map(createTable)]);
    await createViews(connection, emptySources(connection, tables), request);
    await runAll(connection, [await otherOptimizersOff(connection)]);
  });
  return {
    async of(sql, parameters) {
      const connection = await instance.connect();
      try {
        const plan = await connection.runAndReadAll(`EXPLAIN (FORMAT JSON) ${sql}`, [
          ...parameters,
        ]);
        return readsOf(parseJson(String(plan.getRows()[0]?.[1])), tables);
      } catch {
        // The query itself says what is wrong with it, if anything is.
        return tables.map((table) => ({ table, fieldIds: allFields(table) }));
      } finally {
        connection.closeSync();
      }
    },
    close: () => instance.close(),
  };
}

function partsOf({ base, ledger }: LiveTable): readonly QueryTable[] {
  return [base, ledger];
}

function emptySources(connection: Api.DuckDBConnection, tables: readonly QueryTable[]): RowSources {
  return {
    rows: (table) => `${SCHEMA}.s${tables.indexOf(table)}`,
    loadDead: (_table, name) =>
      runAll(connection, [`CREATE TABLE ${name} (fi BIGINT, pos BIGINT)`]),
  };
}

function createTable({ icebergSchema }: QueryTable, at: number): string {
  const columns = icebergSchema.fields.map(
    ({ id, type }) => `${columnAlias(id)} ${duckdbTypeName(type)}`,
  );
  const all = [...columns, 'file_index UBIGINT', 'file_row_number BIGINT'];
  return `CREATE TABLE ${SCHEMA}.s${at} (${all.join(', ')})`;
}

async function otherOptimizersOff(connection: Api.DuckDBConnection): Promise<string> {
  const answer = await connection.runAndReadAll('SELECT name FROM duckdb_optimizers()');
  const names = answer.getRows().map(([name]) => String(name));
  const off = names.filter((name) => name !== 'unused_columns');
  return `SET GLOBAL disabled_optimizers = ${quoteText(off.join(','))}`;
}

function allFields({ icebergSchema }: QueryTable): readonly number[] {
  return icebergSchema.fields.map(({ id }) => id);
}

/** The scans of a plan, put together by table. */
function readsOf(plan: JsonValue, tables: readonly QueryTable[]): readonly TableRead[] {
  const found = new Map<number, Set<string>>();
  collectScans(plan, found);
  return [...found].flatMap(([at, names]) => {
    const table = tables[at];
    if (table === undefined) return [];
    const isRead = (id: number): boolean =>
      [...names].some((name) => name === columnAlias(id) || name.startsWith(`${columnAlias(id)}.`));
    return [{ table, fieldIds: allFields(table).filter(isRead) }];
  });
}

function collectScans(node: JsonValue, found: Map<number, Set<string>>): void {
  if (Array.isArray(node)) {
    for (const child of node as readonly JsonValue[]) collectScans(child, found);
    return;
  }
  if (typeof node !== 'object' || node === null) return;
  const { extra_info: info, children = [] } = node as { readonly [name: string]: JsonValue };
  collectScans(children, found);
  if (typeof info !== 'object' || info === null || Array.isArray(info)) return;
  const { Table: table, Projections: projections } = info as { readonly [name: string]: JsonValue };
  const at = /\bfirn_scans\.s(\d+)$/.exec(typeof table === 'string' ? table : '')?.[1];
  if (at === undefined) return;
  const place = Number.parseInt(at, 10);
  const names = found.get(place) ?? new Set();
  found.set(place, names);
  for (const name of Array.isArray(projections) ? projections : [projections]) {
    if (typeof name === 'string') names.add(name);
  }
}
