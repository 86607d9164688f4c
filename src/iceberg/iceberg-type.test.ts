/** Types and their JSON form. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import { formatType, nestedFieldToJson, sameType, structFieldsFromJson } from './iceberg-type.ts';
import type { IcebergType } from './iceberg-type.ts';

function typeFromJson(type: JsonValue, where: string): IcebergType {
  const [field] = structFieldsFromJson([{ id: 0, name: 'x', required: true, type }], where);
  return field?.type ?? { kind: 'unknown' };
}

function typeToJson(type: IcebergType): JsonValue | undefined {
  return nestedFieldToJson({ id: 0, name: 'x', required: true, type })['type'];
}

const nested: JsonValue = {
  type: 'struct',
  fields: [
    { id: 1, name: 'a', required: true, type: 'decimal(9, 2)', doc: 'price' },
    {
      id: 2,
      name: 'b',
      required: false,
      type: { type: 'list', 'element-id': 3, 'element-required': true, element: 'fixed[16]' },
      'initial-default': ['00'],
    },
    {
      id: 4,
      name: 'c',
      required: false,
      type: {
        type: 'map',
        'key-id': 5,
        key: 'string',
        'value-id': 6,
        'value-required': false,
        value: 'timestamptz_ns',
      },
      'write-default': { keys: [], values: [9007199254740993n] },
    },
  ],
};

test('a type survives its JSON form, ids, docs and defaults included', () => {
  deepEqual(typeToJson(typeFromJson(nested, 'x')), nested);
});

test('every primitive type is known by its name, blanks allowed', () => {
  const names = 'unknown boolean int long float double date time timestamp timestamptz';
  for (const name of [...names.split(' '), 'timestamp_ns', 'string', 'uuid', 'binary']) {
    equal(typeToJson(typeFromJson(name, 'x')), name);
  }
  equal(typeToJson(typeFromJson('decimal(38,0)', 'x')), 'decimal(38, 0)');
  equal(typeToJson(typeFromJson('decimal( 9 , 2 )', 'x')), 'decimal(9, 2)');
  equal(
    formatType(typeFromJson(nested, 'x')).startsWith('struct<a: decimal(9, 2), b: list<'),
    true,
  );
});

test('a type Firn does not know is refused by name', () => {
  for (const name of ['variant', 'geometry(srid:4326)', 'decimal(9)', 'fixed[x]', 'Int']) {
    throws(
      () => typeFromJson(name, 'schema 1'),
      (error) => isFirnError(error, 'ICEBERG-TYPE-UNSUPPORTED') && error.message.includes(name),
    );
  }
});

test('a damaged type names its place and never overflows the stack', () => {
  const cases: readonly JsonValue[] = [null, 5, [], {}, { type: 'list', 'element-id': 1.5 }];
  for (const json of cases) {
    throws(() => typeFromJson(json, 'x'), isInvalidJson);
  }
  let deep: JsonValue = 'int';
  for (let level = 0; level < 20_000; level++) {
    deep = { type: 'list', 'element-id': level, 'element-required': true, element: deep };
  }
  throws(() => typeFromJson(deep, 'x'), isInvalidJson);
});

test('types differ by what is inside them', () => {
  const left = typeFromJson(nested, 'x');
  equal(sameType(left, typeFromJson(nested, 'y')), true);
  const changes = ['"id":1', '"doc":"price"', '"element-id":3', '9, 2', '"00"', '"value-id":6'];
  const text = JSON.stringify(nested, (_key, value: unknown) =>
    typeof value === 'bigint' ? 7 : value,
  );
  const base = typeFromJson(JSON.parse(text) as JsonValue, 'x');
  for (const change of changes) {
    const other = change.replace(/[0-9](?=[^0-9]*$)|price/, '8');
    const changed = JSON.parse(text.replace(change, other)) as JsonValue;
    equal(sameType(base, typeFromJson(changed, 'x')), false, change);
  }
});

function isInvalidJson(error: unknown): boolean {
  return isFirnError(error, 'ICEBERG-JSON-INVALID');
}
