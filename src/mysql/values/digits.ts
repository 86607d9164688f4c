/**
 * Numbers written in digits, as a text result set has them, into the form a vector keeps: exactly,
 * and without `bigint` wherever 53 bits are enough.
 */
import type { ColumnBuilder } from '../../model/column-builder.ts';

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

/** So many digits are below 2^53 whatever they are. */
const SAFE_DIGITS = 15;

/** Every power of ten that a double holds exactly. */
const EXACT_POWERS = Array.from({ length: 23 }, (_, power) => 10 ** power);

/**
 * Appends the unscaled value of `[-]digits[.digits]` to a long or decimal column. Digits behind the
 * point count as written: the caller's column has just that scale.
 *
 * @returns `false`, with nothing appended, when the text is no such number
 */
export function appendDigits(
  bytes: Uint8Array,
  at: number,
  end: number,
  builder: ColumnBuilder,
): boolean {
  const negative = bytes[at] === MINUS;
  const first = negative ? at + 1 : at;
  if (first === end) return false;
  let value = 0;
  let isSafe = true;
  for (let index = first; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte === POINT) continue;
    const digit = byte - ZERO;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
    // From here on digits may be lost; the text is read again.
    if (value > Number.MAX_SAFE_INTEGER) isSafe = false;
  }
  if (isSafe) builder.appendSafeInteger(negative ? 0 - value : value);
  else builder.appendBigInt(BigInt(asciiText(bytes, at, end).replace('.', '')));
  return true;
}

/** An integer of at most fifteen digits; `NaN` for any other text. */
export function smallInteger(bytes: Uint8Array, at: number, end: number): number {
  const negative = bytes[at] === MINUS;
  const first = negative ? at + 1 : at;
  if (first === end || end - first > SAFE_DIGITS) return Number.NaN;
  let value = 0;
  for (let index = first; index < end; index++) {
    const digit = (bytes[index] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? 0 - value : value;
}

/**
 * The double nearest to a number in text, with an exponent or without; `NaN` for any other text.
 */
export function doubleOf(bytes: Uint8Array, at: number, end: number): number {
  const negative = bytes[at] === MINUS;
  const first = negative ? at + 1 : at;
  let value = 0;
  let scale = 0;
  let behindPoint = 0;
  for (let index = first; index < end; index++) {
    const byte = bytes[index] ?? 0;
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      scale += behindPoint;
    } else if (byte === POINT && behindPoint === 0) {
      behindPoint = 1;
    } else {
      return slowDouble(bytes, at, end);
    }
  }
  // Both are exact, so their quotient is the nearest double.
  const power = EXACT_POWERS[scale];
  if (value > Number.MAX_SAFE_INTEGER || power === undefined || first === end) {
    return slowDouble(bytes, at, end);
  }
  return negative ? -(value / power) : value / power;
}

function slowDouble(bytes: Uint8Array, at: number, end: number): number {
  // Of seventeen digits made at once: letter by letter costs more than reading them.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');
  return /^-?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text) ? Number.parseFloat(text) : Number.NaN;
}

/** Bytes as text, one letter each. */
export function asciiText(bytes: Uint8Array, at: number, end: number): string {
  let text = '';
  for (let index = at; index < end; index++) text += String.fromCharCode(bytes[index] ?? 0);
  return text;
}

/**
 * A number's digits without zeros before them: columns with ZEROFILL are padded in a result set.
 */
export function withoutLeadingZeros(text: string): string {
  return text.replace(/^(-?)0+(?=\d)/, '$1');
}

/**
 * The shortest text that gives a FLOAT or DOUBLE back, equal for equal values on every path.
 *
 * @param value for FLOAT a double of the same value
 */
export function floatText(value: number, isSingle: boolean): string {
  if (Object.is(value, -0)) return '-0';
  if (!isSingle) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits);
    const short = Number.parseFloat(text);
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number.parseFloat(value.toPrecision(9)));
}
