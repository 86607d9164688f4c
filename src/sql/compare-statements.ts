/**
 * Statements that compare two relations row by row and bit by bit, and settle what differs through
 * the ledger. They work on tables of one connection: `source` (all rows of the source, columns by
 * alias), `differing` (keys that differ), `history` (ledger rows of those keys) and `settled`.
 */
import { compareMarks } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { atOrBelow, keyList, keyName, keysEqual } from './merge-statements.ts';
import type { ChangeSource } from './merge-statements.ts';
import { columnAlias } from './parquet-statements.ts';
import { quoteText } from './quoting.ts';

/** A column that is compared. */
export interface ComparedColumn {
  readonly fieldId: number;
  readonly name: string;
  /** NaN equals itself and -0.0 differs from 0.0. */
  readonly floating: boolean;
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

/** Adds keys that a relation has more than once, as `different` without columns. */
export function insertDoubled(table: ComparedTable, relation: string): string {
  const keys = table.keys.map(({ fieldId }) => columnAlias(fieldId)).join(', ');
  const known = table.keys.map(({ fieldId }) => `doubled.${columnAlias(fieldId)}`);
  const differing = table.keys.map((_, index) => `differing.${keyName(index)}`);
  return `INSERT INTO differing SELECT ${keys}, 'different', []::VARCHAR[] FROM (
      SELECT ${keys} FROM (${relation}) GROUP BY ${keys} HAVING count(*) > 1
    ) AS doubled ANTI JOIN differing ON ${keysEqual(known, differing)}`;
}

/** Between which marks changes explain a difference, and as of which the source was read. */
export interface SettleMarks {
  readonly source: SequenceMark;
  readonly base: SequenceMark | null;
}

/** Table `history`: ledger rows of differing keys, and truncates, up to the later mark. */
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
    WHERE ${atOrBelow(ledger, laterOf(marks))}
      AND (${op} = 't' OR EXISTS (FROM differing WHERE ${keysEqual(mine, known)}))`;
}

/**
 * Table `settled`: differing keys that changed between the two marks, of which the source has just
 * what the ledger says it had when it was read. `values` reads ledger rows by column alias.
 */
export function createSettled(table: ComparedTable, marks: SettleMarks, values: string): string {
  const count = table.keys.length;
  const columns = { epoch: 'epoch', seq: 'seq' };
  const earlier = earlierOf(marks);
  const between = earlier === null ? 'true' : `NOT ${atOrBelow(columns, earlier)}`;
  const asRead = atOrBelow(columns, marks.source);
  const order = 'epoch DESC, seq DESC, rw DESC';
  const same = table.values.map((column) => `NOT ${differs(column, 'said')}`);
  const sourceKeys = table.keys.map(({ fieldId }) => `source.${columnAlias(fieldId)}`);
  const keys = table.keys.map((_, index) => `differing.${keyName(index)}`);
  return `CREATE TEMP TABLE settled AS
    WITH touched AS (
      SELECT DISTINCT ${keyList(count)} FROM history WHERE op <> 't' AND ${between}
    ), newest AS (
      SELECT * FROM history WHERE op <> 't' AND ${asRead}
      QUALIFY row_number() OVER (PARTITION BY ${keyList(count)} ORDER BY ${order}, dsn DESC) = 1
    ), cut AS (
      SELECT epoch, seq, rw FROM history WHERE op = 't' AND ${asRead} ORDER BY ${order} LIMIT 1
    )
    SELECT ${keyList(count, 'differing.')} FROM differing
      LEFT JOIN newest USING (${keyList(count)})
      LEFT JOIN source ON ${keysEqual(sourceKeys, keys)}
      LEFT JOIN ${values} AS said ON said.file_index = newest.fi
        AND said.file_row_number = newest.fr
      LEFT JOIN cut ON true
    WHERE (EXISTS (FROM history WHERE op = 't' AND ${between})
        OR EXISTS (FROM touched WHERE ${keysEqual(
          keys,
          table.keys.map((_, index) => `touched.${keyName(index)}`),
        )}))
      AND CASE
        WHEN cut.epoch IS NOT NULL AND (newest.epoch IS NULL
          OR (cut.epoch, cut.seq, cut.rw) > (newest.epoch, newest.seq, newest.rw))
          THEN differing.kind = 'missing-in-source'
        WHEN newest.epoch IS NULL THEN false
        WHEN newest.op = 'd' THEN differing.kind = 'missing-in-source'
        ELSE ${["differing.kind <> 'missing-in-source'", ...same].join(' AND ')}
      END`;
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

/** Whether a column of `source` is not, bit by bit, that of another relation. */
function differs({ fieldId, floating }: ComparedColumn, other: string): string {
  const [left, right] = [`source.${columnAlias(fieldId)}`, `${other}.${columnAlias(fieldId)}`];
  const unequal = `${left} IS DISTINCT FROM ${right}`;
  if (!floating) return `(${unequal})`;
  const sign = `signbit(${left}) IS DISTINCT FROM signbit(${right})`;
  return `(${unequal} OR (${sign} AND NOT isnan(${left})))`;
}

function laterOf({ source, base }: SettleMarks): SequenceMark {
  return base !== null && compareMarks(base, source) > 0 ? base : source;
}

function earlierOf({ source, base }: SettleMarks): SequenceMark | null {
  return base !== null && compareMarks(base, source) > 0 ? source : base;
}
