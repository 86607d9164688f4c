/** Bringing a base's columns up to its source's: additive changes only, in one commit. */
import { LAST_ADDED } from '../iceberg/table-update.ts';
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import { currentSchema } from '../iceberg/table-metadata.ts';
import { present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import { evolvedSchema } from '../schema/schema-change.ts';
import { baseStateOf, mainCommit } from './base-table.ts';
import type { MergeParts } from './merge-base.ts';

/**
 * Adds and widens columns of a base; nothing to do is fine. Runs as a job on the base.
 *
 * @throws FirnError ICEBERG-SCHEMA-CHANGE-REFUSED, and what a commit throws
 */
export async function evolveBase(
  parts: Pick<MergeParts, 'context' | 'commit'>,
  request: { readonly identifier: TableIdentifier; readonly schema: TableSchema },
): Promise<void> {
  const base = present(await parts.context.catalog.loadTable(request.identifier), 'the base');
  const { lastColumnId, schemas } = base.metadata;
  const lake = { schema: currentSchema(base.metadata), lastColumnId, schemas };
  const schema = evolvedSchema(lake, request.schema);
  if (schema === null) return;
  const state = baseStateOf(base);
  if (state === null) return setSchema(parts, base, schema);
  const change = { operation: 'append', state, schema, rebase: 'allowed' } as const;
  const result = await parts.commit(mainCommit(base, change));
  if (result.kind === 'halted') throw result.error;
}

/** A base that was never published has no snapshot to carry state: its schema changes alone. */
async function setSchema(
  parts: Pick<MergeParts, 'context'>,
  base: LoadedTable,
  schema: IcebergSchema,
): Promise<void> {
  const { identifier, metadata } = base;
  const outcome = await parts.context.catalog.commit([
    {
      identifier,
      requirements: [
        { kind: 'assert-table-uuid', uuid: metadata.tableUuid },
        { kind: 'assert-current-schema-id', currentSchemaId: metadata.currentSchemaId },
      ],
      updates: [
        { kind: 'add-schema', schema },
        { kind: 'set-current-schema', schemaId: LAST_ADDED },
      ],
    },
  ]);
  if (outcome.kind === 'committed') return;
  // Both a conflict and an unknown outcome are settled by looking again at the next change or
  // start.
  throw new FirnError('MERGE-BASE-MOVED', {
    what: 'The base changed while a column was added to it.',
    where: `${identifier.namespace}.${identifier.name}`,
  });
}
