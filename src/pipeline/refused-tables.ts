/**
 * Tables that the pipeline file asks for and the source cannot give: halted by name, never left out
 * in silence (docs/spec/pipeline.md P5). They are looked at again whenever the tables are opened.
 */
import { ERROR_REGISTRY } from '../kernel/error-registry.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import type { SourceTable } from '../model/source-event.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableName } from '../model/table-schema.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import type { Halt } from './state/halts.ts';
import { ruleFor } from './state/schema-store.ts';
import type { SchemaStore } from './state/schema-store.ts';

/** What the source has, sorted out. */
export interface SortedTables {
  readonly taken: readonly SourceTable[];
  /** Names of those that the source does not show and that are read up to their DROP. */
  readonly gone: ReadonlySet<string>;
  /** Halts by table name. */
  readonly refused: ReadonlyMap<string, Halt>;
}

/**
 * Takes of `found` what the lake can hold, and says what is missing and why. `absent`: names of
 * tables that a DROP does not halt.
 */
export async function sortTables(
  parts: PipelineParts,
  schemas: SchemaStore,
  source: { readonly found: readonly SourceTable[]; readonly absent: ReadonlySet<string> },
): Promise<SortedTables> {
  const { found } = source;
  const gone = new Set(source.absent);
  const ledgers = new Map(found.map(({ table }) => [lakeName(table, '_ledger'), table]));
  const obstacles = await engineObstacles(parts, schemas, found);
  const taken = found.filter(
    ({ table }) => !ledgers.has(lakeName(table, '')) && !obstacles.has(formatTableName(table)),
  );
  const names = new Set(taken.map(({ table }) => formatTableName(table)));
  const refused = new Map<string, Halt>();
  const refuse = (table: string, code: ErrorCode, what: string): void => {
    if (names.has(table) || refused.has(table)) return;
    const { remedy } = ERROR_REGISTRY[code];
    const sinceMs = parts.clock.nowMs();
    refused.set(table, { scope: 'refused', code, what, remedy, recovery: 'operator', sinceMs });
  };
  for (const { table } of found) {
    const owner = ledgers.get(lakeName(table, ''));
    if (owner === undefined) continue;
    const what = `In the lake ${table.table} is the name of the ledger of ${owner.table}.`;
    refuse(formatTableName(table), 'PIPELINE-NAME-TAKEN', what);
  }
  for (const [table, reason] of obstacles) refuse(table, 'CLUSTER-TABLE', reason);
  for (const { severity, table, code, message } of await parts.source.check()) {
    if (severity !== 'error' || table === null || !isErrorCode(code)) continue;
    const name = formatTableName(table);
    if (code === 'SOURCE-TABLE-MISSING' && gone.has(name)) continue;
    // It is there, and cannot be read.
    gone.delete(name);
    refuse(name, code, message);
  }
  for (const table of schemas.tables()) {
    if (ruleFor(parts.config, table) === null || gone.has(formatTableName(table))) continue;
    const what = `There is no table ${table.table} in the source any more.`;
    refuse(formatTableName(table), 'SOURCE-TABLE-MISSING', what);
  }
  return { taken, gone, refused };
}

/** Tables that the source has and the pipeline's engine cannot carry exactly. */
async function engineObstacles(
  parts: PipelineParts,
  schemas: SchemaStore,
  found: readonly SourceTable[],
): Promise<ReadonlyMap<string, string>> {
  if (parts.config.engine !== 'cluster') return new Map();
  const { tableObstacles } = await import('./cluster/table-obstacles.ts');
  return tableObstacles(parts, schemas, found);
}

/** Engines do not tell names apart by case. */
function lakeName({ namespace, table }: TableName, suffix: string): string {
  return `${namespace}.${table}${suffix}`.toLowerCase();
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_REGISTRY, code);
}
