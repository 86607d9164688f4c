/**
 * The wire format of Protocol Buffers ("Encoding"), as far as a few messages need it: varints and
 * runs of bytes are written and read, other kinds of fields are skipped. A message is a list of its
 * fields; what they mean is said where they are used.
 */
import { toSafeNumber } from '../../../kernel/integers.ts';

/** A field: its number, and a number, a flag, text, bytes or an inner message. */
export type ProtoField = readonly [number: number, value: ProtoValue];

/** Value of a field; `null`: the field is left out. */
export type ProtoValue = bigint | boolean | string | Uint8Array | readonly ProtoField[] | null;

/** A message that was read: every value of each field, in order. */
export type ProtoMessage = ReadonlyMap<number, readonly (bigint | Uint8Array)[]>;

const VARINT = 0;
const LONG = 1;
const BYTES = 2;
const WORD = 5;

/** The bytes of a message. */
export function encodeMessage(fields: readonly ProtoField[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    if (value === null) continue;
    if (typeof value === 'bigint' || typeof value === 'boolean') {
      parts.push(varint((BigInt(number) << 3n) | BigInt(VARINT)), varint(BigInt(value)));
      continue;
    }
    const bytes = bytesOf(value);
    parts.push(varint((BigInt(number) << 3n) | BigInt(BYTES)), varint(BigInt(bytes.length)), bytes);
  }
  return Buffer.concat(parts);
}

function bytesOf(value: string | Uint8Array | readonly ProtoField[]): Uint8Array {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  return value instanceof Uint8Array ? value : encodeMessage(value);
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = toSafeNumber(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

/** Reads a message; `null` when the bytes are none. */
export function decodeMessage(bytes: Uint8Array): ProtoMessage | null {
  const message = new Map<number, (bigint | Uint8Array)[]>();
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(bytes, cursor);
    if (tag === null || tag > 0xffff_ffffn) return null;
    const kind = toSafeNumber(tag & 7n);
    const value = readValue(bytes, cursor, kind);
    if (value === null) return null;
    if (kind === LONG || kind === WORD) continue;
    const number = toSafeNumber(tag >> 3n);
    const values = message.get(number);
    if (values === undefined) message.set(number, [value]);
    else values.push(value);
  }
  return message;
}

function readValue(
  bytes: Uint8Array,
  cursor: { at: number },
  kind: number,
): bigint | Uint8Array | null {
  if (kind === VARINT) return readVarint(bytes, cursor);
  const length =
    kind === LONG ? 8n : kind === WORD ? 4n : kind === BYTES ? readVarint(bytes, cursor) : null;
  if (length === null || length > BigInt(bytes.length - cursor.at)) return null;
  const start = cursor.at;
  cursor.at += toSafeNumber(length);
  return bytes.subarray(start, cursor.at);
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): bigint | null {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) return null;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  return null;
}

/** The last value of a field that holds bytes; `null` when there is none. */
export function bytesField(message: ProtoMessage, number: number): Uint8Array | null {
  const value = message.get(number)?.at(-1);
  return value instanceof Uint8Array ? value : null;
}

/** The last value of a field that holds text; empty when there is none. */
export function textField(message: ProtoMessage, number: number): string {
  return new TextDecoder().decode(bytesField(message, number) ?? new Uint8Array(0));
}

/** The inner message of a field; `null` when there is none, or it is none. */
export function messageField(message: ProtoMessage, number: number): ProtoMessage | null {
  const bytes = bytesField(message, number);
  return bytes === null ? null : decodeMessage(bytes);
}
