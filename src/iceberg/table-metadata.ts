/**
 * The metadata of one table (Iceberg spec, "Table Metadata"): everything a catalog's pointer leads
 * to. Values are immutable; `apply-updates.ts` makes the next one, `table-metadata-json.ts` is the
 * file's form. Format v1, v2 and v3 are read; Firn writes into v2 and v3.
 */
import { assert, present } from '../kernel/assert.ts';
import type { JsonObject } from '../kernel/lossless-json.ts';
import { highestFieldId, validateSchema } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import { highestPartitionFieldId } from './partition-spec.ts';
import type { PartitionSpec } from './partition-spec.ts';
import type { Snapshot, SnapshotRef } from './snapshot.ts';
import type { SortOrder } from './sort-order.ts';

/** When the current snapshot became this one. */
export interface SnapshotLogEntry {
  readonly timestampMs: number;
  readonly snapshotId: bigint;
}

/** An earlier metadata file and when it was written. */
export interface MetadataLogEntry {
  readonly timestampMs: number;
  readonly metadataFile: string;
}

/** State of a table as one metadata file holds it. */
export interface TableMetadata {
  readonly formatVersion: 1 | 2 | 3;
  /** Stays with the table through renames; tells a re-created table from the old one. */
  readonly tableUuid: string;
  /** Folder of the table, without a trailing slash. */
  readonly location: string;
  readonly lastSequenceNumber: bigint;
  readonly lastUpdatedMs: number;
  /** Highest field id ever given. */
  readonly lastColumnId: number;
  readonly schemas: readonly IcebergSchema[];
  readonly currentSchemaId: number;
  readonly partitionSpecs: readonly PartitionSpec[];
  readonly defaultSpecId: number;
  /** Highest partition field id ever given; 999 before the first. */
  readonly lastPartitionId: number;
  readonly sortOrders: readonly SortOrder[];
  readonly defaultSortOrderId: number;
  readonly properties: Readonly<Record<string, string>>;
  /** Always the head of `refs.main`; `null` before the first commit to main. */
  readonly currentSnapshotId: bigint | null;
  readonly snapshots: readonly Snapshot[];
  /** History of the current snapshot, oldest first. */
  readonly snapshotLog: readonly SnapshotLogEntry[];
  /** Earlier metadata files, oldest first. */
  readonly metadataLog: readonly MetadataLogEntry[];
  readonly refs: Readonly<Record<string, SnapshotRef>>;
  /** Statistics files, kept as they are; each names its snapshot in `snapshot-id`. */
  readonly statistics: readonly JsonObject[];
  /** Partition statistics files, kept as they are. */
  readonly partitionStatistics: readonly JsonObject[];
  /** Next row id to give (format v3); 0 in earlier formats. */
  readonly nextRowId: bigint;
  /** Top-level keys that Firn does not know, kept as they are. */
  readonly unknownFields: JsonObject;
}

/** Property: how many earlier metadata files the log keeps. */
export const METADATA_VERSIONS_PROPERTY = 'write.metadata.previous-versions-max';

/** Property: metadata files that drop out of the log are removed when it is `true`. */
export const METADATA_CLEANUP_PROPERTY = 'write.metadata.delete-after-commit.enabled';

/** What a new table is made from. */
export interface NewTable {
  readonly tableUuid: string;
  /** Folder of the table, without a trailing slash. */
  readonly location: string;
  readonly schema: IcebergSchema;
  /** Its field ids start at 1000. */
  readonly spec: PartitionSpec;
  readonly sortOrder: SortOrder;
  readonly properties: Readonly<Record<string, string>>;
  readonly nowMs: number;
  /** Default 2. */
  readonly formatVersion?: 1 | 2 | 3;
}

/**
 * Metadata of a table without snapshots. Ids are taken from schema, spec and order as
 * they are.
 *
 * @throws {FirnError} ICEBERG-SCHEMA-INVALID
 */
export function newTableMetadata(table: NewTable): TableMetadata {
  const { formatVersion = 2 } = table;
  validateSchema(table.schema, formatVersion);
  assert(!table.location.endsWith('/'), 'a table location has no trailing slash');
  return {
    ...emptyTableMetadata(formatVersion),
    tableUuid: table.tableUuid,
    location: table.location,
    lastUpdatedMs: table.nowMs,
    lastColumnId: highestFieldId(table.schema),
    schemas: [table.schema],
    currentSchemaId: table.schema.schemaId,
    partitionSpecs: [table.spec],
    defaultSpecId: table.spec.specId,
    lastPartitionId: highestPartitionFieldId(table.spec),
    sortOrders: [table.sortOrder],
    defaultSortOrderId: table.sortOrder.orderId,
    properties: table.properties,
  };
}

/** What updates build a table from: no place, no schema, and ids that name nothing. */
export function emptyTableMetadata(formatVersion: 1 | 2 | 3): TableMetadata {
  return {
    formatVersion,
    tableUuid: '',
    location: '',
    lastSequenceNumber: 0n,
    lastUpdatedMs: 0,
    lastColumnId: 0,
    schemas: [],
    currentSchemaId: -1,
    partitionSpecs: [],
    defaultSpecId: -1,
    lastPartitionId: 999,
    sortOrders: [],
    defaultSortOrderId: -1,
    properties: {},
    currentSnapshotId: null,
    snapshots: [],
    snapshotLog: [],
    metadataLog: [],
    refs: {},
    statistics: [],
    partitionStatistics: [],
    nextRowId: 0n,
    unknownFields: {},
  };
}

/** The schema that new data is written with. */
export function currentSchema(metadata: TableMetadata): IcebergSchema {
  return present(schemaById(metadata, metadata.currentSchemaId), 'the current schema');
}

/** The schema with this id, or `null`. */
export function schemaById(metadata: TableMetadata, schemaId: number): IcebergSchema | null {
  return metadata.schemas.find((schema) => schema.schemaId === schemaId) ?? null;
}

/** The partition spec with this id, or `null`. */
export function specById(metadata: TableMetadata, specId: number): PartitionSpec | null {
  return metadata.partitionSpecs.find((spec) => spec.specId === specId) ?? null;
}

/** The partition spec that new data is written with. */
export function defaultSpec(metadata: TableMetadata): PartitionSpec {
  return present(specById(metadata, metadata.defaultSpecId), 'the default partition spec');
}

/**
 * Location of a metadata file of the table at `location`: `00003-<uuid>.metadata.json` is the third
 * version after the first. Other engines read the leading number too.
 */
export function metadataFileLocation(file: {
  readonly location: string;
  readonly version: number;
  readonly uuid: string;
}): string {
  const version = String(file.version).padStart(5, '0');
  return `${file.location}/metadata/${version}-${file.uuid}.metadata.json`;
}

/**
 * Version number in a metadata file's name, `v3.metadata.json` of path-based tables included;
 * `null` when the name has none.
 */
export function metadataFileVersion(location: string): number | null {
  const name = location.slice(location.lastIndexOf('/') + 1);
  const match = /^(?:v(\d{1,9})\.|(\d{1,9})-)/.exec(name);
  if (match === null) return null;
  return Number.parseInt(match[1] ?? match[2] ?? '', 10);
}
