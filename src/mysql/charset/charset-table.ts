/**
 * Tables of the servers' character sets of one to three bytes: which code point each code is. A
 * table is the platform's own decoder for a similar set, asked code by code, with the codes patched
 * in which the servers differ; a checksum proves that the outcome is what the servers do, whatever
 * Unicode data this Node carries.
 */
import { crc32 } from 'node:zlib';
import { CHARSET_PATCHES } from './charset-patches.ts';
import type { CharsetPatch } from './charset-patches.ts';

/** In a table: no character has this code. U+FFFF itself is in none of these sets. */
export const NO_CHARACTER = 0xffff;

/** What a decoder gives for bytes that are no character. */
const REPLACEMENT = 0xfffd;

/** Code points by code. */
export interface CharsetTable {
  /** By single byte; {@link NO_CHARACTER} also where a longer code begins. */
  readonly one: Uint16Array;
  /** By two bytes, the first one in the high half; `null` in sets of single bytes. */
  readonly two: Uint16Array | null;
  /** By the two bytes behind 0x8f; only in the Japanese EUC sets. */
  readonly three: Uint16Array | null;
}

const tables = new Map<string, CharsetTable | null>();

/** The table of a character set; `null` for a set without one, or where it cannot be exact. */
export function charsetTable(charset: string): CharsetTable | null {
  let table = tables.get(charset);
  if (table === undefined) {
    table = buildTable(charset);
    tables.set(charset, table);
  }
  return table;
}

function buildTable(charset: string): CharsetTable | null {
  const patch = CHARSET_PATCHES[charset];
  if (patch === undefined) return null;
  const table = emptyTable(patch);
  fillFromPlatform(patch, table);
  if (charset === 'euckr' && table.two !== null) fillHangul(table.two);
  applyPatch(table.one, patch.one);
  if (table.two !== null) applyPatch(table.two, patch.two ?? '');
  if (table.three !== null) applyPatch(table.three, patch.three ?? '');
  return checksumOf(table) === patch.crc ? table : null;
}

/** What {@link CharsetPatch.crc} is compared with. */
function checksumOf(table: CharsetTable): number {
  return [table.one, table.two, table.three].reduce(
    (crc, part) => (part === null ? crc : crc32(new Uint8Array(part.buffer), crc)),
    0,
  );
}

function emptyTable(patch: CharsetPatch): CharsetTable {
  const one = new Uint16Array(256).fill(NO_CHARACTER);
  for (let code = 0; code < 128; code++) one[code] = code;
  return {
    one,
    two: patch.two === undefined ? null : new Uint16Array(65_536).fill(NO_CHARACTER),
    three: patch.three === undefined ? null : new Uint16Array(65_536).fill(NO_CHARACTER),
  };
}

function fillFromPlatform(patch: CharsetPatch, table: CharsetTable): void {
  if (patch.base === null) return;
  const decoder = new TextDecoder(patch.base, { ignoreBOM: true });
  const { one, two, three } = table;
  for (let high = 128; high < 256; high++) {
    one[high] = decodedCode(decoder, Uint8Array.of(high));
    if (two === null || one[high] !== NO_CHARACTER) continue;
    for (let low = 0; low < 256; low++) {
      two[(high << 8) | low] = decodedCode(decoder, Uint8Array.of(high, low));
    }
  }
  if (three === null) return;
  for (let high = 0xa1; high < 0xff; high++) {
    for (let low = 0xa1; low < 0xff; low++) {
      three[(high << 8) | low] = decodedCode(decoder, Uint8Array.of(0x8f, high, low));
    }
  }
}

function decodedCode(decoder: InstanceType<typeof TextDecoder>, code: Uint8Array): number {
  const text = decoder.decode(code);
  const point = text.charCodeAt(0);
  return text.length === 1 && point !== REPLACEMENT ? point : NO_CHARACTER;
}

/**
 * The extension of Korean EUC holds every syllable that the standard left out, in the order of
 * Unicode, at the codes that the standard left free.
 */
function fillHangul(two: Uint16Array): void {
  const present = new Set(two);
  let syllable = 0xac00;
  for (let code = 0x8141; code <= 0xc6fe; code++) {
    const high = code >> 8;
    const low = code & 0xff;
    const isLetter = (low >= 0x41 && low <= 0x5a) || (low >= 0x61 && low <= 0x7a);
    if (!isLetter && (low < 0x81 || low === 0xff)) continue;
    if (high >= 0xa1 && low >= 0xa1) continue;
    while (syllable <= 0xd7a3 && present.has(syllable)) syllable++;
    if (syllable > 0xd7a3) return;
    two[code] = syllable++;
  }
}

/**
 * Sets codes: `CODE[+COUNT][:POINT]` in hex, a run of both counting up; without POINT no character.
 */
function applyPatch(part: Uint16Array, patch: string): void {
  for (const [, code, count, point] of patch.matchAll(
    /([0-9a-f]+)(?:\+([0-9a-f]+))?(?::([0-9a-f]+))?/g,
  )) {
    const first = Number.parseInt(code ?? '', 16);
    const length = count === undefined ? 1 : Number.parseInt(count, 16);
    for (let index = 0; index < length; index++) {
      part[first + index] = point === undefined ? NO_CHARACTER : Number.parseInt(point, 16) + index;
    }
  }
}
