/**
 * Cuts the bytes of a connection into payloads of the client protocol. A payload of 16 MiB - 1
 * bytes goes on in the next packet; both are joined. Nothing is copied while a whole payload lies
 * in one chunk, and never more is kept than has arrived.
 */
import { FirnError } from '../kernel/firn-error.ts';

const HEADER_BYTES = 4;
const PACKET_BYTES_MAX = 0xff_ff_ff;
const FIRST_BUFFER_BYTES = 65_536;

/** Takes chunks in, gives payloads out: after {@link next}, `bytes[at] .. bytes[end]`. */
export class PacketFramer {
  /** The payload of the last {@link next}; valid until the next call of anything here. */
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;
  end = 0;

  readonly #payloadBytesMax: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkAt = 0;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  #sequence: number;
  /** Bytes of the present packet that have not come yet; -1 between packets. */
  #missing = -1;
  /** Whether the payload goes on in the packet after the present one. */
  #continues = false;
  #joined = new Uint8Array(0);
  #joinedLength = 0;

  /**
   * Payloads above `payloadBytesMax` are refused as soon as a header announces them. `first` is the
   * number that the first packet must have; without it any will do.
   */
  constructor(payloadBytesMax: number, first: number | null = null) {
    this.#payloadBytesMax = payloadBytesMax;
    this.#sequence = first === null ? -1 : (first + 255) & 255;
  }

  /** Whether bytes are there, or were kept, that no payload was made of. */
  get hasRest(): boolean {
    const { length } = this.#chunk;
    return this.#headerLength > 0 || this.#missing >= 0 || this.#chunkAt < length;
  }

  /** Gives the next bytes of the connection; the former ones must have been used up. */
  feed(chunk: Uint8Array): void {
    this.#chunk = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#chunkAt = 0;
  }

  /**
   * Whether there is another whole payload.
   *
   * @throws {FirnError} LOG-PACKET-LOST, LOG-EVENT-TOO-LARGE
   */
  next(): boolean {
    for (;;) {
      if (this.#missing < 0 && !this.#readHeader()) return false;
      if (this.#joinedLength === 0 && !this.#continues && this.#takeWhole()) return true;
      if (!this.#join()) return false;
      this.#missing = -1;
      if (this.#continues) continue;
      this.bytes = this.#joined;
      this.at = 0;
      this.end = this.#joinedLength;
      this.#joinedLength = 0;
      if (this.#joined.length > FIRST_BUFFER_BYTES) this.#joined = new Uint8Array(0);
      return true;
    }
  }

  #readHeader(): boolean {
    const header = this.#header;
    while (this.#headerLength < HEADER_BYTES) {
      if (this.#chunkAt >= this.#chunk.length) return false;
      header[this.#headerLength++] = this.#chunk[this.#chunkAt++] ?? 0;
    }
    this.#headerLength = 0;
    const length = (header[0] ?? 0) | ((header[1] ?? 0) << 8) | ((header[2] ?? 0) << 16);
    const sequence = header[3] ?? 0;
    if (this.#sequence >= 0 && sequence !== ((this.#sequence + 1) & 255)) {
      throw new FirnError('LOG-PACKET-LOST', {
        what: `Packet ${(this.#sequence + 1) & 255} was expected, packet ${sequence} came`,
      });
    }
    this.#sequence = sequence;
    this.#missing = length;
    this.#continues = length === PACKET_BYTES_MAX;
    if (this.#joinedLength + length > this.#payloadBytesMax) {
      throw new FirnError('LOG-EVENT-TOO-LARGE', {
        what: `An event has more than the ${this.#payloadBytesMax} bytes that are read`,
      });
    }
    return true;
  }

  #takeWhole(): boolean {
    const end = this.#chunkAt + this.#missing;
    if (end > this.#chunk.length) return false;
    this.bytes = this.#chunk;
    this.at = this.#chunkAt;
    this.end = end;
    this.#chunkAt = end;
    this.#missing = -1;
    return true;
  }

  /** Adds what has come to the joined payload; whether the present packet is complete. */
  #join(): boolean {
    const count = Math.min(this.#missing, this.#chunk.length - this.#chunkAt);
    const length = this.#joinedLength + count;
    if (length > this.#joined.length) {
      const doubled = Math.max(this.#joined.length * 2, FIRST_BUFFER_BYTES, length);
      const larger = new Uint8Array(Math.min(doubled, Math.max(this.#payloadBytesMax, length)));
      larger.set(this.#joined.subarray(0, this.#joinedLength));
      this.#joined = larger;
    }
    const part = this.#chunk.subarray(this.#chunkAt, this.#chunkAt + count);
    this.#joined.set(part, this.#joinedLength);
    this.#joinedLength = length;
    this.#chunkAt += count;
    this.#missing -= count;
    return this.#missing === 0;
  }
}
