/**
 * Identifiers that Firn makes: UUIDv7 text and Iceberg snapshot ids. Both need a clock or
 * randomness.
 */
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/**
 * A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then randomness.
 * Lower-case text with dashes.
 */
export function uuidV7(clock: Clock, random: Random): string {
  const bytes = random.bytes(16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const now = BigInt(Math.trunc(clock.nowMs()));
  view.setUint32(0, Number(now >> 16n));
  view.setUint16(4, Number(now & 0xffffn));
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  const text = hex(bytes);
  return [
    text.slice(0, 8),
    text.slice(8, 12),
    text.slice(12, 16),
    text.slice(16, 20),
    text.slice(20),
  ].join('-');
}

/** Milliseconds since 1970 that a UUIDv7 carries, or `null` when `text` is not one. */
export function uuidV7TimeMs(text: string): number | null {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.exec(
    text,
  );
  if (match === null) return null;
  return Number.parseInt(`${match[1] ?? ''}${match[2] ?? ''}`, 16);
}

/**
 * A positive Iceberg snapshot id below 2^53, so that JavaScript readers without 64-bit JSON keep it
 * exact (foreign ids may be larger and must survive too).
 */
export function newSnapshotId(random: Random): bigint {
  const bytes = random.bytes(8);
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  return (value & ((1n << 53n) - 1n)) | 1n;
}
