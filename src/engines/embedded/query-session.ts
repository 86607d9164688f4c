/**
 * Read-only SQL over tables of the lake, in a DuckDB of its own that can open exactly the files of
 * those tables. One SELECT per call; the user's text is parsed by DuckDB and never becomes part of
 * another statement.
 */
import { mkdir, rm } from 'node:fs/promises';
import type * as Api from '@duckdb/node-api';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { present } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type { LiveTable, QueryAnswer, QuerySession, QueryTable } from '../../ports/row-engine.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { liveColumn, liveRows, liveTable } from '../../sql/live-statements.ts';
import { rowColumn } from '../../sql/parquet-statements.ts';
import { quoteIdentifier } from '../../sql/quoting.ts';
import { judgeParseTree, PARSE_STATEMENT } from '../../sql/select-guard.ts';
import { openDuckdb, runAll } from './duckdb-instance.ts';
import type { DuckdbDriver, DuckdbInstance, DuckdbLimits } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';
import { holdFiles } from './local-files.ts';
import type { LocalFiles } from './local-files.ts';
import { deleteFilesOf, loadDeletes } from './position-deletes.ts';
import { valuePrinter } from './query-text.ts';
import { fileRows, schemaColumns } from './table-rows.ts';

/** What can be queried. */
export interface QueryRequest {
  readonly tables: readonly QueryTable[];
  readonly live: readonly LiveTable[];
  /** Ends a query that runs; it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a session needs of its engine. */
export interface QueryContext {
  readonly store: ObjectStore;
  readonly limits: Omit<DuckdbLimits, 'folders' | 'files'>;
}

/** Opens a session; its files stay at hand until it is closed. Its spill folder is removed then. */
export async function openQuerySession(
  context: QueryContext,
  request: QueryRequest,
): Promise<QuerySession> {
  const scans = [
    ...request.tables.flatMap(({ files }) => files),
    ...request.live.flatMap(({ base, ledger }) => [...base.files, ...ledger.files]),
  ];
  const files = [...scans.map(({ file }) => file), ...deleteFilesOf(scans)];
  const local = await holdFiles(context.store, files);
  const release = async (): Promise<void> => {
    await local.release();
    await rm(context.limits.spillFolder, { recursive: true, force: true });
  };
  try {
    const paths = files.map((file) => local.path(file));
    await mkdir(context.limits.spillFolder, { recursive: true });
    const limits = { ...context.limits, folders: [], files: paths };
    const instance = await openDuckdb(limits, (connection) => {
      return createViews(connection, local, request);
    });
    let open = true;
    return {
      run: (sql, parameters = []) =>
        runQuery(instance, { sql, parameters, signal: request.signal }),
      async close() {
        if (!open) return;
        open = false;
        instance.close();
        await release();
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Each table as a view in its namespace, and in `main` where its name is unambiguous. */
async function createViews(
  connection: Api.DuckDBConnection,
  local: LocalFiles,
  request: QueryRequest,
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
    const dead = await deadRows(connection, { table, local, name: nextDead() });
    definitions.set(viewName(table), tableRows({ table, local, columns, dead }));
  }
  for (const live of lives) {
    const dead = await deadRows(connection, { table: live.base, local, name: nextDead() });
    definitions.set(viewName(live), liveDefinition(live, local, dead));
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
  connection: Api.DuckDBConnection,
  request: { readonly table: QueryTable; readonly local: LocalFiles; readonly name: string },
): Promise<string | null> {
  const { files } = request.table;
  if (deleteFilesOf(files).length === 0) return null;
  const name = `firn_dead_rows.${request.name}`;
  await loadDeletes(connection, { name, files, local: request.local, shared: true });
  return name;
}

function tableRows(request: {
  readonly table: QueryTable;
  readonly local: LocalFiles;
  readonly columns: readonly string[];
  readonly dead: string | null;
}): string {
  const { table, local, columns, dead } = request;
  const held = { files: table.files, local };
  const relation = fileRows(held, schemaColumns(table.icebergSchema));
  return liveRows({ relation, columns, dead });
}

function liveDefinition(live: LiveTable, local: LocalFiles, dead: string | null): string {
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
    base: tableRows({ table: base, local, columns: baseColumns, dead }),
    ledger: tableRows({ table: ledger, local, columns: [...changes, ...values], dead: null }),
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

async function runQuery(
  instance: DuckdbInstance,
  query: {
    readonly sql: string;
    readonly parameters: readonly string[];
    readonly signal: AbortSignal | undefined;
  },
): Promise<QueryAnswer> {
  const { sql, parameters, signal } = query;
  const connection = await instance.connect();
  const interrupt = (): void => connection.interrupt();
  signal?.addEventListener('abort', interrupt);
  const release = (): void => {
    signal?.removeEventListener('abort', interrupt);
    connection.closeSync();
  };
  try {
    const result = await queryErrors(signal, async () => {
      const statement = await prepareSelect(connection, instance.driver, sql);
      for (const [index, value] of parameters.entries()) statement.bindVarchar(index + 1, value);
      return statement.stream();
    });
    const columns = result.columnNames().map((name, index) => {
      return { name, type: result.columnType(index).toString() };
    });
    return { columns, rows: readAnswer(result, { driver: instance.driver, signal, release }) };
  } catch (error) {
    release();
    throw error;
  }
}

/** Prepares text that is one SELECT by DuckDB's own judgement, of its parser and of its binder. */
async function prepareSelect(
  connection: Api.DuckDBConnection,
  { api }: DuckdbDriver,
  sql: string,
): Promise<Api.DuckDBPreparedStatement> {
  const parsed = await connection.runAndReadAll(PARSE_STATEMENT, [sql]);
  const verdict = judgeParseTree(parseJson(String(parsed.getRows()[0]?.[0])));
  if (verdict.kind === 'refused') throw notSelect(verdict.reason);
  if (verdict.kind === 'invalid') throw failed(verdict.message);
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) throw notSelect('It is not exactly one statement.');
  const statement = await statements.prepare(0);
  if (statement.statementType !== api.StatementType.SELECT) throw notSelect('It is not a SELECT.');
  return statement;
}

/** Rows chunk by chunk; the connection is given up when the last was read, or nobody reads on. */
async function* readAnswer(
  result: Api.DuckDBResult,
  context: {
    readonly driver: DuckdbDriver;
    readonly signal: AbortSignal | undefined;
    release(): void;
  },
): AsyncGenerator<readonly (readonly (string | null)[])[]> {
  const { driver, signal } = context;
  const printers = result.columnTypes().map((type) => valuePrinter(driver, type));
  try {
    for (;;) {
      const chunk = await queryErrors(signal, () => result.fetchChunk());
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk
        .getRows()
        .map((row) => row.map((value, index) => printers[index]?.(value) ?? null));
    }
  } finally {
    context.release();
  }
}

/** DuckDB's message is for whoever wrote the query: it may quote the query and its own values. */
async function queryErrors<T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof FirnError) throw error;
    throw failed(error instanceof Error ? error.message : 'no message', error);
  }
}

function failed(what: string, cause?: unknown): FirnError {
  return new FirnError('QUERY-FAILED', { what, cause });
}

function notSelect(what: string): FirnError {
  return new FirnError('QUERY-NOT-SELECT', { what });
}
