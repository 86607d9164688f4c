/** `toSafeNumber` keeps every integer a number can hold and refuses the first one it cannot. */
import { throws, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from './assert.ts';
import { toSafeNumber } from './integers.ts';

test('keeps the whole safe range exactly', () => {
  for (const value of [0n, 1n, -1n, 2n ** 53n - 1n, -(2n ** 53n) + 1n]) {
    equal(BigInt(toSafeNumber(value)), value);
  }
});

test('refuses what a number would round', () => {
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    throws(() => toSafeNumber(value), AssertionError);
  }
});
