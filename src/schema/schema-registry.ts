/**
 * Every version of every captured table's schema, with column ids that never change meaning
 * (docs/spec/ledger.md L15): a column keeps its id, a dropped column's id is not given again.
 * Pure data with a JSON form; the pipeline stores it before a row uses a new version.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { parseJson } from '../kernel/lossless-json.ts';
import { formatColumnType, parseColumnType, sameColumnType } from '../model/column-type.ts';
import type { SourceTable } from '../model/source-event.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { Column, TableName, TableSchema } from '../model/table-schema.ts';

/** What the pipeline file says about the columns of one table. */
export interface ColumnSelection {
  /** Source names left out. */
  readonly exclude: readonly string[];
  /** Source name to lake name. */
  readonly rename: Readonly<Record<string, string>>;
}

/** All versions of one table, oldest first. */
export interface RegisteredTable {
  readonly table: TableName;
  /** Highest column id ever given. */
  readonly lastColumnId: number;
  readonly versions: readonly TableSchema[];
}

/** The registry of one pipeline: tables by name, in the order they came. */
export type SchemaRegistry = ReadonlyMap<string, RegisteredTable>;

/** A registry without tables. */
export const EMPTY_REGISTRY: SchemaRegistry = new Map();

/** The newest registered schema of a table, or `null`. */
export function newestSchema(registry: SchemaRegistry, name: TableName): TableSchema | null {
  return registry.get(formatTableName(name))?.versions.at(-1) ?? null;
}

/**
 * The registered schema for what the source has now: the newest version when nothing changed, else
 * a new one, with the entry of the table that is to be stored before a row uses it.
 */
export function resolveSchema(
  registry: SchemaRegistry,
  source: SourceTable,
  selection: ColumnSelection,
): { readonly schema: TableSchema; readonly entry: RegisteredTable | null } {
  const known = registry.get(formatTableName(source.table));
  const newest = known?.versions.at(-1);
  let lastColumnId = known?.lastColumnId ?? 0;
  const columns = selectedColumns(source, selection).map((column): Column => {
    const before = newest?.columns.find((old) => old.sourceName === column.sourceName);
    return { id: before?.id ?? ++lastColumnId, ...column };
  });
  const keyColumnIds = source.ledgerOnlyReason === null ? keyIds(source, columns) : [];
  const schema: TableSchema = {
    table: source.table,
    version: (newest?.version ?? 0) + 1,
    columns,
    keyColumnIds,
  };
  if (newest !== undefined && sameShape(newest, schema)) return { schema: newest, entry: null };
  const versions = [...(known?.versions ?? []), schema];
  return { schema, entry: { table: source.table, lastColumnId, versions } };
}

function selectedColumns(
  source: SourceTable,
  selection: ColumnSelection,
): readonly Omit<Column, 'id'>[] {
  // A column left out by the pipeline file stays out however its name is written.
  const excluded = new Set(selection.exclude.map((name) => name.toLowerCase()));
  const renamed = new Map(
    Object.entries(selection.rename).map(([from, to]) => [from.toLowerCase(), to]),
  );
  return source.columns
    .filter((column) => !excluded.has(column.sourceName.toLowerCase()))
    .map((column) => ({
      ...column,
      name: renamed.get(column.sourceName.toLowerCase()) ?? column.sourceName,
    }));
}

function keyIds(source: SourceTable, columns: readonly Column[]): readonly number[] {
  return source.keyColumns.map((name) => {
    const column = columns.find((candidate) => candidate.sourceName === name);
    if (column !== undefined) return column.id;
    throw new FirnError('PIPELINE-KEY-EXCLUDED', {
      what: `Column ${name} is part of the key and cannot be excluded.`,
      where: formatTableName(source.table),
    });
  });
}

function sameShape(left: TableSchema, right: TableSchema): boolean {
  return (
    left.columns.length === right.columns.length &&
    left.keyColumnIds.join() === right.keyColumnIds.join() &&
    left.columns.every((column, index) => {
      const other = right.columns[index];
      return (
        other !== undefined &&
        other.id === column.id &&
        other.name === column.name &&
        other.sourceType === column.sourceType &&
        sameColumnType(other.type, column.type)
      );
    })
  );
}

/** The registry as JSON text, one table per line. */
export function registryToJson(registry: SchemaRegistry): string {
  const tables = [...registry.values()].map((entry) => ({
    ...entry,
    versions: entry.versions.map((schema) => ({
      ...schema,
      columns: schema.columns.map((column) => ({ ...column, type: formatColumnType(column.type) })),
    })),
  }));
  return `${JSON.stringify({ version: 1, tables }, null, 1)}\n`;
}

/**
 * Reads {@link registryToJson}'s text.
 *
 * @throws FirnError PIPELINE-STATE-INVALID when it is damaged or of a newer version
 */
export function registryFromJson(text: string, where: string): SchemaRegistry {
  const invalid = (what: string): FirnError =>
    new FirnError('PIPELINE-STATE-INVALID', { what: `The schema registry ${what}.`, where });
  let value: { readonly version?: unknown; readonly tables?: unknown };
  try {
    // The shape is checked below, field by field where code relies on it.
    value = parseJson(text) as typeof value;
  } catch (cause) {
    throw new FirnError('PIPELINE-STATE-INVALID', {
      what: 'The schema registry is not JSON.',
      where,
      cause,
    });
  }
  if (value.version !== 1) throw invalid('has a version this Firn does not know');
  if (!Array.isArray(value.tables)) throw invalid('has no tables');
  type StoredColumn = Omit<Column, 'type'> & { readonly type: string };
  type StoredSchema = Omit<TableSchema, 'columns'> & { readonly columns: readonly StoredColumn[] };
  type StoredTable = Omit<RegisteredTable, 'versions'> & {
    readonly versions: readonly StoredSchema[];
  };
  const columnOf = (column: StoredColumn): Column => {
    const type = parseColumnType(column.type);
    if (type === null) throw invalid(`names an unknown type ${column.type}`);
    return { ...column, type };
  };
  const tables = (value.tables as unknown as readonly StoredTable[]).map((entry) => {
    const versions = entry.versions.map((schema) => ({
      ...schema,
      columns: schema.columns.map(columnOf),
    }));
    return [formatTableName(entry.table), { ...entry, versions }] as const;
  });
  return new Map(tables);
}
