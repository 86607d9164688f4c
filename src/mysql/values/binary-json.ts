/**
 * MySQL's binary JSON into the text that the server itself makes of it, byte for byte: that text is
 * the canonical form, so a text result set needs no work at all. Keys stand in the order they are
 * stored in. (MySQL source documentation, "json_binary"; the text as `Json_wrapper::to_string`.)
 */
import { isUtf8 } from 'node:buffer';
import type { ColumnBuilder } from '../../model/column-builder.ts';
import { ByteText } from './byte-text.ts';
import { doubleJson, opaqueJson } from './json-scalars.ts';

/** Kinds of values: the first byte of a document and of each entry. */
const KIND = {
  smallObject: 0,
  largeObject: 1,
  smallArray: 2,
  largeArray: 3,
  literal: 4,
  int16: 5,
  uint16: 6,
  int32: 7,
  uint32: 8,
  int64: 9,
  uint64: 10,
  double: 11,
  string: 12,
  opaque: 15,
} as const;

/** The server nests at most a hundred levels. */
const DEPTH_MAX = 101;

/** Text is at most so much longer than its document; more means that values are used twice. */
const GROWTH_MAX = 12;
const GROWTH_FLOOR = 4096;

const COMMA = 0x2c;
const COLON = 0x3a;
const SPACE = 0x20;

/** Thrown within this file alone. */
class JsonDamage extends Error {}

interface Document {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly end: number;
  readonly text: ByteText;
}

const output = new ByteText();

/** A run of bytes that hold one document. */
export interface BinaryJson {
  readonly bytes: Uint8Array;
  /** Over the same memory with the same offsets. */
  readonly view: DataView;
  readonly at: number;
  readonly end: number;
}

/** Appends a document as JSON text. `false`, with nothing appended: the bytes are no document. */
export function appendBinaryJson(json: BinaryJson, builder: ColumnBuilder): boolean {
  const { bytes, view, at, end } = json;
  output.restart((end - at) * GROWTH_MAX + GROWTH_FLOOR);
  try {
    // A row that never got a document has no bytes; the server reads it as null.
    if (at === end) output.ascii('null');
    else writeValue({ bytes, view, end, text: output }, bytes[at] ?? 0, at + 1, 0);
  } catch (error) {
    // Whatever lies outside the document's bytes is met as a range error of the view.
    if (error instanceof JsonDamage || error instanceof RangeError) return false;
    throw error;
  }
  if (!output.isAscii && !isUtf8(output.bytes.subarray(0, output.length))) return false;
  builder.appendRun(output.bytes, 0, output.length);
  return true;
}

function writeValue(document: Document, kind: number, at: number, depth: number): void {
  const { view, text } = document;
  if (text.isTooLong) throw new JsonDamage('values are used twice');
  switch (kind) {
    case KIND.smallObject:
    case KIND.largeObject:
    case KIND.smallArray:
    case KIND.largeArray:
      return writeContainer(document, kind, at, depth);
    case KIND.literal:
      return text.ascii(literalText(at < document.end ? view.getUint8(at) : -1));
    case KIND.int16:
      return text.integer(view.getInt16(within(document, at, 2), true));
    case KIND.uint16:
      return text.integer(view.getUint16(within(document, at, 2), true));
    case KIND.int32:
      return text.integer(view.getInt32(within(document, at, 4), true));
    case KIND.uint32:
      return text.integer(view.getUint32(within(document, at, 4), true));
    case KIND.int64:
      return text.ascii(String(view.getBigInt64(within(document, at, 8), true)));
    case KIND.uint64:
      return text.ascii(String(view.getBigUint64(within(document, at, 8), true)));
    case KIND.double: {
      const value = view.getFloat64(within(document, at, 8), true);
      if (!text.thousandths(value)) text.ascii(doubleJson(value));
      return;
    }
    case KIND.string: {
      const run = readRun(document, at);
      return text.quoted(document.bytes, run.at, run.end);
    }
    case KIND.opaque: {
      const run = readRun(document, at + 1);
      const type = view.getUint8(within(document, at, 1));
      const scalar = opaqueJson(type, document.bytes.subarray(run.at, run.end));
      if (scalar === null) throw new JsonDamage('a value of a column type is damaged');
      return text.ascii(scalar);
    }
    default:
      throw new JsonDamage('no kind of value');
  }
}

function literalText(code: number): string {
  if (code === 0) return 'null';
  if (code === 1) return 'true';
  if (code === 2) return 'false';
  throw new JsonDamage('no literal');
}

function writeContainer(document: Document, kind: number, at: number, depth: number): void {
  if (depth > DEPTH_MAX) throw new JsonDamage('nested too deep');
  const { text } = document;
  const isObject = kind === KIND.smallObject || kind === KIND.largeObject;
  const wide = kind === KIND.largeObject || kind === KIND.largeArray ? 4 : 2;
  const count = readOffset(document, at, wide);
  const keysAt = at + 2 * wide;
  const valuesAt = isObject ? keysAt + count * (wide + 2) : keysAt;
  within(document, valuesAt, count * (wide + 1));
  text.byte(isObject ? 0x7b : 0x5b);
  for (let index = 0; index < count; index++) {
    if (index > 0) text.pair(COMMA, SPACE);
    if (isObject) {
      const entry = keysAt + index * (wide + 2);
      const keyAt = at + readOffset(document, entry, wide);
      const keyEnd = keyAt + readOffset(document, entry + wide, 2);
      within(document, keyAt, keyEnd - keyAt);
      text.quoted(document.bytes, keyAt, keyEnd);
      text.pair(COLON, SPACE);
    }
    const entry = valuesAt + index * (wide + 1);
    const valueKind = document.bytes[entry] ?? 0;
    const valueAt = isInline(valueKind, wide)
      ? entry + 1
      : at + readOffset(document, entry + 1, wide);
    writeValue(document, valueKind, valueAt, depth + 1);
  }
  text.byte(isObject ? 0x7d : 0x5d);
}

/** Whether a value stands in its entry, in place of an offset. */
function isInline(kind: number, wide: number): boolean {
  if (kind === KIND.literal || kind === KIND.int16 || kind === KIND.uint16) return true;
  return wide === 4 && (kind === KIND.int32 || kind === KIND.uint32);
}

function readOffset(document: Document, at: number, wide: number): number {
  within(document, at, wide);
  return wide === 4 ? document.view.getUint32(at, true) : document.view.getUint16(at, true);
}

/** A length of seven bits a byte, low first, and the bytes behind it. */
function readRun(document: Document, at: number): { readonly at: number; readonly end: number } {
  let length = 0;
  let scale = 1;
  for (let index = at; index < at + 5; index++) {
    const byte = document.view.getUint8(within(document, index, 1));
    length += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 128) {
      within(document, index + 1, length);
      return { at: index + 1, end: index + 1 + length };
    }
  }
  throw new JsonDamage('a length does not end');
}

function within(document: Document, at: number, length: number): number {
  if (at + length > document.end) throw new JsonDamage('outside the document');
  return at;
}
