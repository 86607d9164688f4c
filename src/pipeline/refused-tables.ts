/**
 * Tables that the pipeline file asks for and the source cannot give: halted by name, never left out
 * in silence (docs/spec/pipeline.md P5). They are looked at again whenever the tables are opened.
 */
import { ERROR_REGISTRY } from '../kernel/error-registry.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import type { SourceTable } from '../model/source-event.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import type { Halt } from './state/halts.ts';
import { ruleFor } from './state/schema-store.ts';
import type { SchemaStore } from './state/schema-store.ts';

/** Halts by table name, of tables that are not among `found`. */
export async function refusedTables(
  parts: PipelineParts,
  schemas: SchemaStore,
  found: readonly SourceTable[],
): Promise<ReadonlyMap<string, Halt>> {
  const names = new Set(found.map(({ table }) => formatTableName(table)));
  const refused = new Map<string, Halt>();
  const refuse = (table: string, code: ErrorCode, what: string): void => {
    if (names.has(table) || refused.has(table)) return;
    const { remedy } = ERROR_REGISTRY[code];
    const sinceMs = parts.clock.nowMs();
    refused.set(table, { scope: 'refused', code, what, remedy, recovery: 'operator', sinceMs });
  };
  for (const { severity, table, code, message } of await parts.source.check()) {
    if (severity !== 'error' || table === null || !isErrorCode(code)) continue;
    refuse(formatTableName(table), code, message);
  }
  for (const table of schemas.tables()) {
    if (ruleFor(parts.config, table) === null) continue;
    const what = `There is no table ${table.table} in the source any more.`;
    refuse(formatTableName(table), 'SOURCE-TABLE-MISSING', what);
  }
  return refused;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_REGISTRY, code);
}
