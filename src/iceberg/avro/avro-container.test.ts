/** Our Avro against the avsc library, in both directions. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import {
  booleanCodec,
  bytesCodec,
  doubleCodec,
  floatCodec,
  intCodec,
  intMapOf,
  listOf,
  longCodec,
  optional,
  recordOf,
  required,
  textCodec,
} from './avro-codec.ts';
import type { CodecValue } from './avro-codec.ts';
import { encodeAvroFile, openAvroFile } from './avro-container.ts';
import { AvroOutput } from './avro-output.ts';

const inner = recordOf('inner', { flag: required(11, 'flag', booleanCodec) });
const codec = recordOf('row', {
  int: required(1, 'int', intCodec),
  long: required(2, 'long', longCodec),
  text: optional(3, 'text', textCodec),
  bytes: optional(4, 'bytes', bytesCodec),
  float: required(5, 'float', floatCodec),
  double: required(6, 'double', doubleCodec),
  list: optional(7, 'list', listOf(longCodec, 8)),
  map: optional(9, 'map', intMapOf(longCodec, { keyId: 20, valueId: 21 })),
  inner: required(10, 'inner', inner),
});
type Row = CodecValue<typeof codec>;

const full: Row = {
  int: -(2 ** 31),
  long: -(2n ** 63n),
  text: '\uFEFFé\u{1F600}',
  bytes: Uint8Array.of(0, 255),
  float: 1.5,
  double: -0,
  list: [0n, 63n, 64n, -64n, -65n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 31n, -(2n ** 32n)],
  map: new Map([
    [1, 5n],
    [-7, -1n],
  ]),
  inner: { flag: true },
};
const bare: Row = {
  ...full,
  int: 2 ** 31 - 1,
  long: 0n,
  text: null,
  bytes: null,
  list: [],
  map: null,
};

/** avsc with 64-bit integers exact. */
const longType = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer(value: bigint) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (left: bigint, right: bigint) => (left < right ? -1 : left > right ? 1 : 0),
});

function avscType(schema: unknown): avsc.Type {
  const options = { wrapUnions: false, registry: { long: longType } };
  return avsc.Type.forSchema(schema as avsc.Schema, options);
}

/** Everything avsc finds in a file, and the schema it found there. */
async function avscRead(bytes: Uint8Array): Promise<{ schema: unknown; items: unknown[] }> {
  let schema: unknown;
  const decoder = new avsc.streams.BlockDecoder({
    parseHook(written: unknown) {
      schema = written;
      return avscType(written);
    },
  });
  decoder.end(bytes);
  const items: unknown[] = [];
  for await (const item of decoder) items.push(item);
  return { schema, items };
}

/** A file of avsc's making; keys of the schema that Avro does not know are kept. */
async function avscFile(
  schema: object,
  items: readonly unknown[],
  compression: string,
): Promise<Uint8Array> {
  const options = { codec: compression, blockSize: 64 };
  const encoder = new avsc.streams.BlockEncoder(schema as avsc.Schema, options);
  for (const item of items) encoder.write(item);
  encoder.end();
  const parts: Buffer[] = [];
  for await (const part of encoder) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const rows = Array.from({ length: 100 }, (_, index) => ({
  ...(index % 2 === 0 ? full : bare),
  int: index,
}));

function read(bytes: Uint8Array): readonly Row[] {
  return openAvroFile(bytes, 'x').readItems(codec);
}

for (const compression of ['null', 'deflate'] as const) {
  test(`avsc reads our ${compression} file, and writes the very bytes back`, async () => {
    const bytes = encodeAvroFile({ codec, metadata: { key: 'välue' }, compression, items: rows });
    const { schema, items } = await avscRead(bytes);
    equal(items.length, rows.length);
    const type = avscType(schema);
    const output = new AvroOutput();
    for (const [index, row] of rows.entries()) {
      codec.write(output, row);
      ok(Buffer.from(output.take()).equals(type.toBuffer(items[index])), `row ${index}`);
    }
    deepEqual(read(bytes), rows);
    equal(openAvroFile(bytes, 'x').metadata.get('key'), 'välue');
  });

  test(`fields of a foreign ${compression} file are found by id, in any order`, async () => {
    const field = (id: number, name: string, type: unknown): object => ({
      name,
      type,
      'field-id': id,
    });
    const fixed = { type: 'fixed', name: 'f', size: 3 };
    const schema = {
      type: 'record',
      name: 'other',
      namespace: 'a.b',
      fields: [
        { name: 'noId', type: ['null', { type: 'map', values: fixed }] },
        field(6, 'd', 'float'),
        field(2, 'l', 'int'),
        field(99, 'extra', {
          type: 'array',
          items: ['int', 'f', { type: 'enum', name: 'e', symbols: ['A'] }],
        }),
        field(10, 'i', {
          type: 'record',
          name: 'i',
          fields: [field(12, 'z', 'double'), field(11, 'f', ['null', 'boolean'])],
        }),
        field(1, 'n', ['null', 'long']),
        field(5, 'fl', 'float'),
        field(4, 'b', 'bytes'),
        field(13, 'again', ['null', 'i']),
      ],
    };
    const foreign = {
      noId: { k: Buffer.from('abc') },
      d: 2.5,
      l: -7,
      extra: [1, Buffer.from('xyz'), 'A'],
      i: { z: 1, f: true },
      n: 5,
      fl: 0.5,
      b: Buffer.from('q'),
      again: { z: 2, f: null },
    };
    const items = Array.from({ length: 20 }, () => foreign);
    const found = read(await avscFile(schema, items, compression));
    equal(found.length, 20);
    deepEqual(found[19], {
      int: 5,
      long: -7n,
      text: null,
      bytes: Uint8Array.of(113),
      float: 0.5,
      double: 2.5,
      list: null,
      map: null,
      inner: { flag: true },
    });
  });
}

test('equal contents give equal bytes; an empty file is a file', () => {
  const make = (items: readonly Row[]): Uint8Array =>
    encodeAvroFile({ codec, metadata: {}, compression: 'deflate', items });
  deepEqual(make(rows), make(rows));
  deepEqual(read(make([])), []);
});

test('a large file is cut into blocks that a reader of streams can hold', () => {
  const bytes = new Uint8Array(100_000);
  const items = Array.from({ length: 8 }, () => ({ ...full, bytes }));
  const file = Buffer.from(encodeAvroFile({ codec, metadata: {}, compression: 'null', items }));
  const sync = file.subarray(-16);
  let blocks = -1;
  for (let at = file.indexOf(sync); at >= 0; at = file.indexOf(sync, at + 1)) blocks++;
  equal(blocks, 3);
  deepEqual(read(file), items);
});
