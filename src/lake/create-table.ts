/**
 * Making a table. Its uuid and folder are Firn's own and new, so a create that was answered late is
 * recognised as ours by the uuid, and no name from a source becomes a path.
 */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import type { PartitionSpec } from '../iceberg/partition-spec.ts';
import type { SortOrder } from '../iceberg/sort-order.ts';
import { METADATA_CLEANUP_PROPERTY, newTableMetadata } from '../iceberg/table-metadata.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import { defaultRetryPolicy, retry } from '../kernel/retry.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import type { LakeContext } from './lake-context.ts';
import { newTableLocation } from './table-locations.ts';

/** A table to be made. */
export interface TableDraft {
  readonly identifier: TableIdentifier;
  readonly schema: IcebergSchema;
  readonly spec: PartitionSpec;
  readonly sortOrder: SortOrder;
  readonly properties: Readonly<Record<string, string>>;
  /** Left out: 2. */
  readonly formatVersion?: 2 | 3;
}

/**
 * Makes a table without snapshots, and its namespace.
 *
 * @throws {FirnError} CATALOG-TABLE-EXISTS when the name is taken by another table
 */
export async function createTable(context: LakeContext, draft: TableDraft): Promise<LoadedTable> {
  const { catalog, clock, random } = context;
  const { identifier, schema, spec, sortOrder, properties } = draft;
  const { namespace, name } = identifier;
  const metadata = newTableMetadata({
    tableUuid: uuidV7(clock, random),
    location: newTableLocation(context, { namespace, table: name }),
    schema,
    spec,
    sortOrder,
    properties: { [METADATA_CLEANUP_PROPERTY]: 'true', ...properties, ...context.tableProperties },
    nowMs: Math.trunc(clock.nowMs()),
    formatVersion: draft.formatVersion ?? 2,
  });
  return retry({ clock, random }, defaultRetryPolicy, async () => {
    await catalog.ensureNamespace(namespace);
    return catalog.createTable(identifier, metadata);
  });
}
