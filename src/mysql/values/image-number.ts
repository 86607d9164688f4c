/**
 * Numbers in row images: little-endian integers and floats, packed decimals, bits big-endian. The
 * hot path: a reader is chosen once for a column and does no more than its type needs.
 */
import { assert } from '../../kernel/assert.ts';
import type { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { decimalText, readDecimal } from './packed-decimal.ts';
import { floatText } from './digits.ts';
import { typeDiffers } from './value-misfit.ts';
import type { ValueReader } from '../value-reader.ts';

/** A column as a reader of numbers needs it. */
export interface NumberColumn {
  /** Name, for messages. */
  readonly name: string;
  readonly type: ColumnType;
  readonly unsigned: boolean;
}

/** A reader of integers of one to four bytes. */
export function integerReader(column: NumberColumn, sizeBytes: 1 | 2 | 3 | 4): ValueReader {
  const load = loadInteger(sizeBytes, column.unsigned);
  switch (column.type.kind) {
    case 'int':
      if (sizeBytes === 4) {
        if (column.unsigned) break;
        return (_bytes, view, at, _end, builder) => builder.appendNumber(view.getInt32(at, true));
      }
      return (_bytes, view, at, _end, builder) => builder.appendNumber(load(view, at));
    case 'decimal':
      if (column.type.scale !== 0) break;
      return (_bytes, view, at, _end, builder) => builder.appendSafeInteger(load(view, at));
    case 'long':
      return (_bytes, view, at, _end, builder) => builder.appendSafeInteger(load(view, at));
    case 'string':
      return (_bytes, view, at, _end, builder) => builder.appendString(String(load(view, at)));
    default:
  }
  throw typeDiffers(column.name, `Its log has integers of ${sizeBytes} bytes.`);
}

function loadInteger(sizeBytes: number, unsigned: boolean): (view: DataView, at: number) => number {
  switch (sizeBytes) {
    case 1:
      return unsigned ? (view, at) => view.getUint8(at) : (view, at) => view.getInt8(at);
    case 2:
      return unsigned
        ? (view, at) => view.getUint16(at, true)
        : (view, at) => view.getInt16(at, true);
    case 3:
      return unsigned
        ? (view, at) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
        : (view, at) => view.getUint16(at, true) | (view.getInt8(at + 2) << 16);
    default:
      assert(sizeBytes === 4, 'longer integers have a reader of their own');
      return unsigned
        ? (view, at) => view.getUint32(at, true)
        : (view, at) => view.getInt32(at, true);
  }
}

/** A reader of integers of eight bytes. */
export function longReader(column: NumberColumn): ValueReader {
  const { type, unsigned } = column;
  if (type.kind === 'string') {
    return unsigned
      ? (_bytes, view, at, _end, builder) =>
          builder.appendString(String(view.getBigUint64(at, true)))
      : (_bytes, view, at, _end, builder) =>
          builder.appendString(String(view.getBigInt64(at, true)));
  }
  const isWhole = type.kind === 'decimal' && type.scale === 0;
  if (unsigned && isWhole) {
    return (_bytes, view, at, _end, builder) =>
      builder.appendUnsignedHalves(view.getInt32(at, true), view.getInt32(at + 4, true));
  }
  if (!unsigned && (type.kind === 'long' || isWhole)) {
    return (_bytes, view, at, _end, builder) =>
      builder.appendHalves(view.getInt32(at, true), view.getInt32(at + 4, true));
  }
  throw typeDiffers(column.name, 'Its log has integers of eight bytes.');
}

/** A reader of FLOAT. */
export function floatReader(column: NumberColumn): ValueReader {
  switch (column.type.kind) {
    case 'float':
    case 'double':
      return (_bytes, view, at, _end, builder) => builder.appendNumber(view.getFloat32(at, true));
    case 'string':
      return (_bytes, view, at, _end, builder) =>
        builder.appendString(floatText(view.getFloat32(at, true), true));
    default:
      throw typeDiffers(column.name, 'Its log has floats of four bytes.');
  }
}

/** A reader of DOUBLE. */
export function doubleReader(column: NumberColumn): ValueReader {
  switch (column.type.kind) {
    case 'double':
      return (_bytes, view, at, _end, builder) => builder.appendNumber(view.getFloat64(at, true));
    case 'string':
      return (_bytes, view, at, _end, builder) =>
        builder.appendString(floatText(view.getFloat64(at, true), false));
    default:
      throw typeDiffers(column.name, 'Its log has floats of eight bytes.');
  }
}

/** A reader of DECIMAL with the precision and scale that the log has. */
export function decimalReader(column: NumberColumn, precision: number, scale: number): ValueReader {
  const { type, name } = column;
  if (type.kind === 'string') {
    return (bytes, _view, at, _end, builder) =>
      builder.appendString(decimalText({ bytes, at, precision, scale }, name));
  }
  if (type.kind === 'decimal' && type.scale === scale && type.precision >= precision) {
    return readDecimal({ precision, scale }, name);
  }
  throw typeDiffers(name, `Its log has decimal(${precision},${scale}).`);
}

/** A reader of BIT: the bytes big-endian. */
export function bitReader(column: NumberColumn): ValueReader {
  switch (column.type.kind) {
    case 'boolean':
    case 'int':
      return (_bytes, view, at, _end, builder) => builder.appendNumber(view.getUint8(at));
    case 'long':
    case 'decimal':
      return appendBits;
    case 'string':
      return (bytes, _view, at, end, builder) => builder.appendString(bitText(bytes, at, end));
    default:
      throw typeDiffers(column.name, 'Its log has bits.');
  }
}

/** Appends up to 64 bits, big-endian, to a long (at most 63) or a decimal. */
function appendBits(
  bytes: Uint8Array,
  _view: DataView,
  at: number,
  end: number,
  builder: ColumnBuilder,
): void {
  let high = 0;
  let low = 0;
  for (let index = at; index < end; index++) {
    high = (high << 8) | (low >>> 24);
    low = (low << 8) | (bytes[index] ?? 0);
  }
  if (high < 0) builder.appendUnsignedHalves(low, high);
  else builder.appendHalves(low, high);
}

function bitText(bytes: Uint8Array, at: number, end: number): string {
  let value = 0n;
  for (let index = at; index < end; index++) value = (value << 8n) | BigInt(bytes[index] ?? 0);
  return String(value);
}

/** A reader of YEAR: years since 1900, 0 for the year 0000. */
export function yearReader(column: NumberColumn): ValueReader {
  switch (column.type.kind) {
    case 'int':
      return (_bytes, view, at, _end, builder) => builder.appendNumber(yearOf(view.getUint8(at)));
    case 'string':
      return (_bytes, view, at, _end, builder) =>
        builder.appendString(String(yearOf(view.getUint8(at))).padStart(4, '0'));
    default:
      throw typeDiffers(column.name, 'Its log has years.');
  }
}

function yearOf(byte: number): number {
  return byte === 0 ? 0 : 1900 + byte;
}
