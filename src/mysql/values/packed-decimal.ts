/**
 * DECIMAL as both servers store it: groups of nine digits in four bytes, big-endian, fewer digits
 * in fewer bytes at both ends; the first bit is set for zero and above, a negative number has all
 * bits turned over (MySQL source documentation, `decimal2bin`).
 */
import { damagedValue } from './value-misfit.ts';
import type { ValueReader } from '../value-reader.ts';

/** Bytes of so many digits that do not fill a group. */
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/** How many digits a group has, and in how many bytes. */
interface Group {
  readonly bytes: number;
  /** One more than its largest value. */
  readonly limit: number;
}

/** Declared size of a DECIMAL. */
export interface DecimalSize {
  readonly precision: number;
  readonly scale: number;
}

function groupsOf(digits: number, isFraction: boolean): Group[] {
  const full = Math.floor(digits / 9);
  const rest = digits % 9;
  const groups = Array.from({ length: full }, () => ({ bytes: 4, limit: 1_000_000_000 }));
  if (rest === 0) return groups;
  const part = { bytes: DIGIT_BYTES[rest] ?? 0, limit: 10 ** rest };
  return isFraction ? [...groups, part] : [part, ...groups];
}

/** A reader into a decimal column of the same scale. */
export function readDecimal({ precision, scale }: DecimalSize, column: string): ValueReader {
  const groups = [...groupsOf(precision - scale, false), ...groupsOf(scale, true)];
  return (bytes, _view, at, _end, builder) => {
    const isNegative = ((bytes[at] ?? 0) & 0x80) === 0;
    const mask = isNegative ? 0xff : 0;
    let next = at;
    let value = 0;
    let first = 0x80;
    for (const group of groups) {
      let part = 0;
      for (const stop = next + group.bytes; next < stop; next++) {
        part = part * 256 + ((bytes[next] ?? 0) ^ mask ^ first);
        first = 0;
      }
      if (part >= group.limit) throw damagedValue(column, 'A group of digits is out of range.');
      value = value * group.limit + part;
    }
    // A product past 2^53 may be rounded, but never to below it.
    if (value <= Number.MAX_SAFE_INTEGER) {
      builder.appendSafeInteger(isNegative ? 0 - value : value);
    } else {
      builder.appendBigInt(wideDecimal(groups, bytes, at));
    }
  };
}

function wideDecimal(groups: readonly Group[], bytes: Uint8Array, at: number): bigint {
  const isNegative = ((bytes[at] ?? 0) & 0x80) === 0;
  const value = groupValues(groups, bytes, at).reduce(
    (sum, part, index) => sum * BigInt(groups[index]?.limit ?? 1) + BigInt(part),
    0n,
  );
  return isNegative ? -value : value;
}

function groupValues(groups: readonly Group[], bytes: Uint8Array, at: number): number[] {
  const mask = ((bytes[at] ?? 0) & 0x80) === 0 ? 0xff : 0;
  let next = at;
  return groups.map((group) => {
    let part = 0;
    for (const stop = next + group.bytes; next < stop; next++) {
      part = part * 256 + ((bytes[next] ?? 0) ^ mask ^ (next === at ? 0x80 : 0));
    }
    return part;
  });
}

/** A packed decimal in memory. */
export interface PackedDecimal extends DecimalSize {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/**
 * A decimal as the servers write it in text: all digits of its scale, one zero at least before the
 * point, a sign only before a value below zero.
 *
 * @throws {FirnError} VALUE-DAMAGED
 */
export function decimalText(decimal: PackedDecimal, column: string): string {
  const { bytes, at, precision, scale } = decimal;
  const groups = [...groupsOf(precision - scale, false), ...groupsOf(scale, true)];
  const digits = groupValues(groups, bytes, at)
    .map((part, index) => {
      const { limit } = groups[index] ?? { limit: 0 };
      if (part >= limit) throw damagedValue(column, 'A group of digits is out of range.');
      return String(part).padStart(String(limit).length - 1, '0');
    })
    .join('');
  const whole = digits.slice(0, digits.length - scale).replace(/^0+(?=.)/, '');
  const fraction = scale === 0 ? '' : `.${digits.slice(digits.length - scale)}`;
  const isNegative = ((bytes[at] ?? 0) & 0x80) === 0 && /[1-9]/.test(digits);
  return `${isNegative ? '-' : ''}${whole === '' ? '0' : whole}${fraction}`;
}
