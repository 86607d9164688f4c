/** Partition tuples in Avro: every type, legal names, widened columns. */
import { deepEqual, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import { isFirnError } from '../../kernel/firn-error.ts';
import { stringifyJson } from '../../kernel/lossless-json.ts';
import type { PrimitiveType, StructType } from '../iceberg-type.ts';
import type { IcebergValue } from '../single-value.ts';
import { encodeAvroFile, openAvroFile } from './avro-container.ts';
import { partitionCodec } from './partition-codec.ts';

type Case = readonly [name: string, type: PrimitiveType, value: IcebergValue];

function structOf(cases: readonly Case[]): StructType {
  const fields = cases.map(([name, type], index) => ({
    id: 1000 + index,
    name,
    required: false,
    type,
  }));
  return { kind: 'struct', fields };
}

function encode(type: StructType, tuple: readonly IcebergValue[]): Uint8Array {
  const codec = partitionCodec(type);
  return encodeAvroFile({ codec, metadata: {}, compression: 'null', items: [tuple] });
}

function decode(type: StructType, bytes: Uint8Array): readonly IcebergValue[] | undefined {
  return openAvroFile(bytes, 'x').readItems(partitionCodec(type))[0];
}

const everyType: readonly Case[] = [
  ['bool', { kind: 'boolean' }, true],
  ['int-1', { kind: 'int' }, -5],
  ['1long', { kind: 'long' }, 2n ** 62n],
  ['f', { kind: 'float' }, 1.5],
  ['d', { kind: 'double' }, -0],
  ['dec', { kind: 'decimal', precision: 9, scale: 2 }, -1420n],
  ['dec38', { kind: 'decimal', precision: 38, scale: 0 }, 10n ** 38n - 1n],
  ['date', { kind: 'date' }, -1],
  ['time', { kind: 'time' }, 5n],
  ['ts', { kind: 'timestamp' }, -5n],
  ['tstz', { kind: 'timestamptz' }, 5n],
  ['tsns', { kind: 'timestamp_ns' }, 5n],
  ['tstzns', { kind: 'timestamptz_ns' }, 5n],
  ['a b', { kind: 'string' }, 'é'],
  ['a_x20b', { kind: 'string' }, null],
  ['uuid', { kind: 'uuid' }, new Uint8Array(16).fill(9)],
  ['fixed', { kind: 'fixed', lengthBytes: 3 }, Uint8Array.of(1, 2, 3)],
  ['bin', { kind: 'binary' }, Uint8Array.of(0)],
  ['日', { kind: 'uuid' }, null],
];
test('values of every type come back, nulls too', () => {
  const type = structOf(everyType);
  const tuple = everyType.map(([, , value]) => value);
  deepEqual(decode(type, encode(type, tuple)), tuple);
  const nulls = tuple.map(() => null);
  deepEqual(decode(type, encode(type, nulls)), nulls);
});

test('names are made fit for Avro, each once', () => {
  const text = stringifyJson(partitionCodec(structOf(everyType)).schema);
  // avsc refuses a schema with illegal or repeated names.
  ok(avsc.Type.forSchema(JSON.parse(text) as avsc.Schema, { wrapUnions: true }));
  for (const name of ['"int_x2D1"', '"_1long"', '"a_x20b"', '"a_x20b_1014"', '"_x65E5"']) {
    ok(text.includes(name), name);
  }
});

test('fields are found by id: reordered, missing and added ones', () => {
  const [first, second, third] = [
    everyType.slice(1, 2),
    everyType.slice(2, 3),
    everyType.slice(13, 14),
  ];
  const written = structOf([...first, ...second]);
  const wanted: StructType = {
    kind: 'struct',
    fields: [
      ...structOf(third).fields.map((field) => ({ ...field, id: 1009 })),
      ...written.fields.toReversed(),
    ],
  };
  deepEqual(decode(wanted, encode(written, [-5, 7n])), [null, 7n, -5]);
  deepEqual(decode(structOf([]), encode(written, [-5, 7n])), []);
});

test('values written before a widening are read as the wider type', () => {
  const decimal = (precision: number): PrimitiveType => ({ kind: 'decimal', precision, scale: 2 });
  const cases: readonly (readonly [PrimitiveType, IcebergValue, PrimitiveType, IcebergValue])[] = [
    [{ kind: 'int' }, -5, { kind: 'long' }, -5n],
    [{ kind: 'float' }, 1.5, { kind: 'double' }, 1.5],
    [decimal(4), -1420n, decimal(30), -1420n],
    [{ kind: 'binary' }, Uint8Array.of(0xfe), decimal(4), -2n],
    // A day may be written as date or int.
    [{ kind: 'int' }, 17486, { kind: 'date' }, 17486],
  ];
  for (const [before, value, after, expected] of cases) {
    const bytes = encode(structOf([['x', before, null]]), [value]);
    deepEqual(decode(structOf([['x', after, null]]), bytes), [expected]);
  }
});

test('a value whose column is gone is kept as it was written, and never written again', () => {
  const unknown = structOf([['x', { kind: 'unknown' }, null]]);
  for (const [name, type, value] of everyType) {
    const bytes = encode(structOf([['x', type, null]]), [value]);
    const [kept] = decode(unknown, bytes) ?? [];
    if (type.kind === 'decimal') ok(kept instanceof Uint8Array, name);
    else deepEqual(kept, value, name);
  }
  const beside = structOf([
    ['x', { kind: 'unknown' }, null],
    ['y', { kind: 'int' }, null],
  ]);
  deepEqual(decode(beside, encode(beside, [null, 1])), [null, 1]);
  throws(
    () => encode(unknown, ['lost']),
    (error) => isFirnError(error, 'ICEBERG-SPEC-INVALID'),
  );
});

test('bytes that are no such value are refused', () => {
  const bytes = (length: number): Uint8Array =>
    encode(structOf([['x', { kind: 'binary' }, null]]), [new Uint8Array(length)]);
  const decimal = structOf([['x', { kind: 'decimal', precision: 9, scale: 2 }, null]]);
  const uuid = structOf([['x', { kind: 'uuid' }, null]]);
  const fixed = encode(structOf([['x', { kind: 'fixed', lengthBytes: 15 }, null]]), [
    new Uint8Array(15),
  ]);
  for (const read of [
    () => decode(decimal, bytes(0)),
    () => decode(decimal, bytes(17)),
    () => decode(uuid, fixed),
    () => decode(uuid, bytes(16)),
  ]) {
    throws(read, (error) => isFirnError(error, 'ICEBERG-AVRO-INVALID'));
  }
});
