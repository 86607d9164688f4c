/**
 * Text of the SELECTs that read tables. Conditions on a key are written so that both servers walk
 * the key's index: comparing whole rows (`(a, b) > (1, 2)`) makes them read the index from its
 * start, so it is written out as `a > 1 OR (a = 1 AND b > 2)`. Values come as literals made by
 * `keyLiteral`.
 */
import { assert, unreachable } from '../kernel/assert.ts';
import { quoteMysqlName } from './quote-name.ts';

/** A key column. */
export interface ReadKey {
  /** Quoted. */
  readonly name: string;
  /**
   * Labels of an ENUM in order, else `null`. Its literals are numbers, in which no server searches
   * an index; conditions list labels instead.
   */
  readonly labels: readonly string[] | null;
}

/** A table to read and the order to read it in. */
export interface ReadTable {
  /** Quoted, with its database. */
  readonly name: string;
  /** SELECT list, one expression per column of the schema. */
  readonly list: string;
  /** SELECT list of the key columns, in key order. */
  readonly keyList: string;
  /** Key columns in key order; empty: no order. */
  readonly keys: readonly ReadKey[];
  /** Name of the index of just these columns, `null` when there is none to be named. */
  readonly index: string | null;
}

/** Which rows of a table, in key order: literals per key column. */
export interface KeyRange {
  /** Rows behind this key; `null`: from the first. */
  readonly after: readonly string[] | null;
  /** Rows up to and with this key; `null`: to the last. */
  readonly upTo: readonly string[] | null;
  readonly limit: number | null;
}

/** Quotes text, for a session without NO_BACKSLASH_ESCAPES and with ANSI_QUOTES or not. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`;
}

/** The rows of a range, in key order. */
export function selectRange(table: ReadTable, range: KeyRange): string {
  const order = table.keys.length === 0 ? '' : ` ORDER BY ${orderOf(table)}`;
  const limit = range.limit === null ? '' : ` LIMIT ${range.limit}`;
  return `SELECT ${table.list} ${fromRange(table, range)}${order}${limit}`;
}

/** What follows the list of a SELECT of the rows between two keys, in any order. */
export function fromRange(
  table: Pick<ReadTable, 'name' | 'keys' | 'index'>,
  range: Pick<KeyRange, 'after' | 'upTo'>,
): string {
  return `FROM ${relation(table)}${whereIn(table, range)}`;
}

/** The key of the row that is `count` rows behind the beginning of a range; none: it has fewer. */
export function selectBorder(
  table: ReadTable,
  range: Pick<KeyRange, 'after' | 'upTo'>,
  count: number,
): string {
  const select = `SELECT ${table.keyList} FROM ${relation(table)}`;
  return `${select}${whereIn(table, range)} ORDER BY ${orderOf(table)} LIMIT ${count - 1}, 1`;
}

/** The rows of these keys, in any order. */
export function selectKeys(table: ReadTable, keys: readonly (readonly string[])[]): string {
  assert(keys.length > 0 && table.keys.length > 0, 'there is something to look for');
  const [only] = table.keys;
  const condition =
    table.keys.length === 1 && only?.labels === null
      ? `${only.name} IN (${keys.map(([literal]) => literal).join(', ')})`
      : keys.map((key) => `(${equal(table.keys, key)})`).join(' OR ');
  return `SELECT ${table.list} FROM ${relation(table)} WHERE ${condition}`;
}

function whereIn(
  { keys }: Pick<ReadTable, 'keys'>,
  range: Pick<KeyRange, 'after' | 'upTo'>,
): string {
  const conditions = [
    ...(range.after === null ? [] : [`(${behind(keys, range.after)})`]),
    ...(range.upTo === null ? [] : [`(${notBehind(keys, range.upTo)})`]),
  ];
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

function relation({ name, index }: Pick<ReadTable, 'name' | 'index'>): string {
  return index === null ? name : `${name} FORCE INDEX (${quoteMysqlName(index)})`;
}

function orderOf({ keys }: ReadTable): string {
  return keys.map(({ name }) => name).join(', ');
}

/** `a > 1 OR (a = 1 AND (b > 2 OR (b = 2 AND c > 3)))`. */
function behind(keys: readonly ReadKey[], literals: readonly string[]): string {
  return rowCompared(keys, literals, '>');
}

function notBehind(keys: readonly ReadKey[], literals: readonly string[]): string {
  return rowCompared(keys, literals, '<=');
}

type Operator = '=' | '>' | '<' | '<=';

function rowCompared(
  keys: readonly ReadKey[],
  literals: readonly string[],
  operator: '>' | '<=',
): string {
  const [key, ...keysLeft] = keys;
  const [literal, ...literalsLeft] = literals;
  assert(key !== undefined && literal !== undefined, 'a literal for each key column');
  if (keysLeft.length === 0) return compared(key, operator, literal);
  const strict = operator === '>' ? '>' : '<';
  const rest = rowCompared(keysLeft, literalsLeft, operator);
  return `${compared(key, strict, literal)} OR (${compared(key, '=', literal)} AND (${rest}))`;
}

function compared({ name, labels }: ReadKey, operator: Operator, literal: string): string {
  if (labels === null) return `${name} ${operator} ${literal}`;
  const number = Number.parseInt(literal, 10);
  // Number 0 is the empty text that stands for a value the column never had.
  const found = ['', ...labels].filter((_, index) => holds(index, operator, number));
  const texts = found.map((label) => `_utf8mb4 x'${Buffer.from(label).toString('hex')}'`);
  return texts.length === 0 ? 'FALSE' : `${name} IN (${texts.join(', ')})`;
}

function holds(left: number, operator: Operator, right: number): boolean {
  switch (operator) {
    case '=':
      return left === right;
    case '>':
      return left > right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    default:
      return unreachable(operator);
  }
}

function equal(keys: readonly ReadKey[], literals: readonly string[]): string {
  return keys.map((key, index) => compared(key, '=', literals[index] ?? 'NULL')).join(' AND ');
}
