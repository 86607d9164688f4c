/**
 * The task that brings bases up to their ledgers at the merge interval, and keeps their files few.
 * One merge at a time: the embedded engine uses all threads for it.
 */
import { MAIN_BRANCH } from '../iceberg/snapshot.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { ledgerIdentifier } from '../ledger/ledger-table.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import { baseWork } from './base-work.ts';
import type { CapturedTable } from './captured-table.ts';
import { isEngineTrouble, troublePause } from './cluster/engine-trouble.ts';
import { haltOf, haltsTable } from './state/halts.ts';
import { storeHalts } from './open-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import type { RunState } from './run-state.ts';

/** How often the task looks for due merges. */
const TICK_MS = 200;

/** A merge whose base was moved meanwhile is planned again this often. */
const PLANS_MAX = 5;

/** Merges when the interval has passed since the last merge began, until `signal` aborts. */
export async function runMerges(
  parts: PipelineParts,
  run: RunState,
  signal: AbortSignal,
): Promise<void> {
  const { clock, config } = parts;
  const troubles = new Map<CapturedTable, Trouble>();
  while (!signal.aborted) {
    for (const table of run.tables.values()) {
      if (signal.aborted) return;
      const nowMs = clock.monotonicMs();
      const isDue = nowMs - (table.mergeBegunMs ?? -Infinity) >= config.base.mergeIntervalMs;
      if (!isDue || nowMs < (troubles.get(table)?.untilMs ?? 0)) continue;
      try {
        await mergeTable(parts, run, table);
        troubles.delete(table);
      } catch (error) {
        if (!isEngineTrouble(error)) throw error;
        // Ended from here.
        if (signal.aborted) return;
        const failures = (troubles.get(table)?.failures ?? 0) + 1;
        const untilMs = await waitAfter(parts, run, { table, error, failures });
        troubles.set(table, { failures, untilMs });
      }
    }
    await clock.sleep(TICK_MS, signal);
  }
}

/** What keeps the cluster from merging a table. */
interface Trouble {
  /** In a row. */
  readonly failures: number;
  /** Monotonic time of the next try. */
  readonly untilMs: number;
}

/** When a merge that the cluster could not make is tried again; what never passes halts. */
async function waitAfter(
  parts: PipelineParts,
  run: RunState,
  failed: { readonly table: CapturedTable; readonly error: FirnError; readonly failures: number },
): Promise<number> {
  const { table, error, failures } = failed;
  const pauseMs = troublePause(error, failures);
  table.unmerged = true;
  table.mergeBegunMs = null;
  if (pauseMs === null) {
    await haltMerge(parts, run, table, error);
    return 0;
  }
  const text = `${table.name} is merged again in ${Math.ceil(pauseMs / 1000)} s: ${error.message}`;
  parts.onEvent({ kind: 'note', text });
  return parts.clock.monotonicMs() + pauseMs;
}

/** Merges one table now, where there is something to merge and nothing forbids it. */
export async function mergeTable(
  parts: PipelineParts,
  run: RunState,
  table: CapturedTable,
): Promise<void> {
  const { base } = table;
  if (base === null || !table.unmerged || table.halt?.scope === 'merge') return;
  try {
    await parts.lake.queues.job(base.tableUuid, () =>
      mergeNow(parts, run, { table, identifier: base.identifier }),
    );
  } catch (error) {
    if (!haltsTable(error)) throw error;
    await haltMerge(parts, run, table, error);
  }
}

async function haltMerge(
  parts: PipelineParts,
  run: RunState,
  table: CapturedTable,
  error: FirnError,
): Promise<void> {
  const sinceMs = parts.clock.nowMs();
  table.halt ??= haltOf(error, { scope: 'merge', recovery: 'operator', sinceMs });
  await storeHalts(parts, [...run.tables.values()]);
  parts.onEvent({ kind: 'halted', table: table.name, halt: table.halt });
}

/** Merges one table with the pipeline's engine, and compacts its base. */
async function mergeNow(
  parts: PipelineParts,
  run: RunState,
  subject: { readonly table: CapturedTable; readonly identifier: TableIdentifier },
): Promise<void> {
  const { table, identifier } = subject;
  const startMs = parts.clock.monotonicMs();
  table.mergeBegunMs = startMs;
  // Cleared first: a commit to the ledger from here on asks for another merge.
  table.unmerged = false;
  const work = await baseWork(parts);
  for (let plan = 1; ; plan++) {
    // Taken before the ledger is read: never newer than what the merge sees.
    const { commitTsUs } = run;
    const [ledger, base] = await Promise.all([
      loadTable(parts, ledgerIdentifier(table.schema), null),
      loadTable(parts, identifier, table.base?.tableUuid ?? null),
    ]);
    const { schema } = table;
    try {
      const outcome = await work.merge({
        schema,
        ledger,
        base,
        ref: MAIN_BRANCH,
        commitTsUs,
      });
      if (outcome.kind === 'idle') return;
      const { rowsInserted, rowsDeleted, window } = outcome.report;
      const elapsedMs = parts.clock.monotonicMs() - startMs;
      const { name } = table;
      const { events } = window;
      parts.metrics.observe('firn_merge_seconds', { table: name }, elapsedMs / 1000);
      countRows(parts, name, { rowsInserted, rowsDeleted });
      if (events > 0) {
        const counts = { events, rowsInserted, rowsDeleted, elapsedMs };
        parts.onEvent({ kind: 'merged', table: name, ...counts });
      }
      const compacted = await work.compact({ schema, base: outcome.base });
      if (compacted !== null) parts.onEvent({ kind: 'compacted', table: name, ...compacted });
      return;
    } catch (error) {
      if (!isFirnError(error, 'MERGE-BASE-MOVED') || plan >= PLANS_MAX) throw error;
    }
  }
}

function countRows(
  parts: PipelineParts,
  table: string,
  counts: { readonly rowsInserted: number; readonly rowsDeleted: number },
): void {
  const { metrics } = parts;
  metrics.add('firn_merge_rows_total', { table, change: 'inserted' }, counts.rowsInserted);
  metrics.add('firn_merge_rows_total', { table, change: 'deleted' }, counts.rowsDeleted);
}

/**
 * A table of ours as the catalog has it now.
 *
 * @param tableUuid the table that is meant; `null`: whichever has the name
 * @throws FirnError CATALOG-TABLE-GONE, CATALOG-TABLE-REPLACED
 */
export async function loadTable(
  parts: PipelineParts,
  identifier: TableIdentifier,
  tableUuid: string | null,
): Promise<LoadedTable> {
  const table = await parts.catalog.loadTable(identifier);
  const where = `${identifier.namespace}.${identifier.name}`;
  if (table === null) {
    throw new FirnError('CATALOG-TABLE-GONE', { what: 'the table was dropped', where });
  }
  if (tableUuid !== null && table.metadata.tableUuid !== tableUuid) {
    const what = `its uuid is ${table.metadata.tableUuid}`;
    throw new FirnError('CATALOG-TABLE-REPLACED', { what, where });
  }
  return table;
}
