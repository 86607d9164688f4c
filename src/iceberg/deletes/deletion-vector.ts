/**
 * Deletion vectors: the dead rows of one data file as a bitmap of row numbers, in a Puffin file of
 * its own (Iceberg spec, "Deletion Vectors", and Puffin's blob type `deletion-vector-v1`). What a
 * manifest says of a vector, the footer of its file and the vector itself must agree: readers go by
 * one or the other.
 */
import { crc32 } from 'node:zlib';
import { toSafeNumber } from '../../kernel/integers.ts';
import type { DataFile } from '../manifest.ts';
import { encodePuffin, readPuffinFooter } from './puffin-file.ts';
import { readPositions } from './read-roaring.ts';
import { invalidPuffin } from './roaring-format.ts';
import { writePositions } from './write-roaring.ts';

/** The file of a vector, and what its manifest entry says of it. */
export interface WrittenVector extends Pick<
  DataFile,
  'recordCount' | 'fileSizeBytes' | 'referencedDataFile'
> {
  readonly bytes: Uint8Array;
  readonly contentOffset: bigint;
  readonly contentSizeBytes: bigint;
}

const BLOB_TYPE = 'deletion-vector-v1';
const DATA_FILE_PROPERTY = 'referenced-data-file';
const CARDINALITY_PROPERTY = 'cardinality';

/** The row number's reserved field id (Iceberg spec, "Reserved Field IDs"). */
const POSITION_FIELD = 2_147_483_645;

const MAGIC = Uint8Array.of(0xd1, 0xd3, 0x39, 0x64);

/** Length before the magic and the bitmap, checksum after them. */
const LENGTH_BYTES = 4;
const FRAME_BYTES = LENGTH_BYTES + 4;

/**
 * A file with the vector of one data file.
 *
 * @param positions row numbers, each greater than the one before
 */
export function encodeDeletionVector(
  dataFile: string,
  positions: Iterable<BigInt64Array>,
): WrittenVector {
  const { bytes: bitmap, cardinality } = writePositions(positions);
  const blob = new Uint8Array(FRAME_BYTES + MAGIC.length + bitmap.length);
  const body = blob.subarray(LENGTH_BYTES, blob.length - 4);
  body.set(MAGIC);
  body.set(bitmap, MAGIC.length);
  const view = new DataView(blob.buffer);
  view.setUint32(0, body.length);
  view.setUint32(blob.length - 4, crc32(body));
  const { bytes, offset } = encodePuffin({
    type: BLOB_TYPE,
    fieldIds: [POSITION_FIELD],
    bytes: blob,
    properties: { [DATA_FILE_PROPERTY]: dataFile, [CARDINALITY_PROPERTY]: cardinality.toString() },
  });
  return {
    bytes,
    recordCount: cardinality,
    fileSizeBytes: BigInt(bytes.length),
    referencedDataFile: dataFile,
    contentOffset: BigInt(offset),
    contentSizeBytes: BigInt(blob.length),
  };
}

/** Whether a delete file is a deletion vector. */
export function isDeletionVector(file: DataFile): boolean {
  return file.content === 'position-deletes' && file.fileFormat === 'PUFFIN';
}

/**
 * The row numbers of a deletion vector, ascending, in batches that are the caller's to keep. A
 * fault may show itself only after some batches.
 *
 * @param vector the manifest's entry
 * @param file the whole Puffin file that the entry names
 * @throws {FirnError} ICEBERG-PUFFIN-INVALID
 */
export function* decodeDeletionVector(
  vector: DataFile,
  file: Uint8Array,
): Generator<BigInt64Array> {
  const { filePath: where, recordCount } = vector;
  const blob = blobOf(vector, file);
  const body = blob.subarray(LENGTH_BYTES, blob.length - 4);
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length);
  if (view.getUint32(0) !== body.length) {
    throw invalidPuffin('a deletion vector has another length than its manifest says', where);
  }
  if (!MAGIC.every((byte, index) => body[index] === byte)) {
    throw invalidPuffin('a blob is not a deletion vector', where);
  }
  if (view.getUint32(blob.length - 4) !== crc32(body)) {
    throw invalidPuffin('the checksum of a deletion vector is wrong', where);
  }
  let left = recordCount;
  for (const batch of readPositions(body.subarray(MAGIC.length), where)) {
    left -= BigInt(batch.length);
    if (left < 0n) break;
    yield batch;
  }
  if (left !== 0n) {
    throw invalidPuffin('a deletion vector has another number of rows than its manifest', where);
  }
}

/** The bytes that a manifest's entry names, where the file's footer does not contradict it. */
function blobOf(vector: DataFile, file: Uint8Array): Uint8Array {
  const { filePath: where, contentOffset, contentSizeBytes, referencedDataFile } = vector;
  if (contentOffset === null || contentSizeBytes === null || referencedDataFile === null) {
    throw invalidPuffin('the manifest does not say where a deletion vector is', where);
  }
  const end = contentOffset + contentSizeBytes;
  const sizeMin = FRAME_BYTES + MAGIC.length;
  if (contentOffset < 0n || contentSizeBytes < sizeMin || end > file.length) {
    throw invalidPuffin('a deletion vector lies outside of its file', where);
  }
  const blobs = readPuffinFooter(file, where);
  const blob = blobs?.find(({ offset }) => BigInt(offset) === contentOffset);
  if (blobs !== null && blob === undefined) {
    throw invalidPuffin('the footer names no blob where the manifest does', where);
  }
  const agrees =
    blob === undefined ||
    (blob.type === BLOB_TYPE &&
      BigInt(blob.length) === contentSizeBytes &&
      blob.properties[DATA_FILE_PROPERTY] === referencedDataFile &&
      blob.properties[CARDINALITY_PROPERTY] === vector.recordCount.toString());
  if (!agrees) throw invalidPuffin('footer and manifest contradict each other', where);
  return file.subarray(toSafeNumber(contentOffset), toSafeNumber(end));
}
