/**
 * Compares how tables are captured with what the database holds now, and says what must happen.
 * Reads only. Whatever could have changed rows without a journal row is a hole, never a guess.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { TableRule } from '../../config/pipeline-config.ts';
import { chooseTable } from '../../config/table-choice.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import {
  declaredTypeText,
  foreignTriggers,
  planCapture,
  reservedColumn,
  sameNames,
} from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { LOG_OP, LOG_TABLE } from './journal-names.ts';
import { readPlans, viewOrder } from './journal.ts';
import type { StoredPlan } from './journal.ts';
import { foldName, sameName } from './sql-text.ts';
import { query } from './sqlite-database.ts';
import { readShape, readTriggers } from './table-shape.ts';
import type { TableShape } from './table-shape.ts';

/** Rows to read again after a new column at most; beyond it loading the table again is cheaper. */
const REREADS_MAX = 50_000;

/** Why capture of a table ends, or must start again. */
export interface DriftCause {
  readonly code: ErrorCode;
  /** A sentence without values. */
  readonly detail: string;
}

/** What must happen to the capture of one table. */
export type Drift =
  | { readonly kind: 'install'; readonly plan: CapturePlan }
  /** The same capture with another plan; `reread`: rows logged meanwhile must be read again. */
  | {
      readonly kind: 'continue';
      readonly stored: StoredPlan;
      readonly plan: CapturePlan;
      readonly reread: boolean;
    }
  /** Changes were missed: capture starts again and the table must be loaded again. */
  | {
      readonly kind: 'restart';
      readonly stored: StoredPlan;
      readonly plan: CapturePlan;
      readonly cause: DriftCause;
    }
  | { readonly kind: 'end'; readonly stored: StoredPlan; readonly cause: DriftCause | null }
  | { readonly kind: 'refuse'; readonly table: string; readonly cause: DriftCause };

/** What to compare with. */
export interface DriftRequest {
  readonly rules: readonly TableRule[];
  /** Tables that are to be captured; `null`: those that are. */
  readonly tables: readonly string[] | null;
  /** Every journal row up to this id was logged under plans that were right. */
  readonly verifiedId: number;
  /** Plans in force, where the database has no journal to read them from. */
  readonly plans?: readonly StoredPlan[];
}

/** Everything that is not as it should be; empty when all is well. */
export function findDrift(db: DatabaseSync, request: DriftRequest): Drift[] {
  const triggers = readTriggers(db);
  const inForce = (request.plans ?? readPlans(db)).filter((stored) => stored.until === null);
  const border = viewOrder(db);
  const wanted = request.tables?.map(foldName);
  const drifts = inForce.flatMap((stored): Drift[] => {
    const { table } = stored.plan;
    if (wanted !== undefined && !wanted.includes(foldName(table))) {
      return [{ kind: 'end', stored, cause: null }];
    }
    const shape = readShape(db, table, triggers);
    if (shape === null) return [{ kind: 'end', stored, cause: whereItWent(stored, triggers) }];
    const drift = driftOf({ db, request, stored, shape, border });
    return drift === null ? [] : [drift];
  });
  for (const table of request.tables ?? []) {
    if (inForce.some((stored) => sameName(stored.plan.table, table))) continue;
    drifts.push(installOf(readShape(db, table, triggers), table, request.rules));
  }
  return drifts;
}

function installOf(shape: TableShape | null, table: string, rules: readonly TableRule[]): Drift {
  const refuse = (code: ErrorCode, detail: string): Drift => {
    return { kind: 'refuse', table, cause: { code, detail } };
  };
  if (shape === null) return refuse('SOURCE-TABLE-MISSING', `There is no table ${table}`);
  const plan = planTable(shape, rules, null);
  return 'code' in plan ? refuse(plan.code, plan.detail) : { kind: 'install', plan };
}

/** The plan for a table, or why it cannot have one. */
export function planTable(
  shape: TableShape,
  rules: readonly TableRule[],
  preferredKey: readonly string[] | null,
): CapturePlan | DriftCause {
  const choice = chooseTable(rules, shape.name);
  if (choice === null) {
    return { code: 'SOURCE-TABLE-UNSUPPORTED', detail: `No rule takes table ${shape.name}` };
  }
  const plan = planCapture(shape, choice, preferredKey);
  if ('obstacle' in plan) {
    const detail = `Table ${shape.name} cannot be captured: ${plan.obstacle}`;
    return { code: 'SOURCE-TABLE-UNSUPPORTED', detail };
  }
  const reserved = reservedColumn(plan, choice);
  if (reserved === null) return plan;
  const detail = `Column ${reserved} of table ${shape.name} begins with _firn_`;
  return { code: 'SOURCE-RESERVED-COLUMN', detail };
}

interface Comparison {
  readonly db: DatabaseSync;
  readonly request: DriftRequest;
  readonly stored: StoredPlan;
  readonly shape: TableShape;
  readonly border: number;
}

function driftOf(comparison: Comparison): Drift | null {
  const { stored, shape, request } = comparison;
  const end = (cause: DriftCause): Drift => ({ kind: 'end', stored, cause });
  const isRebuilt = !hasTriggers(comparison);
  const keyless = isRebuilt && stored.plan.key.length === 0;
  const plan = planTable(shape, request.rules, keyless ? null : stored.plan.key);
  if ('code' in plan) return end(plan);
  if (!sameIdentity(plan, stored.plan)) {
    const detail = `Table ${shape.name} no longer has the key it was captured by`;
    return end({ code: 'SOURCE-KEY-CHANGED', detail });
  }
  const retyped = plan.image.find((column) => {
    const before = stored.plan.image.find(({ name }) => name === column.name);
    return before !== undefined && declaredTypeText(before) !== declaredTypeText(column);
  });
  if (retyped !== undefined) {
    const { name, declared } = retyped;
    const detail = `Column ${name} of table ${shape.name} is declared ${declared} now`;
    return end({ code: 'SOURCE-COLUMN-TYPE-CHANGED', detail });
  }
  const restart = (code: ErrorCode, detail: string): Drift => {
    return { kind: 'restart', stored, plan, cause: { code, detail } };
  };
  const changed = columnHole(comparison, plan);
  if (changed !== null) return restart('SOURCE-TABLE-CHANGED', changed);
  if (isRebuilt) {
    const detail = `Table ${shape.name} was built anew, or its triggers were dropped`;
    return restart('SOURCE-TABLE-REBUILT', detail);
  }
  const replaced = keyHole(comparison, plan);
  if (replaced !== null) return restart('SOURCE-TABLE-CHANGED', replaced);
  return continuation(comparison, plan);
}

/** Same capture, or nothing at all when the plan is as it was. */
function continuation(comparison: Comparison, plan: CapturePlan): Drift | null {
  const { stored, shape, border } = comparison;
  const overtaken = foreignTriggers(shape).some((trigger) => trigger.order > border);
  if (!overtaken && JSON.stringify(plan) === JSON.stringify(stored.plan)) return null;
  const hasNew = addedColumns(stored.plan, plan).length > 0;
  const reread = hasNew || overtaken;
  if (reread && rowsSince(comparison) > REREADS_MAX) {
    const detail =
      `Table ${shape.name} got a column or trigger, and more than ${REREADS_MAX} changes ` +
      'before Firn saw it';
    return { kind: 'restart', stored, plan, cause: { code: 'SOURCE-TABLE-CHANGED', detail } };
  }
  return { kind: 'continue', stored, plan, reread };
}

function whereItWent(stored: StoredPlan, triggers: ReturnType<typeof readTriggers>): DriftCause {
  const { table } = stored.plan;
  const moved = triggers.find((trigger) =>
    stored.triggers.some(({ name }) => name === trigger.name),
  );
  return moved === undefined
    ? { code: 'SOURCE-TABLE-MISSING', detail: `Table ${table} was dropped` }
    : { code: 'SOURCE-TABLE-RENAMED', detail: `Table ${table} is called ${moved.table} now` };
}

/** Whether Firn's own triggers are there, none made again since they were installed. */
function hasTriggers({ stored, shape, border }: Comparison): boolean {
  return stored.triggers.every((planned) =>
    shape.triggers.some(
      (trigger) =>
        trigger.name === planned.name && trigger.sql === planned.sql && trigger.order < border,
    ),
  );
}

function sameIdentity(left: CapturePlan, right: CapturePlan): boolean {
  const names = (plan: CapturePlan): string[] =>
    plan.image.slice(0, plan.identityCount).map(({ name }) => name);
  return (
    sameNames(left.key, right.key) &&
    sameNames(names(left), names(right)) &&
    left.rowidName === right.rowidName
  );
}

function addedColumns(before: CapturePlan, after: CapturePlan): readonly string[] {
  const known = new Set(before.image.map(({ name }) => name));
  return after.image.map(({ name }) => name).filter((name) => !known.has(name));
}

/** Why the columns changed in a way that changed rows, or `null` when they did not. */
function columnHole({ stored, shape }: Comparison, plan: CapturePlan): string | null {
  for (const { name } of stored.plan.image) {
    if (plan.image.some((column) => column.name === name) || plan.excluded.includes(name)) continue;
    return `Column ${name} of table ${shape.name} was dropped or renamed`;
  }
  for (const name of addedColumns(stored.plan, plan)) {
    const column = shape.columns.find((candidate) => candidate.name === name);
    if (stored.plan.excluded.includes(name)) {
      return `Column ${name} of table ${shape.name} is no longer excluded`;
    }
    const isNull = /^\(*\s*null\s*\)*$/i.test(column?.defaultText ?? 'null');
    if (column?.generated === true || !isNull) {
      return `Column ${name} of table ${shape.name} was added with a value for existing rows`;
    }
  }
  return null;
}

/** A unique key that was not watched may have made rows vanish, if anything was written since. */
function keyHole(comparison: Comparison, plan: CapturePlan): string | null {
  const { stored, shape } = comparison;
  const known = new Set(stored.plan.uniqueKeys.map((key) => JSON.stringify(key)));
  const added = plan.uniqueKeys.some((key) => !known.has(JSON.stringify(key)));
  if (!added || rowsSince(comparison) === 0) return null;
  return `Table ${shape.name} got a unique key, and rows were written before Firn saw it`;
}

/** Changes of the table that were logged since everything was last known to be right. */
function rowsSince({ db, request, stored }: Comparison): number {
  const sql =
    `SELECT count(*) FROM (SELECT 1 FROM ${LOG_TABLE} WHERE id > ?1 AND tbl = ?2 ` +
    `AND op IN (${LOG_OP.insert}, ${LOG_OP.update}) LIMIT ${REREADS_MAX + 1})`;
  const [row] = query(db, sql, BigInt(request.verifiedId), BigInt(stored.id));
  return Number.parseInt(String(row?.[0] ?? 0), 10);
}
