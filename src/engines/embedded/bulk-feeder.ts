/**
 * Byte runs into DuckDB with one native call per vector: all bytes of 2048 rows go in as the value
 * of row 0, the address DuckDB keeps them at is read back from that value's image, and the images
 * of all rows are then made to point into it. The image of a value is public C (`duckdb_string_t`):
 * 4 bytes of length, then either up to 12 bytes of content, or 4 bytes of prefix and an 8-byte
 * address. That DuckDB keeps the bytes for the vector's life, and not only for row 0's, is a habit
 * and not a promise: the plain feeder is the twin that does not rely on it.
 */
import type * as Bindings from '@duckdb/node-bindings';
import { assert } from '../../kernel/assert.ts';
import type { DuckdbDriver } from './duckdb-instance.ts';
import { assertTextStart, VECTOR_ROWS } from './vector-feeder.ts';
import type { ByteRunFeeder, ByteRuns } from './vector-feeder.ts';

const IMAGE_BYTES = 16;
const INLINE_BYTES_MAX = 12;
const TWO_TO_32 = 2 ** 32;

/** The images of one vector's values, as bytes and as 32-bit words over the same memory. */
interface Images {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
}

/** Feeds byte runs with one native call per vector. */
export function createBulkFeeder({ bindings }: DuckdbDriver): ByteRunFeeder {
  const buffer = new ArrayBuffer(VECTOR_ROWS * IMAGE_BYTES);
  const images = { buffer, bytes: new Uint8Array(buffer), words: new Uint32Array(buffer) };
  return (target, runs) => {
    const { offsets } = runs.vector;
    const from = offsets[runs.start] ?? 0;
    const to = offsets[runs.start + runs.count] ?? 0;
    const address =
      to === from ? null : keepBytes(bindings, target, runs.vector.data.subarray(from, to));
    writeImages(images, runs, address);
    bindings.copy_data_to_vector(target, 0, buffer, 0, runs.count * IMAGE_BYTES);
  };
}

interface Address {
  readonly low: number;
  readonly high: number;
}

/** Hands bytes to DuckDB; their address, or `null` where they are so few that it keeps no copy. */
function keepBytes(
  bindings: typeof Bindings,
  target: Bindings.Vector,
  bytes: Uint8Array,
): Address | null {
  bindings.vector_assign_string_element_len(target, 0, bytes);
  const head = bindings.vector_get_data(target, IMAGE_BYTES);
  const view = new DataView(head.buffer, head.byteOffset, IMAGE_BYTES);
  assert(view.getUint32(0, true) === bytes.length, 'text is UTF-8: a source checks it');
  if (bytes.length <= INLINE_BYTES_MAX) return null;
  const address = { low: view.getUint32(8, true), high: view.getUint32(12, true) };
  assert(address.low !== 0 || address.high !== 0, 'DuckDB keeps the bytes it was given');
  return address;
}

function writeImages(images: Images, runs: ByteRuns, address: Address | null): void {
  const { words } = images;
  const { offsets, data } = runs.vector;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  // Up to here three words can be read without looking at how much is left.
  const roomy = data.length - INLINE_BYTES_MAX;
  const first = offsets[runs.start] ?? 0;
  let from = first;
  for (let row = 0; row < runs.count; row++) {
    const to = offsets[runs.start + row + 1] ?? 0;
    const length = to - from;
    const word = row * 4;
    if (runs.text) assertTextStart(data, from, to);
    words[word] = length;
    if (length > INLINE_BYTES_MAX) {
      assert(address !== null, 'a long value lies in the kept bytes');
      words[word + 1] = view.getUint32(from, true);
      const low = address.low + (from - first);
      words[word + 2] = low;
      words[word + 3] = low < TWO_TO_32 ? address.high : address.high + 1;
    } else if (from <= roomy) {
      words[word + 1] = view.getUint32(from, true) & lowBytes(length);
      words[word + 2] = view.getUint32(from + 4, true) & lowBytes(length - 4);
      words[word + 3] = view.getUint32(from + 8, true) & lowBytes(length - 8);
    } else {
      images.bytes.fill(0, word * 4 + 4, word * 4 + IMAGE_BYTES);
      images.bytes.set(data.subarray(from, to), word * 4 + 4);
    }
    from = to;
  }
}

/** A mask of the first `count` bytes of a little-endian word. */
function lowBytes(count: number): number {
  if (count <= 0) return 0;
  return count >= 4 ? -1 : (1 << (8 * count)) - 1;
}
