/**
 * Single values in memory: partition values, bounds, literals. What a type's values are:
 *
 * - boolean: `boolean`; int, float, double: `number`; date: `number`, days since 1970-01-01
 * - long: `bigint`; decimal: `bigint`, unscaled; time: `bigint`, microseconds since midnight;
 *   timestamp and timestamptz: `bigint`, microseconds, the `_ns` types nanoseconds, since 1970
 * - string: `string`; fixed, binary: `Uint8Array`; uuid: `Uint8Array` of 16 bytes, big-endian
 *
 * `null` is a value of every type.
 */
import { assert } from '../kernel/assert.ts';
import { formatType } from './iceberg-type.ts';
import type { IcebergType } from './iceberg-type.ts';

/** A single value of a primitive type, or `null`. */
export type IcebergValue = null | boolean | number | bigint | string | Uint8Array;

/** A single value that is there. */
export type PresentValue = Exclude<IcebergValue, null>;

/**
 * The order of a type's values, as bounds and sorting use it: numbers by size with -0.0 before +0.0
 * and NaN last (IEEE 754 totalOrder), strings by code point, which is the order of their UTF-8
 * bytes, bytes unsigned, false before true.
 *
 * @returns a comparator: negative, zero or positive
 */
export function valueOrder(type: IcebergType): (left: PresentValue, right: PresentValue) => number {
  return (left, right) => {
    if (typeof left === 'bigint' && typeof right === 'bigint') {
      return left < right ? -1 : left > right ? 1 : 0;
    }
    if (typeof left === 'number' && typeof right === 'number') return compareNumbers(left, right);
    if (typeof left === 'string' && typeof right === 'string') return compareText(left, right);
    if (left instanceof Uint8Array && right instanceof Uint8Array) {
      return Buffer.compare(left, right);
    }
    assert(
      typeof left === 'boolean' && typeof right === 'boolean',
      `a ${typeof left} and a ${typeof right} cannot both be values of ${formatType(type)}`,
    );
    return left === right ? 0 : left ? 1 : -1;
  };
}

/** Whether two values are the same; bytes by content, NaN equal to itself, -0.0 not to +0.0. */
export function sameValue(left: IcebergValue, right: IcebergValue): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return Buffer.compare(left, right) === 0;
  }
  return Object.is(left, right);
}

/** The first `count` code points of `text`; a surrogate pair is one and is never split. */
export function firstCodePoints(text: string, count: number): string {
  if (text.length <= count) return text;
  let end = 0;
  for (let left = count; left > 0 && end < text.length; left--) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

/** `value`, which its type says is a number. */
export function expectNumber(value: PresentValue): number {
  assert(typeof value === 'number', `expected a number value, got a ${typeof value}`);
  return value;
}

/** `value`, which its type says is a bigint. */
export function expectBigint(value: PresentValue): bigint {
  assert(typeof value === 'bigint', `expected a bigint value, got a ${typeof value}`);
  return value;
}

/** `value`, which its type says is text. */
export function expectText(value: PresentValue): string {
  assert(typeof value === 'string', `expected a string value, got a ${typeof value}`);
  return value;
}

/** `value`, which its type says is bytes. */
export function expectBytes(value: PresentValue): Uint8Array {
  assert(value instanceof Uint8Array, `expected a byte value, got a ${typeof value}`);
  return value;
}

function compareNumbers(left: number, right: number): number {
  if (left < right) return -1;
  if (left > right) return 1;
  if (left === right) return left !== 0 ? 0 : signOfZero(left) - signOfZero(right);
  return (Number.isNaN(left) ? 1 : 0) - (Number.isNaN(right) ? 1 : 0);
}

function signOfZero(zero: number): number {
  return Object.is(zero, -0) ? 0 : 1;
}

/** Compares by code point. UTF-16 units differ from that only above the surrogates. */
function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index++) {
    const leftUnit = left.charCodeAt(index);
    const rightUnit = right.charCodeAt(index);
    if (leftUnit !== rightUnit) return codePointRank(leftUnit) - codePointRank(rightUnit);
  }
  return left.length - right.length;
}

/** Moves surrogates (code points from U+10000) behind U+E000 to U+FFFF. */
function codePointRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
