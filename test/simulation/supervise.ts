/**
 * Keeps a pipeline running in a simulated world as a service manager does: what dies is started
 * again as a new process, until its time is over. Counts how often.
 */
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { runPipeline } from '../../src/pipeline/pipeline-runner.ts';
import type { RunState } from '../../src/pipeline/run-state.ts';
import type { FaultPlan } from '../faults/fault-plan.ts';
import { noFault } from './simulated-world.ts';
import type { SimulatedProcess, SimulatedWorld } from './simulated-world.ts';

/** What happened while a pipeline was kept running. */
export interface Watch {
  starts: number;
  crashes: number;
  /** Codes of errors that ended a process. */
  readonly stops: string[];
}

/** What a pipeline is to do. */
export interface Duty {
  /** Catch up and end; else run until `signal`. */
  readonly once: boolean;
  /** Asks the process to end. */
  readonly signal?: AbortSignal;
  /** Fault of the first process; the ones after it have none. */
  readonly plan?: FaultPlan;
  /** Hears of the run that is going on, and of its end. */
  readonly onRun?: (process: SimulatedProcess, run: RunState | null) => void;
  /** Called with each process before it begins. */
  readonly onStart?: (process: SimulatedProcess) => void;
}

/** Starts of one duty at most: more would be a pipeline that never comes to work. */
const STARTS_MAX = 6;

const RESTART_MS = 100;

/** Keeps a pipeline running. Throws what no fault explains. */
export async function supervise(world: SimulatedWorld, duty: Duty, watch: Watch): Promise<void> {
  const { clock } = world;
  for (let start = 0; start < STARTS_MAX; start++) {
    if (duty.signal?.aborted === true) return;
    const plan = start === 0 && duty.plan !== undefined ? duty.plan : noFault();
    const process = world.start(plan);
    duty.onStart?.(process);
    watch.starts += 1;
    const end = await runProcess(process, duty);
    await process.parts.engine.close();
    if (end.kind === 'done') return;
    if (end.kind === 'crash') watch.crashes += 1;
    else watch.stops.push(end.code);
    await clock.sleep(RESTART_MS);
  }
  throw new Error(`the pipeline was started ${STARTS_MAX} times`);
}

type End =
  | { readonly kind: 'done' }
  | { readonly kind: 'crash' }
  | { readonly kind: 'stop'; readonly code: string };

async function runProcess(process: SimulatedProcess, duty: Duty): Promise<End> {
  try {
    await runPipeline(process.parts, {
      once: duty.once,
      signal: duty.signal ?? new AbortController().signal,
      onRun: (run) => duty.onRun?.(process, run),
    });
    return process.plan.crashed ? { kind: 'crash' } : { kind: 'done' };
  } catch (error) {
    if (process.plan.crashed) return { kind: 'crash' };
    // A disturbed operation may end a process with a code, and a late one the last commit before a
    // regular end; nothing else may.
    const isLate = duty.signal?.aborted === true && isFirnError(error, 'LEDGER-LATE-COMMIT');
    if (!isLate && (!process.plan.fired || !isFirnError(error))) throw error;
    return { kind: 'stop', code: error.code };
  }
}
