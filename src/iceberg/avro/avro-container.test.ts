/** Our Avro against the avsc library, in both directions, and against hostile files. */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import avsc from 'avsc';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
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

test('an integer of more than 64 bits is refused', () => {
  const one = recordOf('r', { long: required(1, 'long', longCodec) });
  const file = (last: number): Uint8Array =>
    forged(one.schema, (output) => {
      output.writeFixed(new Uint8Array(9).fill(0x80));
      output.writeFixed(Uint8Array.of(last));
    });
  deepEqual(openAvroFile(file(1), 'x').readItems(one), [{ long: 2n ** 62n }]);
  throws(() => openAvroFile(file(2), 'x').readItems(one), hasCode('ICEBERG-AVRO-INVALID'));
});

test('blocks of arrays may carry their size', () => {
  const list = recordOf('r', { list: required(1, 'list', listOf(intCodec, 2)) });
  const file = forged(list.schema, (output) => {
    output.writeInt(-2);
    output.writeInt(2);
    output.writeInt(1);
    output.writeInt(2);
    output.writeInt(1);
    output.writeInt(3);
    output.writeInt(0);
  });
  deepEqual(openAvroFile(file, 'x').readItems(list), [{ list: [1, 2, 3] }]);
  deepEqual(openAvroFile(file, 'x').readItems(recordOf('r', {})), [{}]);
});

test('a value outside its type is never read as another', async () => {
  const narrow = recordOf('r', { n: required(1, 'n', intCodec) });
  const fields = [{ name: 'n', type: 'long', 'field-id': 1 }];
  const file = await avscFile({ type: 'record', name: 'r', fields }, [{ n: 2 ** 31 }], 'null');
  throws(() => openAvroFile(file, 'x').readItems(narrow), hasCode('ICEBERG-AVRO-INVALID'));
});

test('a file whose fields cannot be what they must be is refused', () => {
  const wanted = recordOf('r', { a: required(1, 'a', longCodec) });
  const schemaOf = (type: unknown, id = 1): unknown => ({
    type: 'record',
    name: 'r',
    fields: [{ name: 'a', type, 'field-id': id }],
  });
  for (const schema of [schemaOf('string'), schemaOf('long', 2), 'long']) {
    const file = forged(schema, (output) => output.writeInt(2));
    throws(() => openAvroFile(file, 'x').readItems(wanted), hasCode('ICEBERG-AVRO-INVALID'));
  }
  const nulled = forged(schemaOf(['null', 'long']), (output) => output.writeInt(0));
  throws(() => openAvroFile(nulled, 'x').readItems(wanted), hasCode('ICEBERG-AVRO-INVALID'));
});

test('forged lengths and counts are refused before memory is taken', () => {
  const one = recordOf('r', {
    text: optional(1, 'text', textCodec),
    list: optional(2, 'list', listOf(intCodec, 3)),
  });
  const forgeries: readonly ((output: AvroOutput) => void)[] = [
    (output) => write(output, [1, 2 ** 31 - 1]),
    (output) => write(output, [1, -1]),
    (output) => write(output, [0, 1, 2 ** 31 - 1]),
    (output) => write(output, [0, 1, -(2 ** 31), 1]),
    (output) => write(output, [0, 1, -1, 2 ** 31 - 1]),
    (output) => write(output, [2]),
    (output) => write(output, [-1]),
    (output) => output.writeFixed(new Uint8Array(11).fill(0xff)),
    (output) => write(output, [1, 1, 0xc3 - 256]),
    (output) => write(output, [0, 0, 0]),
    (output) => write(output, [0]),
  ];
  for (const [index, forgery] of forgeries.entries()) {
    const file = forged(one.schema, forgery);
    const message = `forgery ${index}`;
    throws(() => openAvroFile(file, 'x').readItems(one), hasCode('ICEBERG-AVRO-INVALID'), message);
  }
  const manyItems = forged(one.schema, (output) => write(output, [0, 0]), { count: 2 ** 31 - 1 });
  throws(() => openAvroFile(manyItems, 'x').readItems(one), hasCode('ICEBERG-AVRO-INVALID'));
});

test('elements of one file are counted, so that small files cannot ask for large memory', () => {
  const list = recordOf('r', { list: required(1, 'list', listOf(booleanCodec, 2)) });
  const file = forged(list.schema, (output) => {
    const count = 9 * 1024 * 1024;
    for (let block = 0; block < 2; block++) {
      output.writeInt(count);
      output.writeFixed(new Uint8Array(count));
    }
    output.writeInt(0);
  });
  const skipAll = recordOf('r', {});
  throws(() => openAvroFile(file, 'x').readItems(skipAll), hasCode('ICEBERG-AVRO-TOO-LARGE'));
});

test('what a file inflates to is capped over all its blocks', () => {
  const schema = { type: 'record', name: 'r', fields: [{ name: 'b', type: 'bytes' }] };
  const length = 64 * 1024 * 1024;
  const output = new AvroOutput();
  output.writeBytes(new Uint8Array(length));
  const body = deflateRawSync(output.take(), { level: 1 });
  const header = forgedHeader(schema, 'deflate');
  const parts: Uint8Array[] = [header];
  for (let block = 0; block < 5; block++) {
    output.writeInt(1);
    output.writeBytes(body);
    output.writeFixed(SYNC);
    parts.push(output.take());
  }
  const reads = (): unknown => openAvroFile(Buffer.concat(parts), 'x').readItems(recordOf('r', {}));
  throws(reads, hasCode('ICEBERG-AVRO-TOO-LARGE'));
});

test('a header that is damaged, odd or of a codec Firn does not read is refused', () => {
  const sound = encodeAvroFile({ codec, metadata: {}, compression: 'null', items: rows });
  throws(() => openAvroFile(new Uint8Array(), 'x'), hasCode('ICEBERG-AVRO-INVALID'));
  throws(() => openAvroFile(sound.subarray(1), 'x'), hasCode('ICEBERG-AVRO-INVALID'));
  for (const name of ['zstandard', 'snappy', 'bzip2', 'xz', 'lzma']) {
    throws(
      () => openAvroFile(forgedHeader('int', name), 'x'),
      (error) =>
        isFirnError(error, 'ICEBERG-AVRO-CODEC-UNSUPPORTED') && error.message.includes(name),
    );
  }
  const sync = Buffer.from(sound);
  sync[sync.length - 1] = (sync.at(-1) ?? 0) ^ 1;
  throws(() => read(sync), hasCode('ICEBERG-AVRO-INVALID'));
});

test('a hostile schema is refused: recursive, nested, swollen or empty', () => {
  const self = { type: 'record', name: 'r', fields: [{ name: 'a', type: ['null', 'r'] }] };
  const swollen = Array.from({ length: 20 }, (_, level) => ({
    name: `f${level}`,
    type: {
      type: 'record',
      name: `r${level}`,
      fields: Array.from({ length: 10 }, (_unused, index) => ({
        name: `g${index}`,
        type: level > 0 ? `r${level - 1}` : index === 0 ? 'int' : 'null',
      })),
    },
  }));
  const hostile: readonly unknown[] = [
    self,
    { type: 'record', name: 'big', fields: swollen },
    { type: 'record', name: 'nothing', fields: [{ name: 'n', type: 'null' }] },
    { type: 'array', items: 'null' },
    'missing',
    [],
    null,
    { type: 'record', name: 'r' },
    { type: 'record', fields: [] },
    { type: 'fixed', name: 'f', size: -1 },
    { type: 'fixed', name: 'f', size: 1.5 },
  ];
  for (const schema of hostile) {
    throws(() => openAvroFile(forgedHeader(schema, 'null'), 'x'), hasCode('ICEBERG-AVRO-INVALID'));
  }
  const open = '{"type":"array","items":';
  for (const text of ['{', `${open.repeat(70)}"int"${'}'.repeat(70)}`, open.repeat(100_000)]) {
    const file = forgedHeader(null, 'null', () => text);
    throws(() => openAvroFile(file, 'x'), hasCode('ICEBERG-AVRO-INVALID'));
  }
});

const SYNC = new Uint8Array(16).fill(7);

function forgedHeader(
  schema: unknown,
  compression: string,
  change: (text: string) => string = (text) => text,
): Uint8Array {
  const output = new AvroOutput();
  output.writeFixed(Buffer.from('Obj\x01', 'latin1'));
  output.writeInt(2);
  output.writeText('avro.schema');
  output.writeText(change(JSON.stringify(schema)));
  output.writeText('avro.codec');
  output.writeText(compression);
  output.writeInt(0);
  output.writeFixed(SYNC);
  return output.take();
}

/** A file with one block, whose bytes are whatever `body` writes. */
function forged(
  schema: unknown,
  body: (output: AvroOutput) => void,
  block: { readonly count: number } = { count: 1 },
): Uint8Array {
  const output = new AvroOutput();
  body(output);
  const bytes = output.take();
  output.writeInt(block.count);
  output.writeBytes(bytes);
  output.writeFixed(SYNC);
  return Buffer.concat([forgedHeader(schema, 'null'), output.take()]);
}

function write(output: AvroOutput, ints: readonly number[]): void {
  for (const int of ints) output.writeInt(int);
}

function hasCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => isFirnError(error, code);
}
