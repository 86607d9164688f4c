/**
 * Puffin files: blobs one after the other, and a footer that says what each is (Iceberg's Puffin
 * specification). Footers are written uncompressed, because several readers know no other. Reading
 * checks every length against the bytes that are there before it is believed.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import { parseJson, stringifyJson } from '../../kernel/lossless-json.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';
import { jsonFields } from '../json-fields.ts';
import { stringRecord } from '../snapshot.ts';
import { invalidPuffin } from './roaring-format.ts';

/** A blob as the footer names it. */
export interface PuffinBlob {
  readonly type: string;
  /** First byte in the file. */
  readonly offset: number;
  /** Bytes, as they are stored. */
  readonly length: number;
  readonly properties: Readonly<Record<string, string>>;
}

/** A blob to be written. */
export interface NewBlob {
  readonly type: string;
  /** Columns that it is about. */
  readonly fieldIds: readonly number[];
  readonly bytes: Uint8Array;
  readonly properties: Readonly<Record<string, string>>;
}

/** Stands at the file's start, at the footer's start and at the file's end. */
const MAGIC = Uint8Array.of(0x50, 0x46, 0x41, 0x31);

/** What follows the footer's text: its length, flags, magic. */
const TAIL_BYTES = 12;

/** Bit of the first flag byte: the footer's text is compressed. */
const COMPRESSED = 1;

/** Text of a footer that is read; one blob takes a few hundred bytes. */
const FOOTER_BYTES_MAX = 16 * 1024 * 1024;

/** A file with one blob, which starts right after the magic. */
export function encodePuffin(blob: NewBlob): {
  readonly bytes: Uint8Array;
  readonly offset: number;
} {
  const offset = MAGIC.length;
  const footer = {
    blobs: [
      {
        type: blob.type,
        fields: blob.fieldIds,
        // A blob that belongs to no one snapshot (specification, "BlobMetadata").
        'snapshot-id': -1,
        'sequence-number': -1,
        offset,
        length: blob.bytes.length,
        properties: blob.properties,
      },
    ],
    properties: { 'created-by': 'firn' },
  };
  const text = new TextEncoder().encode(stringifyJson(footer));
  const tail = new DataView(new ArrayBuffer(TAIL_BYTES));
  tail.setInt32(0, text.length, true);
  const end = new Uint8Array(tail.buffer);
  end.set(MAGIC, 8);
  return { bytes: Buffer.concat([MAGIC, blob.bytes, MAGIC, text, end]), offset };
}

/**
 * The blobs that the footer of a file names, or `null` where the footer is compressed.
 *
 * @param where the file, for messages
 * @throws {FirnError} ICEBERG-PUFFIN-INVALID
 */
export function readPuffinFooter(bytes: Uint8Array, where: string): readonly PuffinBlob[] | null {
  const tailAt = bytes.length - TAIL_BYTES;
  if (tailAt < 2 * MAGIC.length || !hasMagic(bytes, 0) || !hasMagic(bytes, tailAt + 8)) {
    throw invalidPuffin('it is not a Puffin file', where);
  }
  const tail = new DataView(bytes.buffer, bytes.byteOffset + tailAt, TAIL_BYTES);
  const textBytes = tail.getInt32(0, true);
  const textAt = tailAt - textBytes;
  const isBounded = textBytes >= 0 && textBytes <= FOOTER_BYTES_MAX;
  if (!isBounded || textAt < 2 * MAGIC.length || !hasMagic(bytes, textAt - MAGIC.length)) {
    throw invalidPuffin('its footer is not where it says', where);
  }
  if ((tail.getUint8(4) & COMPRESSED) !== 0) return null;
  const blobsEnd = textAt - MAGIC.length;
  return blobsOf(footerJson(bytes.subarray(textAt, tailAt), where), { where, blobsEnd });
}

function blobsOf(
  footer: JsonValue,
  { where, blobsEnd }: { readonly where: string; readonly blobsEnd: number },
): readonly PuffinBlob[] {
  try {
    return jsonFields(footer, where)
      .list('blobs')
      .map((item) => {
        const blob = jsonFields(item, where);
        const offset = blob.long('offset');
        const length = blob.long('length');
        const fits = offset >= MAGIC.length && length >= 0 && offset + length <= blobsEnd;
        if (!fits) throw invalidPuffin('a blob lies outside of it', where);
        return {
          type: blob.text('type'),
          offset: toSafeNumber(offset),
          length: toSafeNumber(length),
          properties: stringRecord(blob.value('properties'), where),
        };
      });
  } catch (cause) {
    if (!(cause instanceof FirnError) || cause.code === 'ICEBERG-PUFFIN-INVALID') throw cause;
    throw new FirnError('ICEBERG-PUFFIN-INVALID', { what: cause.what, where, cause });
  }
}

function footerJson(text: Uint8Array, where: string): JsonValue {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    const what = 'its footer is not JSON';
    throw new FirnError('ICEBERG-PUFFIN-INVALID', { what, where, cause });
  }
}

function hasMagic(bytes: Uint8Array, at: number): boolean {
  return MAGIC.every((byte, index) => bytes[at + index] === byte);
}
