/**
 * Time that passes only when nobody has anything else to do: sleeping tasks wake one after the
 * other, each as soon as all others wait. Hours of a pipeline pass in milliseconds, and a run over
 * parts in memory repeats exactly.
 */
import { setImmediate as macrotask } from 'node:timers/promises';
import type { Clock } from '../../src/kernel/clock.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** A clock that {@link VirtualClock.run} moves. */
export class VirtualClock implements Clock {
  #nowMs = Date.UTC(2026, 0, 1);
  #order = 0;
  #busy = 0;
  readonly #sleepers = new Set<Sleeper>();

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal?.aborted === true) return Promise.resolve();
    const wake = (): void => {
      this.#sleepers.delete(sleeper);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const dueMs = this.#nowMs + Math.max(0, ms);
    const sleeper: Sleeper = { dueMs, order: this.#order++, wake };
    this.#sleepers.add(sleeper);
    signal?.addEventListener('abort', wake);
    return promise;
  }

  /** Time stands still while `work`, which waits for something real, is going on. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work;
    } finally {
      this.#busy -= 1;
    }
  }

  /** Lets time pass until `work` is done. Fails when everybody waits and nobody sleeps. */
  async run<T>(work: Promise<T>): Promise<T> {
    const state = { done: false };
    const finished = work.finally(() => {
      state.done = true;
    });
    // Reported by the caller, who awaits `finished`.
    finished.catch(() => undefined);
    for (let idleMs = performance.now(); !state.done;) {
      await macrotask();
      if (state.done) break;
      // Real work takes as long as it takes on a busy machine; the test's own limit ends it.
      if (this.#busy > 0 || isReadingFiles()) {
        idleMs = performance.now();
        continue;
      }
      const next = this.#next();
      if (next === null) {
        if (performance.now() - idleMs < IDLE_MS_MAX) continue;
        throw new Error('everybody waits and nobody sleeps');
      }
      idleMs = performance.now();
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
    }
    return finished;
  }

  #next(): Sleeper | null {
    let first: Sleeper | null = null;
    for (const sleeper of this.#sleepers) {
      const isEarlier =
        first === null ||
        sleeper.dueMs < first.dueMs ||
        (sleeper.dueMs === first.dueMs && sleeper.order < first.order);
      if (isEarlier) first = sleeper;
    }
    return first;
  }
}

/** Whether somebody waits for the file system: time would pass by chance meanwhile. */
function isReadingFiles(): boolean {
  return process.getActiveResourcesInfo().some((resource) => resource.startsWith('FSReq'));
}

/** After so long without a sleeper, in real time, a run has hung. */
const IDLE_MS_MAX = 5_000;
