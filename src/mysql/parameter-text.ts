/**
 * The way back: a value of a vector as a literal in a statement, for finding a row by its key. A
 * literal compares exactly on its column; text and bytes are hex, so no value can end a literal
 * whatever the session's SQL mode.
 */
import { assert, unreachable } from '../kernel/assert.ts';
import type { ColumnType } from '../model/column-type.ts';
import type { ColumnVector } from '../model/column-vector.ts';
import { isValid } from '../model/column-vector.ts';
import type { Column } from '../model/table-schema.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import { clockText, dayText, fractionText } from './values/calendar.ts';
import { asciiText } from './values/digits.ts';
import type { MysqlFlavour } from './mysql-column.ts';
import { uuidText } from './values/net-address.ts';
import { parseSourceType } from './source-type.ts';

const MICROS_PER_SECOND = 1_000_000n;
const SECONDS_PER_DAY = 86_400n;

/** Types whose text is digits and needs no quotes. */
const DIGIT_TYPES: ReadonlySet<string> = new Set([
  'tinyint',
  'smallint',
  'mediumint',
  'int',
  'bigint',
  'decimal',
  'bit',
  'year',
]);

/** A value of a key column as an SQL literal; the value must not be NULL. */
export function keyLiteral(
  column: Column,
  vector: ColumnVector,
  row: number,
  _flavour: MysqlFlavour,
): string {
  assert(isValid(vector, row), 'no part of a key is NULL');
  switch (vector.kind) {
    case 'bool':
    case 'int32': {
      const value = vector.values[row] ?? 0;
      return column.type.kind === 'date' ? `'${dayText(value)}'` : String(value);
    }
    case 'int64':
      return longLiteral(column, vector.values[row] ?? 0n);
    case 'int128': {
      const low = BigInt.asUintN(64, vector.values[2 * row] ?? 0n);
      return decimalLiteral(column.type, ((vector.values[2 * row + 1] ?? 0n) << 64n) | low);
    }
    case 'float32':
    case 'float64':
      return floatLiteral(vector.values[row] ?? 0);
    case 'bytes': {
      const { data, offsets } = vector;
      return runLiteral(column, data.subarray(offsets[row] ?? 0, offsets[row + 1] ?? 0));
    }
    default:
      return unreachable(vector);
  }
}

function longLiteral(column: Column, value: bigint): string {
  const { kind } = column.type;
  if (kind === 'timestamp' || kind === 'timestamptz') return `'${momentText(value)}'`;
  return parseSourceType(column.sourceType).name === 'time'
    ? `'${spanText(value)}'`
    : String(value);
}

function momentText(micros: bigint): string {
  const fraction = ((micros % MICROS_PER_SECOND) + MICROS_PER_SECOND) % MICROS_PER_SECOND;
  const seconds = (micros - fraction) / MICROS_PER_SECOND;
  const inDay = ((seconds % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY;
  const days = (seconds - inDay) / SECONDS_PER_DAY;
  return `${dayText(toSafeNumber(days))} ${timeText(inDay, fraction)}`;
}

function spanText(micros: bigint): string {
  const size = micros < 0n ? -micros : micros;
  const text = timeText(size / MICROS_PER_SECOND, size % MICROS_PER_SECOND);
  return micros < 0n ? `-${text}` : text;
}

function timeText(seconds: bigint, micros: bigint): string {
  return `${clockText(toSafeNumber(seconds))}${fractionText(toSafeNumber(micros), 6)}`;
}

function decimalLiteral(type: ColumnType, unscaled: bigint): string {
  const scale = type.kind === 'decimal' ? type.scale : 0;
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale === 0 ? '' : `.${digits.slice(digits.length - scale)}`;
  return `${unscaled < 0n ? '-' : ''}${whole}${fraction}`;
}

function floatLiteral(value: number): string {
  const text = value.toExponential();
  return Object.is(value, -0) ? `-${text}` : text;
}

/** Labels are stored, ordered and indexed by their numbers, but compare with text as text. */
function labelsLiteral(column: Column, bytes: Uint8Array): string {
  const { name, labels } = parseSourceType(column.sourceType);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  if (name === 'enum') return String(labels.indexOf(text) + 1);
  const chosen = new Set(text.split(','));
  const bits = labels.map((label, index) => (chosen.has(label) ? 1n << BigInt(index) : 0n));
  // A SET compares as a signed number: its 64th label is the sign.
  return String(
    BigInt.asIntN(
      64,
      bits.reduce((sum, bit) => sum | bit, 0n),
    ),
  );
}

function runLiteral(column: Column, bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  switch (column.type.kind) {
    case 'uuid':
      return `'${uuidText(bytes)}'`;
    case 'string': {
      const { name } = parseSourceType(column.sourceType);
      if (DIGIT_TYPES.has(name)) return asciiText(bytes, 0, bytes.length);
      if (name === 'enum' || name === 'set') return labelsLiteral(column, bytes);
      return `_utf8mb4 x'${hex}'`;
    }
    default:
      return `x'${hex}'`;
  }
}
