/**
 * Growing columns. A builder takes values of one column row by row and gives a {@link
 * ColumnVector}; typed setters keep each value in the form the vector stores, so nothing is
 * converted twice. A builder never shrinks its memory: one builder serves a whole stream.
 */
import { assert, unreachable } from '../kernel/assert.ts';
import type { ColumnType } from './column-type.ts';
import type { ColumnVector } from './column-vector.ts';

type NumericArray = Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

const FIRST_ROWS = 256;
const FIRST_BYTES = 4096;

/** Up to this length copying letter by letter beats a call of the encoder, three to one. */
const SHORT_TEXT = 32;

/** Up to this length copying byte by byte beats a view and a call of `set`. */
const SHORT_RUN = 48;

/** Largest byte run of one column in one batch: offsets are 32 bits. */
const COLUMN_BYTES_MAX = 2 ** 31;

/** Grows one column. Each row takes exactly one `append…` call. */
export class ColumnBuilder {
  readonly #kind: ColumnVector['kind'];
  #rowCount = 0;
  #nullCount = 0;
  #validity = new Uint8Array(FIRST_ROWS >> 3);
  #values: NumericArray;
  /** The same memory as `#values` in 32-bit halves, low half first (every platform of Node is so). */
  #halves: Int32Array;
  #data = new Uint8Array(0);
  #dataLength = 0;
  readonly #encoder = new TextEncoder();

  constructor(type: ColumnType) {
    this.#kind = vectorKind(type);
    this.#values = newValues(this.#kind, FIRST_ROWS);
    this.#halves = halvesOf(this.#values);
    if (this.#kind === 'bytes') this.#data = new Uint8Array(FIRST_BYTES);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes the rows so far take. */
  get sizeBytes(): number {
    return this.#rowCount * this.#values.BYTES_PER_ELEMENT + this.#dataLength;
  }

  appendNull(): void {
    const row = this.#nextRow(false);
    if (this.#kind === 'bytes') this.#setOffset(row);
    else if (this.#kind === 'int128') this.#setInt128(row, 0n);
    else if (this.#values instanceof BigInt64Array) this.#values[row] = 0n;
    else this.#values[row] = 0;
  }

  /** For boolean, int, date, float and double. */
  appendNumber(value: number): void {
    assert(!(this.#values instanceof BigInt64Array), 'a 64-bit column takes bigint');
    // The row is taken first: taking it may replace the array.
    const row = this.#nextRow(true);
    this.#values[row] = value;
  }

  /** For long, timestamp, timestamptz, and the unscaled value of decimal. */
  appendBigInt(value: bigint): void {
    const row = this.#nextRow(true);
    if (this.#kind === 'int128') return this.#setInt128(row, value);
    assert(this.#values instanceof BigInt64Array, 'this column does not take bigint');
    this.#values[row] = value;
  }

  /** For long, timestamp, timestamptz and decimal: an integer within ±(2^53 - 1), without bigint. */
  appendSafeInteger(value: number): void {
    // An ordinary division, not a shift: the high half has 21 bits more than a shift sees.
    this.appendHalves(value | 0, Math.floor(value / 4294967296));
  }

  /** Like {@link appendBigInt}, by the two 32-bit halves of a signed 64-bit value. */
  appendHalves(low: number, high: number): void {
    const row = this.#nextRow(true);
    const halves = this.#halves;
    if (this.#kind === 'int64') {
      halves[2 * row] = low;
      halves[2 * row + 1] = high;
      return;
    }
    assert(this.#kind === 'int128', 'this column does not take 64-bit values');
    const sign = high < 0 ? -1 : 0;
    halves[4 * row] = low;
    halves[4 * row + 1] = high;
    halves[4 * row + 2] = sign;
    halves[4 * row + 3] = sign;
  }

  /** For decimal: the two 32-bit halves of an unsigned 64-bit value. */
  appendUnsignedHalves(low: number, high: number): void {
    const row = this.#nextRow(true);
    assert(this.#kind === 'int128', 'only a decimal holds every unsigned 64-bit value');
    const halves = this.#halves;
    halves[4 * row] = low;
    halves[4 * row + 1] = high;
    halves[4 * row + 2] = 0;
    halves[4 * row + 3] = 0;
  }

  /** For string. Lone surrogates become U+FFFD; sources that can hold them check first. */
  appendString(value: string): void {
    const row = this.#nextRow(true);
    this.#reserve(value.length * 3);
    if (value.length <= SHORT_TEXT && this.#appendAscii(value)) return this.#setOffset(row);
    const target = this.#data.subarray(this.#dataLength);
    this.#dataLength += this.#encoder.encodeInto(value, target).written;
    this.#setOffset(row);
  }

  /** For string (UTF-8), binary, fixed and uuid. */
  appendBytes(value: Uint8Array): void {
    const row = this.#nextRow(true);
    this.#reserve(value.length);
    this.#data.set(value, this.#dataLength);
    this.#dataLength += value.length;
    this.#setOffset(row);
  }

  /** Like {@link appendBytes} for `source[from] .. source[to]`, without a view of its own. */
  appendRun(source: Uint8Array, from: number, to: number): void {
    const row = this.#nextRow(true);
    const length = to - from;
    this.#reserve(length);
    const data = this.#data;
    const start = this.#dataLength;
    if (length <= SHORT_RUN) {
      for (let index = 0; index < length; index++) data[start + index] = source[from + index] ?? 0;
    } else {
      data.set(source.subarray(from, to), start);
    }
    this.#dataLength = start + length;
    this.#setOffset(row);
  }

  /** The rows so far as a vector of its own; the builder starts again empty. */
  finish(): ColumnVector {
    const rows = this.#rowCount;
    const validity = this.#nullCount === 0 ? null : this.#validity.slice(0, (rows + 7) >> 3);
    const vector = this.#vector(rows, validity);
    this.#rowCount = 0;
    this.#nullCount = 0;
    this.#dataLength = 0;
    return vector;
  }

  #vector(rows: number, validity: Uint8Array | null): ColumnVector {
    const kind = this.#kind;
    const values = this.#values;
    if (kind === 'bytes') {
      const offsets = new Uint32Array(rows + 1);
      if (values instanceof Int32Array) offsets.set(values.subarray(0, rows), 1);
      return { kind, data: this.#data.slice(0, this.#dataLength), offsets, validity };
    }
    if (kind === 'bool' && values instanceof Uint8Array) {
      return { kind, values: values.slice(0, rows), validity };
    }
    if (kind === 'int32' && values instanceof Int32Array) {
      return { kind, values: values.slice(0, rows), validity };
    }
    if (kind === 'int64' && values instanceof BigInt64Array) {
      return { kind, values: values.slice(0, rows), validity };
    }
    if (kind === 'int128' && values instanceof BigInt64Array) {
      return { kind, values: values.slice(0, rows * 2), validity };
    }
    if (kind === 'float32' && values instanceof Float32Array) {
      return { kind, values: values.slice(0, rows), validity };
    }
    assert(kind === 'float64' && values instanceof Float64Array, 'values fit their kind');
    return { kind, values: values.slice(0, rows), validity };
  }

  #nextRow(valid: boolean): number {
    const row = this.#rowCount++;
    const slots = this.#kind === 'int128' ? 2 * row + 2 : row + 1;
    if (slots > this.#values.length) {
      this.#values = grown(this.#values);
      this.#halves = halvesOf(this.#values);
    }
    if (row >> 3 >= this.#validity.length) this.#validity = grown(this.#validity);
    const byte = this.#validity[row >> 3] ?? 0;
    const bit = 1 << (row & 7);
    this.#validity[row >> 3] = valid ? byte | bit : byte & ~bit;
    if (!valid) this.#nullCount++;
    return row;
  }

  /** Copies text of ASCII letters alone; `false`, with nothing taken, for any other. */
  #appendAscii(value: string): boolean {
    const data = this.#data;
    const start = this.#dataLength;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code > 127) return false;
      data[start + index] = code;
    }
    this.#dataLength = start + value.length;
    return true;
  }

  #setOffset(row: number): void {
    this.#values[row] = this.#dataLength;
  }

  #setInt128(row: number, value: bigint): void {
    assert(this.#values instanceof BigInt64Array, 'decimals are pairs of 64 bits');
    this.#values[2 * row] = BigInt.asIntN(64, value);
    this.#values[2 * row + 1] = BigInt.asIntN(64, value >> 64n);
  }

  #reserve(bytes: number): void {
    const needed = this.#dataLength + bytes;
    if (needed <= this.#data.length) return;
    assert(needed < COLUMN_BYTES_MAX, 'a batch is finished before a column reaches 2 GiB');
    const larger = new Uint8Array(Math.max(needed, this.#data.length * 2));
    larger.set(this.#data.subarray(0, this.#dataLength));
    this.#data = larger;
  }
}

/** In which form a vector holds values of a type. */
function vectorKind(type: ColumnType): ColumnVector['kind'] {
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

function newValues(kind: ColumnVector['kind'], length: number): NumericArray {
  switch (kind) {
    case 'bool':
      return new Uint8Array(length);
    case 'int32':
    case 'bytes':
      return new Int32Array(length);
    case 'int64':
      return new BigInt64Array(length);
    case 'int128':
      return new BigInt64Array(length * 2);
    case 'float32':
      return new Float32Array(length);
    case 'float64':
      return new Float64Array(length);
    default:
      return unreachable(kind);
  }
}

function halvesOf(values: NumericArray): Int32Array {
  return values instanceof BigInt64Array ? new Int32Array(values.buffer) : new Int32Array(0);
}

function grown<A extends NumericArray>(values: A): A {
  // The constructor of a typed array gives an array of the same class; TypeScript cannot say so.
  const larger = new (values.constructor as new (length: number) => A)(values.length * 2);
  if (values instanceof BigInt64Array) (larger as BigInt64Array).set(values);
  else (larger as Exclude<NumericArray, BigInt64Array>).set(values);
  return larger;
}
