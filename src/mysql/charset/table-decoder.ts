/** Text of the sets with a table into UTF-8: single bytes, two or three bytes, and GB 18030. */
import { NO_CHARACTER } from './charset-table.ts';
import { putCodePoint } from './wide-decoder.ts';
import type { TextDecoding } from './wide-decoder.ts';

/** A decoding of a set of single bytes. */
export function singleByteDecoder(one: Uint16Array): TextDecoding {
  return (bytes, at, end, target) => {
    let length = 0;
    for (let index = at; index < end; index++) {
      const point = one[bytes[index] ?? 0] ?? NO_CHARACTER;
      if (point === NO_CHARACTER) return -1;
      length = putCodePoint(point, target, length);
    }
    return length;
  };
}

/** What a decoding of longer codes needs. */
export interface MultiByteTables {
  readonly one: Uint16Array;
  readonly two: Uint16Array;
  /** For codes of three bytes that begin with 0x8f; `null`: there are none. */
  readonly three: Uint16Array | null;
  /** Whether a digit as second byte begins a code of four bytes, as GB 18030 has it. */
  readonly fourBytes: boolean;
}

/** A decoding of a set with codes of one to four bytes. */
export function multiByteDecoder(tables: MultiByteTables): TextDecoding {
  const { one, two, three } = tables;
  const four = tables.fourBytes ? fourBytePoints(two) : null;
  return (bytes, at, end, target) => {
    let length = 0;
    let index = at;
    while (index < end) {
      const first = bytes[index++] ?? 0;
      let point = one[first] ?? NO_CHARACTER;
      if (point === NO_CHARACTER) {
        if (index === end) return -1;
        const second = bytes[index++] ?? 0;
        if (three !== null && first === 0x8f) {
          if (index === end) return -1;
          point = three[(second << 8) | (bytes[index++] ?? 0)] ?? NO_CHARACTER;
        } else if (four !== null && second >= 0x30 && second <= 0x39) {
          if (index + 2 > end) return -1;
          point = fourBytePoint(four, bytes, index - 2);
          if (point < 0) return -1;
          length = putCodePoint(point, target, length);
          index += 2;
          continue;
        } else {
          point = two[(first << 8) | second] ?? NO_CHARACTER;
        }
        if (point === NO_CHARACTER) return -1;
      }
      length = putCodePoint(point, target, length);
    }
    return length;
  };
}

/** GB 18030's first code of four bytes beyond the basic plane, as an index. */
const SUPPLEMENTARY_FIRST = 189_000;

/**
 * What this edition (2005) exchanged: the letter has a code of two bytes, this point its old one.
 */
const MOVED_LETTER = 0x1e3f;
const MOVED_POINT = 0xe7c7;

/**
 * Points of the basic plane that have codes of four bytes: those without a shorter one, in order.
 */
function fourBytePoints(two: Uint16Array): Uint16Array {
  const shorter = new Set(two);
  const points: number[] = [];
  for (let point = 0x80; point <= 0xffff; point++) {
    if (point === MOVED_LETTER) points.push(MOVED_POINT);
    else if (point === 0xffff) points.push(point);
    else if ((point < 0xd800 || point >= 0xe000) && point !== MOVED_POINT && !shorter.has(point)) {
      points.push(point);
    }
  }
  return Uint16Array.from(points);
}

/** The point of a code of four bytes, -1 where there is none. */
function fourBytePoint(four: Uint16Array, bytes: Uint8Array, at: number): number {
  const first = (bytes[at] ?? 0) - 0x81;
  const second = (bytes[at + 1] ?? 0) - 0x30;
  const third = (bytes[at + 2] ?? 0) - 0x81;
  const fourth = (bytes[at + 3] ?? 0) - 0x30;
  if (first < 0 || third < 0 || third > 125 || fourth < 0 || fourth > 9) return -1;
  const index = ((first * 10 + second) * 126 + third) * 10 + fourth;
  const supplementary = index - SUPPLEMENTARY_FIRST;
  if (supplementary >= 0) {
    return supplementary <= 0xfffff ? 0x10000 + supplementary : -1;
  }
  return four[index] ?? -1;
}
