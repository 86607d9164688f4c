/**
 * How long a value is in a row image, by type code and metadata: either always the same, or told by
 * a little-endian length before it. No type needs more to be passed over.
 */

/** Type codes of columns in a table map (MySQL's `enum_field_types`; 140 and 141 are MariaDB's). */
export const COLUMN_TYPE = {
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longLong: 8,
  int24: 9,
  date: 10,
  time: 11,
  dateTime: 12,
  year: 13,
  newDate: 14,
  varchar: 15,
  bit: 16,
  timestamp2: 17,
  dateTime2: 18,
  time2: 19,
  mariadbBlobCompressed: 140,
  mariadbVarcharCompressed: 141,
  vector: 242,
  json: 245,
  newDecimal: 246,
  enum: 247,
  set: 248,
  tinyBlob: 249,
  mediumBlob: 250,
  longBlob: 251,
  blob: 252,
  varString: 253,
  string: 254,
  geometry: 255,
} as const;

const FIXED_BYTES: ReadonlyMap<number, number> = new Map([
  [COLUMN_TYPE.tiny, 1],
  [COLUMN_TYPE.short, 2],
  [COLUMN_TYPE.int24, 3],
  [COLUMN_TYPE.long, 4],
  [COLUMN_TYPE.longLong, 8],
  [COLUMN_TYPE.float, 4],
  [COLUMN_TYPE.double, 8],
  [COLUMN_TYPE.null, 0],
  [COLUMN_TYPE.year, 1],
  [COLUMN_TYPE.date, 3],
  [COLUMN_TYPE.newDate, 3],
  [COLUMN_TYPE.time, 3],
  [COLUMN_TYPE.timestamp, 4],
  [COLUMN_TYPE.dateTime, 8],
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
    case COLUMN_TYPE.varchar:
    case COLUMN_TYPE.varString:
    case COLUMN_TYPE.string:
    case COLUMN_TYPE.mariadbVarcharCompressed:
      return meta > 255 ? -2 : -1;
    case COLUMN_TYPE.bit:
      return (meta >> 8) + ((meta & 255) > 0 ? 1 : 0);
    case COLUMN_TYPE.timestamp2:
      return fractionBytes(4, meta);
    case COLUMN_TYPE.dateTime2:
      return fractionBytes(5, meta);
    case COLUMN_TYPE.time2:
      return fractionBytes(3, meta);
    case COLUMN_TYPE.newDecimal:
      return decimalBytes(meta & 255, meta >> 8);
    case COLUMN_TYPE.enum:
    case COLUMN_TYPE.set:
      return meta >= 1 && meta <= 8 ? meta : null;
    case COLUMN_TYPE.tinyBlob:
    case COLUMN_TYPE.mediumBlob:
    case COLUMN_TYPE.longBlob:
    case COLUMN_TYPE.blob:
    case COLUMN_TYPE.mariadbBlobCompressed:
    case COLUMN_TYPE.vector:
    case COLUMN_TYPE.json:
    case COLUMN_TYPE.geometry:
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
