/** Single values as bytes, and bounds that never exclude what they bound. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError } from '../kernel/assert.ts';
import { isFirnError } from '../kernel/firn-error.ts';
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

const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('hex');
const decimal: PrimitiveType = { kind: 'decimal', precision: 38, scale: 2 };
const text: PrimitiveType = { kind: 'string' };
const binary: PrimitiveType = { kind: 'binary' };
const double: PrimitiveType = { kind: 'double' };

// spec: V3
test('values have the bytes of the specification, appendix D, and come back exactly', () => {
  const cases: readonly [PrimitiveType, PresentValue, string][] = [
    [{ kind: 'boolean' }, true, '01'],
    [{ kind: 'boolean' }, false, '00'],
    [{ kind: 'int' }, -2, 'feffffff'],
    [{ kind: 'date' }, 17486, '4e440000'],
    [{ kind: 'long' }, 2n ** 53n + 1n, '0100000000002000'],
    [{ kind: 'long' }, -(2n ** 63n), '0000000000000080'],
    [{ kind: 'time' }, 1n, '0100000000000000'],
    [{ kind: 'timestamp' }, -1n, 'ffffffffffffffff'],
    [{ kind: 'timestamptz' }, 5n, '0500000000000000'],
    [{ kind: 'timestamp_ns' }, 5n, '0500000000000000'],
    [{ kind: 'timestamptz_ns' }, 5n, '0500000000000000'],
    [{ kind: 'float' }, 1.5, '0000c03f'],
    [double, -0, '0000000000000080'],
    [decimal, 1420n, '058c'],
    [decimal, -1n, 'ff'],
    [text, 'é\u{1F600}\uFEFF', 'c3a9f09f9880efbbbf'],
    [text, '\uFEFFx', 'efbbbf78'],
    [text, '', ''],
    [{ kind: 'uuid' }, new Uint8Array(16).fill(7), '07'.repeat(16)],
    [{ kind: 'fixed', lengthBytes: 2 }, Uint8Array.of(1, 255), '01ff'],
    [binary, Uint8Array.of(0), '00'],
  ];
  for (const [type, value, bytes] of cases) {
    equal(hex(encodeSingleValue(type, value)), bytes, type.kind);
    const back = decodeBound(type, Buffer.from(bytes, 'hex'));
    deepEqual(back, value, type.kind);
  }
});

test('decimals take the fewest bytes with room for the sign', () => {
  const cases: readonly [bigint, string][] = [
    [0n, '00'],
    [127n, '7f'],
    [128n, '0080'],
    [-128n, '80'],
    [-129n, 'ff7f'],
    [2n ** 63n, '008000000000000000'],
    [-(2n ** 63n), '8000000000000000'],
    [10n ** 38n - 1n, '4b3b4ca85a86c47a098a223fffffffff'],
    [-(2n ** 127n), `80${'00'.repeat(15)}`],
  ];
  for (const [value, bytes] of cases) {
    equal(hex(decimalToBytes(value)), bytes);
    equal(decimalFromBytes(Buffer.from(bytes, 'hex')), value);
  }
  equal(decimalFromBytes(Buffer.from('fffffe', 'hex')), -2n);
  equal(decimalFromBytes(new Uint8Array()), null);
  equal(decimalFromBytes(new Uint8Array(17)), null);
  throws(() => decimalToBytes(2n ** 127n), AssertionError);
});

test('a bound written before its column was widened is understood by its length', () => {
  const of = (kind: 'long' | 'double' | 'timestamp' | 'timestamp_ns', bytes: string): unknown =>
    decodeBound({ kind }, Buffer.from(bytes, 'hex'));
  equal(of('long', 'feffffff'), -2n);
  equal(of('double', '0000c03f'), 1.5);
  equal(of('timestamp', 'ffffffff'), -86_400_000_000n);
  equal(of('timestamp_ns', '01000000'), 86_400_000_000_000n);
  equal(decodeBound(decimal, Buffer.from('00000001', 'hex')), 1n);
});

test('bytes that fit no such type are refused, and NaN is no bound', () => {
  const cases: readonly [PrimitiveType, string][] = [
    [{ kind: 'int' }, '0000000000000000'],
    [{ kind: 'long' }, '000000'],
    [{ kind: 'timestamptz' }, '00000000'],
    [{ kind: 'boolean' }, ''],
    [decimal, ''],
    [text, 'c3'],
    [{ kind: 'uuid' }, '00'],
    [{ kind: 'fixed', lengthBytes: 1 }, '0000'],
    [{ kind: 'unknown' }, '00'],
  ];
  for (const [type, bytes] of cases) {
    throws(
      () => decodeBound(type, Buffer.from(bytes, 'hex')),
      (error) => isFirnError(error, 'ICEBERG-VALUE-INVALID'),
      type.kind,
    );
  }
  equal(decodeBound(double, encodeSingleValue(double, NaN)), null);
  throws(() => encodeSingleValue({ kind: 'unknown' }, 1), AssertionError);
});

test('zero bounds both zeros, NaN bounds nothing', () => {
  const bound = { type: double, value: 0, lengthMax: null };
  equal(hex(encodeLowerBound(bound)), '0000000000000080');
  equal(hex(encodeUpperBound({ ...bound, value: -0 })), '0000000000000000');
  equal(encodeLowerBound({ ...bound, value: NaN }), null);
  equal(encodeUpperBound({ ...bound, value: NaN }), null);
  equal(hex(encodeLowerBound({ type: { kind: 'int' }, value: 0, lengthMax: 16 })), '00000000');
});

test('long text is cut to code points, and its upper bound raised', () => {
  const lower = (value: string, lengthMax: number): unknown =>
    decodeBound(text, encodeLowerBound({ type: text, value, lengthMax }) ?? new Uint8Array());
  const upper = (value: string, lengthMax: number): unknown => {
    const bytes = encodeUpperBound({ type: text, value, lengthMax });
    return bytes === null ? null : decodeBound(text, bytes);
  };
  equal(lower('abcdef', 3), 'abc');
  equal(upper('abcdef', 3), 'abd');
  equal(upper('abc', 3), 'abc');
  equal(upper('a\u{1F600}\u{1F600}', 2), 'a\u{1F601}');
  equal(upper('a\u{D7FF}x', 2), 'a\u{E000}');
  equal(upper('a\u{10FFFF}x', 2), 'b');
  equal(upper('\u{10FFFF}\u{10FFFF}x', 2), null);
  equal(upper('a\uFFFFx', 2), 'a\u{10000}');
});

test('long bytes are cut, and their upper bound raised, without touching the value', () => {
  const value = Buffer.from('01ffff02', 'hex');
  equal(hex(encodeLowerBound({ type: binary, value, lengthMax: 2 })), '01ff');
  equal(hex(encodeUpperBound({ type: binary, value, lengthMax: 2 })), '02');
  equal(hex(encodeUpperBound({ type: binary, value, lengthMax: 4 })), '01ffff02');
  equal(encodeUpperBound({ type: binary, value: value.subarray(1), lengthMax: 2 }), null);
  equal(hex(value), '01ffff02');
  const fixed: PrimitiveType = { kind: 'fixed', lengthBytes: 4 };
  equal(hex(encodeUpperBound({ type: fixed, value, lengthMax: 2 })), '01ffff02');
});

test('values are ordered as their bounds are read', () => {
  const ordered: readonly [PrimitiveType, readonly PresentValue[]][] = [
    [double, [-Infinity, -1, -0, 0, 1, Infinity, NaN]],
    [{ kind: 'long' }, [-(2n ** 63n), -1n, 0n, 2n ** 53n, 2n ** 53n + 1n]],
    [text, ['', 'a', 'ab', 'b', '\uE000', '\uFFFD', '\u{10000}', '\u{10FFFF}']],
    [binary, [new Uint8Array(), Uint8Array.of(1), Uint8Array.of(1, 0), Uint8Array.of(0xff)]],
    [{ kind: 'boolean' }, [false, true]],
  ];
  for (const [type, values] of ordered) {
    const order = valueOrder(type);
    for (const [left, small] of values.entries()) {
      for (const [right, large] of values.entries()) {
        equal(Math.sign(order(small, large)), Math.sign(left - right), `${type.kind} ${left}`);
      }
    }
  }
  throws(() => valueOrder(text)('1', 1), AssertionError);
});
