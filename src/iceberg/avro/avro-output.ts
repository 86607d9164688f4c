/**
 * Avro's binary encoding, writing half (Avro specification 1.12, "Binary Encoding"). Bytes gather
 * in one growing buffer and are taken out block by block.
 */
import { assert } from '../../kernel/assert.ts';

const CAPACITY_START_BYTES = 64 * 1024;
const VARINT_BYTES_MAX = 10;

/** A growing run of Avro-encoded bytes. */
export class AvroOutput {
  // A Buffer for its quick text; not from Buffer's pool, so that its memory starts at 0.
  #bytes = Buffer.from(new ArrayBuffer(CAPACITY_START_BYTES));
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #scratch = new DataView(new ArrayBuffer(8));

  /** Bytes written since the last {@link take}. */
  get lengthBytes(): number {
    return this.#length;
  }

  /** A copy of the bytes written so far; starts anew. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }

  /** An `int`: -2^31 to 2^31 - 1. Also lengths, counts and union branches. */
  writeInt(value: number): void {
    assert((value | 0) === value, 'an Avro int must be a 32-bit integer');
    this.#writeVarint(((value << 1) ^ (value >> 31)) | 0, 0);
  }

  /** A `long`: -2^63 to 2^63 - 1. */
  writeLong(value: bigint): void {
    assert(BigInt.asIntN(64, value) === value, 'an Avro long must be a 64-bit integer');
    this.#scratch.setBigInt64(0, value, true);
    const low = this.#scratch.getInt32(0, true);
    const high = this.#scratch.getInt32(4, true);
    const sign = high >> 31;
    this.#writeVarint((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
  }

  writeBoolean(value: boolean): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value ? 1 : 0;
  }

  writeFloat(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  writeDouble(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** A `fixed`: the bytes as they are. Also a block that is encoded already. */
  writeFixed(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  writeBytes(value: Uint8Array): void {
    this.writeInt(value.length);
    this.writeFixed(value);
  }

  writeText(value: string): void {
    assert(value.isWellFormed(), 'text with half a surrogate pair cannot be written as UTF-8');
    const length = Buffer.byteLength(value, 'utf8');
    this.writeInt(length);
    this.#reserve(length);
    this.#bytes.write(value, this.#length, 'utf8');
    this.#length += length;
  }

  /** The zigzagged 64 bits of `high` and `low`, seven to a byte, lowest first. */
  #writeVarint(lowStart: number, highStart: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let low = lowStart;
    let high = highStart;
    while (high !== 0 || low >>> 7 !== 0) {
      this.#bytes[this.#length++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | (high << 25);
      high >>>= 7;
    }
    this.#bytes[this.#length++] = low;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.from(new ArrayBuffer(Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
