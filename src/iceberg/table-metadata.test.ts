/** Metadata files: kept to the last digit, of every version, and damaged in any way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { isFirnError } from '../kernel/firn-error.ts';
import { parseJson, stringifyJson } from '../kernel/lossless-json.ts';
import { schemaToJson } from './iceberg-schema.ts';
import { decodeTableMetadata, encodeTableMetadata } from './table-metadata-json.ts';
import {
  currentSchema,
  metadataFileLocation,
  metadataFileVersion,
  newTableMetadata,
} from './table-metadata.ts';

const foreignId = 9_007_199_254_740_993n;

/** Metadata as another writer makes it; ids do not fit a double, times and keys of its own. */
const documentV2 = `{
  "format-version": 2, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1",
  "location": "s3://bucket/test/location/", "last-sequence-number": 34,
  "last-updated-ms": 1602638573590, "last-column-id": 3, "current-schema-id": 1,
  "schemas": [
    {"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":true,"type":"long"}]},
    {"type":"struct","schema-id":1,"identifier-field-ids":[1],"fields":[
      {"id":1,"name":"x","required":true,"type":"long"},
      {"id":2,"name":"y","required":true,"type":"long","doc":"comment"},
      {"id":3,"name":"z","required":true,"type":"long"}]}],
  "default-spec-id": 0,
  "partition-specs": [{"spec-id":0,"fields":[
    {"name":"x","transform":"identity","source-id":1,"field-id":1000}]}],
  "last-partition-id": 1000, "default-sort-order-id": 3,
  "sort-orders": [{"order-id":3,"fields":[
    {"transform":"identity","source-id":2,"direction":"asc","null-order":"nulls-first"}]}],
  "properties": {"read.split.target.size":"134217728","__proto__":"odd"},
  "current-snapshot-id": ${foreignId},
  "snapshots": [{"snapshot-id": 3051729675574597004, "timestamp-ms": 1515100955770,
      "sequence-number": 0, "summary": {"operation":"append"}, "manifest-list": "s3://a/b/1.avro"},
    {"snapshot-id": ${foreignId}, "parent-snapshot-id": 3051729675574597004,
      "timestamp-ms": 1555100955770, "sequence-number": 1, "summary": {"operation":"append"},
      "manifest-list": "s3://a/b/2.avro", "schema-id": 1, "key-id": "k"}],
  "snapshot-log": [{"snapshot-id": ${foreignId}, "timestamp-ms": 1555100955770}],
  "metadata-log": [{"metadata-file":"s3://a/b/v1.json","timestamp-ms":1515100}],
  "refs": {"test":{"snapshot-id":${foreignId},"type":"tag","max-ref-age-ms":10000000}},
  "statistics": [{"snapshot-id":${foreignId},"statistics-path":"s3://a/b/s.puffin"}],
  "encryption-keys": [{"key-id":"k","odd":[1,2,{"deep":18446744073709551615}]}]
}`;

const documentV1 = `{
  "format-version": 1, "location": "s3://b/t", "last-updated-ms": 1602638573874,
  "last-column-id": 2,
  "schema": {"type":"struct","fields":[
    {"id":1,"name":"x","required":true,"type":"long"},
    {"id":2,"name":"y","required":false,"type":"string"}]},
  "partition-spec": [{"name":"x","transform":"identity","source-id":1}],
  "properties": {}, "current-snapshot-id": -1, "snapshots": []
}`;

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

test('spec: C17 ids above 2^53 and unknown keys survive reading and writing metadata', () => {
  const metadata = decodeTableMetadata(bytes(documentV2), 'v1.json');
  assert.equal(metadata.currentSnapshotId, foreignId);
  assert.equal(metadata.refs['main']?.snapshotId, foreignId, 'main is filled in');
  assert.equal(metadata.refs['test']?.kind, 'tag');
  assert.equal(metadata.location, 's3://bucket/test/location');
  const text = Buffer.from(encodeTableMetadata(metadata)).toString('utf8');
  assert.match(text, /"current-snapshot-id":9007199254740993[,}]/);
  assert.match(text, /"deep":18446744073709551615/);
  assert.match(text, /"key-id":"k"/);
  assert.match(text, /"__proto__":"odd"/);
  assert.deepEqual(decodeTableMetadata(bytes(text), 'again'), metadata);
});

test('gzip metadata is read', () => {
  const packed = gzipSync(documentV2);
  assert.equal(decodeTableMetadata(packed, 'v1.gz').tableUuid.length, 36);
});

test('format v1 is read, with what it left out, and written with what its readers need', () => {
  const metadata = decodeTableMetadata(bytes(documentV1), 'v1');
  assert.equal(metadata.currentSnapshotId, null);
  assert.equal(metadata.schemas[0]?.fields.length, 2);
  assert.equal(metadata.partitionSpecs[0]?.fields[0]?.fieldId, 1000);
  assert.equal(metadata.lastPartitionId, 1000);
  assert.deepEqual(metadata.sortOrders, [{ orderId: 0, fields: [] }]);
  const written = encodeTableMetadata(metadata);
  assert.deepEqual(decodeTableMetadata(written, 'v1'), metadata);
  const json = JSON.parse(Buffer.from(written).toString('utf8')) as Record<string, unknown>;
  assert.deepEqual(json['schema'], schemaToJson(currentSchema(metadata)));
  assert.equal(Array.isArray(json['partition-spec']), true);
  assert.equal(Object.hasOwn(json, 'last-sequence-number'), false);
});

test('a table without snapshots writes -1 in v2 and null in v3, and both read as none', () => {
  const table = newTableMetadata({
    tableUuid: 'u',
    location: 'file:///lake/t',
    schema: {
      schemaId: 0,
      identifierFieldIds: [],
      fields: [{ id: 7, name: 'a', required: false, type: { kind: 'int' } }],
    },
    spec: { specId: 0, fields: [] },
    sortOrder: { orderId: 0, fields: [] },
    properties: {},
    nowMs: 5,
  });
  assert.equal(table.lastColumnId, 7);
  assert.equal(table.lastPartitionId, 999);
  const v2 = Buffer.from(encodeTableMetadata(table)).toString();
  assert.match(v2, /"current-snapshot-id":-1[,}]/);
  assert.doesNotMatch(v2, /next-row-id/);
  const v3 = Buffer.from(encodeTableMetadata({ ...table, formatVersion: 3 })).toString();
  assert.match(v3, /"current-snapshot-id":null/);
  assert.match(v3, /"next-row-id":0/);
  assert.deepEqual(decodeTableMetadata(bytes(v2), 'v2'), table);
  assert.equal(decodeTableMetadata(bytes(v3), 'v3').currentSnapshotId, null);
});

test('metadata that contradicts itself is refused by code', () => {
  const forgeries: readonly [RegExp, string][] = [
    [/"current-schema-id": 1/, '"current-schema-id": 9'],
    [/"default-spec-id": 0/, '"default-spec-id": 4'],
    [/"default-sort-order-id": 3/, '"default-sort-order-id": 1'],
    [/"current-snapshot-id": \d+/, '"current-snapshot-id": 12'],
    [/"snapshot-id": 3051729675574597004/, `"snapshot-id": ${foreignId}`],
    [/"last-sequence-number": 34/, '"last-sequence-number": 0'],
    [/"last-sequence-number": 34/, '"last-sequence-number": 1e40'],
    [/"last-updated-ms": \d+/, '"last-updated-ms": -1'],
    [/"format-version": 2/, '"format-version": 4'],
    [/"schemas": \[/, '"schemas": [null,'],
    [/"refs": \{/, '"refs": {"main":{"snapshot-id":3051729675574597004,"type":"branch"},'],
    [/"summary": \{"operation":"append"\}/, '"summary": {"operation":1}'],
  ];
  for (const [what, forged] of forgeries) {
    const text = documentV2.replace(what, forged);
    assert.notEqual(text, documentV2);
    assert.throws(
      () => decodeTableMetadata(bytes(text), 'forged'),
      (error) => isFirnError(error) && error.code.startsWith('ICEBERG-'),
      forged,
    );
  }
});

test('any damage of a metadata file gives a coded error or sound metadata', () => {
  const whole = bytes(stringifyJson(parseJson(documentV2)));
  fc.assert(
    fc.property(
      fc.nat(whole.length - 1),
      fc.constantFrom('cut', 'flip', 'null', 'digit'),
      fc.nat(7),
      (at, how, bit) => {
        const damaged = how === 'cut' ? whole.slice(0, at) : Uint8Array.from(whole);
        if (how === 'flip') damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        if (how === 'digit') damaged[at] = 0x39;
        if (how === 'null') damaged.set(bytes('null').subarray(0, whole.length - at), at);
        try {
          encodeTableMetadata(decodeTableMetadata(damaged, 'damaged'));
        } catch (error) {
          assert.ok(isFirnError(error), String(error));
        }
      },
    ),
    { numRuns: 1500 },
  );
});

test('metadata file names count up, and names of other engines are read', () => {
  const file = { location: 'file:///l/t', version: 3, uuid: 'abc' };
  const location = metadataFileLocation(file);
  assert.equal(location, 'file:///l/t/metadata/00003-abc.metadata.json');
  assert.equal(metadataFileVersion(location), 3);
  assert.equal(metadataFileVersion('s3://x/123456-u.gz.metadata.json'), 123456);
  assert.equal(metadataFileVersion('file:///t/metadata/v12.metadata.json'), 12);
  assert.equal(metadataFileVersion('file:///1/metadata/odd.json'), null);
});
