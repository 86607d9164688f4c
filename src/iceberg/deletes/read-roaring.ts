/**
 * Portable Roaring bitmaps of 64-bit numbers, reading half (Roaring format specification,
 * "Extension for 64-bit implementations"), for bytes that may be damaged or forged. Positions come
 * out batch by batch, so that memory is bounded whatever a few bytes of runs stand for; every fault
 * is ICEBERG-PUFFIN-INVALID, at the latest after the last batch.
 */
import {
  ARRAY_MAX,
  BATCH_POSITIONS,
  BITSET_BYTES,
  CONTAINER_VALUES,
  COOKIE_PLAIN,
  COOKIE_RUNS,
  HIGH_MAX,
  OFFSETS_FROM,
  halvesOf,
  invalidPuffin,
} from './roaring-format.ts';

/** A container as its bitmap's header announces it. */
interface Container {
  /** Upper half of its values. */
  readonly key: number;
  readonly cardinality: number;
  readonly isRun: boolean;
}

/**
 * The positions in a bitmap, ascending. A batch is the caller's to keep.
 *
 * @param where the file, for messages
 * @throws {FirnError} ICEBERG-PUFFIN-INVALID
 */
export function* readPositions(bytes: Uint8Array, where: string): Generator<BigInt64Array> {
  const input = new BitmapInput(bytes, where);
  const bitmaps = input.uint64();
  let batch = new PositionBatch();
  let lastKey = -1;
  for (let bitmap = 0n; bitmap < bitmaps; bitmap++) {
    const high = input.uint32();
    if (high <= lastKey) throw input.invalid('its bitmaps are not in order');
    if (high > HIGH_MAX) throw input.invalid('it has a position of 64 bits');
    lastKey = high;
    for (const container of readHeader(input)) {
      if (!batch.hasRoomFor(container.cardinality)) {
        yield batch.positions();
        batch = new PositionBatch();
      }
      readContainer(input, container, { high, batch });
    }
  }
  input.expectEnd();
  const last = batch.positions();
  if (last.length > 0) yield last;
}

/** Where the values of a container go. */
interface Target {
  readonly high: number;
  readonly batch: PositionBatch;
}

/** The head of a 32-bit bitmap; its containers follow one after the other. */
function readHeader(input: BitmapInput): readonly Container[] {
  const cookie = input.uint32();
  const hasRuns = (cookie & 0xffff) === COOKIE_RUNS;
  if (!hasRuns && cookie !== COOKIE_PLAIN) throw input.invalid('a bitmap has an unknown cookie');
  const count = hasRuns ? (cookie >>> 16) + 1 : input.uint32();
  if (count > CONTAINER_VALUES) throw input.invalid(`a bitmap has ${count} containers`);
  const runs = hasRuns ? input.bytes((count + 7) >> 3) : null;
  input.expect(count * 4);
  const containers: Container[] = [];
  let lastKey = -1;
  for (let index = 0; index < count; index++) {
    const key = input.uint16();
    if (key <= lastKey) throw input.invalid('its containers are not in order');
    lastKey = key;
    const cardinality = input.uint16() + 1;
    const isRun = (((runs?.[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
    containers.push({ key, cardinality, isRun });
  }
  // Where containers lie is for readers that jump; one after the other they need no offsets.
  if (!hasRuns || count >= OFFSETS_FROM) input.bytes(count * 4);
  return containers;
}

function readContainer(input: BitmapInput, container: Container, target: Target): void {
  const { cardinality } = container;
  const before = target.batch.count;
  if (container.isRun) readRuns(input, container, target);
  else if (cardinality <= ARRAY_MAX) readArray(input, container, target);
  else readBitset(input, container, target);
  if (target.batch.count - before !== cardinality) {
    throw input.invalid('a container holds another number of values than its head says');
  }
}

function readArray(input: BitmapInput, { key, cardinality }: Container, target: Target): void {
  input.expect(cardinality * 2);
  let last = -1;
  for (let index = 0; index < cardinality; index++) {
    const value = input.uint16();
    if (value <= last) throw input.invalid('values of a container are not in order');
    last = value;
    target.batch.add(target.high, key * CONTAINER_VALUES + value);
  }
}

function readBitset(input: BitmapInput, { key, cardinality }: Container, target: Target): void {
  const bits = input.bytes(BITSET_BYTES);
  let left = cardinality;
  for (const [index, byte] of bits.entries()) {
    for (let rest = byte; rest !== 0; rest &= rest - 1) {
      if (left-- === 0) throw input.invalid('a container holds more values than its head says');
      const value = index * 8 + (31 - Math.clz32(rest & -rest));
      target.batch.add(target.high, key * CONTAINER_VALUES + value);
    }
  }
}

function readRuns(input: BitmapInput, { key, cardinality }: Container, target: Target): void {
  const count = input.uint16();
  input.expect(count * 4);
  let next = 0;
  let left = cardinality;
  for (let run = 0; run < count; run++) {
    const start = input.uint16();
    const end = start + input.uint16();
    if (start < next || end >= CONTAINER_VALUES) {
      throw input.invalid('runs of a container are not in order');
    }
    next = end + 1;
    left -= next - start;
    if (left < 0) throw input.invalid('a container holds more values than its head says');
    for (let value = start; value <= end; value++) {
      target.batch.add(target.high, key * CONTAINER_VALUES + value);
    }
  }
}

/** Positions being collected. */
class PositionBatch {
  readonly #positions = new BigInt64Array(BATCH_POSITIONS);
  readonly #halves = halvesOf(this.#positions);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  hasRoomFor(positions: number): boolean {
    return this.#count + positions <= BATCH_POSITIONS;
  }

  add(high: number, low: number): void {
    const at = this.#count * 2;
    this.#halves[at] = low;
    this.#halves[at + 1] = high;
    this.#count++;
  }

  positions(): BigInt64Array {
    return this.#positions.subarray(0, this.#count);
  }
}

/** The bytes of a bitmap, read from their start, never beyond their end. */
class BitmapInput {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #where: string;
  #at = 0;

  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#where = where;
  }

  invalid(what: string): Error {
    return invalidPuffin(`the bitmap is damaged: ${what}`, this.#where);
  }

  /** Makes sure of bytes before anything is allocated for them. */
  expect(count: number): void {
    if (count > this.#bytes.length - this.#at) throw this.invalid('it ends too early');
  }

  expectEnd(): void {
    if (this.#at !== this.#bytes.length) throw this.invalid('bytes follow its end');
  }

  bytes(count: number): Uint8Array {
    this.expect(count);
    const start = this.#at;
    this.#at += count;
    return this.#bytes.subarray(start, this.#at);
  }

  uint16(): number {
    this.expect(2);
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2, true);
  }

  uint32(): number {
    this.expect(4);
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  uint64(): bigint {
    this.expect(8);
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8, true);
  }
}
