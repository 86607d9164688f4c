/**
 * Failures of a cluster's engine that are no failure of the pipeline: Spark is away, is slow, or
 * could not carry out a statement. Nothing of it is in a base, so it is only tried again.
 */
import { isFirnError } from '../../kernel/firn-error.ts';
import type { FirnError } from '../../kernel/firn-error.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { StateFolder } from '../state/state-folder.ts';

const PAUSE_MS_FIRST = 2000;
const PAUSE_MS_MAX = 300_000;

/** Failures in a row after which a statement is not tried again by itself. */
const STATEMENTS_MAX = 5;

/** Whether an engine of the cluster is in trouble. */
export function isEngineTrouble(error: unknown): error is FirnError {
  return (
    isFirnError(error, 'CLUSTER-STATEMENT', 'CLUSTER-ANSWER', 'CLUSTER-REFUSED') ||
    isFirnError(error, 'CLUSTER-UNREACHABLE', 'CLUSTER-SILENT')
  );
}

/** How long to wait after so many failures in a row, in milliseconds; `null`: not by itself. */
export function troublePause(error: FirnError, failures: number): number | null {
  const passes = isFirnError(error, 'CLUSTER-UNREACHABLE', 'CLUSTER-SILENT');
  if (!passes && failures >= STATEMENTS_MAX) return null;
  return Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** (Math.max(1, failures) - 1));
}

/** Whether it stops one table: a statement of its own that fails again and again. */
export function isGivenUp(error: unknown, failures: number): error is FirnError {
  return isEngineTrouble(error) && troublePause(error, failures) === null;
}

/** Work that failed, by name: not tried again before that time. */
interface Rest {
  readonly failures: number;
  /** Monotonic time. */
  readonly untilMs: number;
}

const rests = new WeakMap<StateFolder, Map<string, Rest>>();

/**
 * Does work that may as well be done later: when the engine cannot, or the base moves, that is only
 * said, and the work rests, longer each time. `null`: it was left.
 */
export async function whenPossible<T>(
  work: () => Promise<T>,
  { name, parts }: { readonly name: string; readonly parts: Resting },
): Promise<T | null> {
  const { clock, state, signal } = parts;
  const known = rests.get(state) ?? new Map<string, Rest>();
  rests.set(state, known);
  const rest = known.get(name);
  if (rest !== undefined && clock.monotonicMs() < rest.untilMs) return null;
  try {
    const done = await work();
    known.delete(name);
    return done;
  } catch (error) {
    const isPassing = isEngineTrouble(error) || isFirnError(error, 'MERGE-BASE-MOVED');
    // Whoever ends the process is not told that it goes on.
    if (!isPassing || signal?.aborted === true) throw error;
    const failures = (rest?.failures ?? 0) + 1;
    const untilMs = clock.monotonicMs() + (troublePause(error, failures) ?? PAUSE_MS_MAX);
    known.set(name, { failures, untilMs });
    parts.onEvent({ kind: 'note', text: `${name} later: ${error.message}` });
    return null;
  }
}

type Resting = Pick<PipelineParts, 'onEvent' | 'signal' | 'clock' | 'state'>;
