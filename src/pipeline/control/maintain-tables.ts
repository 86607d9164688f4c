/** One round of maintenance: retention of ledgers, compaction of bases, left-over files. */
import { baseStateOf } from '../../base/base-table.ts';
import { BOOTSTRAP_BRANCH_PREFIX } from '../../bootstrap/bootstrap-table.ts';
import { MAIN_BRANCH } from '../../iceberg/snapshot.ts';
import { ORPHAN_AGE_MS, removeOrphanFiles } from '../../lake/orphan-files.ts';
import { scanFiles } from '../../lake/scan-files.ts';
import type { BaseState } from '../../lake/table-state.ts';
import { ledgerStateOf, ledgerTable, stateCommit } from '../../ledger/ledger-table.ts';
import type { LedgerTable } from '../../ledger/ledger-table.ts';
import { appendTimesNow, chooseExpiredFiles } from '../../maintenance/retain-ledger.ts';
import type { LoadedTable } from '../../ports/catalog.ts';
import { removeLeftovers } from '../adapters.ts';
import { commitToTable } from '../commit-tables.ts';
import { viewTables } from '../view/lake-view.ts';
import type { TableView } from '../view/lake-view.ts';
import { baseWork } from '../base-work.ts';
import { dropOldRefs, forgetGoneBranches } from './drop-refs.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import { haltsTable } from '../state/halts.ts';
import type { RunState } from '../run-state.ts';

/** What one round did to one table. */
export interface MaintenanceReport {
  readonly table: string;
  readonly ledgerFilesExpired: number;
  readonly baseFilesCompacted: number;
  readonly orphansRemoved: number;
  /** Old mains and left-over branches. */
  readonly refsRemoved: number;
}

/**
 * Maintains all tables, one after the other. `run`: the run that holds the ledgers, if there is
 * one.
 */
export async function maintainTables(
  parts: PipelineParts,
  run: RunState | null,
): Promise<readonly MaintenanceReport[]> {
  await removeLeftovers(parts);
  const reports: MaintenanceReport[] = [];
  const views = await viewTables(parts);
  await forgetGoneBranches(
    parts,
    views.flatMap(({ ledger, base }) => (base === null ? [ledger] : [ledger, base])),
  );
  for (const view of views) {
    reports.push({
      table: view.name,
      ledgerFilesExpired: await leavingHalted(() => retainLedger(parts, run, view)),
      baseFilesCompacted: await leavingHalted(() => compact(parts, view)),
      refsRemoved: view.base === null ? 0 : await dropOldRefs(parts, view.base),
      orphansRemoved: await removeOrphans(parts, view),
    });
  }
  return reports;
}

/** Work on one table; one that is not as Firn left it is left alone: merge or stream halt it. */
async function leavingHalted(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!haltsTable(error)) throw error;
    return 0;
  }
}

/** How often maintenance runs by itself. */
const MAINTENANCE_INTERVAL_MS = 60 * 60 * 1000;

/** Applies the retention of all ledgers when no run holds them. */
export async function retainLedgers(parts: PipelineParts): Promise<void> {
  for (const view of await viewTables(parts)) {
    await leavingHalted(() => retainLedger(parts, null, view));
  }
}

/** Maintains all tables once an hour, until `signal` aborts. */
export async function runMaintenance(
  parts: PipelineParts,
  run: RunState,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await parts.clock.sleep(MAINTENANCE_INTERVAL_MS, signal);
    if (signal.aborted) return;
    await maintainTables(parts, run);
  }
}

async function compact(parts: PipelineParts, view: TableView): Promise<number> {
  const { base, schema } = view;
  if (base === null) return 0;
  const report = await parts.lake.queues.job(base.metadata.tableUuid, async () => {
    const now = (await parts.catalog.loadTable(base.identifier)) ?? base;
    return (await baseWork(parts)).compact({ schema, base: now });
  });
  return report?.filesBefore ?? 0;
}

async function removeOrphans(parts: PipelineParts, view: TableView): Promise<number> {
  let removed = 0;
  for (const table of view.base === null ? [view.ledger] : [view.ledger, view.base]) {
    const { identifier } = table;
    const report = await removeOrphanFiles(parts.lake, { identifier, ageMsMin: ORPHAN_AGE_MS });
    removed += report.removed;
  }
  return removed;
}

async function retainLedger(
  parts: PipelineParts,
  run: RunState | null,
  view: TableView,
): Promise<number> {
  if (run === null) {
    const state = ledgerStateOf(view.ledger);
    if (state === null) return 0;
    const ledger = ledgerTable(view.schema, view.ledger, state);
    return (await expireFiles(parts, view, ledger))?.removed ?? 0;
  }
  return run.inStream(async () => {
    const ledger = run.stage.table(view.schema.table);
    const expired = ledger === null ? null : await expireFiles(parts, view, ledger);
    if (expired === null) return 0;
    run.stage.replace(expired.ledger);
    return expired.removed;
  });
}

async function expireFiles(
  parts: PipelineParts,
  view: TableView,
  ledger: LedgerTable,
): Promise<{ readonly ledger: LedgerTable; readonly removed: number } | null> {
  const { base, schema } = view;
  const bases = base === null ? [] : await baseStates(parts, base);
  const request = {
    ledger,
    files: await scanFiles(parts, { metadata: ledger.metadata, ref: MAIN_BRANCH }),
    bases,
    ledgerOnly: schema.keyColumnIds.length === 0,
    retentionMs: parts.config.ledger.retentionMs,
    nowMs: parts.clock.nowMs(),
  };
  const appended = appendTimesNow(request) ?? ledger.state.appended;
  const retention = chooseExpiredFiles(request);
  if (retention === null && appended === ledger.state.appended) return null;
  const { retainedFrom, files } = retention ?? { ...ledger.state, files: [] };
  const state = { ...ledger.state, appended, retainedFrom };
  const result = await commitToTable(parts, {
    ...stateCommit(ledger, state, null),
    operation: files.length === 0 ? 'append' : 'delete',
    removed: files.map((scan) => scan.file),
    rebase: 'never',
  });
  if (result.kind !== 'committed') return null;
  return { ledger: ledgerTable(ledger.schema, result.table, state), removed: files.length };
}

/** States of main and of bootstrap branches, as they are now; other refs have no say. */
async function baseStates(parts: PipelineParts, base: LoadedTable): Promise<readonly BaseState[]> {
  const now = (await parts.catalog.loadTable(base.identifier)) ?? base;
  const states: BaseState[] = [];
  for (const [name, ref] of Object.entries(now.metadata.refs)) {
    const ours = name === MAIN_BRANCH || name.startsWith(BOOTSTRAP_BRANCH_PREFIX);
    if (ref.kind !== 'branch' || !ours) continue;
    const state = baseStateOf(now, name);
    if (state !== null) states.push(state);
  }
  return states;
}
