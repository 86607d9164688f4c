/** Fields of envelopes: exact where they can be read, a misfit everywhere else. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../kernel/lossless-json.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { fieldReading } from './field-decoder.ts';
import type { ValueModes } from './field-decoder.ts';

const MODES: ValueModes = { decimal: 'precise', unsignedLong: 'long', binary: 'base64' };

/** The vector of one field; `null`: it does not fit. */
function decoded(
  column: { readonly type: ColumnType; readonly sourceType: string },
  field: JsonValue,
  modes: Partial<ValueModes> = {},
): unknown {
  const reading = fieldReading(column, { ...MODES, ...modes });
  if (reading.kind === 'refused') return reading.reason;
  const builder = new ColumnBuilder(column.type);
  const isRead = reading.decode(field, builder);
  equal(builder.rowCount, isRead ? 1 : 0);
  if (!isRead) return null;
  const vector = builder.finish();
  if (vector.kind === 'bytes') return Buffer.from(vector.data).toString('latin1');
  if (vector.kind === 'int128') return BigInt.asIntN(64, vector.values[0] ?? 0n);
  return vector.values[0];
}

const INT = { type: { kind: 'int' }, sourceType: 'int' } as const;
const ULONG = {
  type: { kind: 'decimal', precision: 20, scale: 0 },
  sourceType: 'bigint unsigned',
} as const;
const DECIMAL = {
  type: { kind: 'decimal', precision: 6, scale: 2 },
  sourceType: 'decimal(6,2)',
} as const;

test('numbers are exact or no numbers at all (spec: D8)', () => {
  equal(decoded(INT, -2_147_483_648), -2_147_483_648);
  for (const field of [2 ** 31, 1.5, true, '1', [], 2n ** 60n]) equal(decoded(INT, field), null);
  equal(decoded(ULONG, -1), BigInt.asIntN(64, 2n ** 64n - 1n));
  equal(decoded(DECIMAL, '-12.3', { decimal: 'string' }), -1230n);
  for (const field of ['1.234', '1e2', '', '12345.00', 1.5]) {
    equal(decoded(DECIMAL, field, { decimal: 'string' }), null);
  }
  // Two's complement: -1230 is fb32.
  equal(decoded(DECIMAL, Buffer.from('fb32', 'hex').toString('base64')), -1230n);
  for (const field of ['', '****', 'AQI', 5]) {
    const wanted = field === 'AQI' ? 258n : null;
    equal(decoded(DECIMAL, field), wanted, String(field));
  }
});

test('times, bits, bytes and labels (spec: D8)', () => {
  const stamp = { type: { kind: 'timestamptz' }, sourceType: 'timestamp(6)' } as const;
  equal(decoded(stamp, '1970-01-01T00:00:01.5Z'), 1_500_000n);
  for (const field of ['1970-01-01T00:00:01+01:00', '1970-13-01T00:00:00Z', 0]) {
    equal(decoded(stamp, field), null);
  }
  const bits = { type: { kind: 'long' }, sourceType: 'bit(10)' } as const;
  equal(decoded(bits, Buffer.of(1, 2).toString('base64')), 513n);
  equal(decoded(bits, Buffer.of(1, 4).toString('base64')), null);
  equal(decoded(bits, Buffer.of(1).toString('base64')), null);
  const blob = { type: { kind: 'binary' }, sourceType: 'blob' } as const;
  equal(decoded(blob, 'AP8='), '\0ÿ');
  equal(decoded(blob, '00fF', { binary: 'hex' }), '\0ÿ');
  equal(decoded(blob, '0', { binary: 'hex' }), null);
  const label = { type: { kind: 'string' }, sourceType: "enum('a','b,c') character set utf8mb4" };
  deepEqual(
    ['a', String.raw`b\,c`, '', 'b,c', 'x'].map((field) =>
      decoded({ ...label, type: { kind: 'string' } }, field),
    ),
    ['a', 'b,c', '', null, null],
  );
});

test('what Debezium does not send as it is stored is refused (spec: D8)', () => {
  const reasonOf = (sourceType: string): string => {
    const reading = fieldReading({ type: { kind: 'string' }, sourceType }, MODES);
    return reading.kind === 'refused' ? reading.reason : '';
  };
  equal(reasonOf('varchar(9) character set gbk').includes('gbk'), true);
  equal(reasonOf('point').includes('point'), true);
  equal(reasonOf('datetime').includes('zero dates'), true);
  equal(reasonOf(String.raw`enum('a\nb')`).includes('line break'), true);
  equal(reasonOf('varchar(9) character set utf8mb4'), '');
});
