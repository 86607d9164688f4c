/**
 * How values of a column travel. SQLite's own rules decide (sqlite.org, "Datatypes In SQLite", 3.1
 * Determination Of Column Affinity): INTEGER is long, REAL double, TEXT string, BLOB binary.
 * NUMERIC, ANY and columns without a type can hold anything and become text that keeps the storage
 * classes apart. Values go into columns exactly or not at all, and by one way only: the stream, the
 * bootstrap and re-reads give the same bytes.
 */
import type { MisfitPolicy } from '../../config/pipeline-config.ts';
import { unreachable } from '../../kernel/assert.ts';
import type { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { isValid } from '../../model/column-vector.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import { literalText, parseLiteral } from './sqlite-value.ts';
import type { LiteralClass, SqliteValue } from './sqlite-value.ts';

/** How values of a column travel. */
export type Carriage =
  | { readonly kind: 'long' }
  | { readonly kind: 'double' }
  | { readonly kind: 'string' }
  | { readonly kind: 'binary' }
  /** Any value in its text form. */
  | { readonly kind: 'literal'; readonly literalClass: LiteralClass };

/** How values of a column of this declared type travel under this policy. */
export function carriageOf(declared: string, onMisfit: MisfitPolicy): Carriage {
  const carriage = carriageOfDeclared(declared.toUpperCase());
  if (onMisfit !== 'text' || carriage.kind === 'literal') return carriage;
  return { kind: 'literal', literalClass: carriage.kind === 'string' ? 'text' : 'any' };
}

/** Type of a column in the lake. */
export function carriedType(carriage: Carriage): ColumnType {
  return carriage.kind === 'literal' ? { kind: 'string' } : { kind: carriage.kind };
}

function carriageOfDeclared(declared: string): Carriage {
  if (declared.includes('INT')) return { kind: 'long' };
  if (/CHAR|CLOB|TEXT/.test(declared)) return { kind: 'string' };
  if (declared.includes('BLOB')) return { kind: 'binary' };
  if (/REAL|FLOA|DOUB/.test(declared)) return { kind: 'double' };
  return { kind: 'literal', literalClass: 'any' };
}

/**
 * Tells whether the text at a place of the row at hand is UTF-8. Asked only for text that decoded
 * with U+FFFD: bytes that are no UTF-8 give that character, and no string column can hold them.
 */
export type TextCheck = (place: number) => boolean;

/** Appends one value that is not NULL. `false`: it does not fit and nothing was appended. */
export type ValueAppender = (
  builder: ColumnBuilder,
  value: Exclude<SqliteValue, null>,
  place: number,
  check: TextCheck,
) => boolean;

const REPLACEMENT = '\uFFFD';

/** The appender of one kind of column. */
export function appenderOf(carriage: Carriage): ValueAppender {
  switch (carriage.kind) {
    case 'long':
      return appendLong;
    case 'double':
      return appendDouble;
    case 'string':
      return appendText;
    case 'binary':
      return appendBinary;
    case 'literal':
      return (builder, value, place, check) => {
        if (typeof value === 'string' && value.includes(REPLACEMENT) && !check(place)) return false;
        builder.appendString(literalText(value, carriage.literalClass));
        return true;
      };
    default:
      return unreachable(carriage);
  }
}

/** The value that an appender put into a vector, for looking rows up by key. */
export function carriedValue(vector: ColumnVector, row: number, carriage: Carriage): SqliteValue {
  if (!isValid(vector, row)) return null;
  if (vector.kind === 'int64') return vector.values[row] ?? null;
  if (vector.kind === 'float64') return vector.values[row] ?? null;
  if (vector.kind !== 'bytes') return null;
  const bytes = vector.data.subarray(vector.offsets[row], vector.offsets[row + 1]);
  if (carriage.kind === 'binary') return bytes.slice();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return carriage.kind === 'literal' ? parseLiteral(text, carriage.literalClass) : text;
}

function appendLong(builder: ColumnBuilder, value: SqliteValue): boolean {
  if (typeof value !== 'bigint') return false;
  builder.appendBigInt(value);
  return true;
}

function appendDouble(builder: ColumnBuilder, value: SqliteValue): boolean {
  if (typeof value !== 'number') return false;
  builder.appendNumber(value);
  return true;
}

function appendText(
  builder: ColumnBuilder,
  value: SqliteValue,
  place: number,
  check: TextCheck,
): boolean {
  if (typeof value !== 'string') return false;
  if (value.includes(REPLACEMENT) && !check(place)) return false;
  builder.appendString(value);
  return true;
}

function appendBinary(builder: ColumnBuilder, value: SqliteValue): boolean {
  if (!(value instanceof Uint8Array)) return false;
  builder.appendBytes(value);
  return true;
}
