/**
 * The process that owns a pipeline: it runs it, answers other commands over the control socket, and
 * stores the status where those find it who come when nobody runs.
 */
import { hostname } from 'node:os';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { formatStatus, parseStatus } from '../monitor/status-codec.ts';
import type { HaltStatus, OwnerStatus, StatusDocument } from '../monitor/status-document.ts';
import { carryOut } from './control/control-commands.ts';
import type { ControlCommand } from './control/control-commands.ts';
import { listenForRequests } from './control/control-socket.ts';
import { removalTimeMs } from './dropped-tables.ts';
import { readHalts } from './state/halts.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import { runPipeline } from './pipeline-runner.ts';
import type { RunState } from './run-state.ts';
import { ruleFor } from './state/schema-store.ts';
import { buildStatus } from './view/status-builder.ts';

/** How an owner runs its pipeline. */
export interface OwnerRequest {
  readonly once: boolean;
  readonly signal: AbortSignal;
  readonly socketPath: string;
  readonly processId: number;
}

/** How often the status is stored. */
const STATUS_INTERVAL_MS = 5000;

/**
 * A status looks at every table of the lake: of thousands it is stored so rarely that it takes a
 * hundredth of the time. Whoever asks the owner gets one of that moment.
 */
const STATUS_PAUSES = 100;
const STATUS_INTERVAL_MS_MAX = 300_000;

/** How long a request waits for the first run to be open. */
const START_MS_MAX = 10_000;

const TICK_MS = 100;

/** Runs a pipeline whose lock this process holds, until stopped, or once. */
export async function runAsOwner(parts: PipelineParts, request: OwnerRequest): Promise<void> {
  const { clock } = parts;
  const { signal } = request;
  const owner: OwnerStatus = {
    processId: request.processId,
    host: hostname(),
    sinceMs: Math.trunc(clock.nowMs()),
  };
  let run: RunState | null = null;
  let trouble: HaltStatus | null = null;
  const presentRun = (): RunState | null => run;
  const now = (): StatusNow => ({ run, owner, trouble });
  const troubled = (error: TroubleText): void => {
    const { code, what, remedy } = error;
    trouble = { code, what, remedy, sinceMs: trouble?.sinceMs ?? Math.trunc(clock.nowMs()) };
  };
  const socket = await listenForRequests(request.socketPath, async (asked, progress) => {
    if (asked.command === 'status') return statusText(parts, now());
    const current = await startedRun(parts, presentRun, signal);
    // Commands come from our own program; an unknown one ends in carryOut's exhaustive switch.
    const command = asked.command as ControlCommand;
    return carryOut(parts, current, { command, arguments: asked.arguments, progress });
  });
  const ended = new AbortController();
  const reporting = reportStatus(parts, now, ended.signal);
  try {
    const onEvent: PipelineParts['onEvent'] = (event) => {
      if (event.kind === 'retrying') troubled(event);
      if (event.kind === 'started') trouble = null;
      parts.onEvent(event);
    };
    await runPipeline(
      { ...parts, onEvent },
      {
        once: request.once,
        signal,
        onRun: (next) => {
          run = next ?? run;
        },
      },
    );
  } catch (error) {
    if (isFirnError(error)) troubled(error);
    throw error;
  } finally {
    ended.abort();
    await reporting;
    await storeStatus(parts, { ...now(), owner: null });
    await socket.close();
  }
}

type TroubleText = Pick<HaltStatus, 'code' | 'what' | 'remedy'>;

/** The run that requests work on; waits while the pipeline starts, or opens its tables again. */
async function startedRun(
  parts: PipelineParts,
  run: () => RunState | null,
  signal: AbortSignal,
): Promise<RunState> {
  for (let waitedMs = 0; waitedMs < START_MS_MAX; waitedMs += TICK_MS) {
    const present = run();
    if (present !== null && !present.restart.signal.aborted) return present;
    await parts.clock.sleep(TICK_MS, signal);
  }
  throw new FirnError('PIPELINE-REQUEST-FAILED', { what: 'The pipeline is still starting.' });
}

interface StatusNow {
  readonly run: RunState | null;
  readonly owner: OwnerStatus | null;
  /** What keeps the whole pipeline from working, or ended it. */
  readonly trouble: HaltStatus | null;
}

async function reportStatus(
  parts: PipelineParts,
  now: () => StatusNow,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = parts;
  let pauseMs = STATUS_INTERVAL_MS;
  while (!signal.aborted) {
    await clock.sleep(pauseMs, signal);
    if (signal.aborted) return;
    const startMs = clock.monotonicMs();
    await storeStatus(parts, now());
    const tookMs = clock.monotonicMs() - startMs;
    const spacedMs = Math.min(STATUS_INTERVAL_MS_MAX, tookMs * STATUS_PAUSES);
    pauseMs = Math.max(STATUS_INTERVAL_MS, spacedMs);
  }
}

/** Stores what the status is now. */
export async function storeStatus(parts: PipelineParts, now: StatusNow): Promise<void> {
  try {
    await parts.state.write('status.json', await statusText(parts, now));
  } catch (error) {
    // A status is for people; what keeps it from being stored stops the run elsewhere, by name.
    if (!isFirnError(error)) throw error;
  }
}

/** The status as it is now; where it cannot be made, the one stored last with what is wrong. */
async function statusText(parts: PipelineParts, now: StatusNow): Promise<string> {
  try {
    return await currentStatus(parts, now);
  } catch (error) {
    const { state } = parts;
    const text = now.trouble === null ? null : await state.read('status.json');
    if (text === null) throw error;
    const { owner, trouble: halted } = now;
    const stored = parseStatus(text, state.locationOf('status.json'));
    return formatStatus({ ...stored, owner, halted });
  }
}

async function currentStatus(parts: PipelineParts, now: StatusNow): Promise<string> {
  const { label } = await parts.source.identify();
  const { store, catalog, state, clock } = parts;
  const { engine, cluster } = parts.config;
  const status = await buildStatus({
    store,
    catalog,
    state,
    run: now.run,
    owner: now.owner,
    halted: now.trouble,
    pipeline: parts.config.name,
    engine,
    sourceLabel: label,
    nowMs: clock.nowMs(),
    monotonicMs: clock.monotonicMs(),
    halts: await readHalts(state),
    isNamed: (table) => ruleFor(parts.config, table) !== null,
    removalTimeMs: (table, halt) => removalTimeMs(parts.config, table, halt),
    source: parts.source,
    topicRetentionMs: engine === 'cluster' ? (cluster?.kafka.retentionMs ?? null) : null,
  });
  measure(parts, status);
  return formatStatus(status);
}

/** Sets the gauges that a status knows. */
function measure({ metrics }: PipelineParts, status: StatusDocument): void {
  if (status.lagChanges !== null) metrics.set('firn_source_lag_changes', {}, status.lagChanges);
  for (const { table, base, halted, deadLetters } of status.tables) {
    metrics.set('firn_table_halted', { table }, halted === null ? 0 : 1);
    if (deadLetters !== null) metrics.set('firn_dead_letters', { table }, deadLetters);
    if (base === null) continue;
    metrics.set('firn_base_files', { table, content: 'data' }, base.files);
    metrics.set('firn_base_files', { table, content: 'deletes' }, base.deleteFiles);
    metrics.set('firn_base_deleted_rows', { table }, base.deletedRows);
  }
}
