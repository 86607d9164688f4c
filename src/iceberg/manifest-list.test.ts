/** Manifest lists: layout, round trip, summaries of partitions. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../kernel/assert.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { encodeAvroFile, openAvroFile } from './avro/avro-container.ts';
import { manifestFileCodec } from './avro/manifest-file-codec.ts';
import type { PrimitiveType, StructType } from './iceberg-type.ts';
import { decodeManifestList, encodeManifestList, summarizePartitions } from './manifest-list.ts';
import type { ManifestFile } from './manifest-list.ts';
import { encodeSingleValue } from './single-value.ts';

const manifest: ManifestFile = {
  path: 's3://b/m.avro',
  length: 2n ** 40n,
  specId: 2,
  content: 'deletes',
  sequenceNumber: 2n ** 53n + 1n,
  minSequenceNumber: 3n,
  addedSnapshotId: 2n ** 63n - 1n,
  addedFilesCount: 1,
  existingFilesCount: 2,
  deletedFilesCount: 3,
  addedRowsCount: 4n,
  existingRowsCount: 5n,
  deletedRowsCount: 6n,
  partitions: [
    { containsNull: true, containsNan: null, lowerBound: null, upperBound: null },
    {
      containsNull: false,
      containsNan: false,
      lowerBound: Uint8Array.of(1),
      upperBound: Uint8Array.of(2),
    },
  ],
  keyMetadata: Uint8Array.of(1),
  firstRowId: null,
};
const list = {
  formatVersion: 2,
  snapshotId: 2n ** 62n + 1n,
  parentSnapshotId: null,
  sequenceNumber: 9n,
  manifests: [manifest, { ...manifest, content: 'data', partitions: [] }],
} as const;

test('a manifest list comes back as it was written', () => {
  deepEqual(decodeManifestList(encodeManifestList(list), 'x'), list.manifests);
  const rows = [{ ...manifest, content: 'data', firstRowId: 8n }] as const;
  const v3 = { ...list, formatVersion: 3, firstRowId: 5n, manifests: rows } as const;
  deepEqual(decodeManifestList(encodeManifestList(v3), 'x'), rows);
});

test('ids, names, order and header are those of the specification', () => {
  const names = (formatVersion: 2 | 3): readonly string[] => {
    const found: string[] = [];
    JSON.stringify(manifestFileCodec(formatVersion).schema, (_key, value: unknown) => {
      if (typeof value === 'object' && value !== null && 'field-id' in value && 'name' in value) {
        found.push(`${String(value['field-id'])} ${String(value.name)}`);
      }
      return value;
    });
    return found;
  };
  const v2 = `500 manifest_path, 501 manifest_length, 502 partition_spec_id, 517 content,
    515 sequence_number, 516 min_sequence_number, 503 added_snapshot_id, 504 added_files_count,
    505 existing_files_count, 506 deleted_files_count, 512 added_rows_count,
    513 existing_rows_count, 514 deleted_rows_count, 507 partitions, 509 contains_null,
    518 contains_nan, 510 lower_bound, 511 upper_bound, 519 key_metadata`.split(/,\s+/);
  deepEqual(names(2), v2);
  deepEqual(names(3), [...v2, '520 first_row_id']);
  const header = (bytes: Uint8Array): unknown =>
    Object.fromEntries(
      [...openAvroFile(bytes, 'x').metadata].filter(([key]) => !key.startsWith('avro.')),
    );
  deepEqual(header(encodeManifestList(list)), {
    'snapshot-id': '4611686018427387905',
    'parent-snapshot-id': 'null',
    'sequence-number': '9',
    'format-version': '2',
  });
  const child = { ...list, formatVersion: 3, firstRowId: 5n, parentSnapshotId: 7n } as const;
  deepEqual(header(encodeManifestList(child)), {
    'snapshot-id': '4611686018427387905',
    'parent-snapshot-id': '7',
    'sequence-number': '9',
    'first-row-id': '5',
    'format-version': '3',
  });
});

test('row ids belong to version 3', () => {
  throws(() => encodeManifestList({ ...list, firstRowId: 1n }), AssertionError);
  throws(() => encodeManifestList({ ...list, formatVersion: 3 }), AssertionError);
  const manifests = [{ ...manifest, firstRowId: 1n }];
  throws(() => encodeManifestList({ ...list, manifests }), AssertionError);
});

test('an entry with an unknown content, a negative count or no path is refused', () => {
  const sound = { ...manifest, content: 0 };
  const broken = [
    { content: 2 },
    { content: -1 },
    { addedFilesCount: -1 },
    { length: -1n },
    { path: '' },
  ];
  for (const change of broken) {
    const items = [{ ...sound, ...change }];
    const content = {
      codec: manifestFileCodec(3),
      metadata: {},
      compression: 'null',
      items,
    } as const;
    throws(
      () => decodeManifestList(encodeAvroFile(content), 'x'),
      (error) => isFirnError(error, 'ICEBERG-MANIFEST-INVALID'),
    );
  }
});

function structOf(...types: readonly PrimitiveType[]): StructType {
  const fields = types.map((type, index) => ({
    id: 1000 + index,
    name: `p${index}`,
    required: false,
    type,
  }));
  return { kind: 'struct', fields };
}

test('summaries bound every value, null and NaN aside', () => {
  const double: PrimitiveType = { kind: 'double' };
  const text: PrimitiveType = { kind: 'string' };
  const type = structOf({ kind: 'int' }, double, text, { kind: 'date' });
  const summaries = summarizePartitions(type, [
    [3, NaN, 'b', null],
    [-1, 0, '\u{10000}', null],
    [2, -5.5, '\uFFFF', null],
  ]);
  const int: PrimitiveType = { kind: 'int' };
  deepEqual(summaries, [
    {
      containsNull: false,
      containsNan: false,
      lowerBound: encodeSingleValue(int, -1),
      upperBound: encodeSingleValue(int, 3),
    },
    {
      containsNull: false,
      containsNan: true,
      lowerBound: encodeSingleValue(double, -5.5),
      upperBound: encodeSingleValue(double, 0),
    },
    {
      containsNull: false,
      containsNan: false,
      lowerBound: encodeSingleValue(text, 'b'),
      upperBound: encodeSingleValue(text, '\u{10000}'),
    },
    { containsNull: true, containsNan: false, lowerBound: null, upperBound: null },
  ]);
  const [zero] = summarizePartitions(structOf(double), [[0]]);
  deepEqual(zero?.lowerBound, encodeSingleValue(double, -0));
  equal(summarizePartitions(structOf(), [[]]).length, 0);
});
