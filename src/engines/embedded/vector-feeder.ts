/**
 * Column vectors into DuckDB, 2048 rows at a time, without a JavaScript value per row: fixed-width
 * values are copied as they are, validity bitmaps too. How runs of bytes (text, binary) get there
 * differs between the two feeders, which are tested against each other.
 */
import type * as Api from '@duckdb/node-api';
import type * as Bindings from '@duckdb/node-bindings';
import { assert, unreachable } from '../../kernel/assert.ts';
import type { ColumnType } from '../../model/column-type.ts';
import { isValid } from '../../model/column-vector.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import type { DuckdbDriver } from './duckdb-instance.ts';
import { duckdbVectorType } from './duckdb-types.ts';

/** Rows of one DuckDB vector; a constant of its build. */
export const VECTOR_ROWS = 2048;

/** One column to feed; a vector of `null` is a column of NULLs. */
export interface FedColumn {
  readonly type: ColumnType;
  readonly vector: ColumnVector | null;
}

/** A vector of runs of bytes. */
export type BytesVector = Extract<ColumnVector, { kind: 'bytes' }>;

/** Rows `start .. start + count` of a column of byte runs, on their way into a DuckDB vector. */
export interface ByteRuns {
  readonly vector: BytesVector;
  readonly start: number;
  readonly count: number;
  /** The values are text; otherwise bytes that nobody interprets. */
  readonly text: boolean;
}

/** Puts byte runs into a DuckDB vector. */
export type ByteRunFeeder = (target: Bindings.Vector, runs: ByteRuns) => void;

/** Appends columns of `rowCount` rows to a table. */
export type TableFeeder = (
  appender: Api.DuckDBAppender,
  columns: readonly FedColumn[],
  rowCount: number,
) => void;

/** Rows `start .. start + count` of columns, at most {@link VECTOR_ROWS}. */
export interface ChunkRows {
  readonly columns: readonly FedColumn[];
  readonly start: number;
  readonly count: number;
}

/** Fills an empty chunk of DuckDB's. */
export type ChunkFeeder = (chunk: Api.DuckDBDataChunk, rows: ChunkRows) => void;

/** A feeder of chunks over the given way of feeding byte runs. */
export function createChunkFeeder(
  { bindings }: DuckdbDriver,
  feedRuns: ByteRunFeeder,
): ChunkFeeder {
  const scratch = new ArrayBuffer(VECTOR_ROWS * 16);
  return (chunk, { columns, start, count }) => {
    chunk.rowCount = count;
    for (const [index, column] of columns.entries()) {
      const target = bindings.data_chunk_get_vector(chunk.chunk, index);
      feedValues({ bindings, scratch, feedRuns }, target, { column, start, count });
    }
  };
}

/** A feeder of tables over the given way of feeding byte runs. */
export function createTableFeeder(driver: DuckdbDriver, feedRuns: ByteRunFeeder): TableFeeder {
  const { api } = driver;
  const feed = createChunkFeeder(driver, feedRuns);
  return (appender, columns, rowCount) => {
    const types = columns.map((column) => duckdbVectorType(api, column.type));
    const chunk = api.DuckDBDataChunk.create(types);
    for (let start = 0; start < rowCount; start += VECTOR_ROWS) {
      chunk.reset();
      feed(chunk, { columns, start, count: Math.min(VECTOR_ROWS, rowCount - start) });
      appender.appendDataChunk(chunk);
    }
  };
}

interface FeedContext {
  readonly bindings: typeof Bindings;
  readonly scratch: ArrayBuffer;
  readonly feedRuns: ByteRunFeeder;
}

interface FedRows {
  readonly column: FedColumn;
  readonly start: number;
  readonly count: number;
}

function feedValues(context: FeedContext, target: Bindings.Vector, rows: FedRows): void {
  const { vector, type } = rows.column;
  if (vector === null) {
    copyValidity(context.bindings, target, new Uint8Array((rows.count + 7) >> 3));
    return;
  }
  if (vector.validity !== null) {
    copyValidity(context.bindings, target, bitmapFrom(vector.validity, rows));
  }
  if (vector.kind !== 'bytes') {
    copyBytes(context.bindings, target, fixedWidth(context, rows, vector));
  } else if (type.kind === 'uuid') {
    copyBytes(context.bindings, target, uuidImage(context.scratch, rows, vector));
  } else {
    const { start, count } = rows;
    context.feedRuns(target, { vector, start, count, text: type.kind === 'string' });
  }
}

/** The bits of rows `start .. start + count`, the first of them in the first bit. */
function bitmapFrom(
  bitmap: Uint8Array,
  { start, count }: { readonly start: number; readonly count: number },
): Uint8Array {
  const from = start >> 3;
  const shift = start & 7;
  const bytes = (count + 7) >> 3;
  if (shift === 0) return bitmap.subarray(from, from + bytes);
  return Uint8Array.from({ length: bytes }, (_, index) => {
    const [low = 0, high = 0] = bitmap.subarray(from + index, from + index + 2);
    return ((high << 8) | low) >> shift;
  });
}

/**
 * The bytes of fixed-width values: those of the vector itself wherever DuckDB's width is the same.
 */
function fixedWidth(
  context: FeedContext,
  { column, start, count }: FedRows,
  vector: Exclude<ColumnVector, BytesVector>,
): ArrayBufferView {
  switch (vector.kind) {
    case 'bool':
    case 'int32':
    case 'int64':
    case 'float32':
    case 'float64':
      return vector.values.subarray(start, start + count);
    case 'int128': {
      assert(column.type.kind === 'decimal', 'pairs of 64 bits are decimals');
      const pairs = vector.values.subarray(2 * start, 2 * (start + count));
      return narrowDecimals(context.scratch, pairs, column.type.precision);
    }
    default:
      return unreachable(vector);
  }
}

/** DuckDB keeps a decimal in 16, 32, 64 or 128 bits, by its precision. */
function narrowDecimals(
  scratch: ArrayBuffer,
  pairs: BigInt64Array,
  precision: number,
): ArrayBufferView {
  if (precision > 18) return pairs;
  const count = pairs.length / 2;
  if (precision > 9) {
    const wide = new BigInt64Array(scratch, 0, count);
    for (let row = 0; row < count; row++) wide[row] = pairs[2 * row] ?? 0n;
    return wide;
  }
  const words = new Int32Array(pairs.buffer, pairs.byteOffset, pairs.length * 2);
  const narrow =
    precision > 4 ? new Int32Array(scratch, 0, count) : new Int16Array(scratch, 0, count);
  for (let row = 0; row < count; row++) narrow[row] = words[4 * row] ?? 0;
  return narrow;
}

/** DuckDB keeps a UUID as a 128-bit little-endian integer with its highest bit flipped. */
function uuidImage(
  scratch: ArrayBuffer,
  { start, count }: FedRows,
  vector: BytesVector,
): ArrayBufferView {
  const image = new Uint8Array(scratch, 0, count * 16).fill(0);
  for (let row = 0; row < count; row++) {
    const from = vector.offsets[start + row] ?? 0;
    const length = (vector.offsets[start + row + 1] ?? 0) - from;
    if (length === 0) continue;
    assert(length === 16, 'a uuid has 16 bytes');
    for (let byte = 0; byte < 16; byte++) {
      image[row * 16 + byte] = vector.data[from + 15 - byte] ?? 0;
    }
    image[row * 16 + 15] = (image[row * 16 + 15] ?? 0) ^ 0x80;
  }
  return image;
}

function copyBytes(
  bindings: typeof Bindings,
  target: Bindings.Vector,
  values: ArrayBufferView,
): void {
  const { buffer, byteOffset, byteLength } = values;
  // Shared memory would be fine too; the driver's type names only the common kind.
  bindings.copy_data_to_vector(target, 0, buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Copied as bytes: bits beyond the last row count for nothing. */
function copyValidity(
  bindings: typeof Bindings,
  target: Bindings.Vector,
  bitmap: Uint8Array,
): void {
  const { buffer, byteOffset, byteLength } = bitmap;
  bindings.vector_ensure_validity_writable(target);
  bindings.copy_data_to_vector_validity(target, 0, buffer as ArrayBuffer, byteOffset, byteLength);
}

/**
 * DuckDB turns text that is not UTF-8 into NULL without a word, which must never reach a ledger. It
 * checks a whole run; that the run's values are each UTF-8 then only needs each to start a
 * character.
 */
export function assertTextStart(data: Uint8Array, from: number, to: number): void {
  assert(from === to || ((data[from] ?? 0) & 0xc0) !== 0x80, 'text is UTF-8: a source checks it');
}

/** Bytes of the image of a value of text or bytes in a vector. */
const IMAGE_BYTES = 16;

/**
 * Feeds byte runs value by value, with documented calls only. The twin of the bulk feeder: two to
 * three times slower to load, and there when a version of DuckDB breaks the other's habit.
 */
export function createPlainFeeder({ bindings }: DuckdbDriver): ByteRunFeeder {
  return (target, { vector, start, count, text }) => {
    const { data, offsets } = vector;
    for (let row = 0; row < count; row++) {
      const from = offsets[start + row] ?? 0;
      const to = offsets[start + row + 1] ?? 0;
      if (!isValid(vector, start + row)) continue;
      if (text) assertTextStart(data, from, to);
      bindings.vector_assign_string_element_len(target, row, data.subarray(from, to));
    }
    const images = bindings.vector_get_data(target, count * IMAGE_BYTES);
    const view = new DataView(images.buffer, images.byteOffset, count * IMAGE_BYTES);
    for (let row = 0; row < count; row++) {
      if (!isValid(vector, start + row)) continue;
      const length = (offsets[start + row + 1] ?? 0) - (offsets[start + row] ?? 0);
      const kept = view.getUint32(row * IMAGE_BYTES, true) === length;
      assert(kept, 'text is UTF-8: a source checks it');
    }
  };
}
