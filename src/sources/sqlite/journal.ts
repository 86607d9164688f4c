/**
 * The journal in the database: its tables, who it belongs to, and the plans its rows were written
 * with. Everything here runs inside a transaction of the caller.
 */
import type { DatabaseSync } from 'node:sqlite';
import { FirnError } from '../../kernel/firn-error.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import { parseJson } from '../../kernel/lossless-json.ts';
import { imageWidth } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import {
  CHANGES_VIEW,
  JOURNAL_FORMAT,
  LOG_OP,
  LOG_TABLE,
  META_TABLE,
  TABLES_TABLE,
} from './journal-names.ts';
import { quoteName } from './sql-text.ts';
import { query } from './sqlite-database.ts';
import type { SqliteValue } from './sqlite-value.ts';
import type { PlannedTrigger } from './triggers.ts';

/** Who the database is to Firn. */
export interface JournalMeta {
  /** Random text made at installation. */
  readonly incarnation: string;
  /** Name of the pipeline the journal is kept for. */
  readonly pipeline: string;
  /** Journal mode that Firn found and replaced by WAL; `null` when it was WAL already. */
  readonly replacedMode: string | null;
}

/** A plan with its number in the journal. */
export interface StoredPlan {
  readonly id: number;
  readonly plan: CapturePlan;
  readonly triggers: readonly PlannedTrigger[];
  /** Id of the journal row where capture without a hole began. */
  readonly start: number;
  /** Id of the journal row where the plan ended; `null` while it is in force. */
  readonly until: number | null;
}

// Ids rise without AUTOINCREMENT, because the last row is never removed; AUTOINCREMENT would cost
// every writer a second write and leave SQLite's `sqlite_sequence` behind for ever.
const JOURNAL_DDL: readonly string[] = [
  `CREATE TABLE ${META_TABLE}(key TEXT PRIMARY KEY, value)`,
  `CREATE TABLE ${TABLES_TABLE}(id INTEGER PRIMARY KEY, name TEXT, start INTEGER, until INTEGER, ` +
    'plan TEXT)',
  `CREATE TABLE ${LOG_TABLE}(id INTEGER PRIMARY KEY, tbl INTEGER, op INTEGER, at REAL, v1, v2)`,
];

const OPERATION = Object.entries(LOG_OP)
  .map(([name, code]) => `WHEN ${code} THEN '${name}'`)
  .join(' ');

const VIEW_DDL =
  `CREATE VIEW ${CHANGES_VIEW} AS SELECT l.id AS id, t.name AS table_name, ` +
  `CASE l.op ${OPERATION} END AS operation, strftime('%Y-%m-%d %H:%M:%f', l.at) AS changed_at ` +
  `FROM ${LOG_TABLE} AS l LEFT JOIN ${TABLES_TABLE} AS t ON t.id = l.tbl`;

/** Who the database is, or `null` when no journal, or only a part of one, is there. */
export function readMeta(db: DatabaseSync): JournalMeta | null {
  const names = [META_TABLE, TABLES_TABLE, LOG_TABLE];
  const found = query(db, 'SELECT 1 FROM sqlite_master WHERE name IN (?1, ?2, ?3)', ...names);
  if (found.length < names.length) return null;
  const rows = query(db, `SELECT key, value FROM ${META_TABLE}`);
  const values = new Map(rows.map(([key, value]) => [key, value]));
  const format = values.get('format');
  if (format !== JOURNAL_FORMAT) {
    throw new FirnError('SOURCE-OTHER-PIPELINE', {
      what: `The database’s journal has format ${String(format)}, not ${JOURNAL_FORMAT}`,
      remedy: 'Use the version of Firn that installed it, or take it out with that version first.',
    });
  }
  const text = (key: string): string | null => {
    const value = values.get(key);
    return typeof value === 'string' ? value : null;
  };
  return {
    incarnation: text('incarnation') ?? '',
    pipeline: text('pipeline') ?? '',
    replacedMode: text('replaced_mode'),
  };
}

/**
 * Makes the journal's tables, with a first row so that a last row always exists. What is left of an
 * installation whose tables somebody dropped goes first: its triggers make writes fail.
 */
export function installJournal(db: DatabaseSync, meta: JournalMeta): void {
  for (const statement of removalStatements(db)) db.exec(statement);
  for (const statement of JOURNAL_DDL) db.exec(statement);
  const insert = db.prepare(`INSERT INTO ${META_TABLE}(key, value) VALUES(?1, ?2)`);
  insert.run('format', JOURNAL_FORMAT);
  insert.run('incarnation', meta.incarnation);
  insert.run('pipeline', meta.pipeline);
  if (meta.replacedMode !== null) insert.run('replaced_mode', meta.replacedMode);
  appendMark(db, { captureId: 0, op: LOG_OP.start, values: [meta.incarnation] });
}

/** Makes the journal wide enough for every plan: two images in one row. */
export function widenJournal(db: DatabaseSync, plan: CapturePlan): void {
  const [row] = query(db, 'SELECT count(*) FROM pragma_table_info(?1)', LOG_TABLE);
  const has = toSafeNumber(integer(row?.[0])) - 4;
  for (let place = has + 1; place <= 2 * imageWidth(plan); place++) {
    db.exec(`ALTER TABLE ${LOG_TABLE} ADD COLUMN v${place}`);
  }
}

/** Makes the view anew, so that it is younger than every captured table and trigger. */
export function renewView(db: DatabaseSync): void {
  db.exec(`DROP VIEW IF EXISTS ${CHANGES_VIEW}`);
  db.exec(VIEW_DDL);
}

/** Place of the view in `sqlite_master`; everything at a higher place is younger. */
export function viewOrder(db: DatabaseSync): number {
  const [row] = query(db, 'SELECT rowid FROM sqlite_master WHERE name = ?1', CHANGES_VIEW);
  return row === undefined ? 0 : toSafeNumber(integer(row[0]));
}

/** Writes a row that is not a change; gives its id. */
export function appendMark(
  db: DatabaseSync,
  mark: { readonly captureId: number; readonly op: number; readonly values: readonly string[] },
): number {
  const [first = null, second = null] = mark.values;
  const columns = 'tbl, op, at, v1, v2';
  const sql = `INSERT INTO ${LOG_TABLE}(${columns}) VALUES(?1, ?2, julianday('now'), ?3, ?4)`;
  const { lastInsertRowid } = db.prepare(sql).run(mark.captureId, mark.op, first, second);
  return toSafeNumber(BigInt(lastInsertRowid));
}

/** Reserves the number of a new plan. */
export function newCaptureId(db: DatabaseSync, table: string): number {
  const sql = `INSERT INTO ${TABLES_TABLE}(name) VALUES(?1)`;
  return toSafeNumber(BigInt(db.prepare(sql).run(table).lastInsertRowid));
}

/** Stores a plan under its number. */
export function storePlan(db: DatabaseSync, stored: StoredPlan): void {
  const { id, plan, triggers, start, until } = stored;
  db.prepare(
    `UPDATE ${TABLES_TABLE} SET name = ?2, start = ?3, until = ?4, plan = ?5 WHERE id = ?1`,
  ).run(id, plan.table, start, until, JSON.stringify({ plan, triggers }));
}

/** All plans, oldest first. */
export function readPlans(db: DatabaseSync): StoredPlan[] {
  const rows = query(db, `SELECT id, start, until, plan FROM ${TABLES_TABLE} ORDER BY id`);
  return rows.flatMap(([id, start, until, text]) => {
    if (typeof text !== 'string') return [];
    // Written by storePlan only; a journal of another format is refused by readMeta.
    const { plan, triggers } = parseJson(text) as unknown as Pick<StoredPlan, 'plan' | 'triggers'>;
    return [
      {
        id: toSafeNumber(integer(id)),
        plan,
        triggers,
        start: toSafeNumber(integer(start)),
        until: until === null ? null : toSafeNumber(integer(until)),
      },
    ];
  });
}

/** Forgets plans that no row of the journal was written with any more. */
export function forgetPlans(db: DatabaseSync): void {
  db.exec(
    `DELETE FROM ${TABLES_TABLE} WHERE until < (SELECT min(id) FROM ${LOG_TABLE}) ` +
      `AND id < (SELECT max(id) FROM ${TABLES_TABLE})`,
  );
}

/** The statements that take everything out again, whoever put it in. */
export function removalStatements(db: DatabaseSync): string[] {
  const rows = query(
    db,
    `SELECT type, name FROM sqlite_master
      WHERE name GLOB '_firn_*' AND type IN ('trigger', 'view', 'table')
      ORDER BY CASE type WHEN 'trigger' THEN 0 WHEN 'view' THEN 1 ELSE 2 END, rowid`,
  );
  return rows.flatMap(([type, name]) =>
    typeof type === 'string' && typeof name === 'string'
      ? [`DROP ${type.toUpperCase()} IF EXISTS ${quoteName(name)}`]
      : [],
  );
}

function integer(value: SqliteValue | undefined): bigint {
  return typeof value === 'bigint' ? value : 0n;
}
