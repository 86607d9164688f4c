/**
 * Statements that compare two relations row by row and bit by bit, documents by value where they
 * are spelled otherwise, and settle what differs through the ledger. They work on tables of one
 * connection: `source` (all rows of the source, columns by alias), `differing` (keys that differ),
 * `history` (ledger rows of those keys) and `settled`.
 */
import { unreachable } from '../kernel/assert.ts';
import { compareMarks, laterMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { atOrBelow, keyList, keyName, keysEqual } from './merge-statements.ts';
import type { ChangeSource } from './merge-statements.ts';
import { columnAlias } from './parquet-statements.ts';
import { quoteText } from './quoting.ts';

/** A column that is compared. */
export interface ComparedColumn {
  readonly fieldId: number;
  readonly name: string;
  /** `floating`: NaN equals itself and -0.0 differs from 0.0. `document`: as values of JSON. */
  readonly how: 'bits' | 'floating' | 'document';
}

/** What is compared: columns, and which of them are the key, in key order. */
export interface ComparedTable {
  readonly keys: readonly ComparedColumn[];
  readonly values: readonly ComparedColumn[];
}

/** Table `differing`: keys of which `source` and the relation `base` do not have the same row. */
export function createDiffering(table: ComparedTable, base: string): string {
  const { keys, values } = table;
  const first = columnAlias(keys[0]?.fieldId ?? 0);
  const columns = values.map((column) => {
    return `CASE WHEN ${differs(column, 'base')} THEN ${quoteText(column.name)} END`;
  });
  const anyDiffers = values.map((column) => differs(column, 'base'));
  const list = keys.map(({ fieldId }, index) => {
    const alias = columnAlias(fieldId);
    return `coalesce(source.${alias}, base.${alias}) AS ${keyName(index)}`;
  });
  return `CREATE TEMP TABLE differing AS
    SELECT ${list.join(', ')},
      CASE WHEN source.${first} IS NULL THEN 'missing-in-source'
        WHEN base.${first} IS NULL THEN 'missing-in-base' ELSE 'different' END AS kind,
      list_filter([${columns.join(', ')}]::VARCHAR[], name -> name IS NOT NULL) AS columns
    FROM source FULL JOIN (${base}) AS base ON ${sameKey(table, 'source', 'base')}
    WHERE source.${first} IS NULL OR base.${first} IS NULL
      ${anyDiffers.map((condition) => `OR ${condition}`).join(' ')}`;
}

/**
 * Adds keys that a relation has more than once, as `different` without columns, in the place of
 * what else is said of them: no change in the log explains a key that is there twice.
 */
export function insertDoubled(table: ComparedTable, relation: string): readonly string[] {
  const keys = table.keys.map(({ fieldId }) => columnAlias(fieldId)).join(', ');
  const known = table.keys.map(({ fieldId }) => `doubled.${columnAlias(fieldId)}`);
  const differing = table.keys.map((_, index) => `differing.${keyName(index)}`);
  const doubled = `(SELECT ${keys} FROM (${relation}) GROUP BY ${keys} HAVING count(*) > 1)`;
  return [
    `DELETE FROM differing USING ${doubled} AS doubled WHERE ${keysEqual(known, differing)}`,
    `INSERT INTO differing SELECT ${keys}, 'different', []::VARCHAR[] FROM ${doubled}`,
  ];
}

/** Where in the log the two sides are: the source at one point between two marks. */
export interface SettleMarks {
  readonly source: { readonly low: SequenceMark; readonly high: SequenceMark };
  readonly base: SequenceMark | null;
}

/** Table `history`: ledger rows of differing keys, and truncates, up to the latest mark. */
export function createHistory(ledger: ChangeSource, marks: SettleMarks): string {
  const { op, epoch, seq, row, keys } = ledger;
  const list = [
    `${op} AS op`,
    `${epoch} AS epoch`,
    `${seq} AS seq`,
    `${row} AS rw`,
    `list_extract([${ledger.fileSequences.join(', ')}]::BIGINT[], file_index::BIGINT + 1) AS dsn`,
    'file_index AS fi',
    'file_row_number AS fr',
    ...keys.map((key, index) => `${key} AS ${keyName(index)}`),
  ];
  const mine = keys.map((key) => `ledger.${key}`);
  const known = keys.map((_, index) => `differing.${keyName(index)}`);
  return `CREATE TEMP TABLE history AS SELECT ${list.join(', ')}
    FROM ${ledger.relation} AS ledger
    WHERE ${atOrBelow(ledger, latestOf(marks))}
      AND (${op} = 't' OR EXISTS (FROM differing WHERE ${keysEqual(mine, known)}))`;
}

/**
 * Table `settled`: differing keys of which the source has just what the log says it had at some
 * point between its two marks. The base stands for the log up to its watermark, so what follows
 * that on the way to the point must have changed the key: a change after the watermark when the
 * point lies behind it, one at or before the watermark when the point lies before it. `values`
 * reads ledger rows by column alias.
 */
export function createSettled(table: ComparedTable, marks: SettleMarks, values: string): string {
  const keys = keyList(table.keys.length);
  const { base, source } = marks;
  const columns = { epoch: 'epoch', seq: 'seq' };
  const next = { epoch: 'next_epoch', seq: 'next_seq' };
  const early = atOrBelow(columns, earliestOf(marks));
  const order = 'epoch, seq, rw';
  const explained =
    base === null ? 'true' : `(NOT ${atOrBelow(columns, base)} OR ${atOrBelow(next, base)})`;
  const same = table.values.map((column) => `NOT ${differs(column, 'said')}`);
  const sourceKeys = table.keys.map(({ fieldId }) => `source.${columnAlias(fieldId)}`);
  const stateKeys = table.keys.map((_, index) => `states.${keyName(index)}`);
  return `CREATE TEMP TABLE settled AS
    WITH cuts AS (
      FROM history WHERE op = 't'
      QUALIFY NOT ${early} OR row_number() OVER (PARTITION BY ${early}
        ORDER BY epoch DESC, seq DESC, rw DESC) = 1
    ), changes AS (
      SELECT ${keys}, op, ${order}, fi, fr FROM history WHERE op <> 't'
      QUALIFY row_number() OVER (PARTITION BY ${keys}, ${order} ORDER BY dsn DESC) = 1
      UNION ALL
      SELECT ${keyList(table.keys.length, 'differing.')}, 't', ${order}, NULL, NULL
        FROM differing, cuts
    ), states AS (
      SELECT *, lead(epoch) OVER following AS next_epoch, lead(seq) OVER following AS next_seq
      FROM changes WINDOW following AS (PARTITION BY ${keys} ORDER BY ${order})
    )
    SELECT DISTINCT ${keyList(table.keys.length, 'states.')} FROM states
      JOIN differing USING (${keys})
      LEFT JOIN source ON ${keysEqual(sourceKeys, stateKeys)}
      LEFT JOIN ${values} AS said ON said.file_index = states.fi
        AND said.file_row_number = states.fr
    WHERE ${atOrBelow(columns, source.high)}
      AND (next_epoch IS NULL OR (NOT ${atOrBelow(next, source.low)}
        AND (epoch, seq) <> (next_epoch, next_seq)))
      AND ${explained}
      AND NOT (kind = 'different' AND len(columns) = 0)
      AND CASE WHEN op IN ('d', 't') THEN kind = 'missing-in-source'
        ELSE ${["kind <> 'missing-in-source'", ...same].join(' AND ')} END`;
}

/** The differences that are left, in key order: keys as text, kind, columns. */
export function selectDifferences(keyCount: number, limit: number): string {
  const texts = Array.from({ length: keyCount }, (_, index) => `${keyName(index)}::VARCHAR`);
  return `SELECT [${texts.join(', ')}], kind, columns FROM differing
    ANTI JOIN settled USING (${keyList(keyCount)}) ORDER BY ${keyList(keyCount)} LIMIT ${limit}`;
}

function sameKey(table: ComparedTable, left: string, right: string): string {
  const keys = table.keys.map(({ fieldId }) => columnAlias(fieldId));
  return keysEqual(
    keys.map((key) => `${left}.${key}`),
    keys.map((key) => `${right}.${key}`),
  );
}

/** Whether a column of `source` is not that of another relation. */
function differs({ fieldId, how }: ComparedColumn, other: string): string {
  const [left, right] = [`source.${columnAlias(fieldId)}`, `${other}.${columnAlias(fieldId)}`];
  const unequal = `${left} IS DISTINCT FROM ${right}`;
  switch (how) {
    case 'bits':
      return `(${unequal})`;
    case 'floating': {
      const sign = `signbit(${left}) IS DISTINCT FROM signbit(${right})`;
      return `(${unequal} OR (${sign} AND NOT isnan(${left})))`;
    }
    case 'document':
      return `(${unequal} AND ${respelled(left)} IS DISTINCT FROM ${respelled(right)})`;
    default:
      return unreachable(how);
  }
}

/** JSON in DuckDB's own spelling, members in the order in which they stand; other text as it is. */
function respelled(text: string): string {
  return `CASE WHEN json_valid(${text}) THEN json(${text})::VARCHAR ELSE ${text} END`;
}

function latestOf({ source, base }: SettleMarks): SequenceMark {
  return base === null ? source.high : laterMark(source.high, base);
}

function earliestOf({ source, base }: SettleMarks): SequenceMark {
  return base !== null && compareMarks(base, source.low) < 0 ? base : source.low;
}
