/**
 * Manifest lists: which manifests a snapshot consists of, with what is needed to pass over a
 * manifest without opening it (Iceberg spec, "Manifest Lists"). Bytes in, bytes out.
 */
import { assert } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { encodeAvroFile, openAvroFile } from './avro/avro-container.ts';
import { manifestFileCodec } from './avro/manifest-file-codec.ts';
import type { ManifestFileRecord } from './avro/manifest-file-codec.ts';
import { isPrimitive } from './iceberg-type.ts';
import type { IcebergType, StructType } from './iceberg-type.ts';
import { encodeLowerBound, encodeUpperBound, valueOrder } from './single-value.ts';
import type { IcebergValue, PresentValue } from './single-value.ts';

/** What a manifest tracks: data files, or delete files of either kind; never both. */
export type ManifestContent = 'data' | 'deletes';

/** What the files of a manifest have in one partition field. */
export interface PartitionFieldSummary {
  readonly containsNull: boolean;
  /** `null` where the writer did not say. */
  readonly containsNan: boolean | null;
  /** Smallest value that is neither null nor NaN, in single-value form; `null` without one. */
  readonly lowerBound: Uint8Array | null;
  readonly upperBound: Uint8Array | null;
}

/** A manifest as its list names it. */
export interface ManifestFile {
  readonly path: string;
  /** Bytes of the file. */
  readonly length: bigint;
  readonly specId: number;
  readonly content: ManifestContent;
  /** Sequence number of the snapshot that added the manifest; 0 for those of format v1. */
  readonly sequenceNumber: bigint;
  /** Lowest data sequence number of its live files. */
  readonly minSequenceNumber: bigint;
  readonly addedSnapshotId: bigint;
  readonly addedFilesCount: number;
  readonly existingFilesCount: number;
  readonly deletedFilesCount: number;
  readonly addedRowsCount: bigint;
  readonly existingRowsCount: bigint;
  readonly deletedRowsCount: bigint;
  /** One per field of the spec, in its order; empty where the writer gave none. */
  readonly partitions: readonly PartitionFieldSummary[];
  readonly keyMetadata: Uint8Array | null;
  /** First row id given to data files that have none; format v3, data manifests only. */
  readonly firstRowId: bigint | null;
}

/** Content of a manifest list. */
export interface ManifestListContent {
  readonly formatVersion: 2 | 3;
  readonly snapshotId: bigint;
  readonly parentSnapshotId: bigint | null;
  readonly sequenceNumber: bigint;
  /** The snapshot's first row id; given exactly for format v3. */
  readonly firstRowId?: bigint;
  readonly manifests: readonly ManifestFile[];
}

const CONTENTS: readonly ManifestContent[] = ['data', 'deletes'];

/** The bytes of a manifest list. */
export function encodeManifestList(list: ManifestListContent): Uint8Array {
  const { formatVersion, firstRowId } = list;
  assert(
    (firstRowId !== undefined) === (formatVersion === 3),
    'a manifest list has a first row id exactly in format v3',
  );
  for (const manifest of list.manifests) {
    assert(
      formatVersion === 3 || manifest.firstRowId === null,
      'a manifest has a first row id only in format v3',
    );
  }
  return encodeAvroFile({
    codec: manifestFileCodec(formatVersion),
    compression: 'deflate',
    metadata: {
      'snapshot-id': list.snapshotId.toString(),
      'parent-snapshot-id': list.parentSnapshotId?.toString() ?? 'null',
      'sequence-number': list.sequenceNumber.toString(),
      ...(firstRowId === undefined ? {} : { 'first-row-id': firstRowId.toString() }),
      'format-version': formatVersion.toString(),
    },
    items: list.manifests.map((manifest) => ({
      ...manifest,
      content: CONTENTS.indexOf(manifest.content),
    })),
  });
}

/**
 * Reads a manifest list of any format version and writer.
 *
 * @param where the file, for messages
 * @throws {FirnError} ICEBERG-AVRO-INVALID, -TOO-LARGE, -CODEC-UNSUPPORTED;
 *   ICEBERG-MANIFEST-INVALID when it contradicts the specification
 */
export function decodeManifestList(bytes: Uint8Array, where: string): readonly ManifestFile[] {
  const records = openAvroFile(bytes, where).readItems(manifestFileCodec(3));
  return records.map((record) => manifestOfRecord(record, where));
}

/**
 * What the partition tuples of a manifest's entries have in each field of the spec.
 *
 * @param type the spec's partition type
 * @param tuples the tuples of all entries, deleted ones too
 */
export function summarizePartitions(
  type: StructType,
  tuples: readonly (readonly IcebergValue[])[],
): readonly PartitionFieldSummary[] {
  return type.fields.map((field, index) =>
    summarizeValues(
      field.type,
      tuples.map((tuple) => tuple[index] ?? null),
    ),
  );
}

function summarizeValues(
  type: IcebergType,
  values: readonly IcebergValue[],
): PartitionFieldSummary {
  const order = valueOrder(type);
  let smallest: PresentValue | null = null;
  let largest: PresentValue | null = null;
  for (const value of values) {
    if (value === null || Number.isNaN(value)) continue;
    if (smallest === null || order(value, smallest) < 0) smallest = value;
    if (largest === null || order(value, largest) > 0) largest = value;
  }
  const bounded = isPrimitive(type) && type.kind !== 'unknown' ? type : null;
  const bound = (value: PresentValue | null, encode: typeof encodeLowerBound): Uint8Array | null =>
    value === null || bounded === null ? null : encode({ type: bounded, value, lengthMax: null });
  return {
    containsNull: values.includes(null),
    containsNan: values.some(Number.isNaN),
    lowerBound: bound(smallest, encodeLowerBound),
    upperBound: bound(largest, encodeUpperBound),
  };
}

function manifestOfRecord(record: ManifestFileRecord, where: string): ManifestFile {
  const content = CONTENTS[record.content];
  const counts = [
    record.length,
    record.sequenceNumber,
    record.minSequenceNumber,
    record.addedFilesCount,
    record.existingFilesCount,
    record.deletedFilesCount,
    record.addedRowsCount,
    record.existingRowsCount,
    record.deletedRowsCount,
  ];
  if (content === undefined || record.path === '' || counts.some((count) => count < 0)) {
    throw new FirnError('ICEBERG-MANIFEST-INVALID', {
      what: 'an entry has no path, a negative count or a content other than data and deletes',
      where,
    });
  }
  return { ...record, content, partitions: record.partitions ?? [] };
}
