/**
 * The supervisor of one pipeline: opens the tables, runs stream, bootstraps and merges beside one
 * another, and starts over from the committed state after a failure that may pass. Whatever fails,
 * nothing that is not committed is kept, so starting over is always safe.
 */
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { LedgerStage } from '../ledger/ledger-stage.ts';
import { writeTarget } from '../base/base-table.ts';
import { runBootstraps } from './bootstrap-runner.ts';
import { commitToTables } from './commit-tables.ts';
import { watchRetired } from './dropped-tables.ts';
import { retainLedgers, runMaintenance } from './control/maintain-tables.ts';
import { engineTasks } from './cluster/engine-tasks.ts';
import type { EngineTasks } from './cluster/engine-tasks.ts';
import { mergeTable, runMerges } from './merge-runner.ts';
import { openTables } from './open-tables.ts';
import type { OpenedTables } from './open-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import { RunState } from './run-state.ts';
import { openSchemaStore } from './state/schema-store.ts';

/** How long a pipeline runs, and who hears of each start. */
export interface RunRequest {
  /** Catch up with the source as it stands now, merge, end. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  /** Carried out in place of reading and merging, once the tables are open. */
  readonly instead?: (run: RunState) => Promise<void>;
  /** Called with the state of each new run, and with `null` when a run is over. */
  readonly onRun: (run: RunState | null) => void;
}

/** Failures in a row, without a commit in between, after which catching up ends. */
const FAILURES_MAX = 8;

/** A pipeline that runs on outlasts a server that is away for so long. */
const FAILING_MS_MAX = 60 * 60 * 1000;

const PAUSE_MS_FIRST = 250;
const PAUSE_MS_MAX = 30_000;

/** Runs until stopped; or once. Throws what no further try can pass. */
export async function runPipeline(parts: PipelineParts, request: RunRequest): Promise<void> {
  const failing = { count: 0, sinceMs: 0 };
  const late = new Set<string>();
  while (!request.signal.aborted) {
    const stop = new AbortController();
    const restart = new AbortController();
    const signal = AbortSignal.any([request.signal, restart.signal, stop.signal]);
    const last: { run: RunState | null } = { run: null };
    const onRun = (run: RunState | null): void => {
      last.run = run ?? last.run;
      request.onRun(run);
    };
    try {
      await runOnce(parts, { ...request, signal, stop, restart, onRun });
      if (request.once && !restart.signal.aborted) return;
    } catch (error) {
      // A stop cuts off requests that are on their way: that is no failure.
      if (request.signal.aborted && mayPass(error)) return;
      if (request.signal.aborted) throw error;
      if (isFirnError(error, 'LEDGER-LATE-COMMIT')) {
        forgiveOnce(error, late);
        continue;
      }
      if (!mayPass(error)) throw error;
      const nowMs = parts.clock.monotonicMs();
      if (last.run?.hasCommitted === true) failing.count = 0;
      if (failing.count++ === 0) failing.sinceMs = nowMs;
      const isTooMuch = request.once
        ? failing.count >= FAILURES_MAX
        : nowMs - failing.sinceMs >= FAILING_MS_MAX;
      if (isTooMuch) throw error;
      const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** (failing.count - 1));
      const { code, what, remedy } = error;
      parts.onEvent({ kind: 'retrying', code, what, remedy, inMs: pauseMs });
      await parts.clock.sleep(pauseMs, request.signal);
    } finally {
      request.onRun(null);
    }
  }
}

/**
 * Before this process has committed to a table, another writer may be an earlier process of the
 * pipeline whose commit arrived late: once per table the run goes on from the new head
 * (docs/spec/commit.md C7).
 */
function forgiveOnce(error: FirnError, late: Set<string>): void {
  const { what, where } = error;
  if (where !== null && !late.has(where)) {
    late.add(where);
    return;
  }
  const cause = error;
  throw new FirnError('LEDGER-OTHER-WRITER', { what, cause, ...(where === null ? {} : { where }) });
}

function mayPass(error: unknown): error is FirnError {
  return isFirnError(error) && ['retry', 'refresh', 'verify'].includes(error.disposition);
}

interface OneRun extends RunRequest {
  /** Ends all tasks of the run as soon as one of them failed. */
  readonly stop: AbortController;
  readonly restart: AbortController;
}

async function runOnce(parts: PipelineParts, request: OneRun): Promise<void> {
  const schemas = await openSchemaStore(parts.state, parts.config);
  // Only what a person asked for is carried out in place of reading.
  const tasks = await engineTasks(parts, { resumes: request.instead !== undefined });
  const opened = await openTables(parts, schemas, tasks);
  const stage = new LedgerStage({
    commit: async (requests) => {
      const results = await commitToTables(parts, requests);
      run.hasCommitted = true;
      return results;
    },
    openWriter: (table) => parts.engine.ledgerWriter(writeTarget(table.metadata)),
  });
  for (const ledger of opened.ledgers) stage.add(ledger);
  const { epoch, tables, known, absentUntil } = opened;
  parts.onEvent({ kind: 'started', tables: tables.map(({ name }) => name), epoch });
  const { restart } = request;
  const about = { epoch, tables, known, absentUntil };
  const run = new RunState({ ...about, stage, schemas, restart });
  request.onRun(run);
  // A task that waits for the stream, which ends now, would hold up the end of the run for ever.
  request.signal.addEventListener('abort', () => run.end(), { once: true });
  try {
    if (request.instead !== undefined) await request.instead(run);
    else if (request.once) await catchUp(parts, run, { ...request, opened, tasks });
    else await follow(parts, run, { ...request, opened, tasks });
  } finally {
    run.end();
  }
}

interface OpenedRun extends OneRun {
  readonly opened: OpenedTables;
  readonly tasks: EngineTasks;
}

/** Runs all tasks beside one another until one fails or the signal aborts. */
async function follow(parts: PipelineParts, run: RunState, request: OpenedRun): Promise<void> {
  const { signal, stop, opened, tasks } = request;
  await together(run, stop, [
    tasks.stream(run, { from: opened.from, own: opened.own, once: false, signal }),
    tasks.watch(run, signal),
    runBootstraps(parts, run, { signal, once: false }),
    runMerges(parts, run, signal),
    runMaintenance(parts, run, signal),
    watchRetired(parts, run, signal),
  ]);
}

/** Reads what is in the source now, loads what waits, merges everything. */
async function catchUp(parts: PipelineParts, run: RunState, request: OpenedRun): Promise<void> {
  const { signal, stop, opened, tasks } = request;
  const bootstraps = run.hold(() => runBootstraps(parts, run, { signal, once: true }));
  const passes = async (): Promise<void> => {
    let { from, own } = opened;
    // A bootstrap waits for what is written until its last chunk was read: another pass is due.
    for (let held = true; held && !signal.aborted;) {
      held = run.isHeld;
      await tasks.stream(run, { from, own, once: true, signal });
      // All tables have come there.
      if (run.position !== null) [from, own] = [run.position, new Map()];
      // Who held it may have let go during the pass.
      if (run.isHeld) await pause(parts, run, signal);
    }
  };
  await together(run, stop, [bootstraps, passes()]);
  if (signal.aborted) return;
  for (const table of run.tables.values()) await mergeTable(parts, run, table);
  await retainLedgers(parts);
}

/**
 * A pass connects to the source four times at least, some 40 ms of processor time, so they are not
 * made one right after another, unless somebody waits for what the next one brings.
 */
const PASS_PAUSE_MS = 5000;
const AWAITED_PASS_PAUSE_MS = 50;

/** Waits for the next pass; ends at once when somebody needs the stream. */
async function pause(parts: PipelineParts, run: RunState, signal: AbortSignal): Promise<void> {
  const sleeper = new AbortController();
  const stop = (): void => sleeper.abort();
  signal.addEventListener('abort', stop, { once: true });
  const ms = run.isWaitedFor ? AWAITED_PASS_PAUSE_MS : PASS_PAUSE_MS;
  if (!signal.aborted) await run.sleep(parts.clock, ms, sleeper);
  signal.removeEventListener('abort', stop);
}

/** Waits for all; the first failure ends the others and is thrown. */
async function together(
  run: RunState,
  stop: AbortController,
  tasks: readonly Promise<void>[],
): Promise<void> {
  const settled = await Promise.allSettled(
    tasks.map((task) =>
      task.catch((error: unknown) => {
        stop.abort();
        throw error;
      }),
    ),
  );
  const failed = settled
    .filter((result) => result.status === 'rejected')
    .filter(({ reason }) => reason !== run.over);
  const worst = failed.find((result) => !mayPass(result.reason)) ?? failed[0];
  if (worst !== undefined) throw worst.reason;
}
