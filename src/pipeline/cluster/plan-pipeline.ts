/**
 * The plan of a cluster pipeline, from its file and what the source and the schema registry say
 * now. Reads only: nothing is made or registered by looking.
 */
import { baseDraft } from '../../base/base-table.ts';
import { baseFormat } from '../../base/base-format.ts';
import { planCluster } from '../../cluster/cluster-plan.ts';
import type { ClusterPlan, PlannedTable, RefusedTable } from '../../cluster/cluster-plan.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { ledgerDraft } from '../../ledger/ledger-table.ts';
import type { SourceTable } from '../../model/source-event.ts';
import type { ChangeSource } from '../../ports/source.ts';
import { EMPTY_REGISTRY, registryFromJson, resolveSchema } from '../../schema/schema-registry.ts';
import type { SchemaRegistry } from '../../schema/schema-registry.ts';
import { openStore } from '../open-store.ts';
import type { StoreParts } from '../open-store.ts';
import { openStateFolder } from '../state/state-folder.ts';
import { ruleFor } from '../state/schema-store.ts';

/** The first epoch of a source that was never captured. */
const FIRST_EPOCH = 1;

/**
 * Plans a pipeline as it would be told to the cluster now.
 *
 * @throws {FirnError} CONFIG-USAGE for another engine, and what source and storage throw
 */
export async function planPipeline(parts: StoreParts, source: ChangeSource): Promise<ClusterPlan> {
  const { config } = parts;
  const { cluster } = config;
  if (config.engine !== 'cluster' || cluster === null || config.source.type !== 'mysql') {
    const what = 'only a pipeline with engine: cluster has anything to generate';
    throw new FirnError('CONFIG-USAGE', { what, where: config.fileName });
  }
  const registry = await readRegistry(parts);
  const found = await source.discover();
  const { tables, refused } = planTables(config, registry, found);
  return planCluster({
    config,
    cluster,
    source: config.source,
    epoch: FIRST_EPOCH,
    tables,
    refused,
  });
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

async function readRegistry(parts: StoreParts): Promise<SchemaRegistry> {
  const opened = await openStore(parts);
  try {
    const state = openStateFolder(opened.store, parts.config.name);
    const text = await state.read('schemas.json');
    return text === null
      ? EMPTY_REGISTRY
      : registryFromJson(text, state.locationOf('schemas.json'));
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
  const { raw, beforeImages } = config.ledger;
  const ledger = ledgerDraft(config.name, schema, { raw, beforeImages: beforeImages === 'full' });
  const planned = { schema, ledger, excluded: selection.exclude };
  if (schema.keyColumnIds.length === 0) return { ...planned, base: null };
  const { buckets, bucketBy, deleteFormat } = config.base;
  const formatVersion = baseFormat({ deleteFormat, readers: config.lake.readers });
  const options = { buckets, bucketBy, rowsEstimate: found.rowsEstimate, formatVersion };
  return { ...planned, base: baseDraft(config.name, schema, options) };
}
