/**
 * Columns in memory: typed arrays with a validity bitmap, the only form in which row values travel
 * from a source to the engine. Everything in a vector can be transferred between threads.
 *
 * Bit `i & 7` of validity byte `i >> 3` is set when row `i` has a value; `null` means that all have
 * one. A row without a value holds zero (or an empty run).
 */
import { unreachable } from '../kernel/assert.ts';
import type { ColumnType } from './column-type.ts';

/** Values of one column. */
export type ColumnVector =
  | { readonly kind: 'bool'; readonly values: Uint8Array; readonly validity: Uint8Array | null }
  /** int and date. */
  | { readonly kind: 'int32'; readonly values: Int32Array; readonly validity: Uint8Array | null }
  /** long, timestamp and timestamptz. */
  | { readonly kind: 'int64'; readonly values: BigInt64Array; readonly validity: Uint8Array | null }
  /** decimal: the unscaled value as (low, high) pairs of 64 bits, two's complement. */
  | {
      readonly kind: 'int128';
      readonly values: BigInt64Array;
      readonly validity: Uint8Array | null;
    }
  | {
      readonly kind: 'float32';
      readonly values: Float32Array;
      readonly validity: Uint8Array | null;
    }
  | {
      readonly kind: 'float64';
      readonly values: Float64Array;
      readonly validity: Uint8Array | null;
    }
  /**
   * string (UTF-8), binary, fixed and uuid (16 bytes, big-endian). Row `i` is
   * `data[offsets[i]] .. data[offsets[i + 1]]`; there is one offset more than rows.
   */
  | {
      readonly kind: 'bytes';
      readonly data: Uint8Array;
      readonly offsets: Uint32Array;
      readonly validity: Uint8Array | null;
    };

/** Whether row `row` of a vector has a value. */
export function isValid(vector: ColumnVector, row: number): boolean {
  if (vector.validity === null) return true;
  return (((vector.validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

/** In which form a vector holds values of a type. */
export function vectorKind(type: ColumnType): ColumnVector['kind'] {
  switch (type.kind) {
    case 'boolean':
      return 'bool';
    case 'int':
    case 'date':
      return 'int32';
    case 'long':
    case 'timestamp':
    case 'timestamptz':
      return 'int64';
    case 'decimal':
      return 'int128';
    case 'float':
      return 'float32';
    case 'double':
      return 'float64';
    case 'string':
    case 'binary':
    case 'uuid':
    case 'fixed':
      return 'bytes';
    default:
      return unreachable(type);
  }
}
