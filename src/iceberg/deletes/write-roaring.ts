/**
 * Portable Roaring bitmaps of 64-bit numbers, writing half (Roaring format specification): each
 * container in the smallest of its three forms, as other implementations do after optimising runs.
 * Memory is that of the result and of one container.
 */
import { assert } from '../../kernel/assert.ts';
import {
  ARRAY_MAX,
  BITSET_BYTES,
  CONTAINER_VALUES,
  COOKIE_PLAIN,
  COOKIE_RUNS,
  HIGH_MAX,
  OFFSETS_FROM,
  halvesOf,
} from './roaring-format.ts';

/** A bitmap, and how many positions it holds. */
export interface WrittenBitmap {
  readonly bytes: Uint8Array;
  readonly cardinality: bigint;
}

/** The bitmap of positions; each greater than the one before, none negative. */
export function writePositions(batches: Iterable<BigInt64Array>): WrittenBitmap {
  const writer = new BitmapWriter();
  for (const batch of batches) {
    const halves = halvesOf(batch);
    for (let at = 0; at < halves.length; at += 2) writer.add(halves[at + 1] ?? 0, halves[at] ?? 0);
  }
  return writer.finish();
}

/** A container ready to be written. */
interface Container {
  readonly key: number;
  readonly cardinality: number;
  readonly isRun: boolean;
  readonly bytes: Uint8Array;
}

class BitmapWriter {
  readonly #parts: Uint8Array[] = [];
  readonly #values = new Uint16Array(CONTAINER_VALUES);
  #count = 0;
  #containers: Container[] = [];
  #bitmaps = 0;
  #high = -1;
  #low = -1;
  #cardinality = 0n;

  add(high: number, low: number): void {
    const isNext = high > this.#high || (high === this.#high && low > this.#low);
    assert(isNext && high <= HIGH_MAX, 'positions ascend and are not negative');
    if (high !== this.#high) this.#endBitmap();
    else if (low >>> 16 !== this.#low >>> 16) this.#endContainer();
    this.#high = high;
    this.#low = low;
    this.#values[this.#count++] = low & 0xffff;
  }

  finish(): WrittenBitmap {
    this.#endBitmap();
    const head = new DataView(new ArrayBuffer(8));
    head.setUint32(0, this.#bitmaps, true);
    const bytes = joined([new Uint8Array(head.buffer), ...this.#parts]);
    return { bytes, cardinality: this.#cardinality };
  }

  #endContainer(): void {
    if (this.#count === 0) return;
    const values = this.#values.subarray(0, this.#count);
    this.#containers.push(containerOf(this.#low >>> 16, values));
    this.#cardinality += BigInt(this.#count);
    this.#count = 0;
  }

  #endBitmap(): void {
    this.#endContainer();
    if (this.#containers.length === 0) return;
    const key = new DataView(new ArrayBuffer(4));
    key.setUint32(0, this.#high, true);
    this.#parts.push(new Uint8Array(key.buffer), headerOf(this.#containers));
    for (const { bytes } of this.#containers) this.#parts.push(bytes);
    this.#containers = [];
    this.#bitmaps++;
  }
}

function containerOf(key: number, values: Uint16Array): Container {
  const cardinality = values.length;
  const runs = countRuns(values);
  const runBytes = 2 + 4 * runs;
  const isArray = cardinality <= ARRAY_MAX;
  const isRun = runBytes < (isArray ? cardinality * 2 : BITSET_BYTES);
  if (isRun) return { key, cardinality, isRun, bytes: runBytesOf(values, runs) };
  return { key, cardinality, isRun, bytes: isArray ? arrayBytes(values) : bitsetBytes(values) };
}

function countRuns(values: Uint16Array): number {
  let runs = 0;
  let next = -1;
  for (const value of values) {
    if (value !== next) runs++;
    next = value + 1;
  }
  return runs;
}

function arrayBytes(values: Uint16Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  for (const [index, value] of values.entries()) view.setUint16(index * 2, value, true);
  return new Uint8Array(view.buffer);
}

function bitsetBytes(values: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(BITSET_BYTES);
  for (const value of values) bytes[value >> 3] = (bytes[value >> 3] ?? 0) | (1 << (value & 7));
  return bytes;
}

function runBytesOf(values: Uint16Array, runs: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 + 4 * runs));
  view.setUint16(0, runs, true);
  let at = -2;
  let start = 0;
  let next = -1;
  for (const value of values) {
    if (value !== next) {
      at += 4;
      start = value;
      view.setUint16(at, start, true);
    }
    view.setUint16(at + 2, value - start, true);
    next = value + 1;
  }
  return new Uint8Array(view.buffer);
}

/** What stands before the containers of a 32-bit bitmap. */
function headerOf(containers: readonly Container[]): Uint8Array {
  const count = containers.length;
  const hasRuns = containers.some(({ isRun }) => isRun);
  const flagBytes = hasRuns ? (count + 7) >> 3 : 0;
  const cookieBytes = hasRuns ? 4 : 8;
  const hasOffsets = !hasRuns || count >= OFFSETS_FROM;
  const size = cookieBytes + flagBytes + count * 4 + (hasOffsets ? count * 4 : 0);
  const view = new DataView(new ArrayBuffer(size));
  if (hasRuns) view.setUint32(0, COOKIE_RUNS | ((count - 1) << 16), true);
  else {
    view.setUint32(0, COOKIE_PLAIN, true);
    view.setUint32(4, count, true);
  }
  let at = cookieBytes;
  for (const [index, { isRun }] of containers.entries()) {
    if (!isRun) continue;
    const flag = at + (index >> 3);
    view.setUint8(flag, view.getUint8(flag) | (1 << (index & 7)));
  }
  at += flagBytes;
  for (const { key, cardinality } of containers) {
    view.setUint16(at, key, true);
    view.setUint16(at + 2, cardinality - 1, true);
    at += 4;
  }
  let offset = size;
  for (const { bytes } of hasOffsets ? containers : []) {
    view.setUint32(at, offset, true);
    at += 4;
    offset += bytes.length;
  }
  return new Uint8Array(view.buffer);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
