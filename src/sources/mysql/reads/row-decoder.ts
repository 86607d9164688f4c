/**
 * The answer to one statement in the text protocol, from bytes straight into column builders: no
 * row objects, no packet objects. Every packet's number and length is checked, a row must fill its
 * packet exactly, and an answer is over only when the server has said so: bytes that merely stop
 * never look like the end.
 */
import { FirnError } from '../../../kernel/firn-error.ts';
import type { ColumnBuilder } from '../../../model/column-builder.ts';
import type { ValueReader } from '../../../mysql/value-reader.ts';
import { connectionError, errorOfPacket } from '../connection-failure.ts';

/** A column of the answer: how its text is read, and what it is appended to. */
export interface DecodedColumn {
  readonly read: ValueReader;
  readonly builder: ColumnBuilder;
}

/** What decoding stopped at. */
export type DecodeStop =
  /** More bytes are needed. */
  | 'drained'
  /** As many rows or bytes as asked for; the rest waits. */
  | 'full'
  /** The answer is whole. */
  | 'end';

/** Bounds of what is decoded at a time and of what is accepted at all. */
export interface DecodeLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
  /** Longest row; the server's own limit is 1 GiB. */
  readonly rowBytesMax: number;
}

/** Rows between two looks at how many bytes the builders hold. */
const SIZE_CHECK_ROWS = 256;

/** A row of at least this many bytes is counted at once. */
const LARGE_ROW = 64 * 1024;

/** A body of this length goes on in the next packet (protocol, "Sending more than 16Mb"). */
const PACKET_MAX = 0xff_ff_ff;

/** Decodes one answer. Bytes go in by `feed`, and are decoded by `decode` until it is drained. */
export class RowDecoder {
  readonly #columns: readonly DecodedColumn[];
  readonly #limits: DecodeLimits;
  readonly #where: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#chunk.buffer);
  #at = 0;
  /** A packet, or the head of one, that began in an earlier chunk. */
  #carry = new Uint8Array(64 * 1024);
  #carryLength = 0;
  /** Bodies of a row in several packets, so far. */
  #parts: Uint8Array[] = [];
  #partsLength = 0;
  #sequence = 1;
  #phase: 'head' | 'definitions' | 'rows' | 'end' = 'head';
  #definitions = 0;
  #rowCount = 0;
  #largeBytes = 0;
  #isFull = false;

  constructor(
    columns: readonly DecodedColumn[],
    options: { readonly limits: DecodeLimits; readonly where: string },
  ) {
    this.#columns = columns;
    this.#limits = options.limits;
    this.#where = options.where;
  }

  /** Rows in the builders. */
  get rowCount(): number {
    return this.#rowCount;
  }

  /** Gives the next bytes; the last ones must be drained. They are not changed or kept. */
  feed(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#at = 0;
  }

  /** The caller took the rows out of the builders. */
  rowsTaken(): void {
    this.#rowCount = 0;
    this.#largeBytes = 0;
    this.#isFull = false;
  }

  /**
   * Decodes until something stops it.
   *
   * @throws {FirnError} SOURCE-ANSWER-MALFORMED; what the server said, as `connectionError` codes
   *   it; what a value reader throws
   */
  decode(): DecodeStop {
    this.#finishCarry();
    const bytes = this.#chunk;
    while (this.#phase !== 'end' && !this.#isFull && this.#at + 4 <= bytes.length) {
      const at = this.#at;
      const length = lengthAt(bytes, at);
      const end = at + 4 + length;
      if (end > bytes.length) break;
      this.#at = end;
      this.#packet(bytes, this.#view, at, end);
    }
    if (this.#phase === 'end') {
      if (this.#at < bytes.length) throw this.#malformed('bytes follow the end of the answer');
      return 'end';
    }
    if (this.#isFull) return 'full';
    this.#keepRest();
    return 'drained';
  }

  /** Completes the packet that began in an earlier chunk. */
  #finishCarry(): void {
    while (this.#carryLength > 0 && this.#at < this.#chunk.length && !this.#isFull) {
      const wanted = this.#carryLength < 4 ? 4 : 4 + lengthAt(this.#carry, 0);
      this.#keep(Math.min(wanted - this.#carryLength, this.#chunk.length - this.#at));
      const end = this.#carryLength;
      if (end < 4 || end < 4 + lengthAt(this.#carry, 0)) continue;
      this.#carryLength = 0;
      const { buffer, byteOffset } = this.#carry;
      this.#packet(this.#carry, new DataView(buffer, byteOffset, end), 0, end);
    }
  }

  #keepRest(): void {
    if (this.#at < this.#chunk.length) this.#keep(this.#chunk.length - this.#at);
  }

  #keep(count: number): void {
    const needed = this.#carryLength + count;
    if (needed > this.#carry.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#carry.length));
      larger.set(this.#carry.subarray(0, this.#carryLength));
      this.#carry = larger;
    }
    this.#carry.set(this.#chunk.subarray(this.#at, this.#at + count), this.#carryLength);
    this.#carryLength = needed;
    this.#at += count;
  }

  /** One packet, its header at `at`. */
  #packet(bytes: Uint8Array, view: DataView, at: number, end: number): void {
    if (bytes[at + 3] !== this.#sequence) throw this.#malformed('a packet is missing');
    this.#sequence = (this.#sequence + 1) & 0xff;
    const start = at + 4;
    if (end - start === PACKET_MAX || this.#parts.length > 0) {
      this.#longBody(bytes, start, end);
    } else {
      this.#body(bytes, view, start, end);
    }
  }

  #longBody(bytes: Uint8Array, start: number, end: number): void {
    this.#partsLength += end - start;
    if (this.#partsLength > this.#limits.rowBytesMax) {
      throw this.#malformed(`a row is longer than ${this.#limits.rowBytesMax} bytes`);
    }
    this.#parts.push(bytes.slice(start, end));
    if (end - start === PACKET_MAX) return;
    const body = new Uint8Array(this.#partsLength);
    let at = 0;
    for (const part of this.#parts) {
      body.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#partsLength = 0;
    this.#body(body, new DataView(body.buffer), 0, body.length);
  }

  #body(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    const first = bytes[start];
    if (first === 0xff) {
      throw connectionError(errorOfPacket(bytes.subarray(start, end)), this.#where);
    }
    const isEof = first === 0xfe && end - start < 9;
    switch (this.#phase) {
      case 'rows':
        if (isEof) this.#finish(bytes, start);
        else this.#row(bytes, view, start, end);
        return;
      case 'head':
        this.#head(bytes, start, end);
        return;
      case 'definitions':
        if (isEof !== (this.#definitions === this.#columns.length)) {
          throw this.#malformed('the answer has other columns than were asked for');
        }
        if (isEof) this.#phase = 'rows';
        this.#definitions++;
        return;
      case 'end':
        throw this.#malformed('a packet follows the end of the answer');
    }
  }

  #head(bytes: Uint8Array, start: number, end: number): void {
    // 0xfb asks the client for one of its files, which nobody offered.
    if (bytes[start] === 0xfb) throw this.#malformed('the server asks for a file');
    if (bytes[start] === 0x00) {
      if (this.#columns.length > 0) throw this.#malformed('the statement gives no rows');
      this.#phase = 'end';
      return;
    }
    const wide = bytes[start] === 0xfc && end === start + 3;
    const low = bytes[start + 1] ?? 0;
    const count = wide ? low | ((bytes[start + 2] ?? 0) << 8) : bytes[start];
    if (count !== this.#columns.length || (!wide && end !== start + 1)) {
      throw this.#malformed('the answer has another number of columns than was asked for');
    }
    this.#phase = 'definitions';
  }

  #finish(bytes: Uint8Array, start: number): void {
    // Status flag 8 announces another answer, which no statement of Firn has.
    if (((bytes[start + 3] ?? 0) & 8) !== 0) throw this.#malformed('a second answer follows');
    this.#phase = 'end';
  }

  #row(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    let at = start;
    for (const { read, builder } of this.#columns) {
      const first = at < end ? (bytes[at] ?? 0) : 0xff;
      if (first === 0xfb) {
        builder.appendNull();
        at++;
        continue;
      }
      let length = first;
      at++;
      if (first > 0xfb) {
        const width = widthOf(first);
        if (width === 0 || at + width > end) throw this.#malformed('a length is wrong');
        length = longLength(view, at, width);
        at += width;
      }
      const valueEnd = at + length;
      if (valueEnd > end) throw this.#malformed('a value is longer than its row');
      read(bytes, view, at, valueEnd, builder);
      at = valueEnd;
    }
    if (at !== end) throw this.#malformed('a row is longer than its values');
    this.#count(end - start);
  }

  #count(rowBytes: number): void {
    const rows = ++this.#rowCount;
    const { rowsMax, bytesMax } = this.#limits;
    if (rowBytes >= LARGE_ROW) this.#largeBytes += rowBytes;
    if (rows >= rowsMax || this.#largeBytes >= bytesMax) this.#isFull = true;
    else if (rows % SIZE_CHECK_ROWS === 0) {
      const held = this.#columns.reduce((sum, { builder }) => sum + builder.sizeBytes, 0);
      this.#isFull = held >= bytesMax;
    }
  }

  #malformed(why: string): FirnError {
    return new FirnError('SOURCE-ANSWER-MALFORMED', {
      what: `The answer to a SELECT is broken: ${why}`,
      where: this.#where,
    });
  }
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}

/** Bytes of a length-encoded integer after its first byte; 0: it is none. */
function widthOf(first: number): number {
  return first === 0xfc ? 2 : first === 0xfd ? 3 : first === 0xfe ? 8 : 0;
}

function longLength(view: DataView, at: number, width: number): number {
  if (width === 2) return view.getUint16(at, true);
  if (width === 3) return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  // A high half of more than 2^21 would not fit; no row is that long, and the caller's check fails.
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
