/**
 * Brings triggers and plans into line with the database, in one IMMEDIATE transaction in which all
 * captured tables are looked at again. Every step leaves a row in the journal, so that a reader
 * learns of it at exactly the right place, and learns it again when it reads again.
 */
import type { DatabaseSync } from 'node:sqlite';
import { FirnError } from '../../kernel/firn-error.ts';
import { identityWidth } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { findDrift } from './drift.ts';
import type { Drift, DriftCause, DriftRequest } from './drift.ts';
import { LOG_OP, LOG_TABLE } from './journal-names.ts';
import { appendMark, newCaptureId, renewView, storePlan, widenJournal } from './journal.ts';
import type { StoredPlan } from './journal.ts';
import { quoteName } from './sql-text.ts';
import { sqliteResultCode } from './sqlite-database.ts';
import { readTriggers } from './table-shape.ts';
import { plannedTriggers } from './triggers.ts';
import type { PlannedTrigger } from './triggers.ts';

/** First value of a `start` mark when nothing was captured before. */
export const STARTED = 'started';

/** First value of an `end` mark of a table that was taken out of the pipeline. */
const REMOVED = 'removed';

/** Why a table could not be captured. */
export interface Refusal {
  readonly table: string;
  readonly error: FirnError;
}

/**
 * Does all that {@link findDrift} finds. Runs inside the caller's write transaction.
 *
 * @returns the tables that could not be captured; the others are
 */
export function reconcile(db: DatabaseSync, request: DriftRequest): Refusal[] {
  const drifts = findDrift(db, request);
  const refusals = drifts.flatMap((drift) => settleOne(db, drift, request) ?? []);
  if (drifts.some(({ kind }) => kind !== 'refuse')) renewView(db);
  return refusals;
}

/** Each table by itself: one that cannot be captured leaves nothing behind and stops no other. */
function settleOne(db: DatabaseSync, drift: Drift, request: DriftRequest): Refusal | null {
  if (drift.kind === 'refuse') return refusalOf(drift.table, drift.cause);
  db.exec('SAVEPOINT firn_table');
  try {
    apply(db, drift, request);
    db.exec('RELEASE firn_table');
    return null;
  } catch (error) {
    // SQLITE_ERROR is about the statement; anything else (disk, lock) concerns the whole step.
    if (sqliteResultCode(error) !== 1 || !(error instanceof Error)) throw error;
    db.exec('ROLLBACK TO firn_table');
    db.exec('RELEASE firn_table');
    const table = drift.kind === 'install' ? drift.plan.table : drift.stored.plan.table;
    const detail = `SQLite does not accept triggers on table ${table}: ${error.message}`;
    const cause: DriftCause = { code: 'SOURCE-TABLE-UNSUPPORTED', detail };
    if (drift.kind !== 'install') endCapture(db, drift.stored, cause);
    return refusalOf(table, cause);
  }
}

function refusalOf(table: string, cause: DriftCause): Refusal {
  return { table, error: new FirnError(cause.code, { what: cause.detail }) };
}

function apply(
  db: DatabaseSync,
  drift: Exclude<Drift, { readonly kind: 'refuse' }>,
  request: DriftRequest,
): void {
  if (drift.kind === 'end') {
    endCapture(db, drift.stored, drift.cause);
    return;
  }
  const { plan } = drift;
  if (drift.kind !== 'install') dropTriggers(db, drift.stored);
  const captureId = newCaptureId(db, plan.table);
  widenJournal(db, plan);
  const triggers = createTriggers(db, plan, captureId);
  const mark = (op: number, values: readonly string[]): number =>
    appendMark(db, { captureId, op, values });
  if (drift.kind === 'continue') {
    const { stored } = drift;
    const at = mark(LOG_OP.plan, []);
    storePlan(db, { ...stored, until: at });
    storePlan(db, { id: captureId, plan, triggers, start: stored.start, until: null });
    if (drift.reread) askAgain(db, { stored, captureId, sinceId: request.verifiedId });
    return;
  }
  const why = drift.kind === 'restart' ? [drift.cause.code, drift.cause.detail] : [STARTED];
  const start = mark(LOG_OP.start, why);
  if (drift.kind === 'restart') storePlan(db, { ...drift.stored, until: start });
  storePlan(db, { id: captureId, plan, triggers, start, until: null });
}

function endCapture(db: DatabaseSync, stored: StoredPlan, cause: DriftCause | null): void {
  dropTriggers(db, stored);
  const values = cause === null ? [REMOVED] : [cause.code, cause.detail];
  const until = appendMark(db, { captureId: stored.id, op: LOG_OP.end, values });
  storePlan(db, { ...stored, until });
}

function dropTriggers(db: DatabaseSync, stored: StoredPlan): void {
  for (const { name } of stored.triggers) db.exec(`DROP TRIGGER IF EXISTS ${quoteName(name)}`);
}

/**
 * Creates the triggers and has SQLite compile every kind of write to the table with them: a
 * trigger that does not compile would make the application's statements fail.
 */
function createTriggers(db: DatabaseSync, plan: CapturePlan, captureId: number): PlannedTrigger[] {
  const planned = plannedTriggers(plan, captureId);
  for (const { sql } of planned) db.exec(sql);
  const table = quoteName(plan.table);
  const column = quoteName(plan.writableColumn);
  db.prepare(`EXPLAIN INSERT OR REPLACE INTO ${table}(${column}) VALUES(NULL)`);
  db.prepare(`EXPLAIN UPDATE OR REPLACE ${table} SET ${column} = ${column}`);
  db.prepare(`EXPLAIN DELETE FROM ${table}`);
  // As SQLite stores them: it writes the words before the name in its own way.
  const names = new Set(planned.map(({ name }) => name));
  return readTriggers(db)
    .filter(({ name }) => names.has(name))
    .map(({ name, sql }) => ({ name, sql }));
}

/** Asks for every row that was logged under a plan which may have missed something. */
function askAgain(
  db: DatabaseSync,
  part: { readonly stored: StoredPlan; readonly captureId: number; readonly sinceId: number },
): void {
  const { stored, captureId, sinceId } = part;
  const width = identityWidth(stored.plan);
  const identity = Array.from({ length: width }, (_, index) => `v${index + 1}`).join(', ');
  db.prepare(
    `INSERT INTO ${LOG_TABLE}(tbl, op, at, ${identity})
       SELECT DISTINCT ?1, ${LOG_OP.reread}, julianday('now'), ${identity} FROM ${LOG_TABLE}
        WHERE id > ?2 AND tbl = ?3 AND op IN (${LOG_OP.insert}, ${LOG_OP.update})`,
  ).run(captureId, sinceId, stored.id);
}
