/** Whatever the value and the cut, a bound never excludes it, and bytes come back as the value. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { PrimitiveType } from './iceberg-type.ts';
import {
  decimalFromBytes,
  decimalToBytes,
  decodeBound,
  encodeLowerBound,
  encodeSingleValue,
  encodeUpperBound,
  valueOrder,
} from './single-value.ts';
import type { PresentValue } from './single-value.ts';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const unicode = fc.string({ unit: 'binary', maxLength: 12 });
// Few letters, among them the ends of the code point ranges, so that cuts hit them.
const edges = fc.string({
  unit: fc.constantFrom('a', '\u{D7FF}', '\u{E000}', '\u{FFFF}', '\u{10000}', '\u{10FFFF}'),
  maxLength: 8,
});
const bytes = fc
  .array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff), { maxLength: 8 })
  .map((list) => Uint8Array.from(list));

const typedValue: fc.Arbitrary<readonly [PrimitiveType, PresentValue]> = fc.oneof(
  fc.tuple(fc.constant({ kind: 'int' } as const), fc.integer()),
  fc.tuple(fc.constant({ kind: 'long' } as const), int64),
  fc.tuple(fc.constant({ kind: 'double' } as const), fc.double()),
  fc.tuple(fc.constant({ kind: 'float' } as const), fc.float()),
  fc.tuple(fc.constant({ kind: 'timestamptz' } as const), int64),
  fc.tuple(
    fc.constant({ kind: 'decimal', precision: 38, scale: 3 } as const),
    fc.bigInt({ min: 1n - 10n ** 38n, max: 10n ** 38n - 1n }),
  ),
  fc.tuple(fc.constant({ kind: 'string' } as const), fc.oneof(unicode, edges)),
  fc.tuple(fc.constant({ kind: 'binary' } as const), bytes),
  fc.tuple(fc.constant({ kind: 'boolean' } as const), fc.boolean()),
);

// spec: V3
test('the bytes of a value give the value', () => {
  fc.assert(
    fc.property(typedValue, ([type, value]) => {
      const expected = Number.isNaN(value) ? null : value;
      deepEqual(decodeBound(type, encodeSingleValue(type, value)), expected);
    }),
    { numRuns: 500 },
  );
});

test('bounds enclose their value and are no longer than asked', () => {
  const lengths = fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 5 }));
  fc.assert(
    fc.property(typedValue, lengths, ([type, value], lengthMax) => {
      const order = valueOrder(type);
      const lower = encodeLowerBound({ type, value, lengthMax });
      const upper = encodeUpperBound({ type, value, lengthMax });
      equal(lower === null, Number.isNaN(value));
      for (const [side, encoded] of [
        [-1, lower],
        [1, upper],
      ] as const) {
        const bound = encoded === null ? null : decodeBound(type, encoded);
        if (bound === null) continue;
        ok(order(bound, value) * side >= 0);
        if (lengthMax === null) ok(order(bound, value) === 0 || value === 0);
        else if (typeof bound === 'string') ok(Array.from(bound).length <= lengthMax);
        else if (bound instanceof Uint8Array) ok(bound.length <= lengthMax);
      }
    }),
    { numRuns: 1000 },
  );
});

test('text is ordered as its UTF-8 bytes', () => {
  const order = valueOrder({ kind: 'string' });
  const either = fc.oneof(unicode, edges);
  fc.assert(
    fc.property(either, either, (left, right) => {
      const byBytes = Buffer.compare(Buffer.from(left), Buffer.from(right));
      equal(Math.sign(order(left, right)), byBytes);
    }),
    { numRuns: 500 },
  );
});

test('decimals take the fewest bytes', () => {
  const unscaled = fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n });
  fc.assert(
    fc.property(unscaled, fc.integer({ min: 0, max: 126 }), (wide, shift) => {
      const value = wide >> BigInt(shift);
      const encoded = decimalToBytes(value);
      equal(decimalFromBytes(encoded), value);
      const shorter = (encoded.length - 1) * 8;
      ok(encoded.length === 1 || BigInt.asIntN(shorter, value) !== value);
    }),
  );
});
