/** The task that loads tables whose base waits for it, one after the other, beside the stream. */
import { bootstrapTable } from '../bootstrap/bootstrap-table.ts';
import type { BootstrapParts } from '../bootstrap/bootstrap-table.ts';
import { present } from '../kernel/assert.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import { removeRef } from '../lake/commit-table.ts';
import { ledgerIdentifier } from '../ledger/ledger-table.ts';
import type { CapturedTable } from './captured-table.ts';
import { isCapturing } from './captured-table.ts';
import { ownBranch } from './state/branch-list.ts';
import { haltOf, haltsTable } from './state/halts.ts';
import { publishTable } from './commit-tables.ts';
import { loadTable, mergeParts } from './merge-runner.ts';
import { storeHalts } from './open-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import type { RunState } from './run-state.ts';

/** Rows per read of the source. */
const CHUNK_ROWS_MAX = 20_000;

/** Bytes of a table held between two commits at most. */
const GROUP_BYTES_MAX = 512 * 1024 * 1024;

/** How often the task looks for tables that wait. */
const TICK_MS = 200;

/** A bootstrap that starts again this often in a row halts its table. */
const RESTARTS_MAX = 5;

function isWaiting(table: CapturedTable): boolean {
  return table.needsBootstrap && table.base !== null && isCapturing(table);
}

/** Loads waiting tables until `signal` aborts, or with `once` until none waits. */
export async function runBootstraps(
  parts: PipelineParts,
  run: RunState,
  options: { readonly signal: AbortSignal; readonly once: boolean },
): Promise<void> {
  const { signal, once } = options;
  while (!signal.aborted) {
    const next = [...run.tables.values()].find(isWaiting);
    if (next !== undefined) await bootstrapOne(parts, run, { table: next, signal });
    else if (once) return;
    else await parts.clock.sleep(TICK_MS, signal);
  }
}

interface BootstrapOne {
  readonly table: CapturedTable;
  readonly signal: AbortSignal;
}

async function bootstrapOne(parts: PipelineParts, run: RunState, one: BootstrapOne): Promise<void> {
  const { table, signal } = one;
  for (let attempt = 1; ; attempt++) {
    table.needsBootstrap = false;
    try {
      const published = await bootstrapTable(bootstrapParts(parts, run, one), {
        schema: table.schema,
        epoch: run.epoch,
        chunkRowsMax: CHUNK_ROWS_MAX,
        groupBytesMax: GROUP_BYTES_MAX,
        signal,
      });
      const rows = present(table.bootstrap, 'a running bootstrap').progress.rows;
      table.unmerged = true;
      if (table.halt?.scope === 'merge') await clearHalt(parts, run, table);
      parts.onEvent({ kind: 'published', table: table.name, rows });
      if (published.metadata.currentSnapshotId !== null) return;
    } catch (error) {
      table.needsBootstrap = true;
      if (isFirnError(error, 'BOOTSTRAP-STOPPED') || signal.aborted) return;
      // The table stopped meanwhile, and says why.
      if (!isCapturing(table)) return;
      if (isFirnError(error, 'BOOTSTRAP-RESTARTED') && attempt < RESTARTS_MAX) continue;
      if (!haltsTable(error)) throw error;
      table.needsBootstrap = false;
      const sinceMs = parts.clock.nowMs();
      table.halt = haltOf(error, { scope: 'merge', recovery: 'operator', sinceMs });
      await storeHalts(parts, [...run.tables.values()]);
      parts.onEvent({ kind: 'halted', table: table.name, halt: table.halt });
      return;
    } finally {
      table.bootstrap = null;
    }
  }
}

async function clearHalt(parts: PipelineParts, run: RunState, table: CapturedTable): Promise<void> {
  table.halt = null;
  await storeHalts(parts, [...run.tables.values()]);
}

function bootstrapParts(parts: PipelineParts, run: RunState, one: BootstrapOne): BootstrapParts {
  const { table, signal } = one;
  const base = present(table.base, 'the base of a bootstrap');
  const startedMs = parts.clock.monotonicMs();
  const { rowsEstimate } = table.source;
  return {
    ...mergeParts(parts),
    source: parts.source,
    loadBase: () => loadTable(parts, base.identifier, base.tableUuid),
    loadLedger: () => loadTable(parts, ledgerIdentifier(table.schema), null),
    job: (job) => parts.lake.queues.job(base.tableUuid, job),
    removeRef: (request) => removeRef(parts.lake, request),
    publish: (request) => publishTable(parts, request),
    ownBranch: (branch) => ownBranch(parts.state, branch),
    ledgerReaches: (mark) => run.ledgerReaches(table, mark, signal),
    onProgress: (progress) => {
      const rowsAtStart = table.bootstrap?.rowsAtStart ?? progress.rows;
      const rowsBefore = table.bootstrap?.progress.rows ?? progress.rows;
      const copied = Math.max(0, progress.rows - rowsBefore);
      parts.metrics.add('firn_bootstrap_rows_total', { table: table.name }, copied);
      table.bootstrap = { progress, rowsAtStart, startedMs };
      parts.onEvent({
        kind: 'bootstrap-progress',
        table: table.name,
        rows: progress.rows,
        rowsTotal: rowsEstimate === null ? null : toSafeNumber(rowsEstimate),
      });
    },
  };
}
