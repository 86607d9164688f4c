/**
 * The checkpoints of a job as they were seen. What a job has read by one of them is on its branches
 * a moment after it, or after the next; a job that was started anew counts from none. Pure.
 */

/** What was seen of a job. */
export interface SeenCheckpoints {
  /** Number of the newest one; `null`: there is none yet. */
  readonly newest: number | null;
  /** Monotonic times at which the last ones were seen, in order. */
  readonly timesMs: readonly number[];
}

/** Of a job that was not looked at yet. */
export const NO_CHECKPOINTS: SeenCheckpoints = { newest: null, timesMs: [] };

/** Checkpoints that are remembered. */
const TIMES = 3;

/** What was seen, after a look that found `newest`; the same object where that is nothing new. */
export function withCheckpoint(
  seen: SeenCheckpoints,
  newest: number | null,
  nowMs: number,
): SeenCheckpoints {
  if (newest === seen.newest) return seen;
  // Without a checkpoint it is another job, or may be.
  return newest === null
    ? NO_CHECKPOINTS
    : { newest, timesMs: [...seen.timesMs, nowMs].slice(-TIMES) };
}

/** The time since which the job has completed two checkpoints; `-Infinity`: it has not. */
export function settledMs({ timesMs }: SeenCheckpoints): number {
  const [first = -Infinity] = timesMs;
  return timesMs.length < TIMES ? -Infinity : first;
}
