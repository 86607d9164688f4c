/**
 * The task that loads tables whose base waits for it, beside the stream: one table after the other,
 * small ones in groups that share their marks.
 */
import { BOOTSTRAP_BRANCH_PREFIX, copyTable, publishCopy } from '../bootstrap/bootstrap-table.ts';
import { COPY_LIMITS } from '../bootstrap/copy-parts.ts';
import type { BootstrapParts, BootstrapTableRequest } from '../bootstrap/copy-parts.ts';
import { present } from '../kernel/assert.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import type { FirnError } from '../kernel/firn-error.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import { removeRef } from '../lake/commit-table.ts';
import type { BootstrapProgress } from '../model/bootstrap-progress.ts';
import { ledgerIdentifier } from '../ledger/ledger-table.ts';
import type { SourceMark } from '../ports/source.ts';
import { haltCapture } from './capture/halt-capture.ts';
import type { CapturedTable } from './captured-table.ts';
import { isCapturing } from './captured-table.ts';
import { rowLoader } from './cluster/copies/load-rows.ts';
import { isEngineTrouble, isGivenUp, troublePause } from './cluster/engine-trouble.ts';
import { ownBranches } from './state/branch-list.ts';
import { haltOf, haltsTable } from './state/halts.ts';
import { publishTable } from './commit-tables.ts';
import { baseWork, mergeParts } from './base-work.ts';
import { loadTable } from './merge-runner.ts';
import { storeHalts } from './open-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import type { RunState } from './run-state.ts';

/** How often the task looks for tables that wait. */
const TICK_MS = 200;

/** A bootstrap that starts again this often in a row halts its table. */
const RESTARTS_MAX = 5;

/**
 * Tables of so few rows, by the source's estimate, are loaded as a group: the marks, the wait for
 * the ledgers and their commit cost far more than the rows.
 */
const SMALL_ROWS_MAX = 10_000n;
const GROUP_TABLES_MAX = 100;

function isWaiting(table: CapturedTable): boolean {
  return table.needsBootstrap && table.base !== null && isCapturing(table);
}

function isSmall({ source }: CapturedTable): boolean {
  return source.rowsEstimate !== null && source.rowsEstimate <= SMALL_ROWS_MAX;
}

/** The tables to load next: one, or several that are small. */
function nextGroup(run: RunState): readonly CapturedTable[] {
  const waiting = [...run.tables.values()].filter(isWaiting);
  const small = waiting.filter(isSmall);
  return small.length > 0 ? small.slice(0, GROUP_TABLES_MAX) : waiting.slice(0, 1);
}

/** Loads waiting tables until `signal` aborts, or with `once` until none waits. */
export async function runBootstraps(
  parts: PipelineParts,
  run: RunState,
  options: { readonly signal: AbortSignal; readonly once: boolean },
): Promise<void> {
  const { signal, once } = options;
  const restarts = new Map<string, number>();
  while (!signal.aborted) {
    const tables = nextGroup(run);
    if (tables.length > 0) await bootstrapGroup(parts, run, { tables, signal, restarts });
    else if (once) return;
    else await parts.clock.sleep(TICK_MS, signal);
  }
}

/** Tables that are loaded together. */
interface Group {
  readonly tables: readonly CapturedTable[];
  readonly signal: AbortSignal;
  /** How often in a row the copy of a table was in vain. */
  readonly restarts: Map<string, number>;
}

/** One of them. */
interface BootstrapOne {
  readonly table: CapturedTable;
  readonly parts: BootstrapParts;
  readonly request: BootstrapTableRequest;
}

/** Copies the tables one after the other, then publishes them at one mark. */
async function bootstrapGroup(parts: PipelineParts, run: RunState, group: Group): Promise<void> {
  const { tables, signal } = group;
  const shared = sharedOf(parts, run, tables.length);
  try {
    const copies: { readonly one: BootstrapOne; readonly branch: string }[] = [];
    for (const table of tables) {
      if (signal.aborted) return;
      // It may have stopped while the others were copied.
      if (!isWaiting(table)) continue;
      const one = bootstrapOf(parts, run, { table, signal, shared });
      table.needsBootstrap = false;
      const branch = await settling(parts, run, {
        ...group,
        table,
        step: () => copyTable(one.parts, one.request),
      });
      if (branch !== null) copies.push({ one, branch });
    }
    if (copies.length === 0) return;
    const { completeTo: to } = await parts.source.highMark(run.epoch);
    await Promise.all(copies.map(({ one }) => run.ledgerReaches(one.table, to, signal)));
    for (const { one, branch } of copies) {
      if (signal.aborted) return;
      const { table } = one;
      await settling(parts, run, {
        ...group,
        table,
        async step() {
          await publishCopy(one.parts, one.request, { branch, to });
          group.restarts.delete(table.name);
          await tellPublished(parts, run, table);
        },
      });
    }
  } finally {
    for (const table of tables) table.bootstrap = null;
  }
}

/** What the tables of a group need once. */
interface Shared {
  readonly lowMark: () => Promise<SourceMark>;
  readonly newBranch: () => Promise<string>;
}

function sharedOf({ source, lake, state }: PipelineParts, run: RunState, count: number): Shared {
  let lowMark: Promise<SourceMark> | null = null;
  const branches: string[] = [];
  return {
    async lowMark() {
      lowMark ??= source.lowMark(run.epoch);
      try {
        return await lowMark;
      } catch (error) {
        // The next table takes one of its own.
        lowMark = null;
        throw error;
      }
    },
    async newBranch() {
      if (branches.length === 0) {
        const made = Array.from({ length: count }, () => {
          return BOOTSTRAP_BRANCH_PREFIX + uuidV7(lake.clock, lake.random);
        });
        await ownBranches(state, made);
        branches.push(...made);
      }
      return present(branches.shift(), 'a branch for each table');
    },
  };
}

/**
 * Runs a step of a table's bootstrap; `null`: it was not done, and the table waits again or is
 * halted.
 */
async function settling<T>(
  parts: PipelineParts,
  run: RunState,
  work: Pick<Group, 'signal' | 'restarts'> & {
    readonly table: CapturedTable;
    readonly step: () => Promise<T>;
  },
): Promise<T | null> {
  const { table, restarts } = work;
  try {
    return await work.step();
  } catch (error) {
    table.bootstrap = null;
    table.needsBootstrap = true;
    if (isFirnError(error, 'BOOTSTRAP-STOPPED') || work.signal.aborted) return null;
    // The table stopped meanwhile, and says why.
    if (!isCapturing(table)) return null;
    if (isFirnError(error, 'SOURCE-TABLE-CHANGED')) {
      await startOver(parts, run, { table, error });
      return null;
    }
    // A cluster that cannot load, or cannot replay the ledger now: the chunks are in, and stay.
    const isTrouble = isEngineTrouble(error);
    const isInVain = isTrouble || isFirnError(error, 'BOOTSTRAP-RESTARTED');
    const count = isInVain ? (restarts.get(table.name) ?? 0) + 1 : 0;
    // One that is away comes back, and meanwhile the ledgers go on.
    const isPassing = isTrouble && !isGivenUp(error, count);
    restarts.set(table.name, isPassing ? count : count % RESTARTS_MAX);
    if (isPassing || (isInVain && count < RESTARTS_MAX)) {
      if (isTrouble) await parts.clock.sleep(troublePause(error, count) ?? 0, work.signal);
      return null;
    }
    if (!haltsTable(error) && !isGivenUp(error, count)) throw error;
    table.needsBootstrap = false;
    const sinceMs = parts.clock.nowMs();
    table.halt = haltOf(error, { scope: 'merge', recovery: 'operator', sinceMs });
    await storeHalts(parts, [...run.tables.values()]);
    parts.onEvent({ kind: 'halted', table: table.name, halt: table.halt });
    return null;
  }
}

/**
 * The source has other columns than were registered, and no change of its log will tell: it is an
 * older copy, for one. Opened again the table has the present ones, and is loaded again.
 */
async function startOver(
  parts: PipelineParts,
  run: RunState,
  { table, error }: { readonly table: CapturedTable; readonly error: FirnError },
): Promise<void> {
  await run.inStream(() => haltCapture(parts, run, { table, error, recovery: 'bootstrap' }));
}

async function tellPublished(
  parts: PipelineParts,
  run: RunState,
  table: CapturedTable,
): Promise<void> {
  const { rows } = present(table.bootstrap, 'a running bootstrap').progress;
  table.unmerged = true;
  table.bootstrap = null;
  if (table.halt?.scope === 'merge') {
    table.halt = null;
    await storeHalts(parts, [...run.tables.values()]);
  }
  parts.onEvent({ kind: 'published', table: table.name, rows });
}

function bootstrapOf(
  parts: PipelineParts,
  run: RunState,
  one: {
    readonly table: CapturedTable;
    readonly signal: AbortSignal;
    readonly shared: Shared;
  },
): BootstrapOne {
  const { table, signal, shared } = one;
  const base = present(table.base, 'the base of a bootstrap');
  const { schema } = table;
  return {
    table,
    request: {
      schema,
      epoch: run.epoch,
      limits: parts.copyLimits ?? COPY_LIMITS,
      signal,
    },
    parts: {
      ...mergeParts(parts),
      ...shared,
      merge: async (request) => (await baseWork(parts)).merge(request),
      source: parts.source,
      ...rowLoader(parts, { table, epoch: run.epoch, signal }),
      loadBase: () => loadTable(parts, base.identifier, base.tableUuid),
      loadLedger: () => loadTable(parts, ledgerIdentifier(schema), null),
      job: (job) => parts.lake.queues.job(base.tableUuid, job),
      removeRef: (request) => removeRef(parts.lake, request),
      publish: (request) => publishTable(parts, request),
      onProgress: progressOf(parts, table),
    },
  };
}

/** Takes note of the progress of a table, and tells it. */
function progressOf(
  parts: PipelineParts,
  table: CapturedTable,
): (progress: BootstrapProgress) => void {
  const startedMs = parts.clock.monotonicMs();
  const { rowsEstimate } = table.source;
  return (progress) => {
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
  };
}
