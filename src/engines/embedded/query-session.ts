/**
 * Read-only SQL over tables of the lake, in a DuckDB of its own that can open exactly the files of
 * those tables. One SELECT per call; the user's text is parsed by DuckDB and never becomes part of
 * another statement.
 */
import { mkdir, rm } from 'node:fs/promises';
import type * as Api from '@duckdb/node-api';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import type { QueryAnswer, QuerySession } from '../../ports/row-engine.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import { judgeParseTree, PARSE_STATEMENT } from '../../sql/select-guard.ts';
import { openDuckdb } from './duckdb-instance.ts';
import type { DuckdbDriver, DuckdbInstance, DuckdbLimits } from './duckdb-instance.ts';
import { findDamage, nameDamage } from './query/damaged-files.ts';
import type { ReadFiles } from './query/damaged-files.ts';
import { fileRows, schemaColumns } from './query/file-rows.ts';
import { holdParts } from './local-files.ts';
import type { LocalFiles } from './local-files.ts';
import { deleteFilesOf, loadDeletes } from './position-deletes.ts';
import { createViews } from './query/query-views.ts';
import type { RowSources, ViewRequest } from './query/query-views.ts';
import { valuePrinter } from './query-text.ts';
import { openQueryReads } from './query/query-reads.ts';
import type { QueryReads } from './query/query-reads.ts';

/** What can be queried. */
export interface QueryRequest extends ViewRequest {
  /** Ends a query that runs; it throws the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a session needs of its engine. */
export interface QueryContext {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly limits: Omit<DuckdbLimits, 'folders' | 'files'>;
}

/** DuckDB forgets an interrupt that comes between two steps: it is told again until it ends. */
const INTERRUPT_INTERVAL_MS = 50;

/** Opens a session; its files stay at hand until it is closed. Its spill folder is removed then. */
export async function openQuerySession(
  context: QueryContext,
  request: QueryRequest,
): Promise<QuerySession> {
  const scans = [
    ...request.tables.flatMap(({ files }) => files),
    ...request.live.flatMap(({ base, ledger }) => [...base.files, ...ledger.files]),
  ];
  const data = scans.map(({ file }) => file);
  const deletes = deleteFilesOf(scans);
  const local = await holdParts(context.store, { parts: data, columns: 'later', whole: deletes });
  let reads: QueryReads | null = null;
  const release = async (): Promise<void> => {
    reads?.close();
    await local.release();
    await rm(context.limits.spillFolder, { recursive: true, force: true });
  };
  try {
    const paths = [...data, ...deletes].map((file) => local.path(file));
    await mkdir(context.limits.spillFolder, { recursive: true });
    const limits = { ...context.limits, folders: [], files: paths };
    const instance = await openDuckdb(limits, async (connection) => {
      try {
        await local.examine(connection);
        await createViews(connection, fileSources(connection, local), request);
      } catch (error) {
        throw await nameDamage(connection, [{ files: scans, local }], error);
      }
    });
    // A second instance knows the same views without files, to ask it what a query reads.
    reads = local.isPartial ? await openQueryReads(context.limits, request) : null;
    const bring = fileBringer(reads, local);
    const damage = (): Promise<FirnError | null> => askDamage(instance, { files: scans, local });
    let open = true;
    return {
      run: (sql, parameters = []) =>
        runQuery(instance, {
          sql,
          parameters,
          signal: request.signal,
          clock: context.clock,
          bring,
          damage,
        }),
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

/** Rows out of Parquet files at hand. */
function fileSources(connection: Api.DuckDBConnection, local: LocalFiles): RowSources {
  return {
    rows: ({ files, icebergSchema }) => fileRows({ files, local }, schemaColumns(icebergSchema)),
    loadDead: ({ files }, name) => loadDeletes(connection, { name, files, local, shared: true }),
  };
}

/** Brings what a query reads to hand, where files are there in part. */
type Bring = (
  connection: Api.DuckDBConnection,
  query: { readonly sql: string; readonly parameters: readonly string[] },
) => Promise<void>;

function fileBringer(reads: QueryReads | null, local: LocalFiles): Bring {
  return async (connection, { sql, parameters }) => {
    if (reads === null) return;
    for (const { table, fieldIds } of await reads.of(sql, parameters)) {
      const files = table.files.map(({ file }) => file);
      await local.bring(files, { connection, fieldIds });
    }
  };
}

async function runQuery(
  instance: DuckdbInstance,
  query: {
    readonly sql: string;
    readonly parameters: readonly string[];
    readonly signal: AbortSignal | undefined;
    readonly clock: Clock;
    readonly bring: Bring;
    readonly damage: AskDamage;
  },
): Promise<QueryAnswer> {
  const { sql, parameters, signal, clock, bring, damage } = query;
  const connection = await instance.connect();
  const over = new AbortController();
  const interrupt = (): void => {
    if (over.signal.aborted) return;
    connection.interrupt();
    void clock.sleep(INTERRUPT_INTERVAL_MS, over.signal).then(interrupt);
  };
  signal?.addEventListener('abort', interrupt);
  const release = (): void => {
    signal?.removeEventListener('abort', interrupt);
    over.abort();
    connection.closeSync();
  };
  try {
    signal?.throwIfAborted();
    const guard = { signal, damage };
    const result = await queryErrors(guard, async () => {
      const statement = await prepareSelect(connection, instance.driver, sql);
      await bring(connection, { sql, parameters });
      for (const [index, value] of parameters.entries()) statement.bindVarchar(index + 1, value);
      return statement.stream();
    });
    const columns = result.columnNames().map((name, index) => {
      return { name, type: result.columnType(index).toString() };
    });
    return { columns, rows: readAnswer(result, { driver: instance.driver, guard, release }) };
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
    readonly guard: QueryGuard;
    release(): void;
  },
): AsyncGenerator<readonly (readonly (string | null)[])[]> {
  const { driver, guard } = context;
  const printers = result.columnTypes().map((type) => valuePrinter(driver, type));
  try {
    for (;;) {
      const chunk = await queryErrors(guard, () => result.fetchChunk());
      if (chunk === null || chunk.rowCount === 0) return;
      yield chunk
        .getRows()
        .map((row) => row.map((value, index) => printers[index]?.(value) ?? null));
    }
  } finally {
    context.release();
  }
}

/** Asks whether a file is damaged; its error names it. */
type AskDamage = () => Promise<FirnError | null>;

async function askDamage(instance: DuckdbInstance, read: ReadFiles): Promise<FirnError | null> {
  const connection = await instance.connect();
  try {
    return await findDamage(connection, [read]);
  } finally {
    connection.closeSync();
  }
}

/** What can be behind an error of a query besides the query. */
interface QueryGuard {
  readonly signal: AbortSignal | undefined;
  readonly damage: AskDamage;
}

/** First words of faults of the query itself, after which no file is looked at. */
const QUERY_FAULTS = [
  'Binder',
  'Catalog',
  'Constraint',
  'Conversion',
  'Interrupt',
  'Out of Memory',
  'Out of Range',
  'Parser',
  'Permission',
  'Syntax',
];
const QUERY_FAULT = new RegExp(`^(?:${QUERY_FAULTS.join('|')})`, 'i');

/** DuckDB's message is for whoever wrote the query: it may quote the query and its own values. */
async function queryErrors<T>(guard: QueryGuard, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    guard.signal?.throwIfAborted();
    if (error instanceof FirnError) throw error;
    const isOfQuery = error instanceof Error && QUERY_FAULT.test(error.message);
    const damage = isOfQuery ? null : await guard.damage();
    if (damage !== null) throw damage;
    throw failed(error instanceof Error ? error.message : 'no message', error);
  }
}

function failed(what: string, cause?: unknown): FirnError {
  return new FirnError('QUERY-FAILED', { what, cause });
}

function notSelect(what: string): FirnError {
  return new FirnError('QUERY-NOT-SELECT', { what });
}
