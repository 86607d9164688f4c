/**
 * The plan of a cluster pipeline, from its file and what the source and the schema registry say
 * now. Reads only: nothing is made or registered by looking.
 */
import { baseDraft } from '../../base/base-table.ts';
import { baseFormat } from '../../base/base-format.ts';
import { planCluster } from '../../cluster/cluster-plan.ts';
import type { ClusterPlan, PlannedTable, RefusedTable } from '../../cluster/cluster-plan.ts';
import { newestEpoch } from '../../cluster/reconcile-record.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { ledgerDraft } from '../../ledger/ledger-table.ts';
import type { SourceTable } from '../../model/source-event.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { ChangeSource } from '../../ports/source.ts';
import { EMPTY_REGISTRY, registryFromJson, resolveSchema } from '../../schema/schema-registry.ts';
import type { SchemaRegistry } from '../../schema/schema-registry.ts';
import { openStore } from '../open-store.ts';
import type { StoreParts } from '../open-store.ts';
import { openStateFolder } from '../state/state-folder.ts';
import { ruleFor } from '../state/schema-store.ts';
import { readApplied } from './reconcile-capture.ts';

/** The first epoch of a source that was never captured. */
const FIRST_EPOCH = 1;

/**
 * Plans a pipeline as it would be told to the cluster now.
 *
 * @throws {FirnError} CONFIG-USAGE for another engine, and what source and storage throw
 */
export async function planPipeline(
  parts: StoreParts,
  source: Pick<ChangeSource, 'discover'>,
): Promise<ClusterPlan> {
  const { config } = parts;
  const plannable = plannableOf(config);
  const { registry, epoch } = await readStored(parts);
  const found = await source.discover();
  const { tables, refused } = planTables(config, registry, found);
  return planCluster({ ...plannable, epoch, tables, refused });
}

/**
 * What of a pipeline file a plan is made from.
 *
 * @throws {FirnError} CONFIG-USAGE for a pipeline that has no cluster
 */
export function plannableOf(
  config: PipelineConfig,
): Pick<ClusterPlan, 'config' | 'cluster' | 'source'> {
  const { cluster, source, engine } = config;
  if (engine === 'cluster' && cluster !== null && source.type !== 'debezium') {
    return { config, cluster, source };
  }
  const what = 'only a pipeline with engine: cluster has anything to generate';
  throw new FirnError('CONFIG-USAGE', { what, where: config.fileName });
}

/** The lake tables of what a source has; those that no lake can have are refused by name. */
export function planTables(
  config: PipelineConfig,
  registry: SchemaRegistry,
  found: readonly SourceTable[],
): { readonly tables: readonly PlannedTable[]; readonly refused: readonly RefusedTable[] } {
  const tables: PlannedTable[] = [];
  const refused: RefusedTable[] = [];
  for (const table of found) {
    try {
      tables.push(plannedTable(config, registry, table));
    } catch (error) {
      if (!isFirnError(error)) throw error;
      refused.push({ table: table.table, reason: error.what });
    }
  }
  return { tables, refused };
}

/** The schemas of the tables, and the epoch that the cluster was told last. */
async function readStored(
  parts: StoreParts,
): Promise<{ readonly registry: SchemaRegistry; readonly epoch: number }> {
  const opened = await openStore(parts);
  try {
    const { name } = parts.config;
    const state = openStateFolder(opened.store, name);
    const text = await state.read('schemas.json');
    const registry =
      text === null ? EMPTY_REGISTRY : registryFromJson(text, state.locationOf('schemas.json'));
    return { registry, epoch: newestEpoch(await readApplied(state), name) ?? FIRST_EPOCH };
  } finally {
    await opened.close();
  }
}

function plannedTable(
  config: PipelineConfig,
  registry: SchemaRegistry,
  found: SourceTable,
): PlannedTable {
  const rule = ruleFor(config, found.table);
  const selection = { exclude: rule?.exclude ?? [], rename: rule?.rename ?? {} };
  const { schema } = resolveSchema(registry, found, selection);
  return planTable(config, schema, found.rowsEstimate);
}

/** The lake tables of a table whose schema is registered. */
export function planTable(
  config: PipelineConfig,
  schema: TableSchema,
  rowsEstimate: SourceTable['rowsEstimate'],
): PlannedTable {
  const excluded = ruleFor(config, schema.table)?.exclude ?? [];
  const { raw, beforeImages } = config.ledger;
  const ledger = ledgerDraft(config.name, schema, { raw, beforeImages: beforeImages === 'full' });
  const planned = { schema, ledger, excluded };
  if (schema.keyColumnIds.length === 0) return { ...planned, base: null };
  const { buckets, bucketBy, deleteFormat } = config.base;
  const formatVersion = baseFormat({ deleteFormat, readers: config.lake.readers });
  const options = { buckets, bucketBy, rowsEstimate, formatVersion };
  return { ...planned, base: baseDraft(config.name, schema, options) };
}
