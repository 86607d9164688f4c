/**
 * The pipeline's schema registry in the warehouse: a new version is durable before a row uses it,
 * and two resolutions never run at once.
 */
import type { PipelineConfig, TableRule } from '../../config/pipeline-config.ts';
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
import type { SchemaRegistry } from '../../schema/schema-registry.ts';
import type { StateFolder } from './state-folder.ts';

/** Resolves source tables to registered schemas. */
export interface SchemaStore {
  /** Every table that was ever resolved and not forgotten. */
  tables(): readonly TableName[];
  newest(table: TableName): TableSchema | null;
  resolve(source: SourceTable): Promise<TableSchema>;
  /** Forgets a table: its ids start again. */
  forget(table: TableName): Promise<void>;
}

/**
 * The first rule of the pipeline file that names a table; `null` when none does. Letters match in
 * either case, as in the source that chose the table by the same rules.
 */
export function ruleFor(config: PipelineConfig, table: TableName): TableRule | null {
  const name = formatTableName(table);
  const matches = (rule: TableRule): boolean => {
    const expression = expressionOf(rule);
    return expression.test(table.table) || expression.test(name);
  };
  return config.tables.find(matches) ?? null;
}

/** A thousand tables are asked for by a thousand rules: each is made an expression once. */
const expressions = new WeakMap<TableRule, RegExp>();

function expressionOf(rule: TableRule): RegExp {
  const known = expressions.get(rule);
  if (known !== undefined) return known;
  const parts = rule.pattern
    .split('*')
    .map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`, 'is');
  expressions.set(rule, expression);
  return expression;
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
  return {
    tables: () => registry.tables.map(({ table }) => table),
    newest: (table) => newestSchema(registry, table),
    resolve: (source) =>
      inTurn(async () => {
        const rule = ruleFor(config, source.table);
        const selection = { exclude: rule?.exclude ?? [], rename: rule?.rename ?? {} };
        const resolved = resolveSchema(registry, source, selection);
        if (resolved.isNew) {
          await state.write('schemas.json', registryToJson(resolved.registry));
          ({ registry } = resolved);
        }
        return resolved.schema;
      }),
    forget: (table) =>
      inTurn(async () => {
        const gone = formatTableName(table);
        const tables = registry.tables.filter((entry) => formatTableName(entry.table) !== gone);
        registry = { tables };
        await state.write('schemas.json', registryToJson(registry));
      }),
  };
}
