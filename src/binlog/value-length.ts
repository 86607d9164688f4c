/**
 * How long a value is in a row image, by type code and metadata: either always the same, or told by
 * a little-endian length before it. No type needs more to be passed over.
 */
import { LOG_TYPE } from '../mysql/log-type.ts';

const FIXED_BYTES: ReadonlyMap<number, number> = new Map([
  [LOG_TYPE.tiny, 1],
  [LOG_TYPE.short, 2],
  [LOG_TYPE.int24, 3],
  [LOG_TYPE.long, 4],
  [LOG_TYPE.longlong, 8],
  [LOG_TYPE.float, 4],
  [LOG_TYPE.double, 8],
  [LOG_TYPE.year, 1],
  [LOG_TYPE.date, 3],
  [LOG_TYPE.newDate, 3],
  [LOG_TYPE.timeOld, 3],
  [LOG_TYPE.timestampOld, 4],
  [LOG_TYPE.datetimeOld, 8],
]);

/** Bytes of the digits of a DECIMAL that do not fill a group of nine. */
const DIGIT_BYTES = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/**
 * Bytes of a value: zero or more for a fixed length, `-1` to `-4` for a length of so many bytes
 * before the value, `null` for a type that the log cannot have in a row image.
 */
export function valueLength(typeCode: number, meta: number): number | null {
  const fixed = FIXED_BYTES.get(typeCode);
  if (fixed !== undefined) return fixed;
  switch (typeCode) {
    case LOG_TYPE.varchar:
    case LOG_TYPE.varString:
    case LOG_TYPE.string:
    case LOG_TYPE.varcharCompressed:
      return meta > 255 ? -2 : -1;
    case LOG_TYPE.bit:
      return (meta >> 8) + ((meta & 255) > 0 ? 1 : 0);
    case LOG_TYPE.timestamp:
      return fractionBytes(4, meta);
    case LOG_TYPE.datetime:
      return fractionBytes(5, meta);
    case LOG_TYPE.time:
      return fractionBytes(3, meta);
    case LOG_TYPE.decimal:
      return decimalBytes(meta & 255, meta >> 8);
    case LOG_TYPE.enum:
    case LOG_TYPE.set:
      return meta >= 1 && meta <= 8 ? meta : null;
    case LOG_TYPE.tinyBlob:
    case LOG_TYPE.mediumBlob:
    case LOG_TYPE.longBlob:
    case LOG_TYPE.blob:
    case LOG_TYPE.blobCompressed:
    case LOG_TYPE.vector:
    case LOG_TYPE.json:
    case LOG_TYPE.geometry:
      return meta >= 1 && meta <= 4 ? -meta : null;
    default:
      return null;
  }
}

function fractionBytes(whole: number, digits: number): number | null {
  return digits <= 6 ? whole + ((digits + 1) >> 1) : null;
}

function decimalBytes(precision: number, scale: number): number | null {
  if (precision < 1 || precision > 65 || scale > 30 || scale > precision) return null;
  const whole = precision - scale;
  return groupBytes(whole) + groupBytes(scale);
}

function groupBytes(digits: number): number {
  return Math.floor(digits / 9) * 4 + (DIGIT_BYTES[digits % 9] ?? 0);
}
