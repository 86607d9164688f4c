/**
 * What reading and writing of Roaring bitmaps share: the numbers of the portable format (Roaring
 * format specification), and rows of positions as they are handed on. Positions are 63-bit row
 * numbers; a batch of them is ascending and holds at most {@link BATCH_POSITIONS}.
 */
import { FirnError } from '../../kernel/firn-error.ts';

/** First 32 bits of a bitmap without run containers. */
export const COOKIE_PLAIN = 12_346;

/** Lower half of the first 32 bits of a bitmap that may have run containers. */
export const COOKIE_RUNS = 12_347;

/** A bitmap with runs lists where its containers lie only from so many on. */
export const OFFSETS_FROM = 4;

/** An array container holds at most so many values, a bitset container more. */
export const ARRAY_MAX = 4096;

/** Bytes of a bitset container. */
export const BITSET_BYTES = 8192;

/** Values of one container: the low halves of 32-bit numbers. */
export const CONTAINER_VALUES = 65_536;

/** Positions of one batch. */
export const BATCH_POSITIONS = CONTAINER_VALUES;

/** The upper half of a position; more would be a negative number of 64 bits. */
export const HIGH_MAX = 2 ** 31 - 1;

/**
 * The halves of the positions in a batch: low and high one after the other, which is how every
 * processor that Node has packages for lays out 64 bits. No `bigint` is made per position.
 */
export function halvesOf(batch: BigInt64Array): Uint32Array {
  return new Uint32Array(batch.buffer, batch.byteOffset, batch.length * 2);
}

/** The error for a deletion vector, or a file of them, that is not what it must be. */
export function invalidPuffin(what: string, where: string): FirnError {
  return new FirnError('ICEBERG-PUFFIN-INVALID', { what, where });
}
