/** Opening a base: the Iceberg table that mirrors the source table, created where it is missing. */
import { MAIN_BRANCH, findRef } from '../iceberg/snapshot.ts';
import { currentSchema, defaultSpec } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { assert, present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { createTable } from '../lake/create-table.ts';
import type { TableDraft } from '../lake/create-table.ts';
import type { LakeContext } from '../lake/lake-context.ts';
import { isHashedLayout } from '../iceberg/layout/hashed-layout.ts';
import { dataFolder } from '../lake/table-locations.ts';
import { readState } from '../lake/table-state.ts';
import type { BaseState } from '../lake/table-state.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import type { Bucketing, WriteTarget } from '../ports/row-engine.ts';
import {
  basePartitionSpec,
  baseSchema,
  baseSortOrder,
  bucketColumn,
  bucketCountFor,
} from '../schema/base-table.ts';

/** What the pipeline file and the source say about a new base. */
export interface BaseOptions {
  readonly buckets: 'auto' | number;
  readonly bucketBy: string | null;
  /** Estimated rows in the source; `null` unknown. */
  readonly rowsEstimate: bigint | null;
}

/** Bytes of a row in Parquet, assumed until the table is there: decides the number of buckets. */
const ROW_BYTES_ASSUMED = 100;

/** Name of a table's base. */
export function baseIdentifier(schema: TableSchema): TableIdentifier {
  return { namespace: schema.table.namespace, name: schema.table.table };
}

/**
 * The base of a table as the catalog has it; makes it where it is missing.
 *
 * @throws FirnError PIPELINE-TABLE-TAKEN, PIPELINE-BUCKET-COLUMN
 */
export async function ensureBase(
  context: LakeContext,
  schema: TableSchema,
  options: BaseOptions,
): Promise<LoadedTable> {
  const identifier = baseIdentifier(schema);
  const loaded = await context.catalog.loadTable(identifier);
  if (loaded !== null) {
    const owner = loaded.metadata.properties['firn.pipeline'];
    if (owner === context.pipeline) return loaded;
    throw new FirnError('PIPELINE-TABLE-TAKEN', {
      what: `The table belongs to ${owner === undefined ? 'somebody else' : `pipeline ${owner}`}.`,
      where: `${identifier.namespace}.${identifier.name}`,
    });
  }
  return createTable(context, baseDraft(context.pipeline, schema, options));
}

/**
 * A new base of a pipeline, as every engine gets it.
 *
 * @throws FirnError PIPELINE-BUCKET-COLUMN
 */
export function baseDraft(pipeline: string, schema: TableSchema, options: BaseOptions): TableDraft {
  const column = bucketColumn(schema, options.bucketBy);
  if (column === null) {
    throw new FirnError('PIPELINE-BUCKET-COLUMN', {
      what: `No key column can decide a bucket${options.bucketBy === null ? '' : `: ${options.bucketBy}`}.`,
      where: formatTableName(schema.table),
    });
  }
  const { buckets, rowsEstimate } = options;
  const count = buckets === 'auto' ? bucketCountFor(rowsEstimate, ROW_BYTES_ASSUMED) : buckets;
  const icebergSchema = baseSchema(schema);
  return {
    identifier: baseIdentifier(schema),
    schema: icebergSchema,
    spec: basePartitionSpec(icebergSchema, { columnName: column.name, count }),
    sortOrder: baseSortOrder(icebergSchema),
    properties: {
      'firn.pipeline': pipeline,
      'write.parquet.compression-codec': 'zstd',
      'write.delete.mode': 'merge-on-read',
      'write.update.mode': 'merge-on-read',
      'write.merge.mode': 'merge-on-read',
      'write.distribution-mode': 'hash',
    },
  };
}

/** How a base's present spec spreads rows. */
export function bucketingOf(metadata: TableMetadata): Bucketing {
  const field = present(defaultSpec(metadata).fields[0], 'the bucket of a base');
  assert(field.transform.kind === 'bucket', 'a base is partitioned by a bucket');
  const columns = currentSchema(metadata).fields;
  const column = present(
    columns.find((candidate) => candidate.id === field.sourceId),
    'the bucket column',
  );
  return { columnName: column.name, count: field.transform.count };
}

/** What files of a table are written for. */
export function writeTarget(metadata: TableMetadata): WriteTarget {
  return {
    icebergSchema: currentSchema(metadata),
    specId: metadata.defaultSpecId,
    sortOrderId: metadata.defaultSortOrderId === 0 ? null : metadata.defaultSortOrderId,
    dataFolder: dataFolder(metadata.location),
    hashedLayout: isHashedLayout(metadata.properties),
  };
}

/** State of a base's ref; `null` when nothing was published there. */
export function baseStateOf(loaded: LoadedTable, ref: string = MAIN_BRANCH): BaseState | null {
  const state = readState(loaded.metadata, ref);
  if (state === null) return null;
  if (state.kind === 'base') return state;
  throw new FirnError('PIPELINE-TABLE-TAKEN', {
    what: 'The table has the state of a ledger.',
    where: `${loaded.identifier.namespace}.${loaded.identifier.name}`,
  });
}

/** Head of a ref; `null` when the ref has no snapshot. */
export function headOf(metadata: TableMetadata, ref: string): bigint | null {
  return findRef(metadata, ref)?.snapshotId ?? null;
}
