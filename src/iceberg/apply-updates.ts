/**
 * What a catalog does with the updates of a commit: the next metadata of the table (Iceberg REST
 * specification, "CommitTableRequest"). The table, not the client, keeps times, logs, ids and the
 * last sequence number. Updates that cannot be applied throw and nothing has changed.
 */
import { unreachable } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { highestFieldId, sameSchema, validateSchema } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import {
  highestPartitionFieldId,
  samePartitioning,
  validatePartitionSpec,
} from './partition-spec.ts';
import type { PartitionSpec } from './partition-spec.ts';
import { MAIN_BRANCH, findRef, findSnapshot } from './snapshot.ts';
import type { Snapshot, SnapshotRef } from './snapshot.ts';
import { sameSortOrder, validateSortOrder } from './sort-order.ts';
import type { SortOrder } from './sort-order.ts';
import { schemaById, specById } from './table-metadata.ts';
import type { TableMetadata } from './table-metadata.ts';
import { LAST_ADDED } from './table-update.ts';
import type { TableUpdate } from './table-update.ts';
import { withKey, withoutKey } from './updates/encryption-keys.ts';
import { nextMetadataLog, nextSnapshotLog } from './updates/metadata-logs.ts';
import { withPartitionFieldIds } from './updates/partition-field-ids.ts';
import { replaceStatistics, withoutSnapshots } from './updates/table-statistics.ts';

/** The catalog's side of one commit. */
export interface ApplyContext {
  /** Milliseconds since 1970; fractions are dropped. */
  readonly nowMs: number;
  /** Metadata file that the given metadata was read from; `null` for a table being created. */
  readonly previousMetadataLocation: string | null;
  /**
   * Snapshots without a parent are taken whatever their sequence number, as the reference
   * implementation does: two clients that replace a table at once rely on it.
   */
  readonly acceptsStaleRoots?: boolean;
}

/** Metadata on its way, and what {@link LAST_ADDED} means at this point. */
interface Draft {
  readonly table: TableMetadata;
  readonly acceptsStaleRoots: boolean;
  readonly addedSchemaId: number | null;
  readonly addedSpecId: number | null;
  readonly addedSortOrderId: number | null;
}

/**
 * The metadata after `updates`, applied in order.
 *
 * @throws {FirnError} ICEBERG-UPDATE-STALE when a snapshot's sequence number or first row id is
 *   behind the table's, or a snapshot to remove has a ref (the catalog answers `conflict`);
 *   ICEBERG-UPDATE-INVALID and the errors of schemas, specs and orders for updates that can never
 *   be applied
 */
export function applyUpdates(
  metadata: TableMetadata,
  updates: readonly TableUpdate[],
  context: ApplyContext,
): TableMetadata {
  // Time never goes back within a table: other readers refuse logs that are not in order.
  const nowMs = Math.max(Math.trunc(context.nowMs), metadata.lastUpdatedMs);
  let draft: Draft = {
    table: metadata,
    acceptsStaleRoots: context.acceptsStaleRoots === true,
    addedSchemaId: null,
    addedSpecId: null,
    addedSortOrderId: null,
  };
  for (const update of updates) draft = applyUpdate(draft, update);
  const { table } = draft;
  return {
    ...table,
    lastUpdatedMs: nowMs,
    snapshotLog: nextSnapshotLog(metadata, table, nowMs),
    metadataLog: nextMetadataLog(metadata, table, context.previousMetadataLocation),
  };
}

function applyUpdate(draft: Draft, update: TableUpdate): Draft {
  switch (update.kind) {
    case 'add-schema':
      return addSchema(draft, update.schema);
    case 'set-current-schema':
      return setCurrentSchema(draft, update.schemaId);
    case 'add-spec':
      return addSpec(draft, update.spec);
    case 'set-default-spec':
      return setDefaultSpec(draft, update.specId);
    case 'add-sort-order':
      return addSortOrder(draft, update.sortOrder);
    case 'set-default-sort-order':
      return setDefaultSortOrder(draft, update.sortOrderId);
    case 'add-snapshot':
      return { ...draft, table: addSnapshot(draft, update.snapshot) };
    default:
      return { ...draft, table: applySimpleUpdate(draft.table, update) };
  }
}

type DraftUpdateKind =
  | 'add-schema'
  | 'set-current-schema'
  | 'add-spec'
  | 'set-default-spec'
  | 'add-sort-order'
  | 'set-default-sort-order'
  | 'add-snapshot';

/** Updates that do not depend on what the same commit added before. */
function applySimpleUpdate(
  table: TableMetadata,
  update: Exclude<TableUpdate, { readonly kind: DraftUpdateKind }>,
): TableMetadata {
  switch (update.kind) {
    case 'assign-uuid':
      return assignUuid(table, update.uuid);
    case 'upgrade-format-version':
      return upgradeFormat(table, update.formatVersion);
    case 'set-snapshot-ref':
      return setRef(table, update.name, update.ref);
    case 'remove-snapshot-ref':
      return removeRef(table, update.name);
    case 'remove-snapshots':
      return removeSnapshots(table, update.snapshotIds);
    case 'set-location':
      return { ...table, location: update.location.replace(/\/+$/, '') };
    case 'set-properties':
      return { ...table, properties: { ...table.properties, ...update.updates } };
    case 'remove-properties':
      return { ...table, properties: withoutKeys(table.properties, update.removals) };
    case 'set-statistics': {
      const statistics = replaceStatistics(table, table.statistics, update.statistics);
      return { ...table, statistics };
    }
    case 'remove-statistics':
      return { ...table, statistics: withoutSnapshots(table.statistics, [update.snapshotId]) };
    case 'set-partition-statistics': {
      const { partitionStatistics: old } = table;
      return { ...table, partitionStatistics: replaceStatistics(table, old, update.statistics) };
    }
    case 'remove-partition-statistics': {
      const { partitionStatistics: old } = table;
      return { ...table, partitionStatistics: withoutSnapshots(old, [update.snapshotId]) };
    }
    case 'remove-partition-specs':
      return removeSpecs(table, update.specIds);
    case 'remove-schemas':
      return removeSchemas(table, update.schemaIds);
    case 'add-encryption-key':
      return withKey(table, update.key);
    case 'remove-encryption-key':
      return withoutKey(table, update.keyId);
    default:
      return unreachable(update);
  }
}

function invalid(table: TableMetadata, what: string): FirnError {
  return new FirnError('ICEBERG-UPDATE-INVALID', { what, where: table.location });
}

function stale(table: TableMetadata, what: string): FirnError {
  return new FirnError('ICEBERG-UPDATE-STALE', { what, where: table.location });
}

function assignUuid(table: TableMetadata, uuid: string): TableMetadata {
  if (table.tableUuid !== '' && table.tableUuid !== uuid) {
    throw invalid(table, 'the uuid of a table cannot be changed');
  }
  return { ...table, tableUuid: uuid };
}

function upgradeFormat(table: TableMetadata, formatVersion: 1 | 2 | 3): TableMetadata {
  if (formatVersion < table.formatVersion) {
    throw invalid(table, `format version ${table.formatVersion} cannot become ${formatVersion}`);
  }
  return { ...table, formatVersion };
}

function addSchema(draft: Draft, schema: IcebergSchema): Draft {
  const { table } = draft;
  const same = table.schemas.find((item) => sameSchema(item, schema));
  if (same !== undefined) return { ...draft, addedSchemaId: same.schemaId };
  validateSchema(schema, table.formatVersion);
  const schemaId = 1 + Math.max(-1, ...table.schemas.map((item) => item.schemaId));
  return {
    ...draft,
    addedSchemaId: schemaId,
    table: {
      ...table,
      schemas: [...table.schemas, { ...schema, schemaId }],
      lastColumnId: Math.max(table.lastColumnId, highestFieldId(schema)),
    },
  };
}

/** The id that an update names, {@link LAST_ADDED} resolved. */
function resolveId(draft: Draft, id: number, added: number | null): number {
  if (id !== LAST_ADDED) return id;
  if (added === null) throw invalid(draft.table, 'nothing was added that -1 could mean');
  return added;
}

function setCurrentSchema(draft: Draft, id: number): Draft {
  const { table } = draft;
  const currentSchemaId = resolveId(draft, id, draft.addedSchemaId);
  const schema = schemaById(table, currentSchemaId);
  if (schema === null) throw invalid(table, `there is no schema ${currentSchemaId}`);
  return { ...draft, table: { ...table, currentSchemaId } };
}

/** The schema that specs and orders are made for. */
function schemaInUse(table: TableMetadata): IcebergSchema {
  const schema = schemaById(table, table.currentSchemaId);
  if (schema === null) throw invalid(table, 'the table has no current schema yet');
  return schema;
}

function addSpec(draft: Draft, given: PartitionSpec): Draft {
  const { table } = draft;
  const spec = withPartitionFieldIds(table, given);
  const same = table.partitionSpecs.find((item) => samePartitioning(item, spec));
  if (same !== undefined) return { ...draft, addedSpecId: same.specId };
  validatePartitionSpec(spec, schemaInUse(table));
  const specId = 1 + Math.max(-1, ...table.partitionSpecs.map((item) => item.specId));
  return {
    ...draft,
    addedSpecId: specId,
    table: {
      ...table,
      partitionSpecs: [...table.partitionSpecs, { ...spec, specId }],
      lastPartitionId: Math.max(table.lastPartitionId, highestPartitionFieldId(spec)),
    },
  };
}

function setDefaultSpec(draft: Draft, id: number): Draft {
  const { table } = draft;
  const defaultSpecId = resolveId(draft, id, draft.addedSpecId);
  if (specById(table, defaultSpecId) === null) {
    throw invalid(table, `there is no partition spec ${defaultSpecId}`);
  }
  return { ...draft, table: { ...table, defaultSpecId } };
}

function addSortOrder(draft: Draft, order: SortOrder): Draft {
  const { table } = draft;
  const same = table.sortOrders.find((item) => sameSortOrder(item, order));
  if (same !== undefined) return { ...draft, addedSortOrderId: same.orderId };
  validateSortOrder(order, schemaInUse(table));
  // Order 0 is the unsorted one (Iceberg spec, "Sorting").
  const next = 1 + Math.max(0, ...table.sortOrders.map((item) => item.orderId));
  const orderId = order.fields.length === 0 ? 0 : next;
  const sortOrders = [...table.sortOrders, { ...order, orderId }];
  return { ...draft, addedSortOrderId: orderId, table: { ...table, sortOrders } };
}

function setDefaultSortOrder(draft: Draft, id: number): Draft {
  const { table } = draft;
  const defaultSortOrderId = resolveId(draft, id, draft.addedSortOrderId);
  if (!table.sortOrders.some((order) => order.orderId === defaultSortOrderId)) {
    throw invalid(table, `there is no sort order ${defaultSortOrderId}`);
  }
  return { ...draft, table: { ...table, defaultSortOrderId } };
}

function addSnapshot(draft: Draft, snapshot: Snapshot): TableMetadata {
  const { table } = draft;
  const { snapshotId, sequenceNumber } = snapshot;
  if (findSnapshot(table, snapshotId) !== null) {
    throw invalid(table, `snapshot ${snapshotId} is already there`);
  }
  const last = table.lastSequenceNumber;
  const unchecked =
    table.formatVersion === 1 || (draft.acceptsStaleRoots && snapshot.parentSnapshotId === null);
  if (!unchecked && sequenceNumber <= last) {
    throw stale(table, `sequence number ${sequenceNumber} is not above the table's last, ${last}`);
  }
  const snapshots = [...table.snapshots, snapshot];
  const lastSequenceNumber = sequenceNumber > last ? sequenceNumber : last;
  const added = { ...table, snapshots, lastSequenceNumber };
  if (table.formatVersion < 3) return added;
  const { firstRowId, addedRows } = snapshot;
  if (firstRowId === null || addedRows === null || addedRows < 0n) {
    throw invalid(table, 'a snapshot of format version 3 needs first-row-id and added-rows');
  }
  if (firstRowId < table.nextRowId) {
    throw stale(table, `first row id ${firstRowId} is below the table's next, ${table.nextRowId}`);
  }
  return { ...added, nextRowId: firstRowId + addedRows };
}

function setRef(table: TableMetadata, name: string, ref: SnapshotRef): TableMetadata {
  if (findSnapshot(table, ref.snapshotId) === null) {
    throw invalid(table, `ref ${JSON.stringify(name)} cannot point at no snapshot`);
  }
  if (name === MAIN_BRANCH && ref.kind !== 'branch') throw invalid(table, 'main must be a branch');
  return withRefs(table, { ...table.refs, [name]: ref });
}

function removeRef(table: TableMetadata, name: string): TableMetadata {
  return withRefs(table, withoutKeys(table.refs, [name]));
}

function withRefs(table: TableMetadata, refs: TableMetadata['refs']): TableMetadata {
  const next = { ...table, refs };
  return { ...next, currentSnapshotId: findRef(next, MAIN_BRANCH)?.snapshotId ?? null };
}

function removeSnapshots(table: TableMetadata, ids: readonly bigint[]): TableMetadata {
  const gone = new Set(ids);
  const held = Object.entries(table.refs).find(([, ref]) => gone.has(ref.snapshotId));
  if (held !== undefined) {
    // Whoever chose what to remove did not know of the ref: it was made in the meantime.
    throw stale(table, `a snapshot that ref ${JSON.stringify(held[0])} points at must stay`);
  }
  return {
    ...table,
    snapshots: table.snapshots.filter((snapshot) => !gone.has(snapshot.snapshotId)),
    statistics: withoutSnapshots(table.statistics, ids),
    partitionStatistics: withoutSnapshots(table.partitionStatistics, ids),
  };
}

function removeSpecs(table: TableMetadata, ids: readonly number[]): TableMetadata {
  if (ids.includes(table.defaultSpecId)) throw invalid(table, 'the default spec must stay');
  const partitionSpecs = table.partitionSpecs.filter((spec) => !ids.includes(spec.specId));
  return { ...table, partitionSpecs };
}

function removeSchemas(table: TableMetadata, ids: readonly number[]): TableMetadata {
  if (ids.includes(table.currentSchemaId)) throw invalid(table, 'the current schema must stay');
  return { ...table, schemas: table.schemas.filter((schema) => !ids.includes(schema.schemaId)) };
}

function withoutKeys<T>(
  record: Readonly<Record<string, T>>,
  keys: readonly string[],
): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)));
}
