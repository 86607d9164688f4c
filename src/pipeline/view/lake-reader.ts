/** Queries over the lake: SQL, the history of a key, changes as they arrive. Reads only. */
import { MAIN_BRANCH, refSnapshot } from '../../iceberg/snapshot.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { scanFiles } from '../../lake/scan-files.ts';
import { keyColumns } from '../../model/table-schema.ts';
import type { LoadedTable } from '../../ports/catalog.ts';
import type { QueryAnswer, QuerySession, RowEngine } from '../../ports/row-engine.ts';
import { historyQuery, tailQuery } from '../../sql/ledger-queries.ts';
import { findView, queryTable, queryTablesOf, viewTables } from './lake-view.ts';
import type { LakeReaderParts, TableView } from './lake-view.ts';

/** How fresh a table is. */
export interface TableFreshness {
  readonly table: string;
  /** Commit time of the newest ledger snapshot, Unix milliseconds; `null`: none. */
  readonly ledgerMs: number | null;
  /** Commit time of the newest base snapshot, Unix milliseconds; `null`: not published. */
  readonly baseMs: number | null;
}

/** Queries over one pipeline's lake. */
export interface LakeReader {
  /**
   * Runs one SELECT over bases, ledgers and `<table>_live`. Close the session after the rows. When
   * `signal` aborts, a query that runs ends and throws the reason.
   */
  query(
    sql: string,
    signal?: AbortSignal,
  ): Promise<{
    readonly answer: QueryAnswer;
    readonly freshness: readonly TableFreshness[];
    readonly session: QuerySession;
  }>;
  /** Every ledger row of one key, in order. `key`: key columns as text, in key order. */
  history(
    table: string,
    key: readonly string[],
  ): Promise<{ readonly answer: QueryAnswer; readonly session: QuerySession }>;
  /** Ledger rows that arrive from now on, until `signal` aborts. */
  tail(options: {
    readonly table: string | null;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  }): AsyncIterable<TailRows>;
}

/** Rows of one ledger commit. */
export interface TailRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** How often a tail looks for new commits. */
const TAIL_INTERVAL_MS = 500;

/** Opens queries over what the catalog has. */
export function openLakeReader(parts: LakeReaderParts, engine: RowEngine): LakeReader {
  return {
    query: (sql, signal) => runQuery(parts, engine, { sql, ...(signal && { signal }) }),
    history: (table, key) => readHistory(parts, engine, { table, key }),
    tail: (options) => tailLedgers(parts, engine, options),
  };
}

async function runQuery(
  parts: LakeReaderParts,
  engine: RowEngine,
  query: { readonly sql: string; readonly signal?: AbortSignal },
): ReturnType<LakeReader['query']> {
  const views = await viewTables(parts);
  const opened = await Promise.all(views.map((view) => queryTablesOf(parts, view)));
  const { sql, ...ending } = query;
  const session = await engine.openQuery({
    ...ending,
    tables: opened.flatMap((one) => one.tables),
    live: opened.flatMap((one) => (one.live === null ? [] : [one.live])),
  });
  try {
    const answer = await session.run(sql);
    return { answer, freshness: views.map(freshnessOf), session };
  } catch (error) {
    await session.close();
    throw error;
  }
}

function freshnessOf(view: TableView): TableFreshness {
  return {
    table: view.name,
    ledgerMs: committedMs(view.ledger),
    baseMs: view.base === null || view.baseState === null ? null : committedMs(view.base),
  };
}

/** When main came to be as it is: other branches are nothing that anybody reads. */
function committedMs({ metadata }: LoadedTable): number | null {
  return refSnapshot(metadata, MAIN_BRANCH)?.timestampMs ?? null;
}

async function readHistory(
  parts: LakeReaderParts,
  engine: RowEngine,
  request: { readonly table: string; readonly key: readonly string[] },
): ReturnType<LakeReader['history']> {
  const view = findView(await viewTables(parts), request.table);
  const columns = keyColumns(view.schema);
  if (columns.length === 0 || columns.length !== request.key.length) {
    const names = columns.map((column) => column.name).join(', ');
    throw new FirnError('QUERY-KEY-MISMATCH', {
      what:
        columns.length === 0
          ? 'The table has no key, so there is no history of one.'
          : `The key has ${columns.length} column(s): ${names}; ${request.key.length} given.`,
      where: view.name,
    });
  }
  const ledger = await queryTable(parts, view.ledger);
  const session = await engine.openQuery({ tables: [ledger], live: [] });
  try {
    const answer = await session.run(historyQuery(ledger, columns), request.key);
    return { answer, session };
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function* tailLedgers(
  parts: LakeReaderParts,
  engine: RowEngine,
  options: Parameters<LakeReader['tail']>[0],
): AsyncGenerator<TailRows> {
  const { clock, signal, table } = options;
  const seen = new Map<string, bigint>();
  for (let round = 0; !signal.aborted; round++) {
    const views = await viewTables(parts);
    for (const view of table === null ? views : [findView(views, table)]) {
      const { metadata } = view.ledger;
      const above = seen.get(view.name) ?? (round === 0 ? metadata.lastSequenceNumber : 0n);
      seen.set(view.name, metadata.lastSequenceNumber);
      if (metadata.lastSequenceNumber <= above) continue;
      const files = await scanFiles(parts, {
        metadata,
        ref: MAIN_BRANCH,
        dataSequenceAbove: above,
      });
      if (files.length > 0) yield* readArrived(parts, engine, { view, files });
    }
    await clock.sleep(TAIL_INTERVAL_MS, signal);
  }
}

async function* readArrived(
  parts: LakeReaderParts,
  engine: RowEngine,
  arrived: { readonly view: TableView; readonly files: Awaited<ReturnType<typeof scanFiles>> },
): AsyncGenerator<TailRows> {
  const ledger = { ...(await queryTable(parts, arrived.view.ledger)), files: arrived.files };
  const session = await engine.openQuery({ tables: [ledger], live: [] });
  try {
    const answer = await session.run(tailQuery(ledger));
    const columns = answer.columns.map((column) => column.name);
    for await (const rows of answer.rows) yield { table: arrived.view.name, columns, rows };
  } finally {
    await session.close();
  }
}
