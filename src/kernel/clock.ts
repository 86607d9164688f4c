/**
 * Time as a value that is handed in. Nothing outside this file reads a clock or sets a timer, so a
 * test can run hours of a pipeline in a millisecond and repeat a run exactly.
 */

/** Source of time. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z; may jump. For names and labels only. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. For intervals and time-outs. */
  monotonicMs(): number;
  /**
   * Resolves after `ms` milliseconds, or as soon as `signal` aborts. Never rejects: callers ask
   * `signal.aborted`.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  // Not the timers of promises: what they throw when aborted costs more than the timer, and
  // nearly every sleep beside a stream of events is.
  sleep(ms, signal) {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal?.addEventListener('abort', end);
    });
  },
};
