/**
 * A clock on which waiting takes a part of its time: what the product gives up in minutes, a test
 * sees in seconds.
 */
import { systemClock } from '../../src/kernel/clock.ts';
import type { Clock } from '../../src/kernel/clock.ts';

/** A clock that runs `factor` times as fast as the machine's. */
export function hurriedClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs() * factor,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}
