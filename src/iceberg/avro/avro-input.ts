/**
 * Avro's binary encoding, reading half (Avro specification 1.12, "Binary Encoding"), for files that
 * may be damaged or forged. Every declared length and count is checked against the bytes that are
 * left before anything is allocated, and the elements of one file are counted: small files cannot
 * ask for large memory. Every fault is ICEBERG-AVRO-INVALID or ICEBERG-AVRO-TOO-LARGE.
 */
import { FirnError } from '../../kernel/firn-error.ts';

/** Array and map elements read from one file. A manifest of the usual 8 MB has a few million. */
const ELEMENTS_MAX = 16 * 1024 * 1024;

// A byte order mark is part of the text; bytes that are not UTF-8 are an error.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The error for a file that is not sound Avro. */
export function invalidAvro(what: string, where: string): FirnError {
  return new FirnError('ICEBERG-AVRO-INVALID', { what, where });
}

/** Elements that may still be read from one file; shared by its blocks. */
export class ElementBudget {
  #left = ELEMENTS_MAX;
  readonly #where: string;

  /** @param where the file, for messages */
  constructor(where: string) {
    this.#where = where;
  }

  /** Takes `count` elements from the budget. @throws {FirnError} ICEBERG-AVRO-TOO-LARGE */
  take(count: number): void {
    this.#left -= count;
    if (this.#left < 0) {
      throw new FirnError('ICEBERG-AVRO-TOO-LARGE', {
        what: `the file has more than ${ELEMENTS_MAX} list and map elements`,
        where: this.#where,
      });
    }
  }
}

/** A run of Avro-encoded bytes, read from its start. */
export class AvroInput {
  /** The file, for messages. */
  readonly where: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #budget: ElementBudget;
  readonly #scratch = new DataView(new ArrayBuffer(8));
  #position = 0;
  /** Halves of the last integer read. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, budget: ElementBudget, where: string) {
    this.where = where;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = budget;
  }

  /** Bytes not read yet. */
  get leftBytes(): number {
    return this.#bytes.length - this.#position;
  }

  readInt(): number {
    this.#readZigzag();
    if (this.#high !== this.#low >> 31) throw this.fault('an int has more than 32 bits');
    return this.#low;
  }

  readLong(): bigint {
    this.#readZigzag();
    if (this.#high === this.#low >> 31) return BigInt(this.#low);
    this.#scratch.setInt32(0, this.#low, true);
    this.#scratch.setInt32(4, this.#high, true);
    return this.#scratch.getBigInt64(0, true);
  }

  readBoolean(): boolean {
    return this.readFixed(1)[0] !== 0;
  }

  readFloat(): number {
    return this.#view.getFloat32(this.#advance(4), true);
  }

  readDouble(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  /** `length` bytes, shared with the input; a caller that keeps them copies them. */
  readFixed(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Bytes with their length before them, shared with the input. */
  readBytes(): Uint8Array {
    return this.readFixed(this.readLength());
  }

  readText(): string {
    const bytes = this.readBytes();
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new FirnError('ICEBERG-AVRO-INVALID', {
        what: 'a string is not UTF-8',
        where: this.where,
        cause,
      });
    }
  }

  /** A union's branch, enum's symbol or the like: 0 to `count` - 1. */
  readIndex(count: number): number {
    const index = this.readInt();
    if (index < 0 || index >= count) throw this.fault('a union has no such branch');
    return index;
  }

  /** A length in bytes, at most the bytes left. */
  readLength(): number {
    const length = this.readInt();
    if (length < 0 || length > this.leftBytes) {
      throw this.fault('a declared length runs past the end');
    }
    return length;
  }

  /**
   * The number of elements in the next block of an array or map; 0 ends it. Elements take at least
   * a byte each, so there are never more than bytes left.
   */
  readBlockCount(): number {
    const declared = this.readInt();
    const count = Math.abs(declared);
    if (declared < 0) this.readLength();
    if (count > this.leftBytes) throw this.fault('a declared count runs past the end');
    this.#budget.take(count);
    return count;
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** The error for these bytes. */
  fault(what: string): FirnError {
    return invalidAvro(`${what}, near byte ${this.#position} of its block`, this.where);
  }

  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#bytes.length - start) throw this.fault('the data ends too early');
    this.#position = start + length;
    return start;
  }

  /** Reads a variable-length integer and undoes its zigzag, into `#low` and `#high`. */
  #readZigzag(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) throw this.fault('the data ends too early');
      this.#position++;
      const bits = byte & 0x7f;
      if (shift < 28) {
        low |= bits << shift;
      } else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        high |= bits << (shift - 32);
      }
      if (shift === 63 && byte > 1) throw this.fault('an integer has more than 64 bits');
      if (byte < 0x80) break;
    }
    const sign = -(low & 1);
    this.#low = ((low >>> 1) | (high << 31)) ^ sign;
    this.#high = (high >>> 1) ^ sign;
  }
}
