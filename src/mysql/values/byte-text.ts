/** Text under construction as UTF-8 bytes, with a limit that no hostile input can pass. */

/** Grows a run of bytes; used again and again. */
export class ByteText {
  #bytes = new Uint8Array(1024);
  #length = 0;
  #lengthMax = 0;

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
  }

  /** Whether the text became longer than it may; it then stopped growing. */
  get isTooLong(): boolean {
    return this.#length > this.#lengthMax;
  }

  /** Appends text of ASCII letters. */
  ascii(text: string): void {
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index++) {
      this.#bytes[this.#length++] = text.charCodeAt(index);
    }
  }

  /** Appends one byte. */
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Appends a run of bytes. */
  run(source: Uint8Array, at: number, end: number): void {
    this.#reserve(end - at);
    if (end - at < 32) {
      for (let index = at; index < end; index++) this.#bytes[this.#length++] = source[index] ?? 0;
      return;
    }
    this.#bytes.set(source.subarray(at, end), this.#length);
    this.#length += end - at;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
