/** Avro files that are damaged, forged or odd: refused by code, in bounded time and memory. */
import { deepEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import {
  booleanCodec,
  intCodec,
  listOf,
  longCodec,
  optional,
  recordOf,
  required,
  textCodec,
} from './avro-codec.ts';
import { encodeAvroFile, openAvroFile } from './avro-container.ts';
import { AvroOutput } from './avro-output.ts';

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

test('a value outside its type is never read as another', () => {
  const long = recordOf('r', { n: required(1, 'n', longCodec) });
  const int = recordOf('r', { n: required(1, 'n', intCodec) });
  const fileOf = (n: bigint): Uint8Array =>
    encodeAvroFile({ codec: long, metadata: {}, compression: 'null', items: [{ n }] });
  deepEqual(openAvroFile(fileOf(2n ** 31n - 1n), 'x').readItems(int), [{ n: 2 ** 31 - 1 }]);
  for (const n of [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n]) {
    throws(() => openAvroFile(fileOf(n), 'x').readItems(int), hasCode('ICEBERG-AVRO-INVALID'));
  }
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
  const codec = recordOf('r', { n: required(1, 'n', intCodec) });
  const sound = encodeAvroFile({
    codec,
    metadata: {},
    compression: 'null',
    items: [{ n: 5 }],
  });
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
  throws(() => openAvroFile(sync, 'x').readItems(codec), hasCode('ICEBERG-AVRO-INVALID'));
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
