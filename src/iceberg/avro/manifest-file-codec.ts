/**
 * The Avro record of a manifest list's entry as it stands in the file (Iceberg spec, "Manifest
 * Lists"): ids, names and order of other Iceberg libraries. Fields that format v1 did not have are
 * filled in where they are missing. What the numbers mean is `manifest-list.ts`'s.
 */
import {
  booleanCodec,
  bytesCodec,
  intCodec,
  listOf,
  longCodec,
  optional,
  recordOf,
  required,
  textCodec,
} from './avro-codec.ts';
import type { AvroCodec, CodecValue, RecordField } from './avro-codec.ts';

/** An entry of a manifest list as it stands in the file, with every field of format v3. */
export type ManifestFileRecord = CodecValue<typeof codecV3>;

/**
 * The codec of manifest list entries. Both read lists of every version; that of version 2 does not
 * write the field that came with version 3.
 */
export function manifestFileCodec(formatVersion: 2 | 3): AvroCodec<ManifestFileRecord> {
  if (formatVersion === 3) return codecV3;
  return { ...codecV2, reader: (writer, place) => codecV3.reader(writer, place) };
}

const summaryCodec = recordOf('r508', {
  containsNull: required(509, 'contains_null', booleanCodec),
  containsNan: optional(518, 'contains_nan', booleanCodec),
  lowerBound: optional(510, 'lower_bound', bytesCodec),
  upperBound: optional(511, 'upper_bound', bytesCodec),
});

const fields = {
  path: required(500, 'manifest_path', textCodec),
  length: required(501, 'manifest_length', longCodec),
  specId: required(502, 'partition_spec_id', intCodec),
  // Format v1 had no delete files and no sequence numbers, which then are 0.
  content: { ...required(517, 'content', intCodec), missing: 0 },
  sequenceNumber: { ...required(515, 'sequence_number', longCodec), missing: 0n },
  minSequenceNumber: { ...required(516, 'min_sequence_number', longCodec), missing: 0n },
  addedSnapshotId: required(503, 'added_snapshot_id', longCodec),
  addedFilesCount: countField(504, 'added_files_count'),
  existingFilesCount: countField(505, 'existing_files_count'),
  deletedFilesCount: countField(506, 'deleted_files_count'),
  addedRowsCount: required(512, 'added_rows_count', longCodec),
  existingRowsCount: required(513, 'existing_rows_count', longCodec),
  deletedRowsCount: required(514, 'deleted_rows_count', longCodec),
  partitions: optional(507, 'partitions', listOf(summaryCodec, 508)),
  keyMetadata: optional(519, 'key_metadata', bytesCodec),
};

const codecV2 = recordOf('manifest_file', fields);
const codecV3 = recordOf('manifest_file', {
  ...fields,
  firstRowId: optional(520, 'first_row_id', longCodec),
});

function countField(id: number, name: string): RecordField<number> {
  return required(id, name, intCodec);
}
