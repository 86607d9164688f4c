/**
 * Values of SQLite's five storage classes in JavaScript, and the text form that keeps them apart.
 * INTEGER is `bigint`, REAL is `number`, TEXT is `string`, BLOB is `Uint8Array`.
 */
import { parseJson } from '../../kernel/lossless-json.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';

/** One value as `node:sqlite` gives it with big integers on. */
export type SqliteValue = null | bigint | number | string | Uint8Array;

/** One row, its columns by position. */
export type SqliteRow = readonly SqliteValue[];

const INTEGER_FORM = /^-?\d+$/;
const REAL_FORM = /^-?(?:\d+\.\d+|\d+(?:\.\d+)?e[+-]\d+|Inf)$/;
const BLOB_FORM = /^x'((?:[0-9a-f]{2})*)'$/;

/**
 * What tells text forms apart. `any`: the column may hold numbers (NUMERIC, ANY, no type), so text
 * that looks like a number is quoted. `text`: it cannot (TEXT), so numbers in text stay as they
 * are.
 */
export type LiteralClass = 'any' | 'text';

/**
 * The value as text, such that different values have different text: `1`, `1.0`, `'1'`, `x'31'`.
 * Text stands for itself unless it could be taken for one of the other forms; then it is quoted as
 * in SQL. Infinities are `Inf` and `-Inf`.
 */
export function literalText(value: Exclude<SqliteValue, null>, kind: LiteralClass): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return realText(value);
  if (typeof value === 'string') return isPlain(value, kind) ? value : quoted(value);
  return `x'${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}'`;
}

/** Reads {@link literalText}'s text back; the same `kind` must be given. */
export function parseLiteral(text: string, kind: LiteralClass): Exclude<SqliteValue, null> {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  const blob = BLOB_FORM.exec(text);
  if (blob !== null) return new Uint8Array(Buffer.from(blob[1] ?? '', 'hex'));
  if (kind === 'text') return text;
  if (INTEGER_FORM.test(text)) return BigInt(text);
  if (REAL_FORM.test(text)) return Number.parseFloat(text.replace('Inf', 'Infinity'));
  return text;
}

/**
 * Whether two values are the same value of the same storage class; the sign of zero does not count.
 */
export function sameValue(left: SqliteValue | undefined, right: SqliteValue | undefined): boolean {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return Buffer.compare(left, right) === 0;
  }
  return left === right;
}

/** Text that is equal exactly when all values are the same; for keys of maps. */
export function valuesKey(values: readonly SqliteValue[]): string {
  return JSON.stringify(values.map((value) => (value === null ? null : literalText(value, 'any'))));
}

/** Reads {@link valuesKey}'s text back; `null` when it is not one. */
export function parseValuesKey(text: string): SqliteRow | null {
  let parsed: JsonValue;
  try {
    parsed = parseJson(text);
  } catch {
    // Not JSON: the caller names what held the text.
    return null;
  }
  if (!Array.isArray(parsed)) return null;
  const values: SqliteValue[] = [];
  for (const item of parsed as readonly JsonValue[]) {
    if (item !== null && typeof item !== 'string') return null;
    values.push(item === null ? null : parseLiteral(item, 'any'));
  }
  return values;
}

function realText(value: number): string {
  if (value === Infinity) return 'Inf';
  if (value === -Infinity) return '-Inf';
  // SQLite itself keeps the sign of zero in some places only; adding zero drops it.
  const text = (value + 0).toString();
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function isPlain(text: string, kind: LiteralClass): boolean {
  if (text.startsWith("'") || BLOB_FORM.test(text)) return false;
  return kind === 'text' || !(INTEGER_FORM.test(text) || REAL_FORM.test(text));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
