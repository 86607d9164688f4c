/**
 * Partition and sort transforms (Iceberg spec, "Partition Transforms"): their text, result types
 * and application to single values. A null value always gives null. A transform that Firn does not
 * know is kept by its text, so that a table which once used it stays readable; applying it is
 * refused.
 */
import { assert, unreachable } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import { formatType } from './iceberg-type.ts';
import type { IcebergType } from './iceberg-type.ts';
import { bucketOfHash, hashByteRun, hashInt64 } from './murmur3.ts';
import {
  decimalToBytes,
  expectBigint,
  expectBytes,
  expectNumber,
  expectText,
  firstCodePoints,
} from './single-value.ts';
import type { IcebergValue, PresentValue } from './single-value.ts';

/** A transform. `count` and `width` are 1 to 2^31 - 1. */
export type Transform =
  | { readonly kind: 'identity' }
  | { readonly kind: 'bucket'; readonly count: number }
  | { readonly kind: 'truncate'; readonly width: number }
  | { readonly kind: 'year' }
  | { readonly kind: 'month' }
  | { readonly kind: 'day' }
  | { readonly kind: 'hour' }
  | { readonly kind: 'void' }
  | { readonly kind: 'unknown'; readonly text: string };

const INT_MAX = 2147483647;
const MICROS_PER_HOUR = 3_600_000_000n;
const MICROS_PER_DAY = 86_400_000_000n;

/** Reads a transform's text, for example `bucket[16]`. */
export function parseTransform(text: string): Transform {
  const parameter = /^(bucket|truncate)\[(\d{1,10})\]$/.exec(text);
  if (parameter !== null) {
    const value = Number.parseInt(parameter[2] ?? '', 10);
    if (value < 1 || value > INT_MAX) return { kind: 'unknown', text };
    return parameter[1] === 'bucket'
      ? { kind: 'bucket', count: value }
      : { kind: 'truncate', width: value };
  }
  switch (text) {
    case 'identity':
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'void':
      return { kind: text };
    default:
      return { kind: 'unknown', text };
  }
}

/** The text of a transform, as table metadata stores it. */
export function formatTransform(transform: Transform): string {
  switch (transform.kind) {
    case 'bucket':
      return `bucket[${transform.count}]`;
    case 'truncate':
      return `truncate[${transform.width}]`;
    case 'unknown':
      return transform.text;
    default:
      return transform.kind;
  }
}

/** Whether a column of type `source` can go through `transform`. */
export function acceptsType(transform: Transform, source: IcebergType): boolean {
  switch (transform.kind) {
    case 'identity':
      return source.kind !== 'struct' && source.kind !== 'list' && source.kind !== 'map';
    case 'bucket':
      return hashOf(source) !== null;
    case 'truncate':
      return ['int', 'long', 'decimal', 'string', 'binary'].includes(source.kind);
    case 'year':
    case 'month':
    case 'day':
      return source.kind === 'date' || isTimestamp(source);
    case 'hour':
      return isTimestamp(source);
    case 'void':
      return true;
    case 'unknown':
      return false;
    default:
      return unreachable(transform);
  }
}

/**
 * Type of what `transform` makes of a `source` column; `unknown` where the transform is. A day is a
 * date, as other engines write it.
 */
export function transformResultType(transform: Transform, source: IcebergType): IcebergType {
  switch (transform.kind) {
    case 'identity':
    case 'truncate':
    case 'void':
      return source;
    case 'bucket':
    case 'year':
    case 'month':
    case 'hour':
      return { kind: 'int' };
    case 'day':
      return { kind: 'date' };
    case 'unknown':
      return { kind: 'unknown' };
    default:
      return unreachable(transform);
  }
}

/**
 * The function that applies `transform` to values of type `source`.
 *
 * @throws {FirnError} ICEBERG-TRANSFORM-UNSUPPORTED where {@link acceptsType} says no
 */
export function bindTransform(
  transform: Transform,
  source: IcebergType,
): (value: IcebergValue) => IcebergValue {
  if (!acceptsType(transform, source)) {
    throw new FirnError('ICEBERG-TRANSFORM-UNSUPPORTED', {
      what: `${formatTransform(transform)} cannot be applied to ${formatType(source)}`,
    });
  }
  const apply = presentTransform(transform, source);
  return (value) => (value === null ? null : apply(value));
}

function presentTransform(
  transform: Transform,
  source: IcebergType,
): (value: PresentValue) => IcebergValue {
  switch (transform.kind) {
    case 'identity':
      return (value) => value;
    case 'bucket': {
      const hash = hashOf(source);
      assert(hash !== null, 'a bucketed type must have a hash');
      return (value) => bucketOfHash(hash(value), transform.count);
    }
    case 'truncate':
      return (value) => truncate(value, transform.width);
    case 'year':
      return (value) => monthsOfDays(daysOf(source, value)).year - 1970;
    case 'month':
      return (value) => {
        const { year, month } = monthsOfDays(daysOf(source, value));
        return (year - 1970) * 12 + month - 1;
      };
    case 'day':
      return (value) => daysOf(source, value);
    case 'hour':
      return (value) => toSafeNumber(floorDivide(microsOf(source, value), MICROS_PER_HOUR));
    case 'void':
    case 'unknown':
      return () => null;
    default:
      return unreachable(transform);
  }
}

function isTimestamp(type: IcebergType): boolean {
  switch (type.kind) {
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return true;
    default:
      return false;
  }
}

/** The hash of a type's values (spec, Appendix B), or `null` for a type that is not hashed. */
function hashOf(type: IcebergType): ((value: PresentValue) => number) | null {
  switch (type.kind) {
    case 'int':
    case 'date':
      return (value) => hashInt64(BigInt(expectNumber(value)));
    case 'long':
    case 'time':
      return (value) => hashInt64(expectBigint(value));
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return (value) => hashInt64(microsOf(type, value));
    case 'decimal':
      return (value) => hashBytes(decimalToBytes(expectBigint(value)));
    case 'string':
      return (value) => hashBytes(Buffer.from(expectText(value), 'utf8'));
    case 'uuid':
    case 'fixed':
    case 'binary':
      return (value) => hashBytes(expectBytes(value));
    default:
      return null;
  }
}

function hashBytes(bytes: Uint8Array): number {
  return hashByteRun(bytes, 0, bytes.length);
}

/** Rounds numbers down to a multiple of `width`, cuts text to code points and bytes to bytes. */
function truncate(value: PresentValue, width: number): IcebergValue {
  if (typeof value === 'number') return value - (((value % width) + width) % width);
  if (typeof value === 'bigint') {
    const step = BigInt(width);
    return value - (((value % step) + step) % step);
  }
  if (typeof value === 'string') return firstCodePoints(value, width);
  return new Uint8Array(expectBytes(value).subarray(0, width));
}

/** Days since 1970-01-01 of a date or timestamp value, rounded down. */
function daysOf(type: IcebergType, value: PresentValue): number {
  if (type.kind === 'date') return expectNumber(value);
  return toSafeNumber(floorDivide(microsOf(type, value), MICROS_PER_DAY));
}

function microsOf(type: IcebergType, value: PresentValue): bigint {
  const stamp = expectBigint(value);
  const isNanos = type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns';
  return isNanos ? floorDivide(stamp, 1000n) : stamp;
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

/**
 * Year and month (1 to 12) of a day in the proleptic Gregorian calendar. Years are counted from
 * March, so that the leap day is the last of its year; 146097 days are 400 years.
 */
function monthsOfDays(days: number): { readonly year: number; readonly month: number } {
  const sinceMarch0 = days + 719_468;
  const era = Math.floor(sinceMarch0 / 146_097);
  const dayOfEra = sinceMarch0 - era * 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month };
}
