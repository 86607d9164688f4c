/**
 * Manifests: the data or delete files of a table with what is known about each (Iceberg spec,
 * "Manifests"). A manifest holds files of one partition spec and of one content. Entries may leave
 * snapshot id and sequence numbers to be inherited from the manifest list, so that a manifest is
 * written once however often its commit is tried again ({@link inheritFrom}). Bytes in, bytes out.
 */
import { assert } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { stringifyJson } from '../kernel/lossless-json.ts';
import { encodeAvroFile, openAvroFile } from './avro/avro-container.ts';
import { manifestEntryCodec } from './avro/manifest-entry-codec.ts';
import type { DataFileRecord, ManifestEntryRecord } from './avro/manifest-entry-codec.ts';
import { schemaToJson } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import type { ManifestContent, ManifestFile } from './manifest-list.ts';
import { partitionFieldsToJson, partitionType } from './partition-spec.ts';
import type { PartitionSpec } from './partition-spec.ts';
import type { IcebergValue } from './single-value.ts';

/** What a file holds. Deletion vectors are position deletes. */
export type FileContent = 'data' | 'position-deletes' | 'equality-deletes';

/** Format of a file. */
export type FileFormat = 'PARQUET' | 'AVRO' | 'ORC' | 'PUFFIN';

/** A data or delete file. Maps are by column id; `null` where the writer gave none. */
export interface DataFile {
  readonly content: FileContent;
  /** Full location, with scheme. */
  readonly filePath: string;
  readonly fileFormat: FileFormat;
  /** The partition tuple: one value per field of the spec, in its order. */
  readonly partition: readonly IcebergValue[];
  readonly specId: number;
  /** Rows, or deletes of a delete file. */
  readonly recordCount: bigint;
  readonly fileSizeBytes: bigint;
  readonly columnSizes: ReadonlyMap<number, bigint> | null;
  readonly valueCounts: ReadonlyMap<number, bigint> | null;
  readonly nullValueCounts: ReadonlyMap<number, bigint> | null;
  readonly nanValueCounts: ReadonlyMap<number, bigint> | null;
  /** In single-value form; at or below every value that is neither null nor NaN. */
  readonly lowerBounds: ReadonlyMap<number, Uint8Array> | null;
  /** In single-value form; at or above every value that is neither null nor NaN. */
  readonly upperBounds: ReadonlyMap<number, Uint8Array> | null;
  /** Offsets at which readers may split the file, ascending: Parquet's row groups. */
  readonly splitOffsets: readonly bigint[] | null;
  /** Columns that an equality delete compares. */
  readonly equalityIds: readonly number[] | null;
  /** Order of the rows; `null` for position deletes. */
  readonly sortOrderId: number | null;
  /** The one data file that all position deletes in the file are for. */
  readonly referencedDataFile: string | null;
  /** Place of a deletion vector in its Puffin file. Format v3. */
  readonly contentOffset: bigint | null;
  /** Bytes of a deletion vector. Format v3. */
  readonly contentSizeBytes: bigint | null;
  /** Row id of the first row. Format v3. */
  readonly firstRowId: bigint | null;
  readonly keyMetadata: Uint8Array | null;
}

/** Of an entry all that a writer need not say, unsaid. */
export const UNSAID = {
  columnSizes: null,
  valueCounts: null,
  nullValueCounts: null,
  nanValueCounts: null,
  lowerBounds: null,
  upperBounds: null,
  splitOffsets: null,
  equalityIds: null,
  sortOrderId: null,
  referencedDataFile: null,
  contentOffset: null,
  contentSizeBytes: null,
  firstRowId: null,
  keyMetadata: null,
} as const satisfies Partial<DataFile>;

/**
 * A text that tells the live files of a snapshot apart: several deletion vectors may lie in one
 * Puffin file, each an entry of its own.
 */
export function fileKey({ filePath, contentOffset }: DataFile): string {
  return contentOffset === null ? filePath : `${filePath}#${contentOffset}`;
}

/** What a snapshot does with a file: keep, add or remove. */
export type EntryStatus = 'existing' | 'added' | 'deleted';

/** A file in a manifest. `null` is inherited from the manifest list. */
export interface ManifestEntry {
  readonly status: EntryStatus;
  /** Snapshot that added, or for `deleted` removed, the file. */
  readonly snapshotId: bigint | null;
  /** Age of the file's rows: decides which deletes apply to it. */
  readonly dataSequenceNumber: bigint | null;
  /** Sequence number of the snapshot that added the file. */
  readonly fileSequenceNumber: bigint | null;
  readonly file: DataFile;
}

/** An entry that has inherited what it lacked. */
export interface ResolvedEntry extends ManifestEntry {
  readonly snapshotId: bigint;
  readonly dataSequenceNumber: bigint;
  readonly fileSequenceNumber: bigint;
}

/** Content of a manifest. */
export interface ManifestDraft {
  readonly formatVersion: 2 | 3;
  /** The table's schema; has the columns of `spec`. */
  readonly schema: IcebergSchema;
  readonly spec: PartitionSpec;
  readonly content: ManifestContent;
  readonly entries: readonly ManifestEntry[];
}

/** A manifest that was read. */
export interface DecodedManifest {
  readonly content: ManifestContent;
  /** Id of the schema it was written with; `null` where the writer gave none. */
  readonly schemaId: number | null;
  readonly entries: readonly ManifestEntry[];
}

/** What is needed to read a manifest. */
export interface ManifestSource {
  /** A schema of the table that has the columns of `spec`, to know partition types. */
  readonly schema: IcebergSchema;
  /** The spec that the manifest list names for it. */
  readonly spec: PartitionSpec;
  /** The file, for messages. */
  readonly where: string;
}

// By their numbers in the file.
const STATUSES: readonly EntryStatus[] = ['existing', 'added', 'deleted'];
const CONTENTS: readonly FileContent[] = ['data', 'position-deletes', 'equality-deletes'];
const FORMATS: readonly FileFormat[] = ['PARQUET', 'AVRO', 'ORC', 'PUFFIN'];

/** The bytes of a manifest. Entries that break a rule of the format are programmer errors. */
export function encodeManifest(draft: ManifestDraft): Uint8Array {
  const { formatVersion, schema, spec, content } = draft;
  for (const entry of draft.entries) checkEntry(entry, draft);
  return encodeAvroFile({
    codec: manifestEntryCodec(formatVersion, partitionType(spec, schema)),
    compression: 'deflate',
    metadata: {
      schema: stringifyJson(schemaToJson(schema)),
      'schema-id': schema.schemaId.toString(),
      'partition-spec': stringifyJson(partitionFieldsToJson(spec)),
      'partition-spec-id': spec.specId.toString(),
      'format-version': formatVersion.toString(),
      content,
    },
    items: draft.entries.map(recordOfEntry),
  });
}

/**
 * Reads a manifest of any format version and writer.
 *
 * @throws {FirnError} ICEBERG-AVRO-INVALID, -TOO-LARGE, -CODEC-UNSUPPORTED;
 *   ICEBERG-MANIFEST-INVALID when it contradicts `source` or the specification
 */
export function decodeManifest(bytes: Uint8Array, source: ManifestSource): DecodedManifest {
  const { schema, spec, where } = source;
  const file = openAvroFile(bytes, where);
  const content = file.metadata.get('content') ?? 'data';
  if (content !== 'data' && content !== 'deletes') {
    throw invalidManifest('its content is neither data nor deletes', where);
  }
  const specId = metadataInt(file.metadata, 'partition-spec-id');
  if (specId !== null && specId !== spec.specId) {
    throw invalidManifest(`it is of spec ${specId}, its list says ${spec.specId}`, where);
  }
  const records = file.readItems(manifestEntryCodec(3, partitionType(spec, schema)));
  const entries = records.map((record) => entryOfRecord(record, source));
  if (entries.some((entry) => (entry.file.content === 'data') !== (content === 'data'))) {
    throw invalidManifest('it mixes data files and delete files', where);
  }
  return { content, schemaId: metadataInt(file.metadata, 'schema-id'), entries };
}

/**
 * The entries of a committed manifest with what they inherit: the snapshot id of any entry, the
 * sequence numbers of added ones (format v1 wrote none: they are 0), and for data files of format
 * v3 the id of their first row (spec, "Sequence Number Inheritance" and "First Row ID
 * Inheritance").
 *
 * @param entries all entries of the manifest, in its order
 * @throws {FirnError} ICEBERG-MANIFEST-INVALID when an entry that must carry its numbers does not,
 *   or entries are missing: a file cut between two Avro blocks still looks whole
 */
export function inheritFrom(
  manifest: ManifestFile,
  entries: readonly ManifestEntry[],
): readonly ResolvedEntry[] {
  const { addedFilesCount, existingFilesCount, deletedFilesCount } = manifest;
  const declared = addedFilesCount + existingFilesCount + deletedFilesCount;
  if (entries.length < declared) {
    throw invalidManifest(
      `it has ${entries.length} entries, its list says ${declared}`,
      manifest.path,
    );
  }
  let nextRowId = manifest.firstRowId;
  return entries.map((entry) => {
    const inherits = entry.status === 'added' || manifest.sequenceNumber === 0n;
    const inherited = inherits ? manifest.sequenceNumber : null;
    const dataSequenceNumber = entry.dataSequenceNumber ?? inherited;
    const fileSequenceNumber = entry.fileSequenceNumber ?? inherited;
    if (dataSequenceNumber === null || fileSequenceNumber === null) {
      throw invalidManifest(
        `its ${entry.status} entries must carry their sequence numbers`,
        manifest.path,
      );
    }
    let { file } = entry;
    if (nextRowId !== null && file.firstRowId === null && entry.status !== 'deleted') {
      file = { ...file, firstRowId: nextRowId };
      nextRowId += file.recordCount;
    }
    const snapshotId = entry.snapshotId ?? manifest.addedSnapshotId;
    return { ...entry, snapshotId, dataSequenceNumber, fileSequenceNumber, file };
  });
}

function checkEntry(entry: ManifestEntry, draft: ManifestDraft): void {
  const { file, status } = entry;
  assert(
    (file.content === 'data') === (draft.content === 'data'),
    `a manifest of ${draft.content} cannot hold a file of ${file.content}`,
  );
  assert(
    file.specId === draft.spec.specId,
    `a manifest of spec ${draft.spec.specId} cannot hold a file of spec ${file.specId}`,
  );
  const complete =
    entry.snapshotId !== null &&
    entry.dataSequenceNumber !== null &&
    entry.fileSequenceNumber !== null;
  assert(
    status === 'added' || complete,
    `an ${status} entry must carry snapshot id and sequence numbers`,
  );
  const isOfV3 =
    file.firstRowId !== null || file.contentOffset !== null || file.contentSizeBytes !== null;
  assert(
    draft.formatVersion === 3 || !isOfV3,
    'row ids and deletion vectors need format version 3',
  );
}

function recordOfEntry(entry: ManifestEntry): ManifestEntryRecord {
  return {
    status: STATUSES.indexOf(entry.status),
    snapshotId: entry.snapshotId,
    sequenceNumber: entry.dataSequenceNumber,
    fileSequenceNumber: entry.fileSequenceNumber,
    dataFile: { ...entry.file, content: CONTENTS.indexOf(entry.file.content) },
  };
}

function entryOfRecord(record: ManifestEntryRecord, source: ManifestSource): ManifestEntry {
  const status = STATUSES[record.status];
  if (status === undefined) {
    throw invalidManifest(`an entry has the unknown status ${record.status}`, source.where);
  }
  return {
    status,
    snapshotId: record.snapshotId,
    dataSequenceNumber: record.sequenceNumber,
    fileSequenceNumber: record.fileSequenceNumber,
    file: fileOfRecord(record.dataFile, source),
  };
}

function fileOfRecord(record: DataFileRecord, source: ManifestSource): DataFile {
  const content = CONTENTS[record.content];
  if (content === undefined) {
    throw invalidManifest(`a file has the unknown content ${record.content}`, source.where);
  }
  const formatName = record.fileFormat.toUpperCase();
  const fileFormat = FORMATS.find((format) => format === formatName);
  if (fileFormat === undefined) {
    const name = JSON.stringify(formatName.slice(0, 20));
    throw invalidManifest(`a file has the unknown format ${name}`, source.where);
  }
  if (record.filePath === '' || record.recordCount < 0n || record.fileSizeBytes < 0n) {
    throw invalidManifest('a file has no path or a negative size', source.where);
  }
  return { ...record, content, fileFormat, specId: source.spec.specId };
}

/** An integer out of the header; `null` where it is missing or something else. */
function metadataInt(metadata: ReadonlyMap<string, string>, key: string): number | null {
  const text = metadata.get(key) ?? '';
  return /^\d{1,9}$/.test(text) ? Number.parseInt(text, 10) : null;
}

function invalidManifest(what: string, where: string): FirnError {
  return new FirnError('ICEBERG-MANIFEST-INVALID', { what, where });
}
