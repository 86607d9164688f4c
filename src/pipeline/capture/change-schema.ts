/** A captured table gets more or wider columns: its lake tables first, then what is known of it. */
import { evolveBase } from '../../base/evolve-base.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { CommitRequest, CommitResult } from '../../lake/commit-request.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { compareSchemas } from '../../schema/schema-change.ts';
import type { CapturedTable } from '../captured-table.ts';
import { commitToTable, evolveLedger } from '../commit-tables.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { RunState } from '../run-state.ts';

/** Which table, and its new version. */
export interface NewSchema {
  readonly table: CapturedTable;
  readonly schema: TableSchema;
}

/**
 * Gives ledger and base the columns of a new version.
 *
 * @throws {FirnError} LEDGER-SCHEMA-INCOMPATIBLE, and what a commit throws
 */
export async function changeSchema(
  parts: PipelineParts,
  run: RunState,
  { table, schema }: NewSchema,
): Promise<void> {
  const ledger = run.stage.table(schema.table);
  if (ledger === null) return;
  const change = compareSchemas(table.schema, schema);
  if (change.kind === 'incompatible') {
    throw new FirnError('LEDGER-SCHEMA-INCOMPATIBLE', {
      what: `The table changed: ${change.reason}.`,
      where: table.name,
    });
  }
  run.stage.replace(await evolveLedger(parts, ledger, schema));
  await evolveBaseOf(parts, table, schema);
  table.schema = schema;
  const { version } = schema;
  parts.onEvent({ kind: 'schema-changed', table: table.name, version });
}

async function evolveBaseOf(
  parts: PipelineParts,
  table: CapturedTable,
  schema: TableSchema,
): Promise<void> {
  if (table.base === null) return;
  const { lake } = parts;
  const { identifier, tableUuid } = table.base;
  const commit = (request: CommitRequest): Promise<CommitResult> => commitToTable(parts, request);
  await lake.queues.job(tableUuid, () =>
    evolveBase({ context: lake, commit }, { identifier, schema }),
  );
}
