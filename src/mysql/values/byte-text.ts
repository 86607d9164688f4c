/**
 * JSON text under construction as UTF-8 bytes, with a limit that no hostile input can pass. Numbers
 * are written digit by digit: a string of each would be made and thrown away.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;

/** Bytes of an escaped control character. */
const ESCAPE_BYTES_MAX = 6;

/** Letters that room is made for at a time. */
const PIECE_BYTES = 4096;

/** Bytes of an integer of 53 bits with its sign. */
const INTEGER_BYTES_MAX = 17;

/** Up to here digits are made by arithmetic of 32 bits. */
const SMALL_MAX = 2 ** 31;

/** Letters that follow a backslash, by control character. */
const SHORT_ESCAPES: ReadonlyMap<number, string> = new Map([
  [8, '\\b'],
  [9, '\\t'],
  [10, '\\n'],
  [12, '\\f'],
  [13, '\\r'],
]);

/** Grows a run of bytes; used again and again. */
export class ByteText {
  #bytes = new Uint8Array(1024);
  #length = 0;
  #lengthMax = 0;
  /** All bytes of quoted text together: below 0x80 while it is ASCII. */
  #letters = 0;

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get length(): number {
    return this.#length;
  }

  /** Starts again; memory beyond a mebibyte is given back. */
  restart(lengthMax: number): void {
    if (this.#bytes.length > 1_048_576) this.#bytes = new Uint8Array(1024);
    this.#length = 0;
    this.#lengthMax = lengthMax;
    this.#letters = 0;
  }

  /** Whether the text became longer than it may; it then stopped growing. */
  get isTooLong(): boolean {
    return this.#length > this.#lengthMax;
  }

  /** Whether every byte so far is ASCII. */
  get isAscii(): boolean {
    return this.#letters < 0x80;
  }

  /** Appends text of ASCII letters. */
  ascii(text: string): void {
    this.#reserve(text.length);
    const bytes = this.#bytes;
    let to = this.#length;
    for (let index = 0; index < text.length; index++) bytes[to++] = text.charCodeAt(index);
    this.#length = to;
  }

  /** Appends one byte of ASCII. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Appends two bytes of ASCII. */
  pair(first: number, second: number): void {
    this.#reserve(2);
    this.#bytes[this.#length++] = first;
    this.#bytes[this.#length++] = second;
  }

  /** Appends `source[at] .. source[end]` as a JSON string. */
  quoted(source: Uint8Array, at: number, end: number): void {
    this.byte(QUOTE);
    for (let from = at; from < end; from += PIECE_BYTES) {
      this.#escaped(source, from, Math.min(end, from + PIECE_BYTES));
    }
    this.byte(QUOTE);
  }

  /** Appends letters of a JSON string. */
  #escaped(source: Uint8Array, at: number, end: number): void {
    this.#reserve((end - at) * ESCAPE_BYTES_MAX);
    const bytes = this.#bytes;
    let letters = this.#letters;
    let to = this.#length;
    for (let index = at; index < end; index++) {
      const byte = source[index] ?? 0;
      letters |= byte;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
        bytes[to++] = byte;
        continue;
      }
      this.#length = to;
      this.ascii(escapeOf(byte));
      to = this.#length;
    }
    this.#length = to;
    this.#letters = letters;
  }

  /** Appends an integer within ±(2^53 - 1). */
  integer(value: number): void {
    this.#reserve(INTEGER_BYTES_MAX);
    if (value < 0) this.#bytes[this.#length++] = MINUS;
    this.#digits(Math.abs(value));
  }

  /**
   * Appends a number that has at most three digits behind its point, and one at least: nearly all
   * there are. Two numbers of so few digits are never the same double, so what is written is the
   * shortest text of this one. `false`, with nothing appended, for any other.
   */
  thousandths(value: number): boolean {
    const scaled = Math.round(Math.abs(value) * 1000);
    const whole = Math.floor(scaled / 1000);
    if (whole >= SMALL_MAX || scaled / 1000 !== Math.abs(value)) return false;
    if (Object.is(value, -0)) return false;
    this.#reserve(INTEGER_BYTES_MAX + 4);
    const bytes = this.#bytes;
    if (value < 0) bytes[this.#length++] = MINUS;
    this.#digits(whole);
    const rest = scaled - whole * 1000;
    let to = this.#length;
    bytes[to++] = POINT;
    bytes[to++] = ZERO + Math.floor(rest / 100);
    if (rest % 100 !== 0) bytes[to++] = ZERO + (Math.floor(rest / 10) % 10);
    if (rest % 10 !== 0) bytes[to++] = ZERO + (rest % 10);
    this.#length = to;
    return true;
  }

  #digits(value: number): void {
    if (value >= SMALL_MAX) return this.ascii(String(value));
    let rest = value | 0;
    let to = this.#length + digitsIn(rest);
    this.#length = to;
    do {
      const tenth = (rest / 10) | 0;
      this.#bytes[--to] = ZERO + rest - tenth * 10;
      rest = tenth;
    } while (rest > 0);
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** Decimal digits of an integer from 0 to 2^31 - 1. */
function digitsIn(value: number): number {
  let count = 1;
  for (let limit = 10; value >= limit; limit *= 10) count++;
  return count;
}

function escapeOf(byte: number): string {
  if (byte === QUOTE) return '\\"';
  if (byte === BACKSLASH) return '\\\\';
  return SHORT_ESCAPES.get(byte) ?? `\\u${byte.toString(16).padStart(4, '0')}`;
}
