/** Draws for the demo's data. */
import { present } from '../../kernel/assert.ts';
import type { Random } from '../../kernel/random.ts';

/** Where the demo's chance comes from. */
export interface Dice {
  /** A whole number from 0 to `limit - 1`; `limit` at least 1. */
  below(limit: number): number;
  oneOf<T>(items: readonly [T, ...T[]] | readonly T[]): T;
}

/** Dice over `random`. */
export function createDice(random: Random): Dice {
  const below = (limit: number): number => {
    const bytes = random.bytes(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) % limit;
  };
  return { below, oneOf: (items) => present(items[below(items.length)], 'an item') };
}
