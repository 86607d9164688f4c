/** Whatever a manifest holds comes back; damaged bytes give a coded error or a value. */
import { deepEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isFirnError } from '../kernel/firn-error.ts';
import { encodeAvroFile } from './avro/avro-container.ts';
import { manifestEntryCodec } from './avro/manifest-entry-codec.ts';
import { manifestFileCodec } from './avro/manifest-file-codec.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import { decodeManifestList } from './manifest-list.ts';
import { decodeManifest, encodeManifest } from './manifest.ts';
import type { DataFile, ManifestEntry } from './manifest.ts';
import { partitionType } from './partition-spec.ts';
import type { PartitionSpec } from './partition-spec.ts';

const schema: IcebergSchema = {
  schemaId: 0,
  fields: [
    { id: 1, name: 'id', required: true, type: { kind: 'long' } },
    { id: 2, name: 'price', required: false, type: { kind: 'decimal', precision: 20, scale: 2 } },
    { id: 3, name: 'name', required: false, type: { kind: 'string' } },
  ],
  identifierFieldIds: [],
};
const spec: PartitionSpec = {
  specId: 5,
  fields: [
    { sourceId: 1, fieldId: 1000, name: 'bucket', transform: { kind: 'bucket', count: 8 } },
    { sourceId: 2, fieldId: 1001, name: 'price', transform: { kind: 'identity' } },
    { sourceId: 3, fieldId: 1002, name: 'name', transform: { kind: 'identity' } },
  ],
};
const source = { schema, spec, where: 'x' };

const plainObjects = { noNullPrototype: true };
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const natural = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const text = fc.string({ unit: 'binary', maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 20 }).map((list) => new Uint8Array(list));
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { nil: null });
const mapOf = <V>(value: fc.Arbitrary<V>): fc.Arbitrary<ReadonlyMap<number, V> | null> =>
  maybe(fc.array(fc.tuple(fc.integer(), value), { maxLength: 5 }).map((list) => new Map(list)));

const file: fc.Arbitrary<DataFile> = fc.record(
  {
    content: fc.constantFrom('position-deletes' as const, 'equality-deletes' as const),
    filePath: text.map((tail) => `s3://b/${tail}`),
    fileFormat: fc.constantFrom('PARQUET' as const, 'AVRO' as const, 'ORC' as const),
    partition: fc.tuple(
      maybe(fc.integer()),
      maybe(fc.bigInt({ min: 1n - 10n ** 20n, max: 10n ** 20n - 1n })),
      maybe(text),
    ),
    specId: fc.constant(5),
    recordCount: natural,
    fileSizeBytes: natural,
    columnSizes: mapOf(int64),
    valueCounts: mapOf(int64),
    nullValueCounts: mapOf(int64),
    nanValueCounts: mapOf(int64),
    lowerBounds: mapOf(bytes),
    upperBounds: mapOf(bytes),
    splitOffsets: maybe(fc.array(int64, { maxLength: 4 })),
    equalityIds: maybe(fc.array(fc.integer(), { maxLength: 4 })),
    sortOrderId: maybe(fc.integer()),
    referencedDataFile: maybe(text),
    contentOffset: maybe(int64),
    contentSizeBytes: maybe(int64),
    firstRowId: maybe(int64),
    keyMetadata: maybe(bytes),
  },
  plainObjects,
);
const entry: fc.Arbitrary<ManifestEntry> = fc.oneof(
  fc.record(
    {
      status: fc.constant('added' as const),
      snapshotId: maybe(int64),
      dataSequenceNumber: maybe(int64),
      fileSequenceNumber: maybe(int64),
      file,
    },
    plainObjects,
  ),
  fc.record(
    {
      status: fc.constantFrom('existing' as const, 'deleted' as const),
      snapshotId: int64,
      dataSequenceNumber: int64,
      fileSequenceNumber: int64,
      file,
    },
    plainObjects,
  ),
);

// spec: V3
test('whatever a manifest holds comes back', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 4 }), (entries) => {
      const manifest = encodeManifest({
        formatVersion: 3,
        schema,
        spec,
        content: 'deletes',
        entries,
      });
      deepEqual(decodeManifest(manifest, source).entries, entries);
    }),
    { numRuns: 200 },
  );
});

/** A manifest without compression, so that damage reaches the data. */
function plainManifest(count: number): Uint8Array {
  const [sample] = fc.sample(
    entry.filter((one) => one.file.lowerBounds !== null),
    {
      numRuns: 1,
      seed: 7,
    },
  );
  ok(sample !== undefined);
  const record = {
    status: 1,
    snapshotId: 5n,
    sequenceNumber: null,
    fileSequenceNumber: null,
    dataFile: { ...sample.file, content: 1 },
  };
  return encodeAvroFile({
    codec: manifestEntryCodec(3, partitionType(spec, schema)),
    metadata: { content: 'deletes', 'partition-spec-id': '5' },
    compression: 'null',
    items: Array.from({ length: count }, () => record),
  });
}

function plainList(count: number): Uint8Array {
  const bound = Uint8Array.of(1, 2);
  const summary = { containsNull: true, containsNan: null, lowerBound: bound, upperBound: bound };
  const item = {
    path: 's3://b/m',
    length: 1n,
    specId: 0,
    content: 0,
    sequenceNumber: 1n,
    minSequenceNumber: 1n,
    addedSnapshotId: 2n,
    addedFilesCount: 1,
    existingFilesCount: 0,
    deletedFilesCount: 0,
    addedRowsCount: 1n,
    existingRowsCount: 0n,
    deletedRowsCount: 0n,
    partitions: [summary, summary],
    keyMetadata: null,
    firstRowId: null,
  };
  const codec = manifestFileCodec(3);
  const items = Array.from({ length: count }, () => item);
  return encodeAvroFile({ codec, metadata: {}, compression: 'null', items });
}

const files = [
  {
    name: 'manifest',
    make: plainManifest,
    read: (bad: Uint8Array) => decodeManifest(bad, source),
  },
  {
    name: 'manifest list',
    make: plainList,
    read: (bad: Uint8Array) => decodeManifestList(bad, 'x'),
  },
] as const;

/** Reads damaged bytes; whether that was refused. Anything but a value or a coded error fails. */
function refuses(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (isFirnError(error) && error.code.startsWith('ICEBERG-')) return true;
    throw error;
  }
}

for (const { name, make, read } of files) {
  const sound = make(2);
  const headerBytes = make(0).length;

  test(`a ${name} cut anywhere is refused, unless a whole file is left`, () => {
    const accepted: number[] = [];
    // The header is mostly its schema, text that is cut alike everywhere: a tenth of it will do.
    for (let length = 0; length < sound.length; length += length < headerBytes - 100 ? 10 : 1) {
      if (!refuses(() => read(sound.subarray(0, length)))) accepted.push(length);
    }
    deepEqual(accepted, [headerBytes]);
  });

  test(`a ${name} with a bit changed gives a value or a coded error`, () => {
    let tried = 0;
    let refused = 0;
    for (let bit = 0; bit < sound.length * 8; bit += bit < headerBytes * 8 ? 61 : 3) {
      const bad = new Uint8Array(sound);
      const index = bit >> 3;
      bad[index] = (bad[index] ?? 0) ^ (1 << (bit & 7));
      tried++;
      if (refuses(() => read(bad))) refused++;
    }
    ok(refused > tried / 10, `only ${refused} of ${tried} changes were noticed`);
  });

  test(`a ${name} with bytes replaced gives a value or a coded error`, () => {
    const put = fc.uint8Array({ minLength: 1, maxLength: 12 });
    const change = fc.tuple(fc.nat(sound.length - headerBytes - 1), put);
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bad = new Uint8Array(sound);
        for (const [at, put] of changes) {
          const start = headerBytes + at;
          bad.set(put.subarray(0, bad.length - start), start);
        }
        refuses(() => read(bad));
      }),
      { numRuns: 1000 },
    );
  });
}
