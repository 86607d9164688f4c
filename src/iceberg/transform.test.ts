/** Transforms against the vectors of the Iceberg specification and a calendar of another make. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isFirnError } from '../kernel/firn-error.ts';
import type { IcebergType } from './iceberg-type.ts';
import { bucketOfHash, hashByteRun, hashInt64, hashInt64Halves } from './murmur3.ts';
import type { IcebergValue } from './single-value.ts';
import {
  acceptsType,
  bindTransform,
  formatTransform,
  parseTransform,
  transformResultType,
} from './transform.ts';

const INT_MAX = 2147483647;

function apply(text: string, type: IcebergType, value: IcebergValue): IcebergValue {
  return bindTransform(parseTransform(text), type)(value);
}

/** The hash that the bucket transform uses, as far as a bucket number shows it: its low 31 bits. */
function bucketHash(type: IcebergType, value: IcebergValue): IcebergValue {
  return apply(`bucket[${INT_MAX}]`, type, value);
}

const uuid = Buffer.from('f79c3e09677c4bbda4793f349cb785e7', 'hex');
const seconds = 1510871468n; // 2017-11-16T22:31:08Z

// spec: M18
test('buckets follow the hash vectors of the specification, appendix B', () => {
  const vectors: readonly [IcebergType, IcebergValue, number][] = [
    [{ kind: 'int' }, 34, 2017239379],
    [{ kind: 'long' }, 34n, 2017239379],
    [{ kind: 'decimal', precision: 9, scale: 2 }, 1420n, -500754589],
    [{ kind: 'date' }, 17486, -653330422],
    [{ kind: 'time' }, 81068000000n, -662762989],
    [{ kind: 'timestamp' }, seconds * 1_000_000n, -2047944441],
    [{ kind: 'timestamp' }, seconds * 1_000_000n + 1n, -1207196810],
    [{ kind: 'timestamptz' }, seconds * 1_000_000n, -2047944441],
    [{ kind: 'timestamp_ns' }, seconds * 1_000_000_000n, -2047944441],
    [{ kind: 'timestamptz_ns' }, seconds * 1_000_000_000n + 1001n, -1207196810],
    [{ kind: 'string' }, 'iceberg', 1210000089],
    [{ kind: 'uuid' }, uuid, 1488055340],
    [{ kind: 'fixed', lengthBytes: 4 }, Uint8Array.of(0, 1, 2, 3), -188683207],
    [{ kind: 'binary' }, Uint8Array.of(0, 1, 2, 3), -188683207],
  ];
  for (const [type, value, hash] of vectors) {
    equal(bucketHash(type, value), (hash & INT_MAX) % INT_MAX, type.kind);
  }
});

test('nanoseconds before 1970 fall into the bucket of their microsecond', () => {
  for (const nanos of [-1n, -999n, -1000n, -1001n]) {
    const micros = nanos >= -1000n ? -1n : -2n;
    equal(bucketHash({ kind: 'timestamp_ns' }, nanos), bucketHash({ kind: 'timestamp' }, micros));
  }
});

test('the primitives of the hash give signed results, also from inside a buffer', () => {
  equal(hashInt64(34n), 2017239379);
  equal(hashInt64Halves(34, 0), 2017239379);
  equal(hashInt64Halves(-1, -1), hashInt64(-1n));
  equal(hashInt64Halves(0xffffffff, 0xffffffff), hashInt64(-1n));
  const inside = Buffer.from('xxicebergxx');
  equal(hashByteRun(inside, 2, 7), 1210000089);
  equal(hashByteRun(inside, 11, 0), 0);
  // The specification's values for types that are hashed but not bucketed.
  equal(hashInt64(1n), 1392991556);
  const one = new DataView(new ArrayBuffer(8));
  one.setFloat64(0, 1);
  equal(hashInt64(one.getBigInt64(0)), -142385009);
  equal(hashInt64(0n), 1669671676);
  equal(bucketOfHash(-1, 16), 15);
});

test('the hash of an integer is that of its eight bytes', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigInt64(0, value, true);
      equal(hashInt64(value), hashByteRun(bytes, 0, 8));
    }),
  );
});

test('truncate rounds down, keeps code points whole and cuts bytes', () => {
  equal(apply('truncate[10]', { kind: 'int' }, 1), 0);
  equal(apply('truncate[10]', { kind: 'int' }, -1), -10);
  equal(apply('truncate[10]', { kind: 'long' }, -11n), -20n);
  equal(apply('truncate[50]', { kind: 'decimal', precision: 9, scale: 2 }, 1065n), 1050n);
  equal(apply('truncate[3]', { kind: 'string' }, 'iceberg'), 'ice');
  equal(apply('truncate[2]', { kind: 'string' }, 'a\u{1F600}\u{1F601}'), 'a\u{1F600}');
  equal(apply('truncate[9]', { kind: 'string' }, 'short'), 'short');
  deepEqual(apply('truncate[2]', { kind: 'binary' }, Buffer.from([1, 2, 3])), Uint8Array.of(1, 2));
});

test('year, month, day and hour agree with the platform calendar', () => {
  const day = fc.integer({ min: -1_000_000, max: 1_000_000 });
  fc.assert(
    fc.property(day, fc.integer({ min: 0, max: 86_399_999 }), (days, millis) => {
      const at = new Date(days * 86_400_000 + millis);
      const micros = BigInt(at.getTime()) * 1000n + 999n;
      const year = at.getUTCFullYear() - 1970;
      const month = year * 12 + at.getUTCMonth();
      const hour = days * 24 + at.getUTCHours();
      const expected = [year, month, days, hour];
      const names = ['year', 'month', 'day', 'hour'];
      const of = (type: IcebergType, value: IcebergValue): readonly IcebergValue[] =>
        names
          .filter((name) => acceptsType(parseTransform(name), type))
          .map((name) => apply(name, type, value));
      deepEqual(of({ kind: 'timestamp' }, micros), expected);
      deepEqual(of({ kind: 'timestamptz_ns' }, micros * 1000n + 999n), expected);
      deepEqual(of({ kind: 'date' }, days), expected.slice(0, 3));
    }),
  );
});

test('text, result types and nulls', () => {
  for (const text of [
    'identity',
    'bucket[16]',
    'truncate[4]',
    'year',
    'month',
    'day',
    'hour',
    'void',
  ]) {
    equal(formatTransform(parseTransform(text)), text);
  }
  const source: IcebergType = { kind: 'timestamptz' };
  const result = (text: string): string => transformResultType(parseTransform(text), source).kind;
  deepEqual(['bucket[2]', 'day', 'hour', 'year', 'identity', 'void'].map(result), [
    'int',
    'date',
    'int',
    'int',
    'timestamptz',
    'timestamptz',
  ]);
  equal(apply('bucket[16]', { kind: 'int' }, null), null);
  equal(apply('void', { kind: 'int' }, 5), null);
  equal(apply('identity', { kind: 'int' }, 5), 5);
});

test('an unknown transform is kept as text and refused when applied', () => {
  for (const text of ['zorder', 'bucket[0]', 'bucket[2147483648]', 'bucket[x]', 'truncate']) {
    const transform = parseTransform(text);
    equal(transform.kind, 'unknown');
    equal(formatTransform(transform), text);
    equal(transformResultType(transform, { kind: 'int' }).kind, 'unknown');
  }
  const refused: readonly [string, IcebergType][] = [
    ['zorder', { kind: 'int' }],
    ['bucket[4]', { kind: 'double' }],
    ['bucket[4]', { kind: 'boolean' }],
    ['truncate[4]', { kind: 'uuid' }],
    ['hour', { kind: 'date' }],
    ['day', { kind: 'time' }],
    ['identity', { kind: 'struct', fields: [] }],
  ];
  for (const [text, type] of refused) {
    throws(
      () => apply(text, type, null),
      (error) => isFirnError(error, 'ICEBERG-TRANSFORM-UNSUPPORTED'),
      text,
    );
  }
});
