/** Answers in the text protocol: cut anywhere, broken anywhere, they never look whole. */
import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isFirnError } from '../../../kernel/firn-error.ts';
import { ColumnBuilder } from '../../../model/column-builder.ts';
import type { ColumnVector } from '../../../model/column-vector.ts';
import { isValid } from '../../../model/column-vector.ts';
import { RowDecoder } from './row-decoder.ts';
import type { DecodedColumn } from './row-decoder.ts';

type Row = readonly (string | null)[];

const EOF = Buffer.from([0xfe, 0, 0, 2, 0]);

/** Packets with running numbers; a body of 16 MiB and more goes on in the next packet. */
function packets(bodies: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  let sequence = 1;
  for (const body of bodies) {
    for (let at = 0; ; at += 0xff_ff_ff) {
      const part = body.subarray(at, at + 0xff_ff_ff);
      const head = Buffer.alloc(4);
      head.writeUIntLE(part.length, 0, 3);
      head[3] = sequence++ & 0xff;
      parts.push(head, part);
      if (part.length < 0xff_ff_ff) break;
    }
  }
  return Buffer.concat(parts);
}

function value(text: string | null): Buffer {
  if (text === null) return Buffer.from([0xfb]);
  const bytes = Buffer.from(text);
  const { length } = bytes;
  if (length < 251) return Buffer.concat([Buffer.from([length]), bytes]);
  const head = Buffer.alloc(length < 2 ** 16 ? 3 : length < 2 ** 24 ? 4 : 9);
  head[0] = head.length === 3 ? 0xfc : head.length === 4 ? 0xfd : 0xfe;
  head.writeUIntLE(length, 1, Math.min(6, head.length - 1));
  return Buffer.concat([head, bytes]);
}

function answer(rows: readonly Row[]): Buffer {
  const body = rows.map((row) => Buffer.concat(row.map(value)));
  const definitions = [Buffer.from('first'), Buffer.from('second')];
  return packets([Buffer.from([2]), ...definitions, EOF, ...body, EOF]);
}

function decoderOf(
  rowsMax = 1000,
  rowBytesMax = 2 ** 30,
): {
  readonly decoder: RowDecoder;
  readonly columns: readonly DecodedColumn[];
} {
  const columns = [1, 2].map((): DecodedColumn => {
    const builder = new ColumnBuilder({ kind: 'string' });
    return { builder, read: (bytes, _view, at, end, to) => to.appendRun(bytes, at, end) };
  });
  const limits = { rowsMax, bytesMax: 2 ** 30, rowBytesMax };
  return { decoder: new RowDecoder(columns, { limits, where: 'test' }), columns };
}

function textAt(vector: ColumnVector | undefined, row: number): string | null {
  if (vector?.kind !== 'bytes' || !isValid(vector, row)) return null;
  return Buffer.from(vector.data.subarray(vector.offsets[row], vector.offsets[row + 1])).toString();
}

/** All rows of an answer that comes in these pieces; `null` when it is not whole. */
function decode(pieces: readonly Uint8Array[], rowsMax?: number): Row[] | null {
  const { decoder, columns } = decoderOf(rowsMax);
  const rows: Row[] = [];
  const waiting = [...pieces];
  for (;;) {
    const stop = decoder.decode();
    const { rowCount } = decoder;
    ok(rowCount <= (rowsMax ?? 1000));
    if (stop !== 'drained') {
      const vectors = columns.map(({ builder }) => builder.finish());
      for (let row = 0; row < rowCount; row++) rows.push(vectors.map((one) => textAt(one, row)));
      decoder.rowsTaken();
    }
    if (stop === 'end') return waiting.length === 0 ? rows : null;
    if (stop === 'full') continue;
    const next = waiting.shift();
    if (next === undefined) return null;
    decoder.feed(next);
  }
}

const ROWS: readonly Row[] = [
  ['1', null],
  ['', 'x'.repeat(250)],
  [null, null],
  ['y'.repeat(251), 'z'.repeat(70_000)],
  ['\u{1f600}', 'end'],
];

test('rows are the same wherever the bytes are cut, and in batches of any size', () => {
  const bytes = answer(ROWS);
  fc.assert(
    fc.property(
      fc.array(fc.nat(bytes.length - 1), { maxLength: 30 }),
      fc.integer({ min: 1, max: 6 }),
      (cuts, rowsMax) => {
        const places = [0, ...cuts.toSorted((left, right) => left - right), bytes.length];
        const pieces = places.slice(1).map((to, index) => bytes.subarray(places[index], to));
        deepEqual(decode(pieces, rowsMax), ROWS);
      },
    ),
  );
  const small = answer(ROWS.slice(0, 3));
  deepEqual(decode([...small].map((byte) => Uint8Array.of(byte))), ROWS.slice(0, 3));
});

test('an answer cut at any byte is not whole', () => {
  const bytes = answer(ROWS.slice(0, 3));
  for (let length = 0; length < bytes.length; length++) {
    equal(decode([bytes.subarray(0, length)]), null, String(length));
  }
  deepEqual(decode([bytes]), ROWS.slice(0, 3));
  deepEqual(decode([answer([])]), []);
});

test('a row of several packets comes whole, and one above the limit is refused', () => {
  for (const length of [0xff_ff_ff - 9, 0xff_ff_ff - 10, 0xff_ff_ff, 2 * 0xff_ff_ff + 5]) {
    const [row] = decode([answer([['a', 'b'.repeat(length)]])]) ?? [];
    equal(row?.[0], 'a');
    equal(row?.[1]?.length, length);
  }
  const { decoder } = decoderOf(1, 2 ** 24);
  decoder.feed(answer([['a', 'b'.repeat(2 ** 25)]]));
  throws(
    () => decoder.decode(),
    (error) => isFirnError(error, 'SOURCE-ANSWER-MALFORMED'),
  );
});

test('what the server says in the middle is an error with its words', () => {
  const refusal = Buffer.concat([Buffer.from([0xff, 0x25, 0x05]), Buffer.from('#70100cut off')]);
  const rows = ROWS.slice(0, 2).map((row) => Buffer.concat(row.map(value)));
  const names = [Buffer.from('first'), Buffer.from('second')];
  for (const before of [[], [Buffer.from([2]), ...names, EOF, ...rows]]) {
    const { decoder } = decoderOf();
    decoder.feed(packets([...before, refusal]));
    throws(
      () => decoder.decode(),
      (error) => isFirnError(error, 'SOURCE-TIMEOUT') && /cut off/.test(error.message),
    );
  }
});

test('a server that asks for a file, skips a packet or adds an answer is refused', () => {
  const whole = answer(ROWS.slice(0, 1));
  const skipped = Buffer.from(whole);
  skipped[3] = 2;
  const second = Buffer.from(whole);
  second[second.length - 2] = 8;
  const three = packets([Buffer.from([3])]);
  const file = packets([Buffer.from([0xfb, 0x2f, 0x65])]);
  const early = packets([Buffer.from([2]), Buffer.from('first'), EOF]);
  const longer = Buffer.concat([whole, Buffer.from([1])]);
  for (const bytes of [skipped, second, three, file, early, longer]) {
    const { decoder } = decoderOf();
    decoder.feed(bytes);
    throws(
      () => decoder.decode(),
      (error) => isFirnError(error, 'SOURCE-ANSWER-MALFORMED'),
    );
  }
});

test('flipped bytes end in rows or a coded error, never in another one', () => {
  const bytes = answer(ROWS);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      (flips) => {
        const broken = Buffer.from(bytes);
        for (const [at, byte] of flips) broken[at] = byte;
        try {
          decode([broken]);
        } catch (error) {
          ok(isFirnError(error), String(error));
        }
      },
    ),
    { numRuns: 300 },
  );
});
