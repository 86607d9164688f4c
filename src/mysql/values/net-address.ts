/**
 * MariaDB's UUID, INET4 and INET6. The log has their bytes in the order of their text, without the
 * zeros at the end; text is what MariaDB 10.11 itself shows (`::ffff:1.2.3.4`, `1::2:3`).
 */

/** Bytes of a UUID. */
export const UUID_BYTES = 16;

/** Bytes of an INET6. */
export const INET6_BYTES = 16;

/** Bytes of an INET4. */
export const INET4_BYTES = 4;

/** The value with the zeros that the log left out, at most `length` bytes. */
export function withTrailingZeros(
  bytes: Uint8Array,
  range: { readonly at: number; readonly end: number },
  length: number,
): Uint8Array {
  const whole = new Uint8Array(length);
  whole.set(bytes.subarray(range.at, Math.min(range.end, range.at + length)));
  return whole;
}

/** The bytes of a UUID in text; `null` when it is none. */
export function parseUuid(text: string): Uint8Array | null {
  const digits = text.replaceAll('-', '');
  return /^[0-9a-fA-F]{32}$/.test(digits) ? Buffer.from(digits, 'hex') : null;
}

/** A UUID as text: five groups of small hex digits. */
export function uuidText(bytes: Uint8Array): string {
  const digits = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** An INET4 as text. */
export function inet4Text(bytes: Uint8Array): string {
  return bytes.join('.');
}

/**
 * An INET6 as text: the longest run of zero groups is `::`, the first of equals, and even a single
 * one; the last two groups are an INET4 where the address maps one.
 */
export function inet6Text(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0),
  );
  const zeros = longestZeros(groups);
  const isMapped = zeros.start === 0 && zeros.length === 5 && groups[5] === 0xffff;
  const isCompatible = zeros.start === 0 && zeros.length === 6;
  const words = groups.map((group) => group.toString(16));
  if (isMapped || isCompatible) {
    words.splice(6, 2, inet4Text(bytes.subarray(12)));
  }
  if (zeros.length === 0) return words.join(':');
  const head = words.slice(0, zeros.start).join(':');
  return `${head}::${words.slice(zeros.start + zeros.length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, index) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: index + 1 - length, length };
  });
  return best;
}
