/** What a database says of its tables now: columns, keys, triggers, and the order they came in. */
import type { DatabaseSync } from 'node:sqlite';
import { toSafeNumber } from '../../kernel/integers.ts';
import { cutIndexText, foldName, quoteName, sameName } from './sql-text.ts';
import { query } from './sqlite-database.ts';
import type { SqliteValue } from './sqlite-value.ts';

/** A column as the table declares it. */
export interface ShapeColumn {
  readonly name: string;
  /** Declared type as written; empty when there is none. */
  readonly declared: string;
  readonly notNull: boolean;
  /** Text of the default, `null` without one. */
  readonly defaultText: string | null;
  readonly generated: boolean;
}

/** One term of a unique key: a column, or an expression by its text. */
export interface KeyTerm {
  readonly column: string | null;
  readonly expression: string | null;
  readonly collation: string;
}

/** A set of terms of which no two rows may have the same values. */
export interface UniqueKey {
  readonly terms: readonly KeyTerm[];
  /** Condition of a partial index. */
  readonly condition: string | null;
}

/** A trigger as `sqlite_master` holds it. */
export interface ShapeTrigger {
  readonly name: string;
  readonly table: string;
  readonly sql: string;
  /** Place in `sqlite_master`: later objects have higher ones, and VACUUM keeps that order. */
  readonly order: number;
}

/** A table. */
export interface TableShape {
  readonly name: string;
  readonly withoutRowid: boolean;
  readonly columns: readonly ShapeColumn[];
  /** Columns of the declared primary key in key order. */
  readonly primaryKey: readonly string[];
  /** The primary key is an alias of the rowid: an integer, never NULL. */
  readonly integerKey: boolean;
  /** Every unique key, the primary key first, then in order of creation. */
  readonly uniqueKeys: readonly UniqueKey[];
  /** A name by which the rowid can be read; `null` without one. */
  readonly rowidName: string | null;
  readonly triggers: readonly ShapeTrigger[];
}

/** Prefix of everything Firn puts into a database. */
const OWN_PREFIX = '_firn_';

/**
 * Names of the tables that can be captured: no views, virtual or shadow tables, none of SQLite's
 * own.
 */
export function capturableTables(db: DatabaseSync): string[] {
  const rows = query(
    db,
    `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name`,
  );
  return rows
    .map(([name]) => text(name))
    .filter((name) => !/^sqlite_/i.test(name) && !foldName(name).startsWith(OWN_PREFIX));
}

/** All triggers of the database. */
export function readTriggers(db: DatabaseSync): ShapeTrigger[] {
  const rows = query(
    db,
    `SELECT name, tbl_name, sql, rowid FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid`,
  );
  return rows.map(([name, table, sql, order]) => ({
    name: text(name),
    table: text(table),
    sql: text(sql),
    order: small(order),
  }));
}

/** One table, or `null` when there is none of that name. */
export function readShape(
  db: DatabaseSync,
  table: string,
  triggers: readonly ShapeTrigger[],
): TableShape | null {
  const [master] = query(
    db,
    `SELECT m.name, l.wr FROM sqlite_master AS m
       JOIN pragma_table_list AS l ON l.schema = 'main' AND l.name = m.name AND l.type = 'table'
      WHERE m.type = 'table' AND m.name = ?1 COLLATE NOCASE`,
    table,
  );
  if (master === undefined) return null;
  const name = text(master[0]);
  const withoutRowid = master[1] === 1n;
  const rows = query(
    db,
    `SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?1)
      WHERE hidden <> 1 ORDER BY cid`,
    name,
  );
  const columns = rows.map(([column, declared, notNull, defaultText, , hidden]) => ({
    name: text(column),
    declared: text(declared),
    notNull: notNull === 1n,
    defaultText: typeof defaultText === 'string' ? defaultText : null,
    generated: hidden === 2n || hidden === 3n,
  }));
  const primaryKey = rows
    .filter(([, , , , place]) => place !== 0n)
    .sort((left, right) => small(left[4]) - small(right[4]))
    .map(([column]) => text(column));
  const indexes = readIndexes(db, name);
  const keyType = columns.find((column) => column.name === primaryKey[0])?.declared;
  const integerKey =
    !withoutRowid &&
    primaryKey.length === 1 &&
    keyType?.toUpperCase() === 'INTEGER' &&
    !indexes.some((index) => index.isPrimary);
  const rowidName = withoutRowid ? null : freeRowidName(columns);
  return {
    name,
    withoutRowid,
    columns,
    primaryKey,
    integerKey,
    uniqueKeys: uniqueKeys({ primaryKey, integerKey, indexes, rowidName }),
    rowidName,
    triggers: triggers.filter((trigger) => sameName(trigger.table, name)),
  };
}

/**
 * Estimated rows for progress: SQLite's statistics, else the span of rowids when it is plausible.
 */
export function estimateRows(db: DatabaseSync, shape: TableShape): bigint | null {
  const hasStatistics = query(db, `SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'`);
  if (hasStatistics.length > 0) {
    const rows = query(db, `SELECT stat FROM sqlite_stat1 WHERE tbl = ?1 LIMIT 1`, shape.name);
    const count = /^\d{1,18}/.exec(text(rows[0]?.[0]))?.[0];
    if (count !== undefined) return BigInt(count);
  }
  if (shape.rowidName === null) return null;
  const [span] = query(
    db,
    `SELECT max(${shape.rowidName}) - min(${shape.rowidName}) + 1 FROM ${quoteName(shape.name)}`,
  );
  const [size] = query(
    db,
    `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`,
  );
  const rows = span?.[0] ?? 0n;
  const bytes = size?.[0];
  // A row takes at least a few bytes: a wider span means that the rowids are not counted up.
  if (typeof rows !== 'bigint' || typeof bytes !== 'bigint' || rows * 4n > bytes) return null;
  return rows;
}

interface Index extends UniqueKey {
  readonly isPrimary: boolean;
}

function readIndexes(db: DatabaseSync, table: string): Index[] {
  const rows = query(
    db,
    `SELECT i.name, i.origin, i.partial, m.sql FROM pragma_index_list(?1) AS i
       LEFT JOIN sqlite_master AS m ON m.type = 'index' AND m.name = i.name
      WHERE i."unique" = 1 ORDER BY i.origin = 'pk' DESC, m.rowid`,
    table,
  );
  return rows.map(([name, origin, partial, sql]) => {
    const cut = typeof sql === 'string' ? cutIndexText(sql) : null;
    const terms = query(
      db,
      `SELECT cid, name, coll FROM pragma_index_xinfo(?1) WHERE key = 1 ORDER BY seqno`,
      text(name),
    ).map(([column, columnName, collation], index) => ({
      column: column === -2n ? null : typeof columnName === 'string' ? columnName : null,
      expression: column === -2n ? (cut?.terms[index] ?? null) : null,
      collation: text(collation),
    }));
    const condition = partial === 1n ? (cut?.condition ?? null) : null;
    return { isPrimary: origin === 'pk', terms, condition };
  });
}

function uniqueKeys(table: {
  readonly primaryKey: readonly string[];
  readonly integerKey: boolean;
  readonly indexes: readonly Index[];
  readonly rowidName: string | null;
}): UniqueKey[] {
  const keys = table.indexes.map(({ terms, condition }): UniqueKey => ({ terms, condition }));
  const rowid = table.integerKey ? (table.primaryKey[0] ?? null) : table.rowidName;
  if (rowid === null) return keys;
  // The rowid is a key of its own: writing a row with one that is taken can replace that row.
  const terms: KeyTerm[] = [{ column: rowid, expression: null, collation: 'BINARY' }];
  return [{ terms, condition: null }, ...keys];
}

function freeRowidName(columns: readonly ShapeColumn[]): string | null {
  const taken = new Set(columns.map((column) => foldName(column.name)));
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name)) ?? null;
}

function text(value: SqliteValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function small(value: SqliteValue | undefined): number {
  return typeof value === 'bigint' ? toSafeNumber(value) : 0;
}
