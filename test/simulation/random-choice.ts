/** Choices of a test from repeatable randomness. */
import { present } from '../../src/kernel/assert.ts';
import { seededRandom } from '../../src/kernel/random.ts';

/** Draws that a seed repeats exactly. */
export class Choice {
  readonly #random: ReturnType<typeof seededRandom>;

  constructor(seed: number) {
    // Neighbouring seeds of xorshift begin alike: spread them, and skip the beginning.
    this.#random = seededRandom(Math.imul(seed + 1, 0x9e3779b1));
    this.#random.bytes(64);
  }

  /** An integer of `0 .. bound - 1`. */
  below(bound: number): number {
    const bytes = this.#random.bytes(4);
    return new DataView(bytes.buffer).getUint32(0) % bound;
  }

  /** One of several. */
  of<T>(items: readonly T[]): T {
    return present(items[this.below(items.length)], 'something to choose');
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }
}
