/**
 * How one table is captured: which columns go into the log and in which place, by what a row is
 * known, which unique keys can make another row vanish. Written beside the log with every change of
 * it, so that each log row is read as it was written.
 */
import type { TableChoice } from '../../config/table-choice.ts';
import { formatColumnType } from '../../model/column-type.ts';
import type { SourceTable } from '../../model/source-event.ts';
import { foldName, sameName } from './sql-text.ts';
import type { ShapeColumn, TableShape, UniqueKey } from './table-shape.ts';
import { carriageOf, carriedType } from './value-carriage.ts';
import type { Carriage } from './value-carriage.ts';

/** Two images of a row must fit into one log row, and SQLite allows 2,000 columns. */
const CAPTURED_COLUMNS_MAX = 900;

/** Column of an image. */
export interface ImageColumn {
  readonly name: string;
  readonly declared: string;
}

/** How one table is captured. Plain data: stored as JSON. */
export interface CapturePlan {
  readonly table: string;
  /** Columns of one image in log order: those that identify a row first. */
  readonly image: readonly ImageColumn[];
  /** How many columns of the image identify a row; 0: the rowid does. */
  readonly identityCount: number;
  /** Name under which the rowid is logged before the image, when it identifies the rows. */
  readonly rowidName: string | null;
  /** Columns of the key in the lake; empty: ledger only. */
  readonly key: readonly string[];
  readonly ledgerOnlyReason: string | null;
  readonly excluded: readonly string[];
  /** All columns of the table, as expressions in its indexes may name them. */
  readonly tableColumns: readonly string[];
  /** A column that a statement may set. */
  readonly writableColumn: string;
  readonly uniqueKeys: readonly UniqueKey[];
  /** Defaults that REPLACE puts in the place of NULL, for columns of unique keys. */
  readonly replaceDefaults: readonly { readonly column: string; readonly text: string }[];
  /** What tells this table's own rows apart in a trigger: the rowid's name or key columns. */
  readonly sameRow: readonly string[];
  /** The table has BEFORE triggers of its own, which may touch rows after Firn's have run. */
  readonly foreignBefore: boolean;
}

/** The key of a table, or why it has none that the lake can carry. */
export interface KeyChoice {
  readonly columns: readonly string[];
  readonly reason: string | null;
}

/**
 * Chooses the key: `preferred` while it still is one (an empty one: none), else the primary key,
 * else the first unique key whose columns cannot be NULL. Iceberg's identifier fields allow neither
 * NULL nor floating point (Iceberg spec, "Identifier Field IDs").
 */
function chooseKey(
  shape: TableShape,
  choice: TableChoice,
  preferred: readonly string[] | null,
): KeyChoice {
  const candidates = [shape.primaryKey, ...shape.uniqueKeys.flatMap(plainColumns)];
  const usable = candidates.filter(
    (columns) => columns.length > 0 && keyObstacle(shape, choice, columns) === null,
  );
  const kept = usable.find((columns) => sameNames(columns, preferred ?? []));
  if (preferred?.length === 0 && usable.length > 0) {
    return { columns: [], reason: 'it had no key that the lake can carry when its capture began' };
  }
  const columns = kept ?? usable[0] ?? [];
  if (columns.length > 0) return { columns, reason: null };
  const obstacle = keyObstacle(shape, choice, shape.primaryKey);
  const none = 'it has no primary key and no unique key of NOT NULL columns';
  return { columns, reason: shape.primaryKey.length === 0 ? none : (obstacle ?? none) };
}

/**
 * How a table is to be captured, or why it cannot be.
 *
 * @param preferred key columns of the plan in force, which are kept while they can be; `null`: none
 *   is
 */
export function planCapture(
  shape: TableShape,
  choice: TableChoice,
  preferred: readonly string[] | null,
): CapturePlan | { readonly obstacle: string } {
  const columns = shape.columns.filter((column) => !choice.isExcluded(column.name));
  if (columns.length > CAPTURED_COLUMNS_MAX) {
    return { obstacle: `it has ${columns.length} columns, more than ${CAPTURED_COLUMNS_MAX}` };
  }
  const { columns: key, reason } = chooseKey(shape, choice, preferred);
  const identity = key.length > 0 ? key : shape.withoutRowid ? shape.primaryKey : [];
  if (identity.some((name) => choice.isExcluded(name))) {
    return { obstacle: 'a column of its primary key is excluded' };
  }
  const rowidName = identity.length === 0 ? shape.rowidName : null;
  if (identity.length === 0 && rowidName === null) {
    return { obstacle: 'its columns hide the rowid and it has no other key' };
  }
  const own = shape.integerKey ? (shape.primaryKey[0] ?? null) : shape.rowidName;
  const isIdentity = (column: ShapeColumn): boolean => identity.includes(column.name);
  const first = identity.flatMap((name) => columns.filter((column) => column.name === name));
  const image = [...first, ...columns.filter((column) => !isIdentity(column))];
  return {
    table: shape.name,
    image: image.map(({ name, declared }) => ({ name, declared })),
    identityCount: identity.length,
    rowidName,
    key,
    ledgerOnlyReason: reason,
    excluded: shape.columns.filter((column) => choice.isExcluded(column.name)).map((c) => c.name),
    tableColumns: shape.columns.map(({ name }) => name),
    writableColumn: shape.columns.find(({ generated }) => !generated)?.name ?? '',
    uniqueKeys: shape.uniqueKeys,
    replaceDefaults: replaceDefaults(shape),
    sameRow: own === null ? shape.primaryKey : [own],
    foreignBefore: foreignTriggers(shape).some((trigger) => /\bbefore\b/i.test(trigger.sql)),
  };
}

/** Triggers of the table that Firn did not make. */
export function foreignTriggers(shape: TableShape): TableShape['triggers'] {
  return shape.triggers.filter((trigger) => !foldName(trigger.name).startsWith('_firn_'));
}

/** Places of an image in a log row: the rowid, when it is logged, and the columns. */
export function imageWidth(plan: CapturePlan): number {
  return plan.image.length + (plan.rowidName === null ? 0 : 1);
}

/** How many places at the start of an image identify the row. */
export function identityWidth(plan: CapturePlan): number {
  return plan.rowidName === null ? plan.identityCount : 1;
}

/** Whether two lists name the same columns in the same order. */
export function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name, i) => sameName(name, right[i] ?? ''));
}

function plainColumns(key: UniqueKey): string[][] {
  const columns = key.terms.flatMap((term) => term.column ?? []);
  return key.condition === null && columns.length === key.terms.length ? [columns] : [];
}

function keyObstacle(
  shape: TableShape,
  choice: TableChoice,
  key: readonly string[],
): string | null {
  for (const name of key) {
    const column = shape.columns.find((candidate) => candidate.name === name);
    if (column === undefined) return `its key is the rowid`;
    if (choice.isExcluded(name)) return `key column ${name} is excluded`;
    const { kind } = carriedType(carriageOf(column.declared, choice.onMisfit(name)));
    if (kind === 'double') return `key column ${name} is a floating-point number`;
    const isInteger = shape.integerKey && sameName(name, shape.primaryKey[0] ?? '');
    if (!column.notNull && !isInteger) return `key column ${name} may be NULL`;
  }
  return null;
}

function replaceDefaults(shape: TableShape): CapturePlan['replaceDefaults'] {
  const inKeys = new Set(shape.uniqueKeys.flatMap((key) => key.terms.map((term) => term.column)));
  return shape.columns.flatMap(({ name, notNull, defaultText }) =>
    notNull && defaultText !== null && inKeys.has(name)
      ? [{ column: name, text: defaultText }]
      : [],
  );
}

/** Type in the lake of an image column, as text to compare by; policies do not count. */
export function declaredTypeText(column: ImageColumn): string {
  return formatColumnType(carriedType(carriageOf(column.declared, 'halt')));
}

/** What a plan captures, in the words of the source contract. */
export function sourceTableOf(
  plan: CapturePlan,
  choice: TableChoice,
  context: { readonly namespace: string; readonly rowsEstimate: bigint | null },
): SourceTable {
  const columns = plan.tableColumns.flatMap((name) =>
    plan.image
      .filter((column) => column.name === name)
      .map(({ declared }) => ({
        sourceName: name,
        type: carriedType(carriageOf(declared, choice.onMisfit(name))),
        sourceType: declared === '' ? 'untyped' : declared,
      })),
  );
  return {
    table: { namespace: context.namespace, table: plan.table },
    columns,
    keyColumns: plan.key,
    ledgerOnlyReason: plan.ledgerOnlyReason,
    rowsEstimate: context.rowsEstimate,
  };
}

/** How each column of an image travels. */
export function imageCarriages(plan: CapturePlan, choice: TableChoice): readonly Carriage[] {
  return plan.image.map(({ name, declared }) => carriageOf(declared, choice.onMisfit(name)));
}

/** First captured column whose name in the lake is one that Firn keeps for itself, or `null`. */
export function reservedColumn(plan: CapturePlan, choice: TableChoice): string | null {
  const reserved = plan.image.find(({ name }) => /^_firn_/i.test(choice.lakeName(name)));
  return reserved?.name ?? null;
}
