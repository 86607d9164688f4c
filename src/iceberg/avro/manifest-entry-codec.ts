/**
 * The Avro record of a manifest entry as it stands in the file (Iceberg spec, "Manifests" and "Data
 * File Fields"): ids, names and order of other Iceberg libraries. Fields that format v1 did not
 * have are filled in where they are missing. What the numbers mean is `manifest.ts`'s.
 */
import type { StructType } from '../iceberg-type.ts';
import {
  bytesCodec,
  intCodec,
  intMapOf,
  listOf,
  longCodec,
  optional,
  recordOf,
  required,
  textCodec,
} from './avro-codec.ts';
import type { AvroCodec, CodecValue } from './avro-codec.ts';
import { partitionCodec } from './partition-codec.ts';

/** A manifest entry as it stands in the file, with every field of format v3. */
export type ManifestEntryRecord = CodecValue<ReturnType<typeof entryCodecV3>>;

/** The data file of a manifest entry as it stands in the file. */
export type DataFileRecord = ManifestEntryRecord['dataFile'];

/**
 * The codec of manifest entries with partition tuples of type `partition`. That of version 3 also
 * reads manifests of versions 1 and 2; that of version 2 only writes the fields version 2 has, and
 * takes the others as absent.
 */
export function manifestEntryCodec(
  formatVersion: 2 | 3,
  partition: StructType,
): AvroCodec<ManifestEntryRecord> {
  const full = entryCodecV3(partition);
  if (formatVersion === 3) return full;
  return {
    ...entryCodecV2(partition),
    reader: (writer, place) => full.reader(writer, place),
  };
}

function entryCodecV2(partition: StructType) {
  const { referencedDataFile } = laterFields;
  return entryCodec(recordOf('r2', { ...dataFileFields(partition), referencedDataFile }));
}

function entryCodecV3(partition: StructType) {
  return entryCodec(recordOf('r2', { ...dataFileFields(partition), ...laterFields }));
}

function entryCodec<F>(dataFile: AvroCodec<F>) {
  return recordOf('manifest_entry', {
    status: required(0, 'status', intCodec),
    snapshotId: optional(1, 'snapshot_id', longCodec),
    sequenceNumber: optional(3, 'sequence_number', longCodec),
    fileSequenceNumber: optional(4, 'file_sequence_number', longCodec),
    dataFile: required(2, 'data_file', dataFile),
  });
}

const longMap = (keyId: number, valueId: number) => intMapOf(longCodec, { keyId, valueId });
const bytesMap = (keyId: number, valueId: number) => intMapOf(bytesCodec, { keyId, valueId });

function dataFileFields(partition: StructType) {
  return {
    // All files of format v1 are data files.
    content: { ...required(134, 'content', intCodec), missing: 0 },
    filePath: required(100, 'file_path', textCodec),
    fileFormat: required(101, 'file_format', textCodec),
    partition: required(102, 'partition', partitionCodec(partition)),
    recordCount: required(103, 'record_count', longCodec),
    fileSizeBytes: required(104, 'file_size_in_bytes', longCodec),
    columnSizes: optional(108, 'column_sizes', longMap(117, 118)),
    valueCounts: optional(109, 'value_counts', longMap(119, 120)),
    nullValueCounts: optional(110, 'null_value_counts', longMap(121, 122)),
    nanValueCounts: optional(137, 'nan_value_counts', longMap(138, 139)),
    lowerBounds: optional(125, 'lower_bounds', bytesMap(126, 127)),
    upperBounds: optional(128, 'upper_bounds', bytesMap(129, 130)),
    keyMetadata: optional(131, 'key_metadata', bytesCodec),
    splitOffsets: optional(132, 'split_offsets', listOf(longCodec, 133)),
    equalityIds: optional(135, 'equality_ids', listOf(intCodec, 136)),
    sortOrderId: optional(140, 'sort_order_id', intCodec),
  };
}

/** Fields of format v3; v2 may have the second. */
const laterFields = {
  firstRowId: optional(142, 'first_row_id', longCodec),
  referencedDataFile: optional(143, 'referenced_data_file', textCodec),
  contentOffset: optional(144, 'content_offset', longCodec),
  contentSizeBytes: optional(145, 'content_size_in_bytes', longCodec),
};
