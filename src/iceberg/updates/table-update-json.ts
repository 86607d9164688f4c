/**
 * Updates of a commit as a client sends them (Iceberg REST specification, `TableUpdate`). Every
 * update of tables is known; any other is refused, never skipped: a commit does what it says, or
 * nothing. Names that older clients send are taken too.
 */
import { unreachable } from '../../kernel/assert.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { schemaFromJson } from '../iceberg-schema.ts';
import { invalidJson, jsonFields, jsonInts, jsonLongs, jsonTexts } from '../json-fields.ts';
import type { JsonFields } from '../json-fields.ts';
import { partitionSpecFromJson } from '../partition-spec.ts';
import type { PartitionSpec } from '../partition-spec.ts';
import { snapshotFromJson, snapshotRefFromJson, stringRecord } from '../snapshot.ts';
import { sortOrderFromJson } from '../sort-order.ts';
import type { PlainUpdateKind, TableUpdate } from '../table-update.ts';
import { NO_FIELD_ID } from './partition-field-ids.ts';

type UpdateKind = TableUpdate['kind'];

const KINDS: ReadonlySet<string> = new Set<UpdateKind>([
  'assign-uuid',
  'upgrade-format-version',
  'add-schema',
  'set-current-schema',
  'add-spec',
  'set-default-spec',
  'add-sort-order',
  'set-default-sort-order',
  'add-snapshot',
  'set-snapshot-ref',
  'remove-snapshot-ref',
  'remove-snapshots',
  'set-location',
  'set-properties',
  'remove-properties',
  'set-statistics',
  'remove-statistics',
  'set-partition-statistics',
  'remove-partition-statistics',
  'remove-partition-specs',
  'remove-schemas',
  'add-encryption-key',
  'remove-encryption-key',
]);

function isKind(text: string): text is UpdateKind {
  return KINDS.has(text);
}

/**
 * Reads one update.
 *
 * @param where place of the update, for messages
 * @throws {FirnError} ICEBERG-JSON-INVALID, also for an update that is not known, and the errors of
 *   schemas, specs and orders
 */
export function tableUpdateFromJson(json: JsonValue, where: string): TableUpdate {
  const fields = jsonFields(json, where);
  const kind = fields.text('action');
  if (!isKind(kind)) throw invalidJson(`update ${JSON.stringify(kind)} is not known`, where);
  switch (kind) {
    case 'add-schema':
      return { kind, schema: schemaFromJson(fields.value('schema'), `${where}.schema`) };
    case 'set-current-schema':
      return { kind, schemaId: fields.int('schema-id') };
    case 'add-spec':
      return { kind, spec: requestedSpecFromJson(fields.value('spec'), `${where}.spec`) };
    case 'set-default-spec':
      return { kind, specId: fields.int('spec-id') };
    case 'add-sort-order':
      return {
        kind,
        sortOrder: sortOrderFromJson(fields.value('sort-order'), `${where}.sort-order`),
      };
    case 'set-default-sort-order':
      return { kind, sortOrderId: fields.int('sort-order-id') };
    case 'add-snapshot':
      return { kind, snapshot: snapshotFromJson(fields.value('snapshot'), `${where}.snapshot`) };
    case 'set-snapshot-ref':
      return { kind, name: fields.text('ref-name'), ref: snapshotRefFromJson(json, where) };
    case 'remove-snapshot-ref':
      return { kind, name: fields.text('ref-name') };
    case 'remove-snapshots':
      return { kind, snapshotIds: jsonLongs(fields.list('snapshot-ids'), where) };
    case 'remove-partition-specs':
      return { kind, specIds: jsonInts(fields.list('spec-ids'), where) };
    case 'remove-schemas':
      return { kind, schemaIds: jsonInts(fields.list('schema-ids'), where) };
    default:
      return plainUpdateFromJson(kind, fields);
  }
}

/** Updates of single values, and of lists that Firn keeps as they are. */
function plainUpdateFromJson(kind: PlainUpdateKind, fields: JsonFields): TableUpdate {
  const { where } = fields;
  switch (kind) {
    case 'assign-uuid':
      return { kind, uuid: fields.text('uuid') };
    case 'upgrade-format-version':
      return { kind, formatVersion: formatVersion(fields) };
    case 'set-location':
      return { kind, location: fields.text('location') };
    case 'set-properties':
      return { kind, updates: stringRecord(either(fields, 'updates', 'updated'), where) };
    case 'remove-properties': {
      const removals = either(fields, 'removals', 'removed');
      if (!Array.isArray(removals)) throw invalidJson('key "removals" must be a list', where);
      return { kind, removals: jsonTexts(removals, where) };
    }
    case 'set-statistics':
    case 'set-partition-statistics': {
      const key = kind === 'set-statistics' ? 'statistics' : 'partition-statistics';
      return { kind, statistics: object(fields, key) };
    }
    case 'remove-statistics':
    case 'remove-partition-statistics':
      return { kind, snapshotId: fields.long('snapshot-id') };
    case 'add-encryption-key':
      return { kind, key: object(fields, 'encryption-key') };
    case 'remove-encryption-key':
      return { kind, keyId: fields.text('key-id') };
    default:
      return unreachable(kind);
  }
}

/**
 * A spec in a request: its id, and those of its fields, may be missing, which is the table's to
 * give.
 *
 * @throws {FirnError} as `partitionSpecFromJson`
 */
export function requestedSpecFromJson(json: JsonValue, where: string): PartitionSpec {
  const keys = jsonFields(json, where);
  const fields = keys.list('fields').map((item, index) => {
    const field = jsonFields(item, `${where}.fields[${index}]`);
    const fieldId = field.optionalInt('field-id') ?? NO_FIELD_ID;
    return { ...field.object, 'field-id': fieldId };
  });
  return partitionSpecFromJson({ 'spec-id': keys.optionalInt('spec-id') ?? 0, fields }, where);
}

function formatVersion(fields: JsonFields): 1 | 2 | 3 {
  const version = fields.int('format-version');
  if (version === 1 || version === 2 || version === 3) return version;
  throw invalidJson(`format version ${version} is not known`, fields.where);
}

/** A value under its name, or under the one that older clients send. */
function either(fields: JsonFields, name: string, oldName: string): JsonValue {
  const value = fields.value(name) ?? fields.value(oldName);
  if (value === null) throw invalidJson(`key "${name}" is missing`, fields.where);
  return value;
}

function object(fields: JsonFields, key: string): JsonObject {
  return jsonFields(fields.value(key), `${fields.where}.${key}`).object;
}
