/**
 * Text of any of the servers' character sets into UTF-8. A decoder is exact or says so: bytes that
 * are no character of their set are never replaced by another one.
 */
import { isUtf8 } from 'node:buffer';
import type { ColumnBuilder } from '../../model/column-builder.ts';
import { charsetTable } from './charset-table.ts';
import { multiByteDecoder, singleByteDecoder } from './table-decoder.ts';
import type { TextDecoding } from './wide-decoder.ts';
import {
  decodeUcs2,
  decodeUtf16,
  decodeUtf16Little,
  decodeUtf32,
  GROWTH_MAX,
} from './wide-decoder.ts';

/**
 * Appends `bytes[at] .. bytes[end]` as UTF-8. `false`, with nothing appended: some of them are no
 * character of the set.
 *
 * @param view over the same memory as `bytes`, with the same offsets
 */
export type TextAppender = (
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  builder: ColumnBuilder,
) => boolean;

/** Larger scratch is made for one value and dropped again. */
const SCRATCH_KEPT_BYTES = 262_144;

/** Up to this length loops over bytes are sooner done than a view and a call of the platform. */
const SHORT_TEXT = 48;

/** The same for loops over words. */
const WORDS_TEXT = 384;

let scratch = new Uint8Array(4096);

/** How text of a character set is read; `null`: the set is unknown here. */
export function textAppender(charset: string): TextAppender | null {
  switch (charset) {
    case 'utf8':
    case 'utf8mb3':
    case 'utf8mb4':
      return appendUtf8;
    case 'ascii':
      return appendAscii;
    case 'swe7': {
      const decoding = textDecoding(charset);
      return decoding && decoded(decoding);
    }
    default: {
      const decoding = textDecoding(charset);
      if (decoding === null) return null;
      const append = decoded(decoding);
      return WIDE.has(charset) ? append : asciiOr(append);
    }
  }
}

/** A few bytes as UTF-8, for labels; `null` where they are not text of the set or it is unknown. */
export function decodeText(charset: string, bytes: Uint8Array): Uint8Array | null {
  if (charset.startsWith('utf8') || charset === 'ascii') return isUtf8(bytes) ? bytes : null;
  const decoding = textDecoding(charset);
  if (decoding === null) return null;
  const target = new Uint8Array(bytes.length * GROWTH_MAX);
  const length = decoding(bytes, 0, bytes.length, target);
  return length < 0 ? null : target.subarray(0, length);
}

/** Sets in which no character is a single byte. */
const WIDE: ReadonlySet<string> = new Set(['ucs2', 'utf16', 'utf16le', 'utf32']);

function textDecoding(charset: string): TextDecoding | null {
  switch (charset) {
    case 'ucs2':
      return decodeUcs2;
    case 'utf16':
      return decodeUtf16;
    case 'utf16le':
      return decodeUtf16Little;
    case 'utf32':
      return decodeUtf32;
    default:
      return tableDecoding(charset);
  }
}

const tableDecodings = new Map<string, TextDecoding>();

/** A decoding by a table is made once: the table of four-byte codes is made for it. */
function tableDecoding(charset: string): TextDecoding | null {
  const known = tableDecodings.get(charset);
  if (known !== undefined) return known;
  const table = charsetTable(charset);
  if (table === null) return null;
  const decoding =
    table.two === null
      ? singleByteDecoder(table.one)
      : multiByteDecoder({ ...table, two: table.two, fourBytes: charset === 'gb18030' });
  tableDecodings.set(charset, decoding);
  return decoding;
}

/** The server lets in only UTF-8, but for lone surrogates, which are no text anywhere else. */
function appendUtf8(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  builder: ColumnBuilder,
): boolean {
  const length = end - at;
  if (length > WORDS_TEXT) {
    if (!isUtf8(bytes.subarray(at, end))) return false;
    builder.appendRun(bytes, at, end);
    return true;
  }
  if (builder.appendWords(bytes, view, at, end) < 0x80) return true;
  const isText =
    length > SHORT_TEXT ? isUtf8(bytes.subarray(at, end)) : isShortUtf8(bytes, at, end);
  if (!isText) builder.truncate(builder.rowCount - 1);
  return isText;
}

/** Whether bytes are UTF-8 (Unicode standard, table 3-7), as `isUtf8` says it. */
function isShortUtf8(bytes: Uint8Array, at: number, end: number): boolean {
  let index = at;
  while (index < end) {
    const lead = bytes[index++] ?? 0;
    if (lead < 0x80) continue;
    if (lead < 0xc2 || lead > 0xf4) return false;
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (index + more > end) return false;
    const second = bytes[index] ?? 0;
    // No longer form than needed, no surrogate, nothing beyond U+10FFFF.
    if (lead === 0xe0 && second < 0xa0) return false;
    if (lead === 0xed && second > 0x9f) return false;
    if (lead === 0xf0 && second < 0x90) return false;
    if (lead === 0xf4 && second > 0x8f) return false;
    for (const stop = index + more; index < stop; index++) {
      if (((bytes[index] ?? 0) & 0xc0) !== 0x80) return false;
    }
  }
  return true;
}

function appendAscii(
  bytes: Uint8Array,
  _view: DataView,
  at: number,
  end: number,
  builder: ColumnBuilder,
): boolean {
  if (!isAllAscii(bytes, at, end)) return false;
  builder.appendRun(bytes, at, end);
  return true;
}

function asciiOr(append: TextAppender): TextAppender {
  return (bytes, view, at, end, builder) =>
    appendAscii(bytes, view, at, end, builder) || append(bytes, view, at, end, builder);
}

function isAllAscii(bytes: Uint8Array, at: number, end: number): boolean {
  for (let index = at; index < end; index++) if ((bytes[index] ?? 0) > 127) return false;
  return true;
}

function decoded(decoding: TextDecoding): TextAppender {
  return (bytes, _view, at, end, builder) => {
    const target = scratchOf((end - at) * GROWTH_MAX);
    const length = decoding(bytes, at, end, target);
    if (length < 0) return false;
    builder.appendRun(target, 0, length);
    return true;
  };
}

function scratchOf(length: number): Uint8Array {
  if (length <= scratch.length) return scratch;
  const larger = new Uint8Array(length);
  if (length <= SCRATCH_KEPT_BYTES) scratch = larger;
  return larger;
}
