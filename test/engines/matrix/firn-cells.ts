/**
 * Firn's own rows in the form that every reader of the matrix gives: a cell is text or null, and
 * equal text is an equal value. Integers, text: as they are. Decimals: without closing zeros.
 * Floating-point numbers: their bits. Bytes, UUIDs: hex. Dates: days, times: microseconds, both
 * since 1970.
 */
import { hexOf } from '../torture-table.ts';
import type { ReadRows } from './reader-process.ts';

/** Rows with what each column holds. */
export interface KnownRows extends ReadRows {
  readonly kinds: Readonly<Record<string, string>>;
}

const KINDS: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean',
  INTEGER: 'integer',
  BIGINT: 'integer',
  FLOAT: 'float',
  DOUBLE: 'double',
  VARCHAR: 'string',
  BLOB: 'binary',
  DATE: 'date',
  TIMESTAMP: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamptz',
  UUID: 'uuid',
};

function kindOf(type: string): string {
  const kind = type.startsWith('DECIMAL') ? 'decimal' : KINDS[type];
  if (kind === undefined) throw new Error(`no form for values of ${type}`);
  return kind;
}

function numberOf(text: string): number {
  if (/nan/i.test(text)) return NaN;
  if (/inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return Number.parseFloat(text);
}

function bitsOf(value: number, bytes: 4 | 8): string {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeFloatBE(value);
  else buffer.writeDoubleBE(value);
  return buffer.toString('hex');
}

const MS_PER_DAY = 86_400_000;

function daysOf(text: string): number {
  const [year = 0, month = 0, day = 0] = text.split('-').map((part) => Number.parseInt(part, 10));
  // Date.UTC alone takes the years 0 to 99 for others.
  return new Date(0).setUTCFullYear(year, month - 1, day) / MS_PER_DAY;
}

function microsecondsOf(text: string): bigint {
  const found = /^(\S+) (\d+):(\d+):(\d+)(?:\.(\d+))?(?:\+00)?$/.exec(text);
  if (found === null) throw new Error(`${text} is no time`);
  const [, date = '', hours = '', minutes = '', seconds = '', fraction = ''] = found;
  const inDay = (BigInt(hours) * 60n + BigInt(minutes)) * 60n + BigInt(seconds);
  const whole = BigInt(daysOf(date)) * 86_400n + inDay;
  return whole * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

/** The cell of a value in the words of DuckDB; numbers are text as they were written. */
export function cell(kind: string, value: string | boolean | null): string | null {
  if (value === null) return null;
  const text = String(value);
  switch (kind) {
    case 'float':
      return bitsOf(numberOf(text), 4);
    case 'double':
      return bitsOf(numberOf(text), 8);
    case 'binary':
      return hexOf(text);
    case 'date':
      return `${daysOf(text)}`;
    case 'timestamp':
    case 'timestamptz':
      return `${microsecondsOf(text)}`;
    default:
      return steady(kind, text);
  }
}

/** One text for values that are the same: digits of a UUID, decimals without closing zeros. */
function steady(kind: string, text: string | null): string | null {
  if (text === null) return null;
  if (kind === 'uuid') return text.replaceAll('-', '');
  if (kind !== 'decimal' || !text.includes('.')) return text;
  return text.replace(/\.?0+$/, '').replace(/^-0$/, '0');
}

/** An answer of `firn query --json`, with numbers as they are written. */
interface WrittenAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly Readonly<Record<string, string | boolean | null>>[];
}

/** For `JSON.parse`: a decimal of 38 digits is a number of JSON, and none of JavaScript. */
export function asWritten(
  _key: string,
  value: unknown,
  context?: { readonly source?: string },
): unknown {
  return typeof value === 'number' ? context?.source : value;
}

/** The rows of an answer of `firn query --json`. */
export function knownRows(text: string): KnownRows {
  const { columns, rows } = JSON.parse(text, asWritten) as WrittenAnswer;
  const kinds = columns.map(({ name, type }) => [name, kindOf(type)] as const);
  return {
    columns: columns.map(({ name }) => name),
    kinds: Object.fromEntries(kinds),
    rows: rows.map((row) => kinds.map(([name, kind]) => cell(kind, row[name] ?? null))),
  };
}

function sortedRows(rows: ReadRows['rows']): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}

/** In what `found` differs from `known`, in a few words; `null` when every cell is the same. */
export function difference(known: KnownRows, found: ReadRows): string | null {
  const places = known.columns.map((name) => found.columns.indexOf(name));
  const missing = known.columns.filter((_, at) => places[at] === -1);
  if (missing.length > 0) return `no column ${missing.join(', ')}`;
  const rows = found.rows.map((row) =>
    places.map((place, at) =>
      steady(known.kinds[known.columns[at] ?? ''] ?? '', row[place] ?? null),
    ),
  );
  if (rows.length !== known.rows.length) {
    return `${rows.length} rows in place of ${known.rows.length}`;
  }
  const [left, right] = [sortedRows(known.rows), sortedRows(rows)];
  const count = left.filter((row, at) => row !== right[at]).length;
  if (count === 0) return null;
  const wrong = known.columns.filter((_, at) => {
    const values = (all: ReadRows['rows']): string =>
      JSON.stringify(all.map((row) => JSON.stringify(row[at])).toSorted());
    return values(known.rows) !== values(rows);
  });
  return `other values in ${wrong.join(', ')}`;
}
