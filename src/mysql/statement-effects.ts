/**
 * What a statement in the log does to captured tables: which change it is for the ledger, or why
 * the table stops there (docs/spec/source-mysql.md Y11 to Y14).
 */
import { unreachable } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import type { TableName } from '../model/table-schema.ts';
import { formatTableName } from '../model/table-schema.ts';
import { mentionsTable, swapsIn } from './statement.ts';
import type { Statement, TableEffect, TableSwap } from './statement.ts';

/** One consequence for one captured table. */
export type StatementEffect =
  | { readonly kind: 'truncate'; readonly table: TableName }
  | {
      readonly kind: 'halt';
      readonly table: TableName;
      readonly error: FirnError;
      readonly recovery: 'bootstrap' | 'operator';
      /** The table was dropped, alone or with its database. */
      readonly removal?: 'table' | 'database';
    };

/** What the effects depend on beside the statement. */
export interface EffectContext {
  /** Captured tables that still take rows. */
  readonly captured: readonly TableName[];
  /** The server takes names in either case for the same (`lower_case_table_names`). */
  readonly foldNames: boolean;
  readonly onSwap: 'halt' | 'bootstrap';
  /** Whether the rows of a table are told apart by another key than the primary. */
  readonly hasOtherKey: (table: TableName) => boolean;
  /** File and offset, for messages. */
  readonly where: string;
}

/** Consequences of a statement, in its own order. */
export function effectsOf(
  statement: Statement,
  context: EffectContext,
): readonly StatementEffect[] {
  const { captured } = context;
  switch (statement.kind) {
    case 'tables':
      return tableEffects(statement.effects, context);
    case 'database-dropped':
      return captured
        .filter(({ namespace }) => same(namespace, statement.database, context))
        .map((table) => dropped(context, table, 'database'));
    case 'rows': {
      const named = statement.tables;
      const hit = captured.filter(
        (table) => named === null || named.some((one) => sameTable(one, table, context)),
      );
      return hit.map((table) => halt(context, { table, code: LOGGED, what: ROWS }));
    }
    case 'unknown':
      return captured
        .filter((table) => mentionsTable(statement.sql, table))
        .map((table) => halt(context, { table, code: LOGGED, what: NOT_UNDERSTOOD }));
    default:
      return [];
  }
}

/** Captured tables that have more columns after the statement. */
export function tablesExtendedBy(
  statement: Statement,
  context: Pick<EffectContext, 'captured' | 'foldNames'>,
): readonly TableName[] {
  if (statement.kind !== 'tables') return [];
  const extended = statement.effects.filter(({ kind }) => kind === 'extended');
  return context.captured.filter((table) => {
    return extended.some((effect) => sameTable(effect.table, table, context));
  });
}

/** Names that are those of tables after the statement, and may not have been before. */
export function tablesMadeBy(statement: Statement): readonly TableName[] {
  if (statement.kind !== 'tables') return [];
  return statement.effects.flatMap((effect) => {
    if (effect.kind === 'created') return [effect.table];
    return effect.kind === 'renamed' ? [effect.to] : [];
  });
}

const LOGGED = 'SOURCE-STATEMENT-LOGGED';
const ROWS = 'A statement that changes rows is in the log without row images';
const NOT_UNDERSTOOD = 'A statement that names the table is not understood';

function tableEffects(
  effects: readonly TableEffect[],
  context: EffectContext,
): readonly StatementEffect[] {
  const swaps = swapsIn(effects);
  const hit: StatementEffect[] = [];
  for (const effect of effects) {
    for (const table of context.captured) {
      const one = tableEffect(effect, table, { swaps, context });
      if (one !== null) hit.push(one);
    }
  }
  return hit;
}

function tableEffect(
  effect: TableEffect,
  table: TableName,
  more: { readonly swaps: readonly TableSwap[]; readonly context: EffectContext },
): StatementEffect | null {
  const { swaps, context } = more;
  const isIt = sameTable(effect.table, table, context);
  if (effect.kind === 'renamed') {
    const isTaken = sameTable(effect.to, table, context);
    const swap = swaps.find((one) => sameTable(one.table, table, context));
    if (isIt && swap === undefined) {
      const what = `The table was renamed to ${formatTableName(effect.to)}`;
      return halt(context, { table, code: 'SOURCE-TABLE-RENAMED', what });
    }
    if (!isTaken) return null;
    const by = swap?.tool ?? null;
    const what = `${formatTableName(effect.table)} took the place of the table${by === null ? '' : `, as ${by} does it`}`;
    const recovery = context.onSwap === 'bootstrap' ? 'bootstrap' : 'operator';
    return halt(context, { table, code: 'SOURCE-TABLE-SWAPPED', what, recovery });
  }
  if (!isIt) return null;
  switch (effect.kind) {
    case 'created': {
      if (!effect.replaces && !effect.rowsUnlogged) return null;
      const what = 'The table was created anew, and its rows are not in the log';
      return halt(context, { table, code: 'SOURCE-TABLE-REBUILT', what, recovery: 'bootstrap' });
    }
    case 'dropped':
      return dropped(context, table, 'table');
    case 'truncated':
      return { kind: 'truncate', table };
    case 'changed':
      return halt(context, { table, code: LOGGED, what: `The statement ${effect.detail}` });
    case 'extended':
    case 'kept': {
      const lost = effect.keysDropped.find(
        (name) => name.toUpperCase() === 'PRIMARY' || context.hasOtherKey(table),
      );
      if (lost === undefined) return null;
      const what = `The key ${lost} of the table was dropped`;
      return halt(context, { table, code: 'SOURCE-KEY-CHANGED', what });
    }
    default:
      return unreachable(effect);
  }
}

function dropped(
  context: EffectContext,
  table: TableName,
  removal: 'table' | 'database',
): StatementEffect {
  const what =
    removal === 'table' ? 'The table was dropped' : 'The table was dropped with its database';
  return { ...halt(context, { table, code: 'SOURCE-TABLE-MISSING', what }), removal };
}

function halt(
  context: EffectContext,
  why: {
    readonly table: TableName;
    readonly code: ErrorCode;
    readonly what: string;
    readonly recovery?: 'bootstrap' | 'operator';
  },
): Extract<StatementEffect, { kind: 'halt' }> {
  const { table, code, what } = why;
  const where = `${formatTableName(table)} at ${context.where}`;
  const error = new FirnError(code, { what, where });
  return { kind: 'halt', table, error, recovery: why.recovery ?? 'operator' };
}

type NameRule = Pick<EffectContext, 'foldNames'>;

function sameTable(left: TableName, right: TableName, context: NameRule): boolean {
  return same(left.namespace, right.namespace, context) && same(left.table, right.table, context);
}

function same(left: string, right: string, { foldNames }: NameRule): boolean {
  return left === right || (foldNames && left.toLowerCase() === right.toLowerCase());
}
