/**
 * Single values in memory and as bytes: partition values, bounds, literals. The values of a type:
 *
 * - boolean: `boolean`; int, float, double: `number`; date: `number`, days since 1970-01-01
 * - long: `bigint`; decimal: `bigint`, unscaled; time: `bigint`, microseconds since midnight;
 *   timestamp and timestamptz: `bigint`, microseconds, the `_ns` types nanoseconds, since 1970
 * - string: `string`; fixed, binary: `Uint8Array`; uuid: `Uint8Array` of 16 bytes, big-endian
 *
 * The bytes are those of column and partition bounds (Iceberg spec, Appendix D). They do not name
 * their type, so a column widened since they were written is recognised by their length (spec,
 * "Schema Evolution"). A bound may be wider than the values it bounds, never narrower, and is never
 * NaN.
 */
import { assert, AssertionError } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { formatType } from './iceberg-type.ts';
import type { IcebergType, PrimitiveType } from './iceberg-type.ts';

/** A single value of a primitive type, or `null`. */
export type IcebergValue = null | boolean | number | bigint | string | Uint8Array;

/** A single value that is there. */
export type PresentValue = Exclude<IcebergValue, null>;

const DECIMAL_BYTES_MAX = 16;
const MICROS_PER_DAY = 86_400_000_000n;
// A byte order mark is part of the value; bytes that are not UTF-8 are an error.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

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

/** The first `count` code points of `text`; a surrogate pair is one and is never split. */
export function firstCodePoints(text: string, count: number): string {
  if (text.length <= count) return text;
  let end = 0;
  for (let left = count; left > 0 && end < text.length; left--) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

/** `value`, which its type says is a boolean. */
export function expectBoolean(value: PresentValue): boolean {
  assert(typeof value === 'boolean', `expected a boolean value, got a ${typeof value}`);
  return value;
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

/**
 * The fewest bytes that hold `unscaled` in two's complement, big-endian: a new array of 1 to 16
 * bytes. The form of decimals in bounds and, hashed, in buckets.
 */
export function decimalToBytes(unscaled: bigint): Uint8Array {
  assert(BigInt.asIntN(128, unscaled) === unscaled, 'a decimal must fit 128 bits');
  const bytes = new Uint8Array(DECIMAL_BYTES_MAX);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, unscaled >> 64n);
  view.setBigInt64(8, BigInt.asIntN(64, unscaled));
  const padding = unscaled < 0n ? 0xff : 0x00;
  let start = 0;
  while (start < DECIMAL_BYTES_MAX - 1) {
    const signStays = ((bytes[start + 1] ?? 0) & 0x80) === (padding & 0x80);
    if (bytes[start] !== padding || !signStays) break;
    start++;
  }
  return bytes.slice(start);
}

/** The unscaled value of 1 to 16 bytes; `null` for any other number of them. */
export function decimalFromBytes(bytes: Uint8Array): bigint | null {
  if (bytes.length === 0 || bytes.length > DECIMAL_BYTES_MAX) return null;
  let value = BigInt.asIntN(8, BigInt(bytes[0] ?? 0));
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  return value;
}

/** The bytes of a value of `type`; a new array. Nested types and `unknown` have none. */
export function encodeSingleValue(type: IcebergType, value: PresentValue): Uint8Array {
  switch (type.kind) {
    case 'boolean':
      return Uint8Array.of(expectBoolean(value) ? 1 : 0);
    case 'int':
    case 'date':
      return scalar(4, (view) => view.setInt32(0, expectNumber(value), true));
    case 'float':
      return scalar(4, (view) => view.setFloat32(0, expectNumber(value), true));
    case 'double':
      return scalar(8, (view) => view.setFloat64(0, expectNumber(value), true));
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return scalar(8, (view) => view.setBigInt64(0, expectBigint(value), true));
    case 'decimal':
      return decimalToBytes(expectBigint(value));
    case 'string':
      return Uint8Array.from(Buffer.from(expectText(value), 'utf8'));
    case 'uuid':
    case 'fixed':
    case 'binary':
      return copyOf(expectBytes(value));
    default:
      throw new AssertionError(`${formatType(type)} has no single values`);
  }
}

/**
 * The value of a bound of a column now of type `type`, written when the column was of that type or
 * of one it can be widened from. A NaN, which a careless writer may have left as bound, is `null`:
 * no bound.
 *
 * @throws {FirnError} ICEBERG-VALUE-INVALID when the bytes fit no such type
 */
export function decodeBound(type: IcebergType, bytes: Uint8Array): IcebergValue {
  const value = decodeSingleValue(type, bytes);
  return Number.isNaN(value) ? null : value;
}

/**
 * The value of the bytes of {@link encodeSingleValue}, also when `type` was widened since.
 *
 * @throws {FirnError} ICEBERG-VALUE-INVALID when the bytes fit no such type
 */
function decodeSingleValue(type: IcebergType, bytes: Uint8Array): PresentValue {
  const value = decode(type, bytes);
  if (value === null) {
    throw new FirnError('ICEBERG-VALUE-INVALID', {
      what: `${bytes.length} bytes are not a value of type ${formatType(type)}`,
    });
  }
  return value;
}

/** A bound before it is written. */
export interface Bound {
  readonly type: PrimitiveType;
  readonly value: PresentValue;
  /** Longest text in code points or bytes in bytes; `null` keeps the whole value. */
  readonly lengthMax: number | null;
}

/**
 * The bytes of a lower bound, `null` where the value cannot be one (NaN). Long text and bytes are
 * cut, which only makes them smaller; zero becomes -0.0, so that it also bounds that.
 */
export function encodeLowerBound(bound: Bound): Uint8Array | null {
  const { type, value, lengthMax } = bound;
  if (typeof value === 'number' && isFloating(type)) {
    if (Number.isNaN(value)) return null;
    return encodeSingleValue(type, value === 0 ? -0 : value);
  }
  if (lengthMax !== null && typeof value === 'string') {
    return encodeSingleValue(type, firstCodePoints(value, lengthMax));
  }
  if (lengthMax !== null && value instanceof Uint8Array && type.kind === 'binary') {
    return copyOf(value.subarray(0, lengthMax));
  }
  return encodeSingleValue(type, value);
}

/**
 * The bytes of an upper bound, `null` where there is none: for NaN, and for a cut value that has no
 * successor of its length. Text or bytes that are cut are then made the next larger of that length;
 * zero becomes +0.0.
 */
export function encodeUpperBound(bound: Bound): Uint8Array | null {
  const { type, value, lengthMax } = bound;
  if (typeof value === 'number' && isFloating(type)) {
    if (Number.isNaN(value)) return null;
    return encodeSingleValue(type, value === 0 ? 0 : value);
  }
  if (lengthMax !== null && typeof value === 'string') {
    const cut = firstCodePoints(value, lengthMax);
    const above = cut.length === value.length ? value : nextText(cut);
    return above === null ? null : encodeSingleValue(type, above);
  }
  if (lengthMax !== null && value instanceof Uint8Array && type.kind === 'binary') {
    return value.length <= lengthMax ? copyOf(value) : nextBytes(value.subarray(0, lengthMax));
  }
  return encodeSingleValue(type, value);
}

function isFloating(type: PrimitiveType): boolean {
  return type.kind === 'float' || type.kind === 'double';
}

/** The smallest text above everything that starts with `text`, or `null` when there is none. */
function nextText(text: string): string | null {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last < 0x10ffff) {
      // Surrogates are no characters: the successor of U+D7FF is U+E000.
      const next = last + 1 >= 0xd800 && last + 1 <= 0xdfff ? 0xe000 : last + 1;
      return String.fromCodePoint(...points, next);
    }
  }
  return null;
}

/** The smallest bytes above everything that starts with `bytes`, or `null` when there are none. */
function nextBytes(bytes: Uint8Array): Uint8Array | null {
  for (let last = bytes.length - 1; last >= 0; last--) {
    const byte = bytes[last] ?? 0;
    if (byte < 0xff) {
      const next = copyOf(bytes.subarray(0, last + 1));
      next[last] = byte + 1;
      return next;
    }
  }
  return null;
}

/** A copy; a Buffer's own `slice` would share the memory. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function scalar(length: number, write: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  write(new DataView(bytes.buffer));
  return bytes;
}

/** The value, or `null` where the length does not fit the type or the bytes are not UTF-8. */
function decode(type: IcebergType, bytes: Uint8Array): PresentValue | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { length } = bytes;
  switch (type.kind) {
    case 'boolean':
      return length === 1 ? bytes[0] !== 0 : null;
    case 'int':
    case 'date':
      return length === 4 ? view.getInt32(0, true) : null;
    case 'long':
      return length === 4 ? BigInt(view.getInt32(0, true)) : decodeLong(view);
    case 'float':
      return length === 4 ? view.getFloat32(0, true) : null;
    case 'double':
      if (length === 4) return view.getFloat32(0, true);
      return length === 8 ? view.getFloat64(0, true) : null;
    case 'time':
    case 'timestamptz':
    case 'timestamptz_ns':
      return decodeLong(view);
    case 'timestamp':
      return length === 4 ? BigInt(view.getInt32(0, true)) * MICROS_PER_DAY : decodeLong(view);
    case 'timestamp_ns':
      return length === 4
        ? BigInt(view.getInt32(0, true)) * MICROS_PER_DAY * 1000n
        : decodeLong(view);
    case 'decimal':
      return decimalFromBytes(bytes);
    case 'string':
      return decodeText(bytes);
    case 'uuid':
      return length === 16 ? copyOf(bytes) : null;
    case 'fixed':
      // A writer may have cut the bound; more bytes than the type has are wrong.
      return length <= type.lengthBytes ? copyOf(bytes) : null;
    case 'binary':
      return copyOf(bytes);
    default:
      return null;
  }
}

function decodeLong(view: DataView): bigint | null {
  return view.byteLength === 8 ? view.getBigInt64(0, true) : null;
}

function decodeText(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    // Not UTF-8: the caller turns null into an error that names the type.
    return null;
  }
}
