/** Partition specs and sort orders: JSON form, comparison, rules. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../kernel/error-registry.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import {
  highestPartitionFieldId,
  partitionFieldsToJson,
  partitionSpecFromJson,
  partitionSpecToJson,
  partitionType,
  samePartitioning,
  validatePartitionSpec,
} from './partition-spec.ts';
import type { PartitionField, PartitionSpec } from './partition-spec.ts';
import {
  sameSortOrder,
  sortOrderFromJson,
  sortOrderToJson,
  UNSORTED,
  validateSortOrder,
} from './sort-order.ts';
import type { SortOrder } from './sort-order.ts';

const schema: IcebergSchema = {
  schemaId: 0,
  fields: [
    { id: 1, name: 'id', required: true, type: { kind: 'long' } },
    { id: 2, name: 'at', required: false, type: { kind: 'timestamptz' } },
    { id: 3, name: 'name', required: false, type: { kind: 'string' } },
  ],
  identifierFieldIds: [1],
};
const bucket: PartitionField = {
  sourceId: 1,
  fieldId: 1000,
  name: 'id_bucket',
  transform: { kind: 'bucket', count: 16 },
};
const day: PartitionField = {
  sourceId: 2,
  fieldId: 1001,
  name: 'at_day',
  transform: { kind: 'day' },
};
const spec: PartitionSpec = { specId: 3, fields: [bucket, day] };
const order: SortOrder = {
  orderId: 1,
  fields: [
    { sourceId: 1, transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' },
    { sourceId: 2, transform: { kind: 'day' }, direction: 'desc', nullOrder: 'nulls-last' },
  ],
};

test('a spec survives its JSON form, which is that of the specification', () => {
  deepEqual(partitionSpecToJson(spec), {
    'spec-id': 3,
    fields: [
      { 'source-id': 1, 'field-id': 1000, name: 'id_bucket', transform: 'bucket[16]' },
      { 'source-id': 2, 'field-id': 1001, name: 'at_day', transform: 'day' },
    ],
  });
  deepEqual(partitionSpecFromJson(partitionSpecToJson(spec), 'x'), spec);
  deepEqual(partitionFieldsToJson(spec), partitionSpecToJson(spec)['fields']);
});

function partitionFieldsFromJson(
  fields: readonly JsonValue[],
  where: string,
): readonly PartitionField[] {
  return partitionSpecFromJson({ 'spec-id': 0, fields }, where).fields;
}

test('v1 fields without ids count from 1000; v3 may list its one source', () => {
  const fields = partitionFieldsFromJson(
    [
      { 'source-id': 1, name: 'a', transform: 'identity' },
      { 'source-ids': [2], name: 'b', transform: 'day' },
    ],
    'x',
  );
  deepEqual(
    fields.map((field) => [field.sourceId, field.fieldId]),
    [
      [1, 1000],
      [2, 1001],
    ],
  );
  const several = [{ 'source-ids': [1, 2], 'field-id': 1000, name: 'z', transform: 'zorder' }];
  throws(() => partitionFieldsFromJson(several, 'x'), hasCode('ICEBERG-SPEC-INVALID'));
  const none = [{ 'source-ids': [], 'field-id': 1000, name: 'z', transform: 'identity' }];
  throws(() => partitionFieldsFromJson(none, 'x'), hasCode('ICEBERG-JSON-INVALID'));
});

test('the tuple has the types the transforms give, unknown where the column is gone', () => {
  const gone: PartitionField = {
    ...bucket,
    sourceId: 9,
    fieldId: 1002,
    transform: { kind: 'identity' },
  };
  const type = partitionType({ specId: 1, fields: [bucket, day, gone] }, schema);
  deepEqual(
    type.fields.map((field) => [field.id, field.name, field.type.kind, field.required]),
    [
      [1000, 'id_bucket', 'int', false],
      [1001, 'at_day', 'date', false],
      [1002, 'id_bucket', 'unknown', false],
    ],
  );
});

test('specs divide alike by columns, transforms and names in order', () => {
  const renumbered = { specId: 8, fields: [{ ...bucket, fieldId: 1005 }, day] };
  equal(samePartitioning(spec, renumbered), true);
  equal(samePartitioning(spec, { ...spec, fields: [day, bucket] }), false);
  equal(samePartitioning(spec, { ...spec, fields: [bucket] }), false);
  equal(samePartitioning(spec, { ...spec, fields: [{ ...bucket, name: 'b' }, day] }), false);
  const more = { ...bucket, transform: { kind: 'bucket', count: 32 } } as const;
  equal(samePartitioning(spec, { ...spec, fields: [more, day] }), false);
  equal(highestPartitionFieldId(renumbered), 1005);
  equal(highestPartitionFieldId({ specId: 0, fields: [] }), 999);
});

test('the rules of a spec are checked, each by itself', () => {
  validatePartitionSpec(spec, schema);
  const named: PartitionField = { ...bucket, name: 'id', transform: { kind: 'identity' } };
  validatePartitionSpec({ specId: 0, fields: [named] }, schema);
  const broken: readonly [readonly PartitionField[], ErrorCode][] = [
    [[{ ...bucket, sourceId: 9 }], 'ICEBERG-SPEC-INVALID'],
    [[{ ...bucket, transform: { kind: 'hour' } }], 'ICEBERG-TRANSFORM-UNSUPPORTED'],
    [[{ ...bucket, transform: { kind: 'unknown', text: 'z' } }], 'ICEBERG-TRANSFORM-UNSUPPORTED'],
    [[bucket, { ...day, fieldId: 1000 }], 'ICEBERG-SPEC-INVALID'],
    [[bucket, { ...day, name: 'id_bucket' }], 'ICEBERG-SPEC-INVALID'],
    [[{ ...bucket, fieldId: 999 }], 'ICEBERG-SPEC-INVALID'],
    [[{ ...bucket, name: 'id' }], 'ICEBERG-SPEC-INVALID'],
    [[{ ...named, name: 'name' }], 'ICEBERG-SPEC-INVALID'],
  ];
  for (const [fields, code] of broken) {
    throws(() => validatePartitionSpec({ specId: 0, fields }, schema), hasCode(code));
  }
});

test('a sort order survives its JSON form', () => {
  deepEqual(sortOrderFromJson(sortOrderToJson(order), 'x'), order);
  deepEqual(sortOrderFromJson(sortOrderToJson(UNSORTED), 'x'), UNSORTED);
  const bad = {
    'order-id': 1,
    fields: [{ 'source-id': 1, transform: 'identity', direction: 'up' }],
  };
  throws(() => sortOrderFromJson(bad, 'x'), hasCode('ICEBERG-JSON-INVALID'));
});

test('orders sort alike by everything but their id', () => {
  equal(sameSortOrder(order, { ...order, orderId: 7 }), true);
  equal(sameSortOrder(order, { ...order, fields: order.fields.toReversed() }), false);
  equal(sameSortOrder(order, UNSORTED), false);
  for (const change of [
    { nullOrder: 'nulls-last' },
    { direction: 'desc' },
    { sourceId: 2 },
  ] as const) {
    const fields = order.fields.map((field, index) =>
      index === 0 ? { ...field, ...change } : field,
    );
    equal(sameSortOrder(order, { ...order, fields }), false);
  }
  validateSortOrder(order, schema);
  validateSortOrder(UNSORTED, schema);
  const [first] = order.fields;
  const broken: readonly SortOrder[] = [
    { ...order, orderId: 0 },
    { ...UNSORTED, orderId: 2 },
    { orderId: 1, fields: first === undefined ? [] : [{ ...first, sourceId: 9 }] },
    { orderId: 1, fields: first === undefined ? [] : [{ ...first, transform: { kind: 'hour' } }] },
  ];
  for (const one of broken) {
    throws(() => validateSortOrder(one, schema), hasCode('ICEBERG-SPEC-INVALID'));
  }
});

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isFirnError(error, code);
}
