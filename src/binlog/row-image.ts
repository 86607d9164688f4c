/**
 * Finding the values of a row image: a bitmap of NULLs, then the values one after the other, with
 * nothing between them. Every value is measured before any is read, so no value reader ever sees
 * bytes beyond its own. A value either always has the same length or is behind a little-endian one:
 * no type needs more to be passed over.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { formatTableName } from '../model/table-schema.ts';
import { LOG_TYPE } from '../mysql/log-type.ts';
import { malformed } from './byte-cursor.ts';
import type { LogTable } from './log-table.ts';

/** Start in {@link ImagePlaces} of a value that is NULL. */
export const NULL_START = -1;

/** Where the values of one image lie, by column. */
export interface ImagePlaces {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Bytes of a rows event's images, `view` over the same memory as `bytes`. */
export interface ImageBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
}

/** Room for the places of an image of so many columns. */
export function newPlaces(columnCount: number): ImagePlaces {
  return { starts: new Int32Array(columnCount), ends: new Int32Array(columnCount) };
}

/**
 * Lengths of a table's values as {@link valueLength} gives them, by column.
 *
 * @throws {FirnError} LOG-COLUMN-TYPE when values of a column cannot be measured
 */
export function imageLengths(table: LogTable): Int32Array {
  return Int32Array.from(table.columns, (column, index) => {
    const length = valueLength(column.typeCode, column.meta);
    if (length !== null) return length;
    throw new FirnError('LOG-COLUMN-TYPE', {
      what: `Column ${column.name ?? index + 1} has type code ${column.typeCode}, which is not known`,
      where: formatTableName(table),
    });
  });
}

/**
 * Fills `places` with the values of the image at `from`; returns where the next image starts.
 *
 * @throws {FirnError} LOG-EVENT-MALFORMED when the image reaches beyond the event
 */
export function measureImage(
  image: ImageBytes,
  from: number,
  { lengths, places }: { readonly lengths: Int32Array; readonly places: ImagePlaces },
): number {
  const { bytes, view, end } = image;
  const { starts, ends } = places;
  const columnCount = lengths.length;
  let at = from + ((columnCount + 7) >> 3);
  if (at > end) throw cutImage();
  let nulls = 0;
  for (let column = 0; column < columnCount; column++) {
    const bit = column & 7;
    if (bit === 0) nulls = bytes[from + (column >> 3)] ?? 0;
    if (((nulls >> bit) & 1) === 1) {
      starts[column] = NULL_START;
      continue;
    }
    let length = lengths[column] ?? 0;
    if (length < 0) {
      const width = -length;
      if (at + width > end) throw cutImage();
      if (width === 1) length = bytes[at] ?? 0;
      else if (width === 2) length = view.getUint16(at, true);
      else if (width === 4) length = view.getUint32(at, true);
      else length = view.getUint16(at, true) | ((bytes[at + 2] ?? 0) << 16);
      at += width;
    }
    starts[column] = at;
    at += length;
    ends[column] = at;
    if (at > end) throw cutImage();
  }
  return at;
}

/** Whether two values are the same bytes, or both NULL. */
export function sameValue(
  bytes: Uint8Array,
  column: number,
  { before, after }: { readonly before: ImagePlaces; readonly after: ImagePlaces },
): boolean {
  const left = before.starts[column] ?? NULL_START;
  const right = after.starts[column] ?? NULL_START;
  if (left === NULL_START || right === NULL_START) return left === right;
  const length = (before.ends[column] ?? 0) - left;
  if ((after.ends[column] ?? 0) - right !== length) return false;
  for (let index = 0; index < length; index++) {
    if (bytes[left + index] !== bytes[right + index]) return false;
  }
  return true;
}

function cutImage(): FirnError {
  return malformed('a row image reaches beyond its event');
}

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
function valueLength(typeCode: number, meta: number): number | null {
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
