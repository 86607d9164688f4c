/**
 * Scalars of MySQL's JSON that are not JavaScript's: doubles in the server's spelling, and values
 * of column types, which JSON text shows as a number or as a string.
 */
import { toSafeNumber } from '../../kernel/integers.ts';
import { clockText, dateText, fractionText } from './calendar.ts';
import { LOG_TYPE } from '../log-type.ts';
import { decimalText } from './packed-decimal.ts';

/** Up to so many digits before the point the server writes no exponent. */
const WHOLE_DIGITS_MAX = 15;

/** A double as the server writes it in JSON: the shortest digits, `.0` behind a whole number. */
export function doubleJson(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  // Here JavaScript writes what the server does; nearly all numbers are here.
  if (size >= 1e-6 && size < 1e15) return Number.isInteger(value) ? `${value}.0` : String(value);
  const [mantissa = '', power = '0'] = size.toExponential().split('e');
  const digits = mantissa.replace('.', '');
  const sign = value < 0 ? '-' : '';
  // How many digits stand before the point; below one, so many zeros behind it.
  const whole = Number.parseInt(power, 10) + 1;
  if (whole < 1 - WHOLE_DIGITS_MAX || (whole > WHOLE_DIGITS_MAX && digits.length <= whole)) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0] ?? ''}${rest}e${whole - 1}`;
  }
  if (whole <= 0) return `${sign}0.${'0'.repeat(-whole)}${digits}`;
  if (digits.length > whole) return `${sign}${digits.slice(0, whole)}.${digits.slice(whole)}`;
  return `${sign}${digits.padEnd(whole, '0')}.0`;
}

/** A value of a column type inside a document; `null` when its bytes are damaged. */
export function opaqueJson(type: number, bytes: Uint8Array): string | null {
  switch (type) {
    case LOG_TYPE.decimal:
      return decimalJson(bytes);
    case LOG_TYPE.date:
    case LOG_TYPE.datetimeOld:
    case LOG_TYPE.timestampOld:
    case LOG_TYPE.timeOld:
      return bytes.length === 8 ? `"${temporalText(type, bytes)}"` : null;
    default:
      return `"base64:type${type}:${base64Lines(bytes)}"`;
  }
}

/** Base 64 in lines of 76 letters; the ends of lines are escaped, being in a JSON string. */
function base64Lines(bytes: Uint8Array): string {
  const letters = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  return letters.replaceAll(/.{76}(?=.)/g, '$&\\n');
}

function decimalJson(bytes: Uint8Array): string | null {
  const [precision = 0, scale = 0] = bytes;
  if (precision > 65 || scale > 30 || scale > precision) return null;
  return decimalText({ bytes, at: 2, precision, scale }, 'in a JSON document');
}

/** Eight bytes: a sign, and from bit 24 on the same numbers as in DATETIME and TIME columns. */
function temporalText(type: number, bytes: Uint8Array): string {
  const packed = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
  const size = packed < 0n ? -packed : packed;
  const low = (bits: bigint, count: number): number => toSafeNumber(BigInt.asUintN(count, bits));
  const micros = low(size, 24);
  const seconds = low(size >> 36n, type === LOG_TYPE.timeOld ? 10 : 5) * 3600;
  const clock = seconds + low(size >> 30n, 6) * 60 + low(size >> 24n, 6);
  const time = `${clockText(clock)}${fractionText(micros, 6)}`;
  if (type === LOG_TYPE.timeOld) return `${packed < 0n ? '-' : ''}${time}`;
  const months = low(size >> 46n, 17);
  const date = dateText(Math.floor(months / 13), months % 13, low(size >> 41n, 5));
  return type === LOG_TYPE.date ? date : `${date} ${time}`;
}
