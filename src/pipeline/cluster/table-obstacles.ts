/** Tables of the source that the pipeline's cluster cannot carry exactly, and why. */
import { planCluster } from '../../cluster/cluster-plan.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { SourceTable } from '../../model/source-event.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { SchemaStore } from '../state/schema-store.ts';
import { planTable, plannableOf } from './plan-pipeline.ts';
import type { PlannedTable } from '../../cluster/cluster-plan.ts';

/** Reasons by table name, a sentence each. */
export async function tableObstacles(
  parts: PipelineParts,
  schemas: SchemaStore,
  found: readonly SourceTable[],
): Promise<ReadonlyMap<string, string>> {
  const { config, source } = parts;
  const reasons = new Map<string, string>();
  const tables: PlannedTable[] = [];
  for (const table of found) {
    try {
      const schema = schemas.newest(table.table) ?? schemas.preview(table);
      tables.push(planTable(config, schema, table.rowsEstimate));
    } catch (error) {
      // What no lake can hold is the opening's to tell.
      if (!isFirnError(error)) throw error;
    }
  }
  // The reasons do not depend on the epoch.
  const { refused } = planCluster({ ...plannableOf(config), epoch: 1, tables, refused: [] });
  for (const { table, reason } of refused) reasons.set(formatTableName(table), reason);
  const findings =
    (await source.checkDebezium?.({ readsRows: false, instead: 'engine: embedded' })) ?? [];
  for (const { code, table, message } of findings) {
    if (code === 'CLUSTER-TABLE' && table !== null) reasons.set(formatTableName(table), message);
  }
  return reasons;
}
