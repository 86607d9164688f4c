/** The only retry loop: bounded attempts, exponential pauses with jitter, stopped by a signal. */
import type { Clock } from './clock.ts';
import { isFirnError } from './firn-error.ts';
import type { Random } from './random.ts';

/** Bounds of one retry loop. */
export interface RetryPolicy {
  /** Attempts in all, at least 1. */
  readonly attemptsMax: number;
  /** Pause before the second attempt; doubled before each further one. */
  readonly pauseMs: number;
  /** Longest pause. */
  readonly pauseMsMax: number;
}

/** What a retry loop needs from outside. */
export interface RetryContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
}

/** Five attempts over about three seconds: enough for a busy file, short enough for a person. */
export const defaultRetryPolicy: RetryPolicy = { attemptsMax: 5, pauseMs: 100, pauseMsMax: 2000 };

/**
 * Runs `attempt` until it succeeds, fails with something else than a `retry` disposition, or the
 * attempts are used up; then the last error is thrown.
 */
export async function retry<T>(
  context: RetryContext,
  policy: RetryPolicy,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      const transient = isFirnError(error) && error.disposition === 'retry';
      if (!transient || count >= policy.attemptsMax || context.signal?.aborted === true)
        throw error;
    }
    const ceilingMs = Math.min(policy.pauseMsMax, policy.pauseMs * 2 ** (count - 1));
    const jitter = (context.random.bytes(1)[0] ?? 0) / 255;
    await context.clock.sleep(ceilingMs * (0.5 + jitter / 2), context.signal);
  }
}
