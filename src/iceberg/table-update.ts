/**
 * What a commit changes, in the terms of the Iceberg REST specification (`TableUpdate`). The order
 * of the updates of one commit matters: a ref may point at a snapshot added before it.
 */
import type { JsonObject } from '../kernel/lossless-json.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import type { PartitionSpec } from './partition-spec.ts';
import type { Snapshot, SnapshotRef } from './snapshot.ts';
import type { SortOrder } from './sort-order.ts';

/**
 * In `set-current-schema`, `set-default-spec` and `set-default-sort-order`: the one that an earlier
 * update of the same commit added.
 */
export const LAST_ADDED = -1;

/** One change of a table's metadata. */
export type TableUpdate =
  | { readonly kind: 'assign-uuid'; readonly uuid: string }
  | { readonly kind: 'upgrade-format-version'; readonly formatVersion: 1 | 2 | 3 }
  /**
   * The id in `schema` is not used: the table gives one, that of an equal schema if there is one.
   */
  | { readonly kind: 'add-schema'; readonly schema: IcebergSchema }
  | { readonly kind: 'set-current-schema'; readonly schemaId: number }
  /** As for schemas: the table gives the spec's id, and ids to fields that have none. */
  | { readonly kind: 'add-spec'; readonly spec: PartitionSpec }
  | { readonly kind: 'set-default-spec'; readonly specId: number }
  | { readonly kind: 'add-sort-order'; readonly sortOrder: SortOrder }
  | { readonly kind: 'set-default-sort-order'; readonly sortOrderId: number }
  /** The sequence number must be above the table's last one. No ref moves by this alone. */
  | { readonly kind: 'add-snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'set-snapshot-ref'; readonly name: string; readonly ref: SnapshotRef }
  | { readonly kind: 'remove-snapshot-ref'; readonly name: string }
  /** A snapshot that a ref points at cannot be removed: the ref must go first. */
  | { readonly kind: 'remove-snapshots'; readonly snapshotIds: readonly bigint[] }
  | { readonly kind: 'set-location'; readonly location: string }
  | { readonly kind: 'set-properties'; readonly updates: Readonly<Record<string, string>> }
  | { readonly kind: 'remove-properties'; readonly removals: readonly string[] }
  /** `statistics` is one entry of the table's `statistics` list, with `snapshot-id`. */
  | { readonly kind: 'set-statistics'; readonly statistics: JsonObject }
  | { readonly kind: 'remove-statistics'; readonly snapshotId: bigint }
  | { readonly kind: 'set-partition-statistics'; readonly statistics: JsonObject }
  | { readonly kind: 'remove-partition-statistics'; readonly snapshotId: bigint }
  | { readonly kind: 'remove-partition-specs'; readonly specIds: readonly number[] }
  | { readonly kind: 'remove-schemas'; readonly schemaIds: readonly number[] }
  /** `key` is one entry of the table's `encryption-keys`, with `key-id` (format v3). */
  | { readonly kind: 'add-encryption-key'; readonly key: JsonObject }
  | { readonly kind: 'remove-encryption-key'; readonly keyId: string };

/** Kinds that change single values, or lists that Firn keeps as they are. */
export type PlainUpdateKind =
  | 'assign-uuid'
  | 'upgrade-format-version'
  | 'set-location'
  | 'set-properties'
  | 'remove-properties'
  | 'set-statistics'
  | 'remove-statistics'
  | 'set-partition-statistics'
  | 'remove-partition-statistics'
  | 'add-encryption-key'
  | 'remove-encryption-key';
