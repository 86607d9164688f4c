/** Schemas: JSON form, look-up, rules, evolution. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import {
  fieldsById,
  findColumn,
  findFieldById,
  highestFieldId,
  sameSchema,
  schemaFromJson,
  schemaToJson,
  validateSchema,
} from './iceberg-schema.ts';
import type { IcebergSchema } from './iceberg-schema.ts';
import type { IcebergType, NestedField } from './iceberg-type.ts';
import { addColumn, isWidening, widenColumn } from './schema-evolution.ts';

function field(id: number, name: string, type: IcebergType, required = true): NestedField {
  return { id, name, required, type };
}

const point: IcebergType = {
  kind: 'struct',
  fields: [field(3, 'x', { kind: 'int' }), field(4, 'y', { kind: 'double' }, false)],
};
const tags: IcebergType = {
  kind: 'map',
  keyId: 6,
  key: { kind: 'string' },
  valueId: 7,
  valueRequired: false,
  value: { kind: 'list', elementId: 8, elementRequired: true, element: { kind: 'uuid' } },
};
/** The highest id that is not reserved. */
const FIELD_ID_MAX = 2147483447;

const schema: IcebergSchema = {
  schemaId: 2,
  fields: [field(1, 'id', { kind: 'long' }), field(2, 'at', point), field(5, 'tags', tags, false)],
  identifierFieldIds: [1, 3],
};

test('a schema survives its JSON form', () => {
  deepEqual(schemaFromJson(schemaToJson(schema), 'x'), schema);
  const { identifierFieldIds, ...json } = {
    ...schemaToJson({ ...schema, identifierFieldIds: [] }),
  };
  equal(identifierFieldIds, undefined);
  deepEqual(schemaFromJson(json, 'x').identifierFieldIds, []);
});

test('fields are found by id at any depth, columns by name', () => {
  deepEqual([...fieldsById(schema).keys()], [1, 2, 3, 4, 5, 6, 7, 8]);
  equal(findFieldById(schema, 8)?.name, 'element');
  equal(findFieldById(schema, 4)?.name, 'y');
  equal(findFieldById(schema, 9), null);
  equal(findColumn(schema, 'at')?.id, 2);
  equal(findColumn(schema, 'x'), null);
  equal(highestFieldId(schema), 8);
});

test('schemas are the same by fields and identifiers, whatever their id', () => {
  equal(sameSchema(schema, { ...schema, schemaId: 9, identifierFieldIds: [3, 1] }), true);
  equal(sameSchema(schema, { ...schema, identifierFieldIds: [1] }), false);
  equal(sameSchema(schema, { ...schema, fields: schema.fields.toReversed() }), false);
});

test('a repeated field id is refused on reading', () => {
  const json = schemaToJson({ ...schema, fields: [...schema.fields, field(4, 'z', point)] });
  throws(() => schemaFromJson(json, 'x'), isFirnErrorOf('ICEBERG-SCHEMA-INVALID'));
});

test('the rules of the format are checked, each by itself', () => {
  validateSchema(schema, 2);
  validateSchema(
    {
      ...schema,
      fields: [...schema.fields, field(FIELD_ID_MAX, 'z', point.fields[0]?.type ?? point)],
    },
    2,
  );
  const broken: readonly [string, NestedField, number?][] = [
    ['repeats the id', field(4, 'z', { kind: 'int' })],
    ['reserved id', field(FIELD_ID_MAX + 1, 'z', { kind: 'int' })],
    ['reserved id', field(-1, 'z', { kind: 'int' })],
    ['has no name', field(9, '', { kind: 'int' })],
    ['two fields named', field(9, 'id', { kind: 'int' })],
    ['precision is 1 to 38', field(9, 'z', { kind: 'decimal', precision: 39, scale: 0 })],
    ['scale at most precision', field(9, 'z', { kind: 'decimal', precision: 3, scale: 4 })],
    ['without bytes', field(9, 'z', { kind: 'fixed', lengthBytes: 0 })],
    ['must be optional', field(9, 'z', { kind: 'unknown' }), 3],
    ['needs format version 3', field(9, 'z', { kind: 'unknown' }, false)],
    ['needs format version 3', field(9, 'z', { kind: 'timestamp_ns' })],
    ['default value', { ...field(9, 'z', { kind: 'int' }), initialDefault: 1 }],
  ];
  for (const [rule, added, version] of broken) {
    const withField = { ...schema, fields: [...schema.fields, added] };
    throws(() => validateSchema(withField, version ?? 2), isInvalidBecause(rule), rule);
  }
});

test('an identifier is required at every level, primitive and no floating number', () => {
  const optionalParent = [schema.fields[0], field(2, 'at', point, false)].filter(
    (one) => one !== undefined,
  );
  validateSchema({ ...schema, fields: optionalParent, identifierFieldIds: [1] }, 2);
  const broken: readonly [string, IcebergSchema][] = [
    ['does not exist', { ...schema, identifierFieldIds: [99] }],
    ['may not be struct', { ...schema, identifierFieldIds: [2] }],
    ['may not be double', { ...schema, identifierFieldIds: [4] }],
    ['at every level', { ...schema, fields: optionalParent, identifierFieldIds: [3] }],
    ['at every level', { ...schema, identifierFieldIds: [8] }],
  ];
  for (const [rule, other] of broken) {
    throws(() => validateSchema(other, 2), isInvalidBecause(rule), rule);
  }
});

test('a new column is optional and its ids were never used before', () => {
  const added = addColumn(schema, { name: 'more', type: tags, doc: 'd', lastColumnId: 40 });
  equal(added.lastColumnId, 44);
  equal(highestFieldId(added.schema), 44);
  const column = findColumn(added.schema, 'more');
  equal(column?.id, 41);
  equal(column?.required, false);
  equal(column?.doc, 'd');
  deepEqual(added.schema.fields.slice(0, 3), schema.fields);
  validateSchema(added.schema, 2);
  const struct = addColumn(schema, { name: 'p', type: point, lastColumnId: 8 });
  deepEqual([...fieldsById(struct.schema).keys()].slice(-3), [9, 10, 11]);
  throws(
    () => addColumn(schema, { name: 'id', type: point, lastColumnId: 8 }),
    isFirnErrorOf('ICEBERG-SCHEMA-CHANGE-REFUSED'),
  );
});

test('only the widenings of the specification are allowed', () => {
  const decimal = (precision: number, scale: number): IcebergType => ({
    kind: 'decimal',
    precision,
    scale,
  });
  const allowed: readonly [IcebergType, IcebergType][] = [
    [{ kind: 'int' }, { kind: 'long' }],
    [{ kind: 'float' }, { kind: 'double' }],
    [decimal(9, 2), decimal(10, 2)],
    [{ kind: 'uuid' }, { kind: 'uuid' }],
  ];
  const refused: readonly [IcebergType, IcebergType][] = [
    [{ kind: 'long' }, { kind: 'int' }],
    [{ kind: 'int' }, { kind: 'double' }],
    [{ kind: 'double' }, { kind: 'float' }],
    [decimal(9, 2), decimal(10, 3)],
    [decimal(9, 2), decimal(8, 2)],
    [{ kind: 'date' }, { kind: 'timestamp' }],
    [{ kind: 'int' }, { kind: 'string' }],
  ];
  for (const [from, to] of allowed) equal(isWidening(from, to), true);
  for (const [from, to] of refused) equal(isWidening(from, to), false);
  const ints = { ...schema, fields: [field(1, 'id', { kind: 'int' })] };
  const wide = widenColumn(ints, { name: 'id', type: { kind: 'long' } });
  deepEqual(wide.fields, [field(1, 'id', { kind: 'long' })]);
  for (const name of ['id', 'none']) {
    throws(
      () => widenColumn(ints, { name, type: { kind: 'string' } }),
      isFirnErrorOf('ICEBERG-SCHEMA-CHANGE-REFUSED'),
    );
  }
});

function isFirnErrorOf(code: Parameters<typeof isFirnError>[1]): (error: unknown) => boolean {
  return (error) => isFirnError(error, code);
}

function isInvalidBecause(rule: string): (error: unknown) => boolean {
  return (error) => isFirnError(error, 'ICEBERG-SCHEMA-INVALID') && error.message.includes(rule);
}
