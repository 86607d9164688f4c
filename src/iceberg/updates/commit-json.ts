/**
 * A commit as a client sends it to a REST catalog (Iceberg REST specification, `TableUpdate` and
 * `TableRequirement`): the other direction of `table-update-json.ts` and
 * `table-requirement-json.ts`, which read what is written here as what it was.
 */
import { assert, unreachable } from '../../kernel/assert.ts';
import { jsonInteger } from '../../kernel/lossless-json.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import { schemaToJson } from '../iceberg-schema.ts';
import { partitionSpecToJson } from '../partition-spec.ts';
import { snapshotRefToJson, snapshotToJson } from '../snapshot.ts';
import { sortOrderToJson } from '../sort-order.ts';
import type { TableMetadata } from '../table-metadata.ts';
import { LAST_ADDED } from '../table-update.ts';
import type { PlainUpdateKind, TableUpdate } from '../table-update.ts';
import type { TableRequirement } from '../table-requirement.ts';

/** The JSON form of a requirement. */
export function tableRequirementToJson(requirement: TableRequirement): JsonObject {
  const type = requirement.kind;
  switch (requirement.kind) {
    case 'assert-create':
      return { type };
    case 'assert-table-uuid':
      return { type, uuid: requirement.uuid };
    case 'assert-ref-snapshot-id': {
      const { ref, snapshotId } = requirement;
      return { type, ref, 'snapshot-id': snapshotId === null ? null : jsonInteger(snapshotId) };
    }
    case 'assert-last-assigned-field-id':
      return { type, 'last-assigned-field-id': requirement.lastAssignedFieldId };
    case 'assert-current-schema-id':
      return { type, 'current-schema-id': requirement.currentSchemaId };
    case 'assert-last-assigned-partition-id':
      return { type, 'last-assigned-partition-id': requirement.lastAssignedPartitionId };
    case 'assert-default-spec-id':
      return { type, 'default-spec-id': requirement.defaultSpecId };
    case 'assert-default-sort-order-id':
      return { type, 'default-sort-order-id': requirement.defaultSortOrderId };
    default:
      return unreachable(requirement);
  }
}

/** The JSON form of an update. */
export function tableUpdateToJson(update: TableUpdate): JsonObject {
  const action = update.kind;
  switch (update.kind) {
    case 'add-schema':
      return { action, schema: schemaToJson(update.schema) };
    case 'set-current-schema':
      return { action, 'schema-id': update.schemaId };
    case 'add-spec':
      return { action, spec: partitionSpecToJson(update.spec) };
    case 'set-default-spec':
      return { action, 'spec-id': update.specId };
    case 'add-sort-order':
      return { action, 'sort-order': sortOrderToJson(update.sortOrder) };
    case 'set-default-sort-order':
      return { action, 'sort-order-id': update.sortOrderId };
    case 'add-snapshot':
      // The form of v2 and v3 is one; Firn commits to no table of v1.
      return { action, snapshot: snapshotToJson(update.snapshot, 2) };
    case 'set-snapshot-ref':
      return { action, 'ref-name': update.name, ...snapshotRefToJson(update.ref) };
    case 'remove-snapshot-ref':
      return { action, 'ref-name': update.name };
    case 'remove-snapshots':
      return { action, 'snapshot-ids': update.snapshotIds.map(jsonInteger) };
    case 'remove-partition-specs':
      return { action, 'spec-ids': update.specIds };
    case 'remove-schemas':
      return { action, 'schema-ids': update.schemaIds };
    default:
      return plainUpdateToJson(update);
  }
}

type PlainUpdate = Extract<TableUpdate, { readonly kind: PlainUpdateKind }>;

function plainUpdateToJson(update: PlainUpdate): JsonObject {
  const action = update.kind;
  switch (update.kind) {
    case 'assign-uuid':
      return { action, uuid: update.uuid };
    case 'upgrade-format-version':
      return { action, 'format-version': update.formatVersion };
    case 'set-location':
      return { action, location: update.location };
    case 'set-properties':
      return { action, updates: update.updates };
    case 'remove-properties':
      return { action, removals: update.removals };
    case 'set-statistics': {
      // The id beside the statistics is of an earlier form, which servers may still ask for.
      const snapshotId = update.statistics['snapshot-id'] ?? null;
      return { action, 'snapshot-id': snapshotId, statistics: update.statistics };
    }
    case 'set-partition-statistics':
      return { action, 'partition-statistics': update.statistics };
    case 'remove-statistics':
    case 'remove-partition-statistics':
      return { action, 'snapshot-id': jsonInteger(update.snapshotId) };
    case 'add-encryption-key':
      return { action, 'encryption-key': update.key };
    case 'remove-encryption-key':
      return { action, 'key-id': update.keyId };
    default:
      return unreachable(update);
  }
}

/**
 * The updates that build a table without snapshots from nothing, in the order in which a server
 * needs them. The table keeps its uuid, and all of its ids.
 */
export function updatesOfNewTable(metadata: TableMetadata): readonly TableUpdate[] {
  assert(metadata.snapshots.length === 0, 'a new table has no snapshots');
  const [schema, spec, sortOrder] = [
    metadata.schemas[0],
    metadata.partitionSpecs[0],
    metadata.sortOrders[0],
  ];
  assert(
    schema !== undefined && spec !== undefined && sortOrder !== undefined,
    'a new table has a schema, a spec and an order',
  );
  return [
    { kind: 'assign-uuid', uuid: metadata.tableUuid },
    { kind: 'upgrade-format-version', formatVersion: metadata.formatVersion },
    { kind: 'set-location', location: metadata.location },
    { kind: 'add-schema', schema },
    { kind: 'set-current-schema', schemaId: LAST_ADDED },
    { kind: 'add-spec', spec },
    { kind: 'set-default-spec', specId: LAST_ADDED },
    { kind: 'add-sort-order', sortOrder },
    { kind: 'set-default-sort-order', sortOrderId: LAST_ADDED },
    { kind: 'set-properties', updates: metadata.properties },
  ];
}
