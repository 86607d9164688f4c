/** Rows of a vector picked out into a vector of their own, and whether rows are in key order. */
import { unreachable } from '../kernel/assert.ts';
import type { ColumnVector } from './column-vector.ts';

/** A vector of runs of bytes. */
type BytesVector = Extract<ColumnVector, { kind: 'bytes' }>;

/** The values of `rows`, in that order. */
export function gatherRows(vector: ColumnVector, rows: Int32Array): ColumnVector {
  const validity = vector.validity === null ? null : gatherBits(vector.validity, rows);
  switch (vector.kind) {
    case 'bool':
      return {
        ...vector,
        values: pick(vector.values, new Uint8Array(rows.length), rows),
        validity,
      };
    case 'int32':
      return {
        ...vector,
        values: pick(vector.values, new Int32Array(rows.length), rows),
        validity,
      };
    case 'float32': {
      const values = pick(vector.values, new Float32Array(rows.length), rows);
      return { ...vector, values, validity };
    }
    case 'float64': {
      const values = pick(vector.values, new Float64Array(rows.length), rows);
      return { ...vector, values, validity };
    }
    case 'int64':
      return { ...vector, values: pickWords(vector.values, rows, 2), validity };
    case 'int128':
      return { ...vector, values: pickWords(vector.values, rows, 4), validity };
    case 'bytes':
      return { ...gatherRuns(vector, rows), validity };
    default:
      return unreachable(vector);
  }
}

/**
 * Whether each row's key is above the one before it, in the order in which files are sorted:
 * numbers by value, text and bytes by their bytes. `before` is the last row of what came earlier.
 */
export function isAscending(
  keys: readonly ColumnVector[],
  rowCount: number,
  before: readonly ColumnVector[] | null,
): boolean {
  if (rowCount === 0) return true;
  if (before !== null && compareKeys(before, 0, keys, 0) >= 0) return false;
  const [key] = keys;
  if (keys.length === 1 && key?.kind === 'int64') return wordsAscend(key.values, rowCount);
  for (let row = 1; row < rowCount; row++) {
    if (compareKeys(keys, row - 1, keys, row) >= 0) return false;
  }
  return true;
}

/** The usual key, 64-bit integers, as 32-bit words: no bigint is made. */
function wordsAscend(values: BigInt64Array, rowCount: number): boolean {
  const words = new Int32Array(values.buffer, values.byteOffset, 2 * rowCount);
  for (let at = 2; at < words.length; at += 2) {
    const high = words[at + 1] ?? 0;
    const highBefore = words[at - 1] ?? 0;
    if (high < highBefore) return false;
    if (high === highBefore && (words[at] ?? 0) >>> 0 <= (words[at - 2] ?? 0) >>> 0) return false;
  }
  return true;
}

function compareKeys(
  left: readonly ColumnVector[],
  leftRow: number,
  right: readonly ColumnVector[],
  rightRow: number,
): number {
  for (const [index, vector] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 0;
    const order = compareValues(vector, leftRow, other, rightRow);
    if (order !== 0) return order;
  }
  return 0;
}

function compareValues(
  left: ColumnVector,
  leftRow: number,
  right: ColumnVector,
  rightRow: number,
): number {
  if (left.kind === 'bytes' && right.kind === 'bytes') {
    return Buffer.compare(runAt(left, leftRow), runAt(right, rightRow));
  }
  if (left.kind === 'int128' && right.kind === 'int128') {
    const [high, otherHigh] = [left.values[2 * leftRow + 1], right.values[2 * rightRow + 1]];
    if (high !== otherHigh) return (high ?? 0n) < (otherHigh ?? 0n) ? -1 : 1;
    const low = BigInt.asUintN(64, left.values[2 * leftRow] ?? 0n);
    const otherLow = BigInt.asUintN(64, right.values[2 * rightRow] ?? 0n);
    return low === otherLow ? 0 : low < otherLow ? -1 : 1;
  }
  if (left.kind === 'bytes' || right.kind === 'bytes') return 0;
  const [value, other] = [left.values[leftRow] ?? 0, right.values[rightRow] ?? 0];
  return value === other ? 0 : value < other ? -1 : 1;
}

function runAt({ data, offsets }: BytesVector, row: number): Uint8Array {
  return data.subarray(offsets[row] ?? 0, offsets[row + 1] ?? 0);
}

function pick<A extends Uint8Array | Int32Array | Float32Array | Float64Array>(
  from: A,
  to: A,
  rows: Int32Array,
): A {
  for (let index = 0; index < rows.length; index++) to[index] = from[rows[index] ?? 0] ?? 0;
  return to;
}

/** 64-bit values as 32-bit words: no bigint is made. */
function pickWords(from: BigInt64Array, rows: Int32Array, width: 2 | 4): BigInt64Array {
  const values = new BigInt64Array((rows.length * width) / 2);
  const source = new Int32Array(from.buffer, from.byteOffset, from.length * 2);
  const target = new Int32Array(values.buffer);
  for (let index = 0; index < rows.length; index++) {
    const at = (rows[index] ?? 0) * width;
    for (let word = 0; word < width; word++) target[index * width + word] = source[at + word] ?? 0;
  }
  return values;
}

/** Up to this length copying byte by byte beats a call. */
const SHORT_RUN = 32;

function gatherRuns(vector: BytesVector, rows: Int32Array): BytesVector {
  const { data, offsets } = vector;
  let length = 0;
  for (const row of rows) length += (offsets[row + 1] ?? 0) - (offsets[row] ?? 0);
  const picked = { data: new Uint8Array(length), offsets: new Uint32Array(rows.length + 1) };
  let to = 0;
  for (let index = 0; index < rows.length; index++) {
    const from = offsets[rows[index] ?? 0] ?? 0;
    const end = offsets[(rows[index] ?? 0) + 1] ?? 0;
    if (end - from > SHORT_RUN) picked.data.set(data.subarray(from, end), to);
    else for (let at = from; at < end; at++) picked.data[to + at - from] = data[at] ?? 0;
    to += end - from;
    picked.offsets[index + 1] = to;
  }
  return { ...vector, ...picked };
}

function gatherBits(bits: Uint8Array, rows: Int32Array): Uint8Array {
  const gathered = new Uint8Array((rows.length + 7) >> 3);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index] ?? 0;
    const bit = ((bits[row >> 3] ?? 0) >> (row & 7)) & 1;
    gathered[index >> 3] = (gathered[index >> 3] ?? 0) | (bit << (index & 7));
  }
  return gathered;
}
