/**
 * Growing columns. A builder takes values of one column row by row and gives a {@link
 * ColumnVector}; typed setters keep each value in the form the vector stores, so nothing is
 * converted twice. A builder never shrinks its memory: one builder serves a whole stream.
 */
import { assert, unreachable } from '../kernel/assert.ts';
import type { ColumnType } from './column-type.ts';
import { vectorKind } from './column-vector.ts';
import type { ColumnVector } from './column-vector.ts';

const FIRST_ROWS = 256;
const FIRST_BYTES = 4096;

/** Up to this length copying letter by letter beats a call of the encoder, three to one. */
const SHORT_TEXT = 32;

/** Up to this length copying byte by byte beats a view and a call of `set`. */
const SHORT_RUN = 48;

/** Largest byte run of one column in one batch: offsets are 32 bits. */
const COLUMN_BYTES_MAX = 2 ** 31;

/** Bytes of a value in its array; of a byte run, of its offset. */
const VALUE_BYTES = {
  bool: 1,
  int32: 4,
  int64: 8,
  int128: 16,
  float32: 4,
  float64: 8,
  bytes: 4,
} as const satisfies Record<ColumnVector['kind'], number>;

/**
 * Grows one column. Each row takes exactly one `append…` call. Of the arrays only those of the
 * column's kind have room; one array per element type keeps every store a plain one.
 */
export class ColumnBuilder {
  readonly #kind: ColumnVector['kind'];
  #rowCount = 0;
  #nullCount = 0;
  #capacity = 0;
  /** Kept from the first null on; without nulls nothing is written here. */
  #validity = new Uint8Array(0);
  #bools = new Uint8Array(0);
  /**
   * int32; of bytes the offsets after each row; of int64 and int128 the values in 32-bit halves,
   * low half first (every platform of Node is so).
   */
  #ints = new Int32Array(0);
  /** The same memory as `#ints`, of int64 and int128. */
  #bigInts = new BigInt64Array(0);
  #floats = new Float32Array(0);
  #doubles = new Float64Array(0);
  #data = new Uint8Array(0);
  /** The same memory as `#data`. */
  #dataView = new DataView(this.#data.buffer);
  #dataLength = 0;
  readonly #encoder = new TextEncoder();

  constructor(type: ColumnType) {
    this.#kind = vectorKind(type);
    this.#grow();
    if (this.#kind === 'bytes') this.#reserve(FIRST_BYTES);
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Bytes the rows so far take. */
  get sizeBytes(): number {
    return this.#rowCount * VALUE_BYTES[this.#kind] + this.#dataLength;
  }

  appendNull(): void {
    const row = this.#rowCount;
    if (row === this.#capacity) this.#grow();
    if (this.#nullCount === 0) this.#validity.fill(255, 0, (row + 7) >> 3);
    this.#validity[row >> 3] = (this.#validity[row >> 3] ?? 0) & ~(1 << (row & 7));
    this.#nullCount++;
    this.#rowCount = row + 1;
    const kind = this.#kind;
    if (kind === 'bytes') this.#ints[row] = this.#dataLength;
    else if (kind === 'int128') this.#bigInts.fill(0n, 2 * row, 2 * row + 2);
    else if (kind === 'int64') this.#bigInts[row] = 0n;
    else this.#setNumber(row, 0);
  }

  /** For boolean, int, date, float and double. */
  appendNumber(value: number): void {
    this.#setNumber(this.#nextRow(), value);
  }

  /** For long, timestamp, timestamptz, and the unscaled value of decimal. */
  appendBigInt(value: bigint): void {
    const row = this.#nextRow();
    if (this.#kind === 'int64') {
      this.#bigInts[row] = value;
      return;
    }
    assert(this.#kind === 'int128', 'this column does not take bigint');
    // A store keeps the low 64 bits.
    this.#bigInts[2 * row] = value;
    this.#bigInts[2 * row + 1] = value >> 64n;
  }

  /**
   * For long, timestamp, timestamptz and decimal: an integer within ±(2^53 - 1), without bigint.
   */
  appendSafeInteger(value: number): void {
    // An ordinary division, not a shift: the high half has 21 bits more than a shift sees.
    this.appendHalves(value | 0, Math.floor(value / 4294967296));
  }

  /** Like {@link appendBigInt}, by the two 32-bit halves of a signed 64-bit value. */
  appendHalves(low: number, high: number): void {
    const row = this.#nextRow();
    const halves = this.#ints;
    if (this.#kind === 'int64') {
      halves[2 * row] = low;
      halves[2 * row + 1] = high;
      return;
    }
    assert(this.#kind === 'int128', 'this column does not take 64-bit values');
    const sign = high >> 31;
    halves[4 * row] = low;
    halves[4 * row + 1] = high;
    halves[4 * row + 2] = sign;
    halves[4 * row + 3] = sign;
  }

  /** For decimal: the two 32-bit halves of an unsigned 64-bit value. */
  appendUnsignedHalves(low: number, high: number): void {
    const row = this.#nextRow();
    assert(this.#kind === 'int128', 'only a decimal holds every unsigned 64-bit value');
    const halves = this.#ints;
    halves[4 * row] = low;
    halves[4 * row + 1] = high;
    halves[4 * row + 2] = 0;
    halves[4 * row + 3] = 0;
  }

  /** For string. Lone surrogates become U+FFFD; sources that can hold them check first. */
  appendString(value: string): void {
    const row = this.#nextBytesRow();
    this.#reserve(value.length * 3);
    if (value.length <= SHORT_TEXT && this.#appendAscii(value)) return this.#setOffset(row);
    const target = this.#data.subarray(this.#dataLength);
    this.#dataLength += this.#encoder.encodeInto(value, target).written;
    this.#setOffset(row);
  }

  /** For string (UTF-8), binary, fixed and uuid. */
  appendBytes(value: Uint8Array): void {
    const row = this.#nextBytesRow();
    this.#reserve(value.length);
    this.#data.set(value, this.#dataLength);
    this.#dataLength += value.length;
    this.#setOffset(row);
  }

  /** Like {@link appendBytes} for `source[from] .. source[to]`, without a view of its own. */
  appendRun(source: Uint8Array, from: number, to: number): void {
    const row = this.#nextBytesRow();
    const length = to - from;
    const start = this.#dataLength;
    if (start + length > this.#data.length) this.#reserve(length);
    const data = this.#data;
    if (length <= SHORT_RUN) {
      for (let index = 0; index < length; index++) data[start + index] = source[from + index] ?? 0;
    } else {
      data.set(source.subarray(from, to), start);
    }
    this.#dataLength = start + length;
    this.#setOffset(row);
  }

  /** Like {@link appendBytes}, the same value in `count` rows. */
  appendRepeated(value: Uint8Array, count: number): void {
    if (count === 0) return;
    const { length } = value;
    const start = this.#dataLength;
    this.#reserve(length * count);
    const data = this.#data;
    data.set(value, start);
    // What is there is copied behind itself: twice as much each time.
    for (let copied = length; copied < length * count; copied *= 2) {
      data.copyWithin(start + copied, start, start + Math.min(copied, length * count - copied));
    }
    for (let index = 0; index < count; index++) {
      const row = this.#nextBytesRow();
      this.#dataLength += length;
      this.#setOffset(row);
    }
  }

  /**
   * Like {@link appendRun}, by words of four bytes: for text of some hundred bytes that is four
   * times as fast as any other way, and it looks at the bytes in passing.
   *
   * @param view over the same memory as `source`, with the same offsets
   * @returns below 0x80: all bytes are ASCII
   */
  appendWords(source: Uint8Array, view: DataView, from: number, to: number): number {
    const row = this.#nextBytesRow();
    const start = this.#dataLength;
    if (start + to - from > this.#data.length) this.#reserve(to - from);
    const target = this.#dataView;
    let at = from;
    let into = start;
    let words = 0;
    for (const lastWord = to - 4; at <= lastWord; at += 4, into += 4) {
      const word = view.getUint32(at, true);
      words |= word;
      target.setUint32(into, word, true);
    }
    const data = this.#data;
    let rest = 0;
    for (; at < to; at++, into++) {
      const byte = source[at] ?? 0;
      rest |= byte;
      data[into] = byte;
    }
    this.#dataLength = into;
    this.#setOffset(row);
    return (words & 0x80_80_80_80) === 0 ? rest : 0x80;
  }

  /** Takes back the rows from `rowCount` on; no more rows than that: nothing. */
  truncate(rowCount: number): void {
    if (rowCount >= this.#rowCount) return;
    if (this.#nullCount > 0) {
      for (let row = rowCount; row < this.#rowCount; row++) {
        if ((((this.#validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 0) this.#nullCount--;
      }
    }
    this.#rowCount = rowCount;
    if (this.#kind !== 'bytes') return;
    this.#dataLength = rowCount === 0 ? 0 : (this.#ints[rowCount - 1] ?? 0);
  }

  /** The rows so far as a vector of its own; the builder starts again empty. */
  finish(): ColumnVector {
    const vector = this.#vector(this.#rowCount, this.#finishValidity());
    this.#rowCount = 0;
    this.#nullCount = 0;
    this.#dataLength = 0;
    return vector;
  }

  #finishValidity(): Uint8Array | null {
    if (this.#nullCount === 0) return null;
    const rows = this.#rowCount;
    const validity = this.#validity.slice(0, (rows + 7) >> 3);
    const last = rows >> 3;
    if ((rows & 7) !== 0) validity[last] = (validity[last] ?? 0) & ((1 << (rows & 7)) - 1);
    return validity;
  }

  #vector(rows: number, validity: Uint8Array | null): ColumnVector {
    const kind = this.#kind;
    switch (kind) {
      case 'bool':
        return { kind, values: this.#bools.slice(0, rows), validity };
      case 'int32':
        return { kind, values: this.#ints.slice(0, rows), validity };
      case 'int64':
        return { kind, values: this.#bigInts.slice(0, rows), validity };
      case 'int128':
        return { kind, values: this.#bigInts.slice(0, rows * 2), validity };
      case 'float32':
        return { kind, values: this.#floats.slice(0, rows), validity };
      case 'float64':
        return { kind, values: this.#doubles.slice(0, rows), validity };
      case 'bytes': {
        const offsets = new Uint32Array(rows + 1);
        offsets.set(this.#ints.subarray(0, rows), 1);
        return { kind, data: this.#data.slice(0, this.#dataLength), offsets, validity };
      }
      default:
        return unreachable(kind);
    }
  }

  /** Takes a row that has a value. */
  #nextRow(): number {
    const row = this.#rowCount;
    if (row === this.#capacity) this.#grow();
    if (this.#nullCount !== 0) {
      this.#validity[row >> 3] = (this.#validity[row >> 3] ?? 0) | (1 << (row & 7));
    }
    this.#rowCount = row + 1;
    return row;
  }

  #nextBytesRow(): number {
    assert(this.#kind === 'bytes', 'this column does not take text or bytes');
    return this.#nextRow();
  }

  #setNumber(row: number, value: number): void {
    const kind = this.#kind;
    if (kind === 'int32') this.#ints[row] = value;
    else if (kind === 'float64') this.#doubles[row] = value;
    else if (kind === 'float32') this.#floats[row] = value;
    else {
      assert(kind === 'bool', 'this column takes bigint or bytes');
      this.#bools[row] = value;
    }
  }

  #grow(): void {
    const capacity = Math.max(FIRST_ROWS, this.#capacity * 2);
    this.#capacity = capacity;
    this.#validity = extended(this.#validity, new Uint8Array(capacity >> 3));
    switch (this.#kind) {
      case 'bool':
        this.#bools = extended(this.#bools, new Uint8Array(capacity));
        return;
      case 'int32':
      case 'bytes':
        this.#ints = extended(this.#ints, new Int32Array(capacity));
        return;
      case 'int64':
      case 'int128':
        this.#ints = extended(
          this.#ints,
          new Int32Array((capacity * VALUE_BYTES[this.#kind]) >> 2),
        );
        this.#bigInts = new BigInt64Array(this.#ints.buffer);
        return;
      case 'float32':
        this.#floats = extended(this.#floats, new Float32Array(capacity));
        return;
      case 'float64':
        this.#doubles = extended(this.#doubles, new Float64Array(capacity));
        return;
      default:
        unreachable(this.#kind);
    }
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
    this.#ints[row] = this.#dataLength;
  }

  #reserve(bytes: number): void {
    const needed = this.#dataLength + bytes;
    if (needed <= this.#data.length) return;
    assert(needed < COLUMN_BYTES_MAX, 'a batch is finished before a column reaches 2 GiB');
    const larger = new Uint8Array(Math.max(needed, this.#data.length * 2));
    larger.set(this.#data.subarray(0, this.#dataLength));
    this.#data = larger;
    this.#dataView = new DataView(larger.buffer);
  }
}

/** `larger` with the elements of `values` at its start. */
function extended<A extends Uint8Array | Int32Array | Float32Array | Float64Array>(
  values: A,
  larger: A,
): A {
  larger.set(values);
  return larger;
}
