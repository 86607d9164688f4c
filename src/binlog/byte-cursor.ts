/**
 * Reads the fields of one event one after the other, never past its end: whatever the bytes are,
 * the answer is a value or a coded error. For small events; row images have their own fast path.
 */
import { Buffer } from 'node:buffer';
import { toSafeNumber } from '../kernel/integers.ts';
import { FirnError } from '../kernel/firn-error.ts';

/** The error for bytes that do not follow the protocol; the place is added by the reader. */
export function malformed(what: string): FirnError {
  return new FirnError('LOG-EVENT-MALFORMED', { what });
}

/** Reads forward through `bytes[at] .. bytes[end]`. */
export class ByteCursor {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /**
   * An unsigned little-endian number of 1 to 6 bytes.
   *
   * @throws {FirnError} LOG-EVENT-MALFORMED, as all methods do, when the event ends before
   */
  uint(width: number): number {
    const from = this.#advance(width);
    let value = 0;
    for (let index = width - 1; index >= 0; index--) {
      value = value * 256 + (this.#bytes[from + index] ?? 0);
    }
    return value;
  }

  /** An unsigned little-endian number of 7 or 8 bytes. */
  bigUint(width: number): bigint {
    const low = BigInt(this.uint(4));
    return (BigInt(this.uint(width - 4)) << 32n) | low;
  }

  /** An unsigned number of 8 bytes that a file position, a count or a size can be. */
  safeUint64(): number {
    return safe(this.bigUint(8));
  }

  /** A length-encoded integer of the client protocol, below 2^53. */
  packedInt(): number {
    return safe(this.packedBigInt());
  }

  /** The rest of a {@link packedInt} whose first byte was read. */
  packedIntAfter(first: number): number {
    return safe(this.#packedAfter(first));
  }

  /** A length-encoded integer of the client protocol. */
  packedBigInt(): bigint {
    return this.#packedAfter(this.uint(1));
  }

  #packedAfter(first: number): bigint {
    if (first < 251) return BigInt(first);
    if (first === 252) return BigInt(this.uint(2));
    if (first === 253) return BigInt(this.uint(3));
    if (first === 254) return this.bigUint(8);
    throw malformed('a length does not start with a valid byte');
  }

  /** The next bytes as a view; to be copied by whoever keeps it. */
  take(length: number): Uint8Array {
    const from = this.#advance(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** The next bytes as UTF-8 text. */
  text(length: number): string {
    return decodeUtf8(this.take(length));
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** Everything up to the end. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  #advance(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) throw malformed('an event ends inside one of its fields');
    this.#at = from + length;
    return from;
  }
}

/** UTF-8 text; bytes that are none become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

function safe(value: bigint): number {
  if (value > 9_007_199_254_740_991n) throw malformed('a length or position is beyond 2^53');
  return toSafeNumber(value);
}
