/** A builder gives back what went in, whatever was taken back and finished in between. */
import { deepEqual, equal } from 'node:assert/strict';
import { isAscii } from 'node:buffer';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ColumnBuilder } from './column-builder.ts';
import type { ColumnType } from './column-type.ts';
import { isValid } from './column-vector.ts';
import type { ColumnVector } from './column-vector.ts';

/** A kind of column, values for it, and how one goes in. */
interface Kind {
  readonly type: ColumnType;
  readonly values: fc.Arbitrary<number | bigint | string>;
  readonly append: (builder: ColumnBuilder, value: number | bigint | string) => void;
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const appendNumber: Kind['append'] = (builder, value) => builder.appendNumber(value as number);
const appendBigInt: Kind['append'] = (builder, value) => builder.appendBigInt(value as bigint);
const appendHalves: Kind['append'] = (builder, value) => {
  const bits = value as bigint;
  builder.appendHalves(Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)));
};
const appendSafeInteger: Kind['append'] = (builder, value) =>
  builder.appendSafeInteger(Number(value));
const safe = fc.bigInt({ min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n });
const decimal: ColumnType = { kind: 'decimal', precision: 38, scale: 0 };

const KINDS: readonly Kind[] = [
  { type: { kind: 'boolean' }, values: fc.nat(1), append: appendNumber },
  { type: { kind: 'int' }, values: int32, append: appendNumber },
  { type: { kind: 'double' }, values: fc.double({ noNaN: true }), append: appendNumber },
  { type: { kind: 'float' }, values: fc.float({ noNaN: true }), append: appendNumber },
  { type: { kind: 'long' }, values: int64, append: appendBigInt },
  { type: { kind: 'long' }, values: int64, append: appendHalves },
  { type: { kind: 'timestamp' }, values: safe, append: appendSafeInteger },
  {
    type: decimal,
    values: fc.bigInt({ min: -(2n ** 126n), max: 2n ** 126n }),
    append: appendBigInt,
  },
  { type: decimal, values: int64, append: appendHalves },
  { type: decimal, values: safe, append: appendSafeInteger },
  {
    type: decimal,
    values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    append(builder, value) {
      const bits = value as bigint;
      builder.appendUnsignedHalves(
        Number(BigInt.asIntN(32, bits)),
        Number(BigInt.asIntN(32, bits >> 32n)),
      );
    },
  },
  {
    type: { kind: 'string' },
    values: fc.string({ unit: 'grapheme', maxLength: 60 }),
    append: (builder, value) => builder.appendString(value as string),
  },
  {
    type: { kind: 'binary' },
    values: fc.string({ unit: 'grapheme', maxLength: 60 }),
    append(builder, value) {
      const bytes = Buffer.from(`<${value}>`);
      builder.appendRun(bytes, 1, bytes.length - 1);
    },
  },
  {
    type: { kind: 'string' },
    values: fc.string({ unit: 'grapheme', maxLength: 60 }),
    append(builder, value) {
      const bytes = Buffer.from(`<${value}>`);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const seen = builder.appendWords(bytes, view, 1, bytes.length - 1);
      equal(seen < 0x80, isAscii(bytes));
    },
  },
];

function valueAt(vector: ColumnVector, row: number): number | bigint | string | null {
  if (!isValid(vector, row)) return null;
  if (vector.kind === 'int128') {
    const low = BigInt.asUintN(64, vector.values[2 * row] ?? 0n);
    return ((vector.values[2 * row + 1] ?? 0n) << 64n) | low;
  }
  if (vector.kind !== 'bytes') return vector.values[row] ?? 0;
  const run = vector.data.subarray(vector.offsets[row], vector.offsets[row + 1]);
  return Buffer.from(run).toString();
}

for (const [index, kind] of KINDS.entries()) {
  test(`kind ${index}, ${kind.type.kind}: appended, taken back, finished`, () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.array(fc.option(kind.values, { freq: 6 }), { maxLength: 300 }) },
      { weight: 2, arbitrary: fc.record({ keep: fc.nat(400) }) },
      { weight: 1, arbitrary: fc.constant('finish' as const) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const builder = new ColumnBuilder(kind.type);
        let rows: (number | bigint | string | null)[] = [];
        const check = (): void => {
          const vector = builder.finish();
          deepEqual(
            rows.map((_, row) => valueAt(vector, row)),
            rows,
          );
          rows = [];
        };
        for (const step of steps) {
          if (step === 'finish') check();
          else if ('keep' in step) {
            builder.truncate(step.keep);
            rows = rows.slice(0, step.keep);
          } else {
            for (const value of step) {
              if (value === null) builder.appendNull();
              else kind.append(builder, value);
              rows.push(value);
            }
          }
        }
        check();
      }),
      { numRuns: 60 },
    );
  });
}

test('a value for many rows is that value in each', () => {
  const runs = fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.nat(300)), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(runs, (values) => {
      const builder = new ColumnBuilder({ kind: 'string' });
      for (const [value, count] of values) {
        builder.appendNull();
        builder.appendRepeated(Buffer.from(value), count);
      }
      const expected = values.flatMap(([value, count]) => [
        null,
        ...Array.from({ length: count }, () => value),
      ]);
      const vector = builder.finish();
      deepEqual(
        expected.map((_, row) => valueAt(vector, row)),
        expected,
      );
    }),
  );
});

test('a long value for no row at all is no row', () => {
  const builder = new ColumnBuilder({ kind: 'string' });
  builder.appendRepeated(Buffer.alloc(1_000_000), 0);
  equal(builder.rowCount, 0);
});
