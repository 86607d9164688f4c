/**
 * Unscaled decimal values as bytes: two's complement, big-endian, in as few bytes as hold the sign
 * (Iceberg spec, Appendix B note 2 and Appendix D). Values have at most 128 bits, enough for 38
 * digits.
 */
import { assert } from '../kernel/assert.ts';

const BYTES_MAX = 16;

/** The fewest bytes that hold `unscaled`; a new array of 1 to 16 bytes. */
export function decimalToBytes(unscaled: bigint): Uint8Array {
  assert(BigInt.asIntN(128, unscaled) === unscaled, 'a decimal must fit 128 bits');
  const bytes = new Uint8Array(BYTES_MAX);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, unscaled >> 64n);
  view.setBigInt64(8, BigInt.asIntN(64, unscaled));
  const padding = unscaled < 0n ? 0xff : 0x00;
  let start = 0;
  while (start < BYTES_MAX - 1) {
    const signStays = ((bytes[start + 1] ?? 0) & 0x80) === (padding & 0x80);
    if (bytes[start] !== padding || !signStays) break;
    start++;
  }
  return bytes.slice(start);
}

/** The value of 1 to 16 bytes, `null` for any other number of them. */
export function decimalFromBytes(bytes: Uint8Array): bigint | null {
  if (bytes.length === 0 || bytes.length > BYTES_MAX) return null;
  let value = BigInt.asIntN(8, BigInt(bytes[0] ?? 0));
  for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
  return value;
}

/** Bytes that hold every unscaled value of `precision` digits (1 to 38). */
export function decimalBytesMax(precision: number): number {
  return decimalToBytes(10n ** BigInt(precision) - 1n).length;
}
