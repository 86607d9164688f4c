/**
 * The 32-bit x86 variant of Murmur3 with seed 0: the hash behind Iceberg's bucket transform
 * (Iceberg spec, Appendix B). Results are signed 32-bit integers and must equal those of every
 * other engine, because they decide in which partition a row is looked for.
 */

/**
 * Hash of a 64-bit integer: int, long, date, time and timestamp values all hash as one.
 *
 * @param low the lower 32 bits, high the upper ones; signed or unsigned
 */
export function hashInt64Halves(low: number, high: number): number {
  return finish(mix(mix(0, low), high), 8);
}

/** Hash of `length` bytes of `data` from `offset`. Loose arguments: this is called once per row. */
export function hashByteRun(data: Uint8Array, offset: number, length: number): number {
  let hash = 0;
  let at = offset;
  for (const end = offset + (length & ~3); at < end; at += 4) {
    hash = mix(
      hash,
      byteAt(data, at) |
        (byteAt(data, at + 1) << 8) |
        (byteAt(data, at + 2) << 16) |
        (byteAt(data, at + 3) << 24),
    );
  }
  const rest = length & 3;
  if (rest !== 0) {
    let word = byteAt(data, at);
    if (rest > 1) word |= byteAt(data, at + 1) << 8;
    if (rest > 2) word |= byteAt(data, at + 2) << 16;
    hash ^= scramble(word);
  }
  return finish(hash, length);
}

/** Hash of a 64-bit integer in -2^63 to 2^63 - 1. */
export function hashInt64(value: bigint): number {
  scratch.setBigInt64(0, value);
  return hashInt64Halves(scratch.getInt32(4), scratch.getInt32(0));
}

/** The bucket, 0 to `count` - 1, of a hash. */
export function bucketOfHash(hash: number, count: number): number {
  return (hash & 0x7fffffff) % count;
}

const scratch = new DataView(new ArrayBuffer(8));

function byteAt(data: Uint8Array, index: number): number {
  return data[index] ?? 0;
}

function scramble(word: number): number {
  const product = Math.imul(word, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

function mix(hash: number, word: number): number {
  const mixed = hash ^ scramble(word);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number, length: number): number {
  let value = hash ^ length;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}
