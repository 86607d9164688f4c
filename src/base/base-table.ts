/** Opening a base: the Iceberg table that mirrors the source table, created where it is missing. */
import { MAIN_BRANCH, findRef } from '../iceberg/snapshot.ts';
import { currentSchema, defaultSpec } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { CommitRequest } from '../lake/commit-request.ts';
import { createTable } from '../lake/create-table.ts';
import type { TableDraft } from '../lake/create-table.ts';
import type { LakeContext } from '../lake/lake-context.ts';
import { writtenFormat } from '../lake/manifest-files.ts';
import { isHashedLayout } from '../iceberg/layout/hashed-layout.ts';
import { dataFolder } from '../lake/table-locations.ts';
import { readState } from '../lake/table-state.ts';
import type { BaseState } from '../lake/table-state.ts';
import { formatTableName, keyColumns } from '../model/table-schema.ts';
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
  /** Of a new base: one that is there keeps the format it has. */
  readonly formatVersion: 2 | 3;
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
    formatVersion: options.formatVersion,
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

/**
 * How a base's present spec spreads rows. Others may have changed the number of buckets.
 *
 * @throws FirnError PIPELINE-TABLE-EDITED when they changed key, columns or spec beyond that
 */
export function bucketingOf(metadata: TableMetadata, schema: TableSchema): Bucketing {
  const { fields, identifierFieldIds } = currentSchema(metadata);
  const edited = (what: string): FirnError =>
    new FirnError('PIPELINE-TABLE-EDITED', { what, where: formatTableName(schema.table) });
  const keys = new Set(keyColumns(schema).map(({ name }) => name));
  const identifiers = fields.filter(({ id }) => identifierFieldIds.includes(id));
  if (identifiers.length !== keys.size || identifiers.some(({ name }) => !keys.has(name))) {
    throw edited(`its identifier fields are no longer the key: ${[...keys].join(', ')}`);
  }
  const strict = fields.find(({ name, required }) => required && !keys.has(name));
  if (strict !== undefined)
    throw edited(`column ${strict.name} is required and no part of the key`);
  const [field, second] = defaultSpec(metadata).fields;
  const column = identifiers.find(({ id }) => id === field?.sourceId);
  if (field?.transform.kind !== 'bucket' || second !== undefined || column === undefined) {
    throw edited('it is not partitioned by one bucket of a key column');
  }
  return { columnName: column.name, count: field.transform.count };
}

/** What files of a table are written for. */
export function writeTarget(metadata: TableMetadata): WriteTarget {
  return {
    icebergSchema: currentSchema(metadata),
    specId: metadata.defaultSpecId,
    sortOrderId: sortOrderOf(metadata),
    dataFolder: dataFolder(metadata.location),
    hashedLayout: isHashedLayout(metadata.properties),
    formatVersion: writtenFormat(metadata),
  };
}

/** The table's sort order where it is the one that Firn writes by; `null`: another, or none. */
function sortOrderOf(metadata: TableMetadata): number | null {
  const { sortOrders, defaultSortOrderId } = metadata;
  const order = sortOrders.find(({ orderId }) => orderId === defaultSortOrderId);
  const { identifierFieldIds } = currentSchema(metadata);
  const ids = order?.fields.map(({ sourceId }) => sourceId) ?? [];
  const isKey = ids.length > 0 && ids.join() === identifierFieldIds.join();
  const ascends = order?.fields.every(
    ({ transform, direction }) => transform.kind === 'identity' && direction === 'asc',
  );
  return isKey && ascends === true ? defaultSortOrderId : null;
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

/**
 * A commit to main of a base, planned on the head it has: it is made there or planned again. Left
 * out: no files, and the columns stay.
 */
export function mainCommit(
  { identifier, metadata }: LoadedTable,
  change: Pick<CommitRequest, 'operation' | 'state'> & Partial<CommitRequest>,
): CommitRequest {
  return {
    identifier,
    tableUuid: metadata.tableUuid,
    ref: MAIN_BRANCH,
    parentId: headOf(metadata, MAIN_BRANCH),
    added: [],
    removed: [],
    dataSequenceNumber: null,
    parentless: false,
    schema: null,
    rebase: 'never',
    ...change,
  };
}
