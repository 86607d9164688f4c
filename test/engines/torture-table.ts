/**
 * Values that break copies, and what each must be in the lake: the expectation is written down, not
 * computed by the code under test. Rows of the source, of PyIceberg and of `firn query` come in one
 * form, PyIceberg's (`PyValue`), so that they can be compared value by value.
 */
import type { DatabaseSync } from 'node:sqlite';
import { stringifyJson } from '../../src/kernel/lossless-json.ts';
import type { Answer } from '../support/lake-place.ts';
import type { PyRow, PyValue } from './pyiceberg.ts';

/** A value as SQLite has it. */
export type Stored = null | bigint | number | string | Uint8Array;

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** What columns of each declared type are given, and what the lake then holds. */
export const VALUES = {
  INTEGER: [
    [9223372036854775807n, '9223372036854775807'],
    [-9223372036854775808n, '-9223372036854775808'],
    [9007199254740993n, '9007199254740993'],
    [-1n, '-1'],
    [0n, '0'],
    [null, null],
  ],
  REAL: [
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
    // SQLite itself stores 0.0 in its place.
    [-0, 0],
    [5e-324, 5e-324],
    [-2.2250738585072009e-308, -2.2250738585072009e-308],
    [1.7976931348623157e308, 1.7976931348623157e308],
    [0.1, 0.1],
    [2 ** 53, 2 ** 53],
    [null, null],
  ],
  TEXT: [
    ['', ''],
    ['a\u0000b', 'a\u0000b'],
    ['\u0000', '\u0000'],
    ['😀', '😀'],
    ['e\u0301 \u202E\uFFFD\uFEFF', 'e\u0301 \u202E\uFFFD\uFEFF'],
    ['NULL', 'NULL'],
    ['line\r\n"quoted", \'single\'\\', 'line\r\n"quoted", \'single\'\\'],
    ['x'.repeat(10_000), 'x'.repeat(10_000)],
    [null, null],
  ],
  BLOB: [
    [bytes(), ''],
    [bytes(0xff), 'ff'],
    [bytes(0), '00'],
    [bytes(0x5c, 0x78, 0x34, 0x31, 0x27, 0x22, 0x0a), '5c78343127220a'],
    [Uint8Array.from({ length: 256 }, (_, at) => at), hexOfAllBytes()],
    [null, null],
  ],
  // Any value as text that tells 1, 1.0 and '1' apart (docs/spec/source-sqlite.md S12).
  NUMERIC: [
    [1n, '1'],
    [9223372036854775807n, '9223372036854775807'],
    [1.5, '1.5'],
    [1e300, '1e+300'],
    [Infinity, 'Inf'],
    ['abc', 'abc'],
    ['', ''],
    [bytes(0x31), "x'31'"],
    [null, null],
  ],
  // A column without a type.
  '': [
    [1n, '1'],
    [1, '1.0'],
    ['1', "'1'"],
    ["it's", "it's"],
    ["'1'", "'''1'''"],
    [bytes(), "x''"],
    [-Infinity, '-Inf'],
    [null, null],
  ],
} as const satisfies Readonly<Record<string, readonly (readonly [Stored, PyValue])[]>>;

function hexOfAllBytes(): string {
  return Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, '0')).join('');
}

/** Declared types of a table's columns, by name, in order. */
export type Declared = Readonly<Record<string, keyof typeof VALUES>>;

const identity = (value: Stored): string =>
  value instanceof Uint8Array
    ? `blob ${Buffer.from(value).toString('hex')}`
    : `${typeof value} ${Object.is(value, -0) ? 0 : String(value)}`;

const KNOWN = new Map(
  Object.entries(VALUES).map(([type, values]) => [
    type,
    new Map(values.map(([stored, lake]): [string, PyValue] => [identity(stored), lake])),
  ]),
);

/** What a stored value must be in the lake. Plain numbers and words stand for themselves. */
function inLake(type: keyof typeof VALUES, value: Stored): PyValue {
  const known = KNOWN.get(type)?.get(identity(value));
  if (known !== undefined) return known;
  if (type === 'INTEGER' && typeof value === 'bigint') return String(value);
  if (type === 'TEXT' && typeof value === 'string') return value;
  if (type === 'REAL' && typeof value === 'number' && Number.isInteger(value)) return value;
  if (type === 'BLOB' && value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  throw new Error(`no expectation for a ${identity(value)} in a column ${type}`);
}

/** The rows of a source table as the lake must have them. */
export function sourceRows(
  database: DatabaseSync,
  request: { readonly table: string; readonly columns: Declared },
): readonly PyRow[] {
  const statement = database.prepare(`SELECT * FROM ${request.table}`);
  statement.setReadBigInts(true);
  return statement.all().map((row) => {
    const fields = Object.entries(request.columns).map(([name, type]) => [
      name,
      inLake(type, row[name] ?? null),
    ]);
    return Object.fromEntries(fields) as PyRow;
  });
}

/** The rows of an answer of `firn query` in the same form. */
export function answerRows({ columns, rows }: Answer): readonly PyRow[] {
  return rows.map((row) =>
    Object.fromEntries(columns.map(({ name, type }) => [name, answered(type, row[name] ?? null)])),
  );
}

function answered(type: string, value: unknown): PyValue {
  if (value === null) return null;
  const text = typeof value === 'string' ? value : stringifyJson(value);
  switch (type) {
    case 'BIGINT':
      return text;
    case 'INTEGER':
      return Number.parseInt(text, 10);
    case 'DOUBLE':
      return /inf|nan/i.test(text) ? infinity(text) : Number.parseFloat(text);
    case 'BLOB':
      return hexOf(text);
    case 'TIMESTAMP WITH TIME ZONE':
      return isoTime(text);
    default:
      return text;
  }
}

function infinity(text: string): string {
  return text.startsWith('-') ? '-Infinity' : 'Infinity';
}

/** DuckDB prints a BLOB as ASCII with `\xNN` for all other bytes. */
export function hexOf(text: string): string {
  const hex = (letter: string): string => letter.charCodeAt(0).toString(16).padStart(2, '0');
  return text.replaceAll(/\\x([0-9A-F]{2})|([\s\S])/g, (_, code?: string, letter?: string) =>
    code === undefined ? hex(letter ?? '') : code.toLowerCase(),
  );
}

/** `2026-01-02 03:04:05.6789+00` as `2026-01-02T03:04:05.678900Z`. */
function isoTime(text: string): string {
  const [, date, time, fraction = ''] = /^(\S+) ([\d:]+)(?:\.(\d+))?\+00$/.exec(text) ?? [];
  return `${date}T${time}.${fraction.padEnd(6, '0')}Z`;
}

/** Rows in an order that depends on their values alone. */
export function ordered(rows: readonly PyRow[]): readonly PyRow[] {
  const text = (row: PyRow): string =>
    JSON.stringify(
      Object.keys(row)
        .toSorted((left, right) => (left < right ? -1 : 1))
        .map((name) => row[name] ?? null),
    );
  return rows.toSorted((left, right) => (text(left) < text(right) ? -1 : 1));
}
