/** Crossing between `bigint` and `number` without ever losing a digit. */
import { assert } from './assert.ts';

/**
 * `value` as a number. For counts, offsets and sizes whose bound the caller has checked; a value
 * outside ±(2^53 - 1) is a programmer error.
 *
 * @throws {AssertionError} when a number cannot hold `value` exactly
 */
export function toSafeNumber(value: bigint): number {
  const number = Number(value);
  assert(Number.isSafeInteger(number), `${value} is outside the integers a number holds exactly`);
  return number;
}
