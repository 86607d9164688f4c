/** A value of a vector as text that no other value has, for tests to compare and to read. */
import type { ColumnType } from '../../src/model/column-type.ts';
import type { ColumnVector } from '../../src/model/column-vector.ts';
import { isValid } from '../../src/model/column-vector.ts';

/** Text of one value: digits, ISO dates, hex for bytes; `null` for NULL. */
export function lakeText(type: ColumnType, vector: ColumnVector, row: number): string | null {
  if (!isValid(vector, row)) return null;
  switch (vector.kind) {
    case 'bool':
      return vector.values[row] === 1 ? 'true' : 'false';
    case 'int32':
      return type.kind === 'date' ? isoDay(vector.values[row] ?? 0) : String(vector.values[row]);
    case 'float32':
    case 'float64':
      return Object.is(vector.values[row], -0) ? '-0' : String(vector.values[row]);
    case 'int64': {
      const value = vector.values[row] ?? 0n;
      if (type.kind === 'long') return String(value);
      return `${isoMoment(value)}${type.kind === 'timestamptz' ? 'Z' : ''}`;
    }
    case 'int128': {
      const low = BigInt.asUintN(64, vector.values[2 * row] ?? 0n);
      const scale = type.kind === 'decimal' ? type.scale : 0;
      return scaled(((vector.values[2 * row + 1] ?? 0n) << 64n) | low, scale);
    }
    default: {
      const bytes = Buffer.from(vector.data.slice(vector.offsets[row], vector.offsets[row + 1]));
      if (type.kind === 'string') return bytes.toString('utf8');
      const hex = bytes.toString('hex');
      return type.kind === 'uuid' ? hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : hex;
    }
  }
}

function isoDay(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, 10);
}

function isoMoment(micros: bigint): string {
  const millis = (micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n;
  const text = new Date(Number.parseInt(String(millis), 10)).toISOString().slice(0, -1);
  return `${text}${String(micros - millis * 1000n).padStart(3, '0')}`;
}

function scaled(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = scale === 0 ? '' : `.${digits.slice(digits.length - scale)}`;
  return `${unscaled < 0n ? '-' : ''}${whole}${fraction}`;
}
