/** Updates and requirements of clients: all are known, others refused; tables from nothing. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { parseJson, stringifyJson } from '../../kernel/lossless-json.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { applyUpdates } from '../apply-updates.ts';
import type { IcebergSchema } from '../iceberg-schema.ts';
import { decodeTableMetadata, encodeTableMetadata } from '../table-metadata-json.ts';
import type { TableRequirement } from '../table-requirement.ts';
import { LAST_ADDED } from '../table-update.ts';
import type { TableUpdate } from '../table-update.ts';
import { tableRequirementToJson, tableUpdateToJson } from './commit-json.ts';
import { tableFromRequest, tableFromUpdates } from './new-table.ts';
import { locationsInMetadata, locationsInUpdates } from './referenced-locations.ts';
import { tableRequirementFromJson } from './table-requirement-json.ts';
import { tableUpdateFromJson } from './table-update-json.ts';

const WIDE = 9_223_372_036_854_775_807n;

function fails(code: ErrorCode, run: () => unknown): void {
  throws(run, (error) => isFirnError(error, code));
}

const schemaJson: JsonObject = {
  type: 'struct',
  fields: [{ id: 1, name: 'a', required: false, type: 'int' }],
};

const snapshotJson: JsonObject = {
  'snapshot-id': WIDE,
  'sequence-number': 1,
  'timestamp-ms': 5,
  'manifest-list': 'file:///lake/t/metadata/snap.avro',
  summary: { operation: 'append' },
};

/** One update of each action, and what it is read as. */
const UPDATES: readonly (readonly [JsonObject, Partial<TableUpdate>])[] = [
  [
    { action: 'assign-uuid', uuid: 'u' },
    { kind: 'assign-uuid', uuid: 'u' },
  ],
  [{ action: 'upgrade-format-version', 'format-version': 3 }, { formatVersion: 3 }],
  [{ action: 'add-schema', schema: schemaJson, 'last-column-id': 1 }, { kind: 'add-schema' }],
  [{ action: 'set-current-schema', 'schema-id': -1 }, { schemaId: LAST_ADDED }],
  [{ action: 'add-spec', spec: { fields: [] } }, { spec: { specId: 0, fields: [] } }],
  [{ action: 'set-default-spec', 'spec-id': 4 }, { specId: 4 }],
  [{ action: 'add-sort-order', 'sort-order': { 'order-id': 0, fields: [] } }, {}],
  [{ action: 'set-default-sort-order', 'sort-order-id': 2 }, { sortOrderId: 2 }],
  [{ action: 'add-snapshot', snapshot: snapshotJson }, { kind: 'add-snapshot' }],
  [
    { action: 'set-snapshot-ref', 'ref-name': 'r', type: 'tag', 'snapshot-id': WIDE },
    { name: 'r', ref: { kind: 'tag', snapshotId: WIDE } },
  ],
  [{ action: 'remove-snapshot-ref', 'ref-name': 'r' }, { name: 'r' }],
  [{ action: 'remove-snapshots', 'snapshot-ids': [1, WIDE] }, { snapshotIds: [1n, WIDE] }],
  [{ action: 'set-location', location: 'file:///x' }, { location: 'file:///x' }],
  [{ action: 'set-properties', updates: { k: 'v' } }, { updates: { k: 'v' } }],
  [{ action: 'set-properties', updated: { k: 'v' } }, { updates: { k: 'v' } }],
  [{ action: 'remove-properties', removals: ['k'] }, { removals: ['k'] }],
  [{ action: 'remove-properties', removed: ['k'] }, { removals: ['k'] }],
  [{ action: 'set-statistics', statistics: { 'snapshot-id': WIDE } }, { kind: 'set-statistics' }],
  [{ action: 'remove-statistics', 'snapshot-id': WIDE }, { snapshotId: WIDE }],
  [{ action: 'set-partition-statistics', 'partition-statistics': { 'snapshot-id': 1 } }, {}],
  [{ action: 'remove-partition-statistics', 'snapshot-id': 1 }, { snapshotId: 1n }],
  [{ action: 'remove-partition-specs', 'spec-ids': [1] }, { specIds: [1] }],
  [{ action: 'remove-schemas', 'schema-ids': [1] }, { schemaIds: [1] }],
  [{ action: 'add-encryption-key', 'encryption-key': { 'key-id': 'k' } }, {}],
  [{ action: 'remove-encryption-key', 'key-id': 'k' }, { keyId: 'k' }],
];

test('every update of tables is read, with 64-bit values exact', () => {
  for (const [json, expected] of UPDATES) {
    const update: Readonly<Record<string, unknown>> = { ...tableUpdateFromJson(json, 'request') };
    equal(update['kind'], json['action']);
    for (const [key, value] of Object.entries(expected)) deepEqual(update[key], value, key);
  }
  equal(new Set(UPDATES.map(([json]) => json['action'])).size, 23);
});

test('an update that is not known, or lacks a part, is refused', () => {
  const bad: readonly JsonValue[] = [
    { action: 'add-view-version', 'view-version': {} },
    { action: 'toString' },
    {},
    null,
    [],
    { action: 'upgrade-format-version', 'format-version': 4 },
    { action: 'set-properties', updates: { k: 1 } },
    { action: 'remove-properties', removals: 'k' },
    { action: 'remove-snapshots', 'snapshot-ids': [1.5] },
    { action: 'remove-statistics', 'snapshot-id': 2n ** 63n },
    ...UPDATES.map(([json]) => ({ action: json['action'] ?? null })),
  ];
  for (const json of bad) fails('ICEBERG-JSON-INVALID', () => tableUpdateFromJson(json, 'request'));
});

test('every requirement is read; one that is not known is refused', () => {
  const read = (json: JsonObject): unknown => tableRequirementFromJson(json, 'request');
  const ref = { type: 'assert-ref-snapshot-id', ref: 'main' };
  const kind = 'assert-ref-snapshot-id';
  deepEqual(read({ ...ref, 'snapshot-id': WIDE }), { kind, ref: 'main', snapshotId: WIDE });
  deepEqual(read({ ...ref, 'snapshot-id': null }), { kind, ref: 'main', snapshotId: null });
  deepEqual(read({ type: 'assert-create' }), { kind: 'assert-create' });
  const numbered: readonly (readonly [type: string, key: string, name: string])[] = [
    ['assert-last-assigned-field-id', 'last-assigned-field-id', 'lastAssignedFieldId'],
    ['assert-current-schema-id', 'current-schema-id', 'currentSchemaId'],
    ['assert-last-assigned-partition-id', 'last-assigned-partition-id', 'lastAssignedPartitionId'],
    ['assert-default-spec-id', 'default-spec-id', 'defaultSpecId'],
    ['assert-default-sort-order-id', 'default-sort-order-id', 'defaultSortOrderId'],
  ];
  for (const [type, key, name] of numbered) {
    deepEqual(read({ type, [key]: 7 }), { kind: type, [name]: 7 });
    fails('ICEBERG-JSON-INVALID', () => read({ type }));
  }
  deepEqual(read({ type: 'assert-table-uuid', uuid: 'u' }), {
    kind: 'assert-table-uuid',
    uuid: 'u',
  });
  for (const type of ['assert-view-uuid', 'assert-nothing', '']) {
    fails('ICEBERG-JSON-INVALID', () => read({ type }));
  }
});

test('what is written of updates and requirements is read as what it was', () => {
  const sent = (json: JsonObject): JsonValue => parseJson(stringifyJson(json));
  const updates = UPDATES.map(([json]) => tableUpdateFromJson(json, 'request'));
  for (const update of updates) {
    deepEqual(tableUpdateFromJson(sent(tableUpdateToJson(update)), 'request'), update);
  }
  const requirements: readonly TableRequirement[] = [
    { kind: 'assert-create' },
    { kind: 'assert-table-uuid', uuid: 'u' },
    { kind: 'assert-ref-snapshot-id', ref: 'r', snapshotId: WIDE },
    { kind: 'assert-ref-snapshot-id', ref: 'r', snapshotId: null },
    { kind: 'assert-last-assigned-field-id', lastAssignedFieldId: 1 },
    { kind: 'assert-current-schema-id', currentSchemaId: 2 },
    { kind: 'assert-last-assigned-partition-id', lastAssignedPartitionId: 3 },
    { kind: 'assert-default-spec-id', defaultSpecId: 4 },
    { kind: 'assert-default-sort-order-id', defaultSortOrderId: 5 },
  ];
  for (const requirement of requirements) {
    const json = sent(tableRequirementToJson(requirement));
    deepEqual(tableRequirementFromJson(json, 'request'), requirement);
  }
});

const nested: IcebergSchema = {
  schemaId: 9,
  identifierFieldIds: [30],
  fields: [
    {
      id: 10,
      name: 's',
      required: false,
      type: {
        kind: 'struct',
        fields: [{ id: 5, name: 'x', required: false, type: { kind: 'int' } }],
      },
    },
    { id: 30, name: 'k', required: true, type: { kind: 'long' } },
  ],
};

function request(formatVersion: string): Parameters<typeof tableFromRequest>[0] {
  return {
    tableUuid: 'u',
    location: 'file:///lake/t',
    schema: nested,
    spec: {
      specId: 3,
      fields: [
        { sourceId: 5, fieldId: 0, name: 'p', transform: { kind: 'identity' } },
        { sourceId: 30, fieldId: 0, name: 'b', transform: { kind: 'bucket', count: 4 } },
      ],
    },
    sortOrder: {
      orderId: 7,
      fields: [
        {
          sourceId: 30,
          transform: { kind: 'identity' },
          direction: 'asc',
          nullOrder: 'nulls-first',
        },
      ],
    },
    properties: { 'format-version': formatVersion, uuid: 'x', mine: 'kept' },
    nowMs: 1000,
  };
}

test('a table of a request has ids of its own, level by level, and its parts follow', () => {
  const table = tableFromRequest(request('3'));
  const [schema] = table.schemas;
  deepEqual(
    schema?.fields.map(({ id }) => id),
    [1, 2],
  );
  const [struct] = schema?.fields ?? [];
  deepEqual(struct?.type.kind === 'struct' && struct.type.fields.map(({ id }) => id), [3]);
  deepEqual(schema?.identifierFieldIds, [2]);
  deepEqual(
    table.partitionSpecs[0]?.fields.map(({ sourceId, fieldId }) => [sourceId, fieldId]),
    [
      [3, 1000],
      [2, 1001],
    ],
  );
  equal(table.sortOrders[0]?.fields[0]?.sourceId, 2);
  equal(table.defaultSortOrderId, 1);
  equal(table.formatVersion, 3);
  deepEqual(table.properties, { mine: 'kept' });
  for (const version of ['1', '2']) {
    const other = tableFromRequest(request(version));
    deepEqual(decodeTableMetadata(encodeTableMetadata(other), 'file'), other);
  }
  fails('ICEBERG-FORMAT-UNSUPPORTED', () => tableFromRequest(request('4')));
});

test('a request whose parts do not fit together is refused', () => {
  const base = request('2');
  const spec = { ...base.spec, fields: base.spec.fields.map((f) => ({ ...f, sourceId: 77 })) };
  fails('ICEBERG-SPEC-INVALID', () => tableFromRequest({ ...base, spec }));
  const schema = { ...nested, identifierFieldIds: [10] };
  fails('ICEBERG-SCHEMA-INVALID', () => tableFromRequest({ ...base, schema }));
});

const context = { nowMs: 2000, previousMetadataLocation: null };

const making: readonly TableUpdate[] = [
  { kind: 'assign-uuid', uuid: 'u' },
  { kind: 'upgrade-format-version', formatVersion: 2 },
  { kind: 'add-schema', schema: nested },
  { kind: 'set-current-schema', schemaId: LAST_ADDED },
  { kind: 'add-spec', spec: { specId: 0, fields: [] } },
  { kind: 'set-default-spec', specId: LAST_ADDED },
  { kind: 'add-sort-order', sortOrder: { orderId: 0, fields: [] } },
  { kind: 'set-default-sort-order', sortOrderId: LAST_ADDED },
  { kind: 'set-location', location: 'file:///lake/t' },
];

test('a commit makes a table from nothing, or is refused for the part it leaves out', () => {
  const table = tableFromUpdates(making, context);
  deepEqual(decodeTableMetadata(encodeTableMetadata(table), 'file'), table);
  equal(table.lastColumnId, 30);
  equal(table.lastPartitionId, 999);
  deepEqual(table.metadataLog, []);
  const needed = making.filter(({ kind }) => kind !== 'upgrade-format-version');
  for (const left of needed) {
    const updates = making.filter((update) => update !== left);
    fails('ICEBERG-UPDATE-INVALID', () => tableFromUpdates(updates, context));
  }
});

test('partition fields without an id get one; a field that was there before keeps its own', () => {
  const table = tableFromUpdates(making, context);
  const field = (name: string, buckets: number): JsonObject => {
    return { name, 'source-id': 30, transform: `bucket[${buckets}]` };
  };
  const add = (...fields: readonly JsonObject[]): TableUpdate =>
    tableUpdateFromJson({ action: 'add-spec', spec: { fields } }, 'request');
  const first = applyUpdates(table, [add(field('b4', 4))], context);
  const second = applyUpdates(first, [add(field('b8', 8), field('b4', 4))], context);
  deepEqual(
    second.partitionSpecs.map((spec) => spec.fields.map(({ fieldId }) => fieldId)),
    [[], [1000], [1001, 1000]],
  );
  equal(second.lastPartitionId, 1001);
});

test('encryption keys are kept as they are, in format version 3 alone', () => {
  const add: TableUpdate = { kind: 'add-encryption-key', key: { 'key-id': 'k', more: WIDE } };
  const two = tableFromUpdates(making, context);
  fails('ICEBERG-UPDATE-INVALID', () => applyUpdates(two, [add], context));
  const three = applyUpdates(two, [{ kind: 'upgrade-format-version', formatVersion: 3 }], context);
  const keyed = applyUpdates(three, [add, add], context);
  deepEqual(keyed.unknownFields['encryption-keys'], [add.key]);
  deepEqual(decodeTableMetadata(encodeTableMetadata(keyed), 'file'), keyed);
  const without = applyUpdates(keyed, [{ kind: 'remove-encryption-key', keyId: 'k' }], context);
  deepEqual(without.unknownFields['encryption-keys'], []);
});

test('a stale snapshot without a parent is taken only where it is asked for', () => {
  const snapshot = (id: number): TableUpdate =>
    tableUpdateFromJson(
      { action: 'add-snapshot', snapshot: { ...snapshotJson, 'snapshot-id': id } },
      'request',
    );
  const table = applyUpdates(tableFromUpdates(making, context), [snapshot(1)], context);
  fails('ICEBERG-UPDATE-STALE', () => applyUpdates(table, [snapshot(2)], context));
  const taken = applyUpdates(table, [snapshot(2)], { ...context, acceptsStaleRoots: true });
  equal(taken.snapshots.length, 2);
  equal(taken.lastSequenceNumber, 1n);
});

test('every location that a client names is found', () => {
  const updates = [
    { action: 'set-location', location: 'l1' },
    { action: 'add-snapshot', snapshot: { ...snapshotJson, 'manifest-list': 'l2' } },
    { action: 'set-properties', updates: { 'write.data.path': 'l3', 'write.metadata.path': 'l4' } },
    { action: 'set-statistics', statistics: { 'snapshot-id': 1, 'statistics-path': 'l5' } },
    {
      action: 'set-partition-statistics',
      'partition-statistics': { 'snapshot-id': 1, 'statistics-path': 'l6' },
    },
  ].map((json) => tableUpdateFromJson(json, 'request'));
  deepEqual(locationsInUpdates(updates), ['l1', 'l2', 'l3', 'l4', 'l5', 'l6']);
  const table = applyUpdates(
    tableFromUpdates(making, context),
    updates.filter(({ kind }) => kind !== 'set-location'),
    { ...context, previousMetadataLocation: 'l7' },
  );
  const all = ['file:///lake/t', 'l3', 'l4', 'l2', 'l7', 'l5', 'l6'];
  deepEqual(locationsInMetadata(table), all);
});
