/**
 * The triggers that write the journal. They run inside the application's own SQLite, whatever its
 * version, so they use only what SQLite had when WAL came (3.7.0): `julianday` and `coalesce`, no
 * JSON, no `quote()`, no row values, no upsert.
 *
 * AFTER triggers log what happened. BEFORE triggers log which other rows a write may replace: with
 * OR REPLACE SQLite deletes them without telling a trigger (sqlite.org, "The ON CONFLICT Clause").
 */
import { identityWidth } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { LOG_OP, LOG_TABLE } from './journal-names.ts';
import { quoteName } from './sql-text.ts';
import type { KeyTerm, UniqueKey } from './table-shape.ts';

/** A trigger to install. */
export interface PlannedTrigger {
  readonly name: string;
  readonly sql: string;
}

/** Name by which a trigger's query calls the user's table, so that no table's name can hide NEW. */
const ROW = '_firn_row';

/** The triggers of one table; `captureId` numbers this plan in the journal. */
export function plannedTriggers(plan: CapturePlan, captureId: number): PlannedTrigger[] {
  const table = quoteName(plan.table);
  const after = imageOf(plan, 'NEW');
  const before = imageOf(plan, 'OLD');
  const log = (op: number, values: readonly string[]): string =>
    `INSERT INTO ${LOG_TABLE}(${logColumns(values.length)}) ` +
    `VALUES(${logged(captureId, op, values)});`;
  const mayVanish = (event: 'insert' | 'update'): string[] =>
    plan.uniqueKeys.map((key) => vanishing({ plan, key, captureId, event }));
  const condition = keysChange(plan);
  const when = condition === null ? '' : ` WHEN ${condition}`;
  const bodies = [
    ['before_insert', `BEFORE INSERT ON ${table}`, mayVanish('insert')],
    ['before_update', `BEFORE UPDATE ON ${table}${when}`, mayVanish('update')],
    ['insert', `AFTER INSERT ON ${table}`, [log(LOG_OP.insert, after)]],
    ['update', `AFTER UPDATE ON ${table}`, [log(LOG_OP.update, [...after, ...before])]],
    ['delete', `AFTER DELETE ON ${table}`, [log(LOG_OP.delete, before)]],
  ] as const;
  return bodies
    .filter(([, , statements]) => statements.length > 0)
    .map(([kind, event, statements]) => {
      const name = `_firn_${captureId}_${kind}`;
      const body = statements.join('\n  ');
      return { name, sql: `CREATE TRIGGER ${name} ${event} BEGIN\n  ${body}\nEND` };
    });
}

/**
 * The image of a row in log order, read from `source` (NEW, OLD, or a query's name for the table).
 */
function imageOf(plan: CapturePlan, source: string): string[] {
  const columns = plan.image.map(({ name }) => `${source}.${quoteName(name)}`);
  return plan.rowidName === null ? columns : [`${source}.${plan.rowidName}`, ...columns];
}

/** The image's places a vanishing row needs: its identity, or all when nothing else can tell it. */
function vanishedImage(plan: CapturePlan): string[] {
  const image = imageOf(plan, ROW);
  return plan.key.length === 0 ? image : image.slice(0, identityWidth(plan));
}

function logColumns(count: number): string {
  const values = Array.from({ length: count }, (_, index) => `v${index + 1}`);
  return ['tbl', 'op', 'at', ...values].join(',');
}

function logged(captureId: number, op: number, values: readonly string[]): string {
  return [captureId, op, `julianday('now')`, ...values].join(',');
}

/** Logs the rows, other than the one that is written, that have the new values of a unique key. */
function vanishing(part: {
  readonly plan: CapturePlan;
  readonly key: UniqueKey;
  readonly captureId: number;
  readonly event: 'insert' | 'update';
}): string {
  const { plan, key, captureId, event } = part;
  const image = vanishedImage(plan);
  const conditions = key.terms.map((term) => sameTerm(plan, term));
  // The condition may end in a line comment.
  if (key.condition !== null) conditions.push(`(${key.condition}\n)`);
  if (event === 'update') {
    const same = plan.sameRow.map((name) => {
      const column = columnName(plan, name);
      return `${ROW}.${column} IS OLD.${column} COLLATE BINARY`;
    });
    conditions.push(`NOT (${same.join(' AND ')})`);
  }
  return (
    `INSERT INTO ${LOG_TABLE}(${logColumns(image.length)}) ` +
    `SELECT ${logged(captureId, LOG_OP.vanish, image)} ` +
    `FROM ${quoteName(plan.table)} AS ${ROW} WHERE ${conditions.join(' AND ')};`
  );
}

function sameTerm(plan: CapturePlan, term: KeyTerm): string {
  const collation = ` COLLATE ${quoteName(term.collation)}`;
  if (term.column === null) {
    const text = term.expression ?? 'NULL';
    const columns = plan.tableColumns.map((name) => `NEW.${quoteName(name)} AS ${quoteName(name)}`);
    const row = `(SELECT ${columns.join(',')}) AS ${quoteName(plan.table)}`;
    const fresh = `(SELECT (${text}\n) FROM ${row})`;
    return `(${text}\n) = ${fresh}${collation}`;
  }
  const column = columnName(plan, term.column);
  const fallback = plan.replaceDefaults.find((one) => one.column === term.column)?.text;
  // OR REPLACE puts the default in the place of a NULL that is not allowed, after this trigger ran.
  const fresh = fallback === undefined ? `NEW.${column}` : `coalesce(NEW.${column},${fallback}\n)`;
  return `${ROW}.${column} = ${fresh}${collation}`;
}

/** Whether an update touches a unique key; `null` when that cannot be told from columns. */
function keysChange(plan: CapturePlan): string | null {
  const terms = plan.uniqueKeys.flatMap((key) =>
    key.condition === null ? key.terms.map((term) => term.column) : [null],
  );
  if (terms.includes(null)) return null;
  const columns = [
    ...new Set(terms.flatMap((name) => (name === null ? [] : columnName(plan, name)))),
  ];
  return columns.map((name) => `NEW.${name} IS NOT OLD.${name} COLLATE BINARY`).join(' OR ');
}

/** A column quoted; the rowid's own names stand for themselves. */
function columnName(plan: CapturePlan, name: string): string {
  return plan.tableColumns.includes(name) ? quoteName(name) : name;
}
