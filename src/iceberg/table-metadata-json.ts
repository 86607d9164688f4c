/**
 * The metadata file: JSON both ways, 64-bit integers exact. Reading takes v1, v2 and v3, plain or
 * gzip, and checks what the rest relies on: every id that points at something finds it. Writing
 * gives every optional list, as other writers do. Keys that Firn does not
 * know survive a rewrite.
 */
import { gunzipSync } from 'node:zlib';
import { FirnError } from '../kernel/firn-error.ts';
import { jsonInteger, parseJson, stringifyJson } from '../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import { highestFieldId, schemaFromJson, schemaToJson } from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import { invalidJson, jsonFields } from './json-fields.ts';
import type { JsonFields } from './json-fields.ts';
import {
  highestPartitionFieldId,
  partitionFieldsToJson,
  partitionSpecFromJson,
  partitionSpecToJson,
} from './partition-spec.ts';
import type { PartitionSpec } from './partition-spec.ts';
import {
  MAIN_BRANCH,
  readMs,
  snapshotFromJson,
  snapshotRefFromJson,
  snapshotRefToJson,
  snapshotToJson,
  stringRecord,
  unknownFields,
} from './snapshot.ts';
import type { Snapshot, SnapshotRef } from './snapshot.ts';
import { sortOrderFromJson, sortOrderToJson } from './sort-order.ts';
import { currentSchema, defaultSpec } from './table-metadata.ts';
import type { TableMetadata } from './table-metadata.ts';

/** A metadata file larger than this, unpacked, is refused: a small gzip file can claim any size. */
const METADATA_BYTES_MAX = 512 * 1024 * 1024;

const knownKeys = new Set([
  'format-version',
  'table-uuid',
  'location',
  'last-sequence-number',
  'last-updated-ms',
  'last-column-id',
  'schema',
  'schemas',
  'current-schema-id',
  'partition-spec',
  'partition-specs',
  'default-spec-id',
  'last-partition-id',
  'sort-orders',
  'default-sort-order-id',
  'properties',
  'current-snapshot-id',
  'snapshots',
  'snapshot-log',
  'metadata-log',
  'refs',
  'statistics',
  'partition-statistics',
  'next-row-id',
]);

/**
 * Reads the bytes of a metadata file.
 *
 * @param where location of the file, for messages
 * @throws {FirnError} ICEBERG-JSON-INVALID, ICEBERG-FORMAT-UNSUPPORTED, and those of schemas, specs
 *   and orders
 */
export function decodeTableMetadata(content: Uint8Array, where: string): TableMetadata {
  return readTableMetadata(parseDocument(content, where), where);
}

/**
 * Reads the metadata of a table from parsed JSON.
 *
 * @throws {FirnError} as `decodeTableMetadata`
 */
export function readTableMetadata(json: JsonValue, where: string): TableMetadata {
  const metadata = tableMetadataFromJson(json, where);
  checkReferences(metadata, where);
  return metadata;
}

/**
 * The bytes of a metadata file. Firn itself makes no table of v1; other engines do, through its
 * catalog.
 */
export function encodeTableMetadata(
  metadata: TableMetadata,
  snapshotTexts: SnapshotTexts | null = null,
): Uint8Array {
  const rest = stringifyJson(tableMetadataToJson(metadata));
  const snapshots = metadata.snapshots.map((snapshot) =>
    snapshotText(snapshot, { formatVersion: metadata.formatVersion, snapshotTexts }),
  );
  return Buffer.from(`${rest.slice(0, -1)},"snapshots":[${snapshots.join(',')}]}`, 'utf8');
}

/**
 * Snapshots as text, kept from one encoding to the next: a table has many, which never change, and
 * each commit adds one.
 */
export type SnapshotTexts = WeakMap<Snapshot, string>;

function snapshotText(
  snapshot: Snapshot,
  how: { readonly formatVersion: 1 | 2 | 3; readonly snapshotTexts: SnapshotTexts | null },
): string {
  const known = how.snapshotTexts?.get(snapshot);
  if (known !== undefined) return known;
  const text = stringifyJson(snapshotToJson(snapshot, how.formatVersion));
  // In v1 a snapshot has another text, and a table may leave v1.
  if (how.formatVersion > 1) how.snapshotTexts?.set(snapshot, text);
  return text;
}

function parseDocument(content: Uint8Array, where: string): JsonValue {
  try {
    const zipped = content[0] === 0x1f && content[1] === 0x8b;
    const plain = zipped ? gunzipSync(content, { maxOutputLength: METADATA_BYTES_MAX }) : content;
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(plain));
  } catch (cause) {
    throw new FirnError('ICEBERG-JSON-INVALID', {
      what: 'the metadata file is not JSON in UTF-8, or is damaged or cut short',
      where,
      cause,
    });
  }
}

function tableMetadataFromJson(json: JsonValue, where: string): TableMetadata {
  const fields = jsonFields(json, where);
  const formatVersion = readFormatVersion(fields);
  const schemas = readSchemas(fields);
  const specs = readSpecs(fields);
  const currentSnapshotId = readCurrentSnapshotId(fields);
  return {
    formatVersion,
    tableUuid: readUuid(fields, formatVersion),
    location: fields.text('location').replace(/\/+$/, ''),
    lastSequenceNumber:
      formatVersion === 1
        ? (fields.optionalLong('last-sequence-number') ?? 0n)
        : fields.long('last-sequence-number'),
    lastUpdatedMs: readMs(fields.long('last-updated-ms'), `${where}: last-updated-ms`),
    lastColumnId: Math.max(fields.int('last-column-id'), ...schemas.map(highestFieldId)),
    schemas,
    currentSchemaId: fields.optionalInt('current-schema-id') ?? schemas.at(0)?.schemaId ?? 0,
    partitionSpecs: specs,
    defaultSpecId: fields.optionalInt('default-spec-id') ?? specs.at(0)?.specId ?? 0,
    lastPartitionId: Math.max(
      fields.optionalInt('last-partition-id') ?? 0,
      ...specs.map(highestPartitionFieldId),
    ),
    sortOrders: readList(fields, 'sort-orders', [{ 'order-id': 0, fields: [] }]).map(
      ([item, place]) => sortOrderFromJson(item, place),
    ),
    defaultSortOrderId: fields.optionalInt('default-sort-order-id') ?? 0,
    properties: stringRecord(fields.value('properties'), `${where}: properties`),
    currentSnapshotId,
    snapshots: readList(fields, 'snapshots').map(([item, place]) => snapshotFromJson(item, place)),
    ...readLogs(fields),
    refs: readRefs(fields, currentSnapshotId),
    statistics: readObjects(fields, 'statistics'),
    partitionStatistics: readObjects(fields, 'partition-statistics'),
    nextRowId: fields.optionalLong('next-row-id') ?? 0n,
    unknownFields: unknownFields(fields.object, knownKeys),
  };
}

function readFormatVersion(fields: JsonFields): 1 | 2 | 3 {
  const version = fields.int('format-version');
  if (version === 1 || version === 2 || version === 3) return version;
  throw new FirnError('ICEBERG-FORMAT-UNSUPPORTED', {
    what: `the table has format version ${version}; Firn reads 1, 2 and 3`,
    where: fields.where,
  });
}

function readUuid(fields: JsonFields, formatVersion: number): string {
  // Optional in v1 only; an empty uuid equals no asserted one.
  const uuid = formatVersion === 1 ? fields.optionalText('table-uuid') : fields.text('table-uuid');
  return uuid ?? '';
}

function readSchemas(fields: JsonFields): readonly IcebergSchema[] {
  const old = fields.value('schema');
  const schemas = readList(fields, 'schemas', old === null ? [] : [old]);
  return schemas.map(([item, place]) => schemaFromJson(item, place));
}

function readSpecs(fields: JsonFields): readonly PartitionSpec[] {
  const old: JsonObject = { 'spec-id': 0, fields: fields.optionalList('partition-spec') ?? [] };
  const specs = readList(fields, 'partition-specs', [old]);
  return specs.map(([item, place]) => partitionSpecFromJson(item, place));
}

/** Missing, `null` and -1 all mean that there is no current snapshot. */
function readCurrentSnapshotId(fields: JsonFields): bigint | null {
  const id = fields.optionalLong('current-snapshot-id');
  return id === -1n ? null : id;
}

function readRefs(
  fields: JsonFields,
  currentSnapshotId: bigint | null,
): Readonly<Record<string, SnapshotRef>> {
  const value = fields.value('refs');
  const where = `${fields.where}: refs`;
  const entries = value === null ? [] : Object.entries(jsonFields(value, where).object);
  const refs = entries.map(
    ([name, item]) =>
      [name, snapshotRefFromJson(item, `${where}[${JSON.stringify(name)}]`)] as const,
  );
  const main: SnapshotRef | null =
    currentSnapshotId === null ? null : { kind: 'branch', snapshotId: currentSnapshotId };
  // Writers from before refs existed name only the current snapshot.
  const hasMain = refs.some(([name]) => name === MAIN_BRANCH);
  return Object.fromEntries(main === null || hasMain ? refs : [[MAIN_BRANCH, main], ...refs]);
}

function readLogs(fields: JsonFields): Pick<TableMetadata, 'snapshotLog' | 'metadataLog'> {
  return {
    snapshotLog: readList(fields, 'snapshot-log').map(([item, place]) => {
      const entry = jsonFields(item, place);
      const timestampMs = readMs(entry.long('timestamp-ms'), place);
      return { timestampMs, snapshotId: entry.long('snapshot-id') };
    }),
    metadataLog: readList(fields, 'metadata-log').map(([item, place]) => {
      const entry = jsonFields(item, place);
      const timestampMs = readMs(entry.long('timestamp-ms'), place);
      return { timestampMs, metadataFile: entry.text('metadata-file') };
    }),
  };
}

function readObjects(fields: JsonFields, key: string): readonly JsonObject[] {
  return readList(fields, key).map(([item, place]) => jsonFields(item, place).object);
}

/** The items of a list, each with its place; `otherwise` when the key is missing. */
function readList(
  fields: JsonFields,
  key: string,
  otherwise: readonly JsonValue[] = [],
): readonly (readonly [item: JsonValue, place: string])[] {
  const items = fields.optionalList(key) ?? otherwise;
  return items.map((item, index) => [item, `${fields.where}: ${key}[${index}]`]);
}

/** Every id that points at something must find exactly one, and heads must agree. */
function checkReferences(metadata: TableMetadata, where: string): void {
  const fail = (what: string): never => {
    throw invalidJson(what, where);
  };
  const snapshotIds = metadata.snapshots.map((snapshot) => snapshot.snapshotId);
  const known = new Set(snapshotIds);
  if (known.size !== snapshotIds.length) fail('two snapshots have the same id');
  const schemaIds = metadata.schemas.map((schema) => schema.schemaId);
  if (new Set(schemaIds).size !== schemaIds.length) fail('two schemas have the same id');
  const specIds = metadata.partitionSpecs.map((spec) => spec.specId);
  if (new Set(specIds).size !== specIds.length) fail('two partition specs have the same id');
  if (!schemaIds.includes(metadata.currentSchemaId)) fail('the current schema is missing');
  if (!specIds.includes(metadata.defaultSpecId)) fail('the default partition spec is missing');
  const orderIds = metadata.sortOrders.map((order) => order.orderId);
  if (!orderIds.includes(metadata.defaultSortOrderId)) fail('the default sort order is missing');
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (!known.has(ref.snapshotId)) fail(`ref ${JSON.stringify(name)} points at no snapshot`);
  }
  const head = metadata.refs[MAIN_BRANCH]?.snapshotId ?? null;
  if (head !== metadata.currentSnapshotId) fail('main is not at the current snapshot');
  if (metadata.snapshots.some((item) => item.sequenceNumber > metadata.lastSequenceNumber)) {
    fail('a snapshot has a sequence number above the last one');
  }
}

/** All but the snapshots. */
function tableMetadataToJson(metadata: TableMetadata): JsonObject {
  const { formatVersion } = metadata;
  const noSnapshot = formatVersion === 3 ? null : -1;
  const current = metadata.currentSnapshotId;
  return {
    'format-version': formatVersion,
    'table-uuid': metadata.tableUuid,
    location: metadata.location,
    ...(formatVersion === 1
      ? firstFormatFields(metadata)
      : { 'last-sequence-number': jsonInteger(metadata.lastSequenceNumber) }),
    'last-updated-ms': metadata.lastUpdatedMs,
    'last-column-id': metadata.lastColumnId,
    'current-schema-id': metadata.currentSchemaId,
    schemas: metadata.schemas.map(schemaToJson),
    'default-spec-id': metadata.defaultSpecId,
    'partition-specs': metadata.partitionSpecs.map(partitionSpecToJson),
    'last-partition-id': metadata.lastPartitionId,
    'default-sort-order-id': metadata.defaultSortOrderId,
    'sort-orders': metadata.sortOrders.map(sortOrderToJson),
    properties: metadata.properties,
    'current-snapshot-id': current === null ? noSnapshot : jsonInteger(current),
    ...(formatVersion === 3 ? { 'next-row-id': jsonInteger(metadata.nextRowId) } : {}),
    refs: Object.fromEntries(
      Object.entries(metadata.refs).map(([name, ref]) => [name, snapshotRefToJson(ref)]),
    ),
    statistics: metadata.statistics,
    'partition-statistics': metadata.partitionStatistics,
    'snapshot-log': metadata.snapshotLog.map((entry) => ({
      'timestamp-ms': entry.timestampMs,
      'snapshot-id': jsonInteger(entry.snapshotId),
    })),
    'metadata-log': metadata.metadataLog.map((entry) => ({
      'timestamp-ms': entry.timestampMs,
      'metadata-file': entry.metadataFile,
    })),
    ...metadata.unknownFields,
  };
}

/** What readers of v1 look for beside the lists (Iceberg spec, "Table Metadata Fields"). */
function firstFormatFields(metadata: TableMetadata): JsonObject {
  return {
    schema: schemaToJson(currentSchema(metadata)),
    'partition-spec': partitionFieldsToJson(defaultSpec(metadata)),
  };
}
