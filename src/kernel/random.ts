/** Randomness as a value that is handed in; a seeded one repeats a run exactly. */
import { randomFillSync } from 'node:crypto';

/** Source of random bytes. */
export interface Random {
  /** `length` random bytes, a new array each time. */
  bytes(length: number): Uint8Array;
}

/** The operating system's randomness. */
export const systemRandom: Random = {
  bytes: (length) => randomFillSync(new Uint8Array(length)),
};

/**
 * Repeatable bytes (xorshift32 over `seed`). For tests and simulations only: not unpredictable.
 *
 * @param seed any 32-bit integer; 0 is taken as 1
 */
export function seededRandom(seed: number): Random {
  let state = seed | 0 || 1;
  return {
    bytes(length) {
      const out = new Uint8Array(length);
      for (let index = 0; index < length; index++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        out[index] = state & 0xff;
      }
      return out;
    },
  };
}
