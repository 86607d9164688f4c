/**
 * Finding the values of a row image: a bitmap of NULLs, then the values one after the other, with
 * nothing between them. Every value is measured before any is read, so no value reader ever sees
 * bytes beyond its own.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { formatTableName } from '../model/table-schema.ts';
import { malformed } from './byte-cursor.ts';
import type { LogTable } from './log-table.ts';
import { valueLength } from './value-length.ts';

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
