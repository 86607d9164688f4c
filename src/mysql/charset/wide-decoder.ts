/** Text of UTF-16, UCS-2 and UTF-32 into UTF-8; a lone surrogate is no character. */

/**
 * Writes text as UTF-8 from the start of `target`, which has room for {@link GROWTH_MAX} bytes for
 * each one read; gives the length written, or -1 where a byte is no character.
 */
export type TextDecoding = (
  bytes: Uint8Array,
  at: number,
  end: number,
  target: Uint8Array,
) => number;

/** No decoding writes more bytes than this for one byte it reads. */
export const GROWTH_MAX = 3;

/** Big-endian, as the servers keep `utf16`. */
export const decodeUtf16: TextDecoding = (bytes, at, end, target) =>
  decodeUnits({ bytes, at, end, high: 0 }, target);

/** Little-endian, as the servers keep `utf16le`. */
export const decodeUtf16Little: TextDecoding = (bytes, at, end, target) =>
  decodeUnits({ bytes, at, end, high: 1 }, target);

/** Big-endian and without surrogates: no pair of units is one character. */
export const decodeUcs2: TextDecoding = (bytes, at, end, target) => {
  if ((end - at) % 2 !== 0) return -1;
  let length = 0;
  for (let index = at; index < end; index += 2) {
    const unit = ((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0);
    if (unit >= 0xd800 && unit < 0xe000) return -1;
    length = putCodePoint(unit, target, length);
  }
  return length;
};

/** Big-endian, four bytes a character. */
export const decodeUtf32: TextDecoding = (bytes, at, end, target) => {
  if ((end - at) % 4 !== 0) return -1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let length = 0;
  for (let index = at; index < end; index += 4) {
    const point = view.getUint32(index);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return -1;
    length = putCodePoint(point, target, length);
  }
  return length;
};

/** Writes one code point as UTF-8 at `at`; gives the place behind it. */
export function putCodePoint(point: number, target: Uint8Array, at: number): number {
  let next = at;
  if (point < 0x80) {
    target[next++] = point;
    return next;
  }
  if (point < 0x800) {
    target[next++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      target[next++] = 0xe0 | (point >> 12);
    } else {
      target[next++] = 0xf0 | (point >> 18);
      target[next++] = 0x80 | ((point >> 12) & 0x3f);
    }
    target[next++] = 0x80 | ((point >> 6) & 0x3f);
  }
  target[next++] = 0x80 | (point & 0x3f);
  return next;
}

interface Units {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  /** Which of a unit's two bytes is the high one. */
  readonly high: 0 | 1;
}

function decodeUnits({ bytes, at, end, high }: Units, target: Uint8Array): number {
  if ((end - at) % 2 !== 0) return -1;
  const low = 1 - high;
  let length = 0;
  for (let index = at; index < end; index += 2) {
    let point = ((bytes[index + high] ?? 0) << 8) | (bytes[index + low] ?? 0);
    if (point >= 0xd800 && point < 0xe000) {
      index += 2;
      const second =
        index < end ? ((bytes[index + high] ?? 0) << 8) | (bytes[index + low] ?? 0) : 0;
      if (point >= 0xdc00 || second < 0xdc00 || second >= 0xe000) return -1;
      point = 0x10000 + ((point & 0x3ff) << 10) + (second & 0x3ff);
    }
    length = putCodePoint(point, target, length);
  }
  return length;
}
