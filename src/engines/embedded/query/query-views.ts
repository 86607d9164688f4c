/**
 * The views that a query sees: tables of the lake with their dead rows left out, and live tables.
 * Where the rows come from is handed in: files, or empty tables that only show what a query reads.
 */
import type * as Api from '@duckdb/node-api';
import type { ScanFile } from '../../../iceberg/scan-file.ts';
import { present } from '../../../kernel/assert.ts';
import { keyColumns } from '../../../model/table-schema.ts';
import type { LiveTable, QueryTable } from '../../../ports/row-engine.ts';
import { liveColumn, liveRows, liveTable } from '../../../sql/live-statements.ts';
import { rowColumn } from '../../../sql/parquet-statements.ts';
import { quoteIdentifier } from '../../../sql/quoting.ts';
import { runAll } from '../duckdb-instance.ts';
import { duckdbTypeName } from '../duckdb-types.ts';
import { deleteFilesOf } from '../position-deletes.ts';

/** What can be queried. */
export interface ViewRequest {
  readonly tables: readonly QueryTable[];
  readonly live: readonly LiveTable[];
}

/** Where the rows of tables come from. */
export interface RowSources {
  /** Relation of a table's rows, dead ones too, with `file_index` and `file_row_number`. */
  rows(table: QueryTable): string;
  /** Makes the table `name (fi, pos)` of a table's dead rows. */
  loadDead(table: QueryTable, name: string): Promise<void>;
}

/** Each table as a view in its namespace, and in `main` where its name is unambiguous. */
export async function createViews(
  connection: Api.DuckDBConnection,
  sources: RowSources,
  request: ViewRequest,
): Promise<void> {
  const definitions = new Map<string, string>();
  // A table that is called like the live view of another one comes first.
  const lives = request.live.filter((live) => !request.tables.some((table) => alike(live, table)));
  const names = [...request.tables, ...lives];
  let deadTables = 0;
  const nextDead = (): string => `dead_${deadTables++}`;
  await runAll(connection, ['CREATE SCHEMA firn_dead_rows']);
  for (const table of request.tables) {
    const columns = table.icebergSchema.fields.map((field) => {
      return `${rowColumn(field.id)} AS ${quoteIdentifier(field.name)}`;
    });
    const dead = await deadRows(sources, table, nextDead());
    definitions.set(viewName(table), tableRows(sources, { table, columns, dead }));
  }
  for (const live of lives) {
    const dead = await deadRows(sources, live.base, nextDead());
    definitions.set(viewName(live), liveDefinition(live, sources, dead));
  }
  const namespaces = new Set(names.map(({ namespace }) => quoteIdentifier(namespace)));
  for (const namespace of namespaces) {
    await runAll(connection, [`CREATE SCHEMA IF NOT EXISTS ${namespace}`]);
  }
  for (const [view, definition] of definitions) {
    await runAll(connection, [`CREATE VIEW ${view} AS ${definition}`]);
  }
  for (const { namespace, name } of names) {
    const folded = name.toLowerCase();
    const alone = names.filter((other) => other.name.toLowerCase() === folded).length === 1;
    if (!alone || namespace.toLowerCase() === 'main') continue;
    const view = `main.${quoteIdentifier(name)}`;
    await runAll(connection, [`CREATE VIEW ${view} AS FROM ${viewName({ namespace, name })}`]);
  }
}

type ViewName = Pick<QueryTable, 'namespace' | 'name'>;

/** DuckDB does not tell names apart by case. */
function alike(left: ViewName, right: ViewName): boolean {
  return viewName(left).toLowerCase() === viewName(right).toLowerCase();
}

function viewName({ namespace, name }: ViewName): string {
  return `${quoteIdentifier(namespace)}.${quoteIdentifier(name)}`;
}

/** The table of a table's dead rows; `null` when it has no delete files. */
async function deadRows(
  sources: RowSources,
  table: QueryTable,
  shortName: string,
): Promise<string | null> {
  if (deleteFilesOf(table.files).length === 0) return null;
  const name = `firn_dead_rows.${shortName}`;
  await sources.loadDead(table, name);
  return name;
}

function tableRows(
  sources: RowSources,
  wanted: {
    readonly table: QueryTable;
    readonly columns: readonly string[];
    readonly dead: string | null;
  },
): string {
  const { table, columns, dead } = wanted;
  return liveRows({ relation: sources.rows(table), columns, dead });
}

function liveDefinition(live: LiveTable, sources: RowSources, dead: string | null): string {
  const { base, ledger } = live;
  const { fields } = base.icebergSchema;
  const ledgerField = (name: string): string | null => {
    const field = ledger.icebergSchema.fields.find((candidate) => candidate.name === name);
    return field === undefined ? null : rowColumn(field.id);
  };
  const own = (name: string): string => present(ledgerField(name), `field ${name} of a ledger`);
  const baseColumns = fields.map(({ id }, index) => `${rowColumn(id)} AS ${liveColumn(index)}`);
  const values = fields.map(({ name, type }, index) => {
    const typeName = duckdbTypeName(type);
    return `CAST(${ledgerField(name) ?? 'NULL'} AS ${typeName}) AS ${liveColumn(index)}`;
  });
  const changes = [
    `${own('_firn_op')} AS op`,
    `${own('_firn_epoch')} AS epoch`,
    `${own('_firn_seq')} AS seq`,
    `${own('_firn_row')} AS rw`,
    `${sequenceOf(ledger.files)} AS dsn`,
  ];
  return liveTable({
    base: tableRows(sources, { table: base, columns: baseColumns, dead }),
    ledger: tableRows(sources, { table: ledger, columns: [...changes, ...values], dead: null }),
    keys: keyColumns(live.schema).map(({ name }) =>
      fields.findIndex((field) => field.name === name),
    ),
    names: fields.map(({ name }) => quoteIdentifier(name)),
    rules: live.rules,
  });
}

function sequenceOf(files: readonly ScanFile[]): string {
  const sequences = files.map(({ dataSequenceNumber }) => dataSequenceNumber);
  return `list_extract([${sequences.join(', ')}]::BIGINT[], rows.file_index::BIGINT + 1)`;
}
