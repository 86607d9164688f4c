/** Manifests: layout, other writers, inheritance, rules. */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AssertionError } from '../kernel/assert.ts';
import type { ErrorCode } from '../kernel/error-registry.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { parseJson } from '../kernel/lossless-json.ts';
import { intCodec, longCodec, recordOf, required, textCodec } from './avro/avro-codec.ts';
import { encodeAvroFile, openAvroFile } from './avro/avro-container.ts';
import { manifestEntryCodec } from './avro/manifest-entry-codec.ts';
import { schemaFromJson } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import { decodeManifestList, summarizePartitions } from './manifest-list.ts';
import type { ManifestFile } from './manifest-list.ts';
import { decodeManifest, encodeManifest, inheritFrom } from './manifest.ts';
import type { DataFile, ManifestEntry } from './manifest.ts';
import { partitionSpecFromJson, partitionType } from './partition-spec.ts';
import type { PartitionSpec } from './partition-spec.ts';

const schema: IcebergSchema = {
  schemaId: 4,
  fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
  identifierFieldIds: [1],
};
const spec: PartitionSpec = {
  specId: 2,
  fields: [
    { sourceId: 1, fieldId: 1000, name: 'id_bucket', transform: { kind: 'bucket', count: 16 } },
  ],
};
const file: DataFile = {
  content: 'data',
  filePath: 's3://b/é\u{1F600}.parquet',
  fileFormat: 'PARQUET',
  partition: [3],
  specId: 2,
  recordCount: 2n ** 53n + 1n,
  fileSizeBytes: 5n,
  columnSizes: new Map([[1, 9n]]),
  valueCounts: new Map(),
  nullValueCounts: null,
  nanValueCounts: null,
  lowerBounds: new Map([[1, Uint8Array.of(1, 2)]]),
  upperBounds: new Map([[1, new Uint8Array()]]),
  splitOffsets: [4n, 2n ** 40n],
  equalityIds: null,
  sortOrderId: 1,
  referencedDataFile: null,
  contentOffset: null,
  contentSizeBytes: null,
  firstRowId: null,
  keyMetadata: Uint8Array.of(8),
};
const added: ManifestEntry = {
  status: 'added',
  snapshotId: null,
  dataSequenceNumber: null,
  fileSequenceNumber: null,
  file,
};
const existing: ManifestEntry = {
  status: 'existing',
  snapshotId: 2n ** 62n + 1n,
  dataSequenceNumber: 3n,
  fileSequenceNumber: 5n,
  file: { ...file, partition: [null] },
};
const draft = {
  formatVersion: 2,
  schema,
  spec,
  content: 'data',
  entries: [added, existing],
} as const;
const source = { schema, spec, where: 'm.avro' };

test('a manifest comes back as it was written, ids of 64 bits exact', () => {
  const decoded = decodeManifest(encodeManifest(draft), source);
  deepEqual(decoded, { content: 'data', schemaId: 4, entries: [added, existing] });
  deepEqual(encodeManifest(draft), encodeManifest(draft));
});

test('version 3 keeps row ids and deletion vectors', () => {
  const vector: DataFile = {
    ...file,
    content: 'position-deletes',
    fileFormat: 'PUFFIN',
    sortOrderId: null,
    referencedDataFile: 's3://b/x.parquet',
    contentOffset: 4n,
    contentSizeBytes: 40n,
  };
  const entries = [{ ...existing, file: vector }];
  const deletes = { ...draft, formatVersion: 3, content: 'deletes', entries } as const;
  deepEqual(decodeManifest(encodeManifest(deletes), source).entries, entries);
  const rows = [{ ...existing, file: { ...file, firstRowId: 77n } }];
  const data = { ...draft, formatVersion: 3, entries: rows } as const;
  deepEqual(decodeManifest(encodeManifest(data), source).entries, rows);
});

/** Ids and names in the order of the file. */
function layout(formatVersion: 2 | 3): readonly string[] {
  const { schema: avro } = manifestEntryCodec(formatVersion, partitionType(spec, schema));
  const found: string[] = [];
  JSON.stringify(avro, (_key, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'field-id' in value && 'name' in value) {
      found.push(`${String(value['field-id'])} ${String(value.name)}`);
    }
    return value;
  });
  return found;
}

const LAYOUT_V2 = `0 status, 1 snapshot_id, 3 sequence_number, 4 file_sequence_number, 2 data_file,
  134 content, 100 file_path, 101 file_format, 102 partition, 1000 id_bucket, 103 record_count,
  104 file_size_in_bytes, 108 column_sizes, 117 key, 118 value, 109 value_counts, 119 key,
  120 value, 110 null_value_counts, 121 key, 122 value, 137 nan_value_counts, 138 key, 139 value,
  125 lower_bounds, 126 key, 127 value, 128 upper_bounds, 129 key, 130 value, 131 key_metadata,
  132 split_offsets, 135 equality_ids, 140 sort_order_id`.split(/,\s+/);

test('fields have the ids, names and order of the specification', () => {
  deepEqual(layout(2), [...LAYOUT_V2, '143 referenced_data_file']);
  const later = ['142 first_row_id', '143 referenced_data_file', '144 content_offset'];
  deepEqual(layout(3), [...LAYOUT_V2, ...later, '145 content_size_in_bytes']);
  const { metadata } = openAvroFile(encodeManifest(draft), 'x');
  deepEqual([...metadata.keys()].toSorted(), [
    'avro.codec',
    'avro.schema',
    'content',
    'format-version',
    'partition-spec',
    'partition-spec-id',
    'schema',
    'schema-id',
  ]);
  deepEqual(schemaFromJson(parseJson(metadata.get('schema') ?? ''), 'x'), schema);
  equal(metadata.get('format-version'), '2');
});

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`../../test/fixtures/pyiceberg-manifests/${name}`, import.meta.url));

test('a manifest and its list that PyIceberg wrote are read', () => {
  const bytes = fixture('manifest.avro');
  const { metadata } = openAvroFile(bytes, 'x');
  const fields = parseJson(metadata.get('partition-spec') ?? '');
  const theirs = {
    schema: schemaFromJson(parseJson(metadata.get('schema') ?? ''), 'x'),
    spec: partitionSpecFromJson({ 'spec-id': 0, fields }, 'x'),
    where: 'x',
  };
  const { content, entries } = decodeManifest(bytes, theirs);
  equal(content, 'data');
  deepEqual(
    entries.map((entry) => entry.file.partition),
    [
      [1510871468000001n, 1420n, 'é\u{1F600}x'],
      [-3600000000n, -1n, null],
      [null, null, 'plain'],
    ],
  );
  const [first, second] = entries;
  deepEqual(first?.file.lowerBounds?.get(3), Uint8Array.of(0x05, 0x8c));
  equal(second?.file.recordCount, 1n);
  deepEqual(second.file.nullValueCounts?.get(2), 1n);
  deepEqual(
    [first.status, first.snapshotId, first.file.splitOffsets],
    ['added', 5994001556288167686n, [4n]],
  );
  const manifests = decodeManifestList(fixture('manifest-list.avro'), 'x');
  const [manifest] = manifests;
  ok(manifests.length === 1 && manifest !== undefined);
  equal(manifest.addedSnapshotId, 5994001556288167686n);
  equal(manifest.addedRowsCount, 3n);
  const tuples = entries.map((entry) => entry.file.partition);
  const { spec, schema } = theirs;
  deepEqual(summarizePartitions(partitionType(spec, schema), tuples), manifest.partitions);
  const resolved = inheritFrom(manifest, entries);
  deepEqual([resolved[0]?.dataSequenceNumber, resolved[0]?.fileSequenceNumber], [1n, 1n]);
});

test('a manifest of format v1 is read: data files, sequence numbers 0', () => {
  const dataFile = recordOf('r2', {
    path: required(100, 'file_path', textCodec),
    format: required(101, 'file_format', textCodec),
    partition: required(102, 'partition', recordOf('r102', {})),
    records: required(103, 'record_count', longCodec),
    size: required(104, 'file_size_in_bytes', longCodec),
    blockSize: required(105, 'block_size_in_bytes', longCodec),
  });
  const codec = recordOf('manifest_entry', {
    status: required(0, 'status', intCodec),
    snapshotId: required(1, 'snapshot_id', longCodec),
    file: required(2, 'data_file', dataFile),
  });
  const old = { path: 'p', format: 'parquet', partition: {}, records: 1n, size: 2n, blockSize: 3n };
  const items = [{ status: 0, snapshotId: 9n, file: old }];
  const bytes = encodeAvroFile({ codec, metadata: {}, compression: 'null', items });
  const read = decodeManifest(bytes, { schema, spec: { specId: 0, fields: [] }, where: 'x' });
  equal(read.content, 'data');
  equal(read.schemaId, null);
  const [entry] = inheritFrom({ ...manifestFile, sequenceNumber: 0n }, read.entries);
  equal(entry?.file.fileFormat, 'PARQUET');
  equal(entry.file.content, 'data');
  deepEqual([entry.snapshotId, entry.dataSequenceNumber, entry.fileSequenceNumber], [9n, 0n, 0n]);
});

const manifestFile: ManifestFile = {
  path: 's3://b/m.avro',
  length: 1n,
  specId: 2,
  content: 'data',
  sequenceNumber: 7n,
  minSequenceNumber: 3n,
  addedSnapshotId: 11n,
  addedFilesCount: 0,
  existingFilesCount: 0,
  deletedFilesCount: 0,
  addedRowsCount: 0n,
  existingRowsCount: 0n,
  deletedRowsCount: 0n,
  partitions: [],
  keyMetadata: null,
  firstRowId: null,
};

test('added entries inherit what they lack; an explicit older number stays', () => {
  const older = { ...added, dataSequenceNumber: 2n };
  const resolved = inheritFrom(manifestFile, [added, older, existing]);
  deepEqual(
    resolved.map((entry) => [entry.snapshotId, entry.dataSequenceNumber, entry.fileSequenceNumber]),
    [
      [11n, 7n, 7n],
      [11n, 2n, 7n],
      [existing.snapshotId, 3n, 5n],
    ],
  );
  for (const status of ['existing', 'deleted'] as const) {
    throws(
      () => inheritFrom(manifestFile, [{ ...existing, status, fileSequenceNumber: null }]),
      hasCode('ICEBERG-MANIFEST-INVALID'),
    );
  }
});

test('entries that the list counts and the file lacks are noticed', () => {
  equal(inheritFrom({ ...manifestFile, addedFilesCount: 1 }, [added]).length, 1);
  throws(
    () => inheritFrom({ ...manifestFile, addedFilesCount: 1, existingFilesCount: 1 }, [added]),
    hasCode('ICEBERG-MANIFEST-INVALID'),
  );
});

test('row ids count over the files that have none; deleted files get none', () => {
  const rows = (count: bigint, firstRowId: bigint | null = null): DataFile => ({
    ...file,
    recordCount: count,
    firstRowId,
  });
  const entries: readonly ManifestEntry[] = [
    { ...existing, file: rows(25n, 800n) },
    { ...added, file: rows(50n) },
    { ...existing, status: 'deleted', file: rows(9n) },
    { ...existing, file: rows(50n) },
    { ...added, file: rows(1n) },
  ];
  const ids = (firstRowId: bigint | null): readonly unknown[] =>
    inheritFrom({ ...manifestFile, firstRowId }, entries).map((entry) => entry.file.firstRowId);
  deepEqual(ids(1000n), [800n, 1000n, null, 1050n, 1100n]);
  deepEqual(ids(null), [800n, null, null, null, null]);
});

test('entries that break a rule are never written', () => {
  const broken: readonly Partial<ManifestEntry>[] = [
    { file: { ...file, content: 'position-deletes' } },
    { file: { ...file, specId: 0 } },
    { file: { ...file, partition: [] } },
    { file: { ...file, partition: ['text'] } },
    { file: { ...file, firstRowId: 1n } },
    { file: { ...file, contentOffset: 1n } },
    { file: { ...file, recordCount: 2n ** 63n } },
    { file: { ...file, filePath: '\uD800' } },
    { status: 'existing' },
    { status: 'deleted', snapshotId: 1n, dataSequenceNumber: 1n },
  ];
  for (const [index, change] of broken.entries()) {
    const entries = [{ ...added, ...change }];
    throws(() => encodeManifest({ ...draft, entries }), AssertionError, `case ${index}`);
  }
});

test('a manifest that contradicts its list or the specification is refused', () => {
  const codec = manifestEntryCodec(3, partitionType(spec, schema));
  const record = {
    status: 1,
    snapshotId: null,
    sequenceNumber: null,
    fileSequenceNumber: null,
    dataFile: { ...file, content: 0 },
  };
  const sound = { 'partition-spec-id': '2', content: 'data' };
  const make = (
    metadata: Record<string, string>,
    changes: object,
    entry: object = {},
  ): Uint8Array =>
    encodeAvroFile({
      codec,
      metadata,
      compression: 'null',
      items: [{ ...record, ...entry, dataFile: { ...record.dataFile, ...changes } }],
    });
  decodeManifest(make(sound, {}), source);
  const broken: readonly Uint8Array[] = [
    make({ ...sound, 'partition-spec-id': '1' }, {}),
    make({ ...sound, content: 'deletes' }, {}),
    make({ ...sound, content: 'other' }, {}),
    make(sound, { content: 1 }),
    make(sound, { content: 3 }),
    make(sound, {}, { status: 3 }),
    make(sound, {}, { status: -1 }),
    make(sound, { fileFormat: 'CSV' }),
    make(sound, { filePath: '' }),
    make(sound, { recordCount: -1n }),
    make(sound, { fileSizeBytes: -1n }),
  ];
  for (const [index, bytes] of broken.entries()) {
    throws(
      () => decodeManifest(bytes, source),
      hasCode('ICEBERG-MANIFEST-INVALID'),
      `case ${index}`,
    );
  }
});

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isFirnError(error, code);
}
