/**
 * The pipeline's schema registry in the warehouse: a new version is durable before a row uses it,
 * and two resolutions never run at once.
 */
import type { PipelineConfig, TableRule } from '../../config/pipeline-config.ts';
import { firstRule } from '../../config/table-choice.ts';
import { present } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { SourceTable } from '../../model/source-event.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableName, TableSchema } from '../../model/table-schema.ts';
import {
  EMPTY_REGISTRY,
  newestSchema,
  registryFromJson,
  registryToJson,
  resolveSchema,
} from '../../schema/schema-registry.ts';
import type { ColumnSelection, SchemaRegistry } from '../../schema/schema-registry.ts';
import type { StateFolder } from './state-folder.ts';

/** Resolves source tables to registered schemas. */
export interface SchemaStore {
  /** Every table that was ever resolved and not forgotten. */
  tables(): readonly TableName[];
  newest(table: TableName): TableSchema | null;
  /** The schema of a table as the source has it, registered. */
  resolve(source: SourceTable): Promise<TableSchema>;
  /** The schema that {@link resolve} would give; nothing is stored, and its ids may change. */
  preview(source: SourceTable): TableSchema;
  /** The same for many, in their order; what is new is stored at once. */
  resolveAll(sources: readonly SourceTable[]): Promise<readonly TableSchema[]>;
  /** Forgets a table: its ids start again. */
  forget(table: TableName): Promise<void>;
}

/**
 * The first rule of the pipeline file that names a table; `null` when none does. Names match as in
 * the source that chose the table by the same rules, with its namespace or without.
 */
export function ruleFor(config: PipelineConfig, table: TableName): TableRule | null {
  return firstRule(config.tables, [table.table, formatTableName(table)]);
}

/**
 * Refuses a pipeline file that leaves out or renames other columns than it did when the table was
 * first captured: rows already in the lake would not follow.
 *
 * @throws FirnError PIPELINE-COLUMNS-CHANGED
 */
export function assertSameSelection(config: PipelineConfig, schema: TableSchema): void {
  const rule = ruleFor(config, schema.table);
  const excluded = new Set(rule?.exclude.map((name) => name.toLowerCase()));
  const renamed = new Map(
    Object.entries(rule?.rename ?? {}).map(([from, to]) => [from.toLowerCase(), to]),
  );
  const changed = schema.columns.find(({ name, sourceName }) => {
    const folded = sourceName.toLowerCase();
    return excluded.has(folded) || (renamed.get(folded) ?? sourceName) !== name;
  });
  if (changed === undefined) return;
  throw new FirnError('PIPELINE-COLUMNS-CHANGED', {
    what: `Column ${changed.sourceName} is in the lake as ${changed.name}, the pipeline file says otherwise.`,
    where: formatTableName(schema.table),
  });
}

/** Opens the registry; an absent one is empty. */
export async function openSchemaStore(
  state: StateFolder,
  config: PipelineConfig,
): Promise<SchemaStore> {
  const text = await state.read('schemas.json');
  let registry: SchemaRegistry =
    text === null ? EMPTY_REGISTRY : registryFromJson(text, state.locationOf('schemas.json'));
  let tail: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const turn = tail.then(run, run);
    tail = turn;
    return turn;
  };
  const store = async (next: SchemaRegistry): Promise<void> => {
    await state.write('schemas.json', registryToJson(next));
    registry = next;
  };
  const resolveAll = (sources: readonly SourceTable[]): Promise<readonly TableSchema[]> =>
    inTurn(async () => {
      const next = new Map(registry);
      let hasNews = false;
      const schemas = sources.map((source) => {
        const { schema, entry } = resolveSchema(next, source, selectionOf(config, source.table));
        if (entry !== null) next.set(formatTableName(source.table), entry);
        hasNews ||= entry !== null;
        return schema;
      });
      if (hasNews) await store(next);
      return schemas;
    });
  return {
    tables: () => [...registry.values()].map(({ table }) => table),
    newest: (table) => newestSchema(registry, table),
    preview: (source) => resolveSchema(registry, source, selectionOf(config, source.table)).schema,
    resolve: async (source) => present((await resolveAll([source]))[0], 'one schema per table'),
    resolveAll,
    forget: (table) =>
      inTurn(async () => {
        const next = new Map(registry);
        next.delete(formatTableName(table));
        await store(next);
      }),
  };
}

function selectionOf(config: PipelineConfig, table: TableName): ColumnSelection {
  const rule = ruleFor(config, table);
  return { exclude: rule?.exclude ?? [], rename: rule?.rename ?? {} };
}
