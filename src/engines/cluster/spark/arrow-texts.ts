/**
 * Texts of the first column of an Arrow IPC stream ("Arrow Columnar Format", "Encapsulated message
 * format"): all that is needed of Spark's results, because Firn asks for each row as one text. The
 * column is of 32-bit UTF-8 and has no NULL; anything else is refused.
 */
import { toSafeNumber } from '../../../kernel/integers.ts';

/** Reads as `DataView` does, and refuses what lies outside. */
interface Table {
  readonly view: DataView;
  /** Place of the table. */
  readonly at: number;
}

const CONTINUATION = 0xffff_ffff;
const RECORD_BATCH = 3;

/** Every text of the stream in order; `null` when it is not such a stream. */
export function arrowTexts(stream: Uint8Array): readonly string[] | null {
  const texts: string[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  try {
    let at = 0;
    while (at + 8 <= view.byteLength) {
      if (view.getUint32(at, true) !== CONTINUATION) return null;
      const metadataBytes = view.getInt32(at + 4, true);
      if (metadataBytes === 0) break;
      // Never backwards: the loop must end.
      if (metadataBytes < 0) return null;
      const metadata = at + 8;
      const body = metadata + metadataBytes;
      const message: Table = { view, at: metadata + view.getUint32(metadata, true) };
      const kind = field(message, 1);
      const isBatch = kind !== null && view.getUint8(kind) === RECORD_BATCH;
      const length = field(message, 3);
      const bodyBytes = length === null ? 0n : view.getBigInt64(length, true);
      if (isBatch) {
        const found = batchTexts(message, body);
        if (found === null) return null;
        texts.push(...found);
      }
      at = body + small(bodyBytes);
    }
  } catch (error) {
    // Outside of the bytes: not such a stream.
    if (error instanceof RangeError) return null;
    throw error;
  }
  return texts;
}

/** Place of a field of a table of FlatBuffers; `null` when it is not there. */
function field({ view, at }: Table, index: number): number | null {
  const vtable = at - view.getInt32(at, true);
  const slot = 4 + 2 * index;
  if (slot >= view.getUint16(vtable, true)) return null;
  const offset = view.getUint16(vtable + slot, true);
  return offset === 0 ? null : at + offset;
}

/** Place and number of the structures of a vector. */
function vector(table: Table, index: number): { readonly at: number; readonly count: number } {
  const place = field(table, index);
  if (place === null) return { at: 0, count: 0 };
  const at = place + table.view.getUint32(place, true);
  return { at: at + 4, count: table.view.getUint32(at, true) };
}

function batchTexts(message: Table, body: number): readonly string[] | null {
  const { view } = message;
  const header = field(message, 2);
  if (header === null) return null;
  const batch: Table = { view, at: header + view.getUint32(header, true) };
  const nodes = vector(batch, 1);
  const buffers = vector(batch, 2);
  // Compression would be the fourth field.
  if (nodes.count < 1 || buffers.count < 3 || field(batch, 3) !== null) return null;
  const rows = small(view.getBigInt64(nodes.at, true));
  if (view.getBigInt64(nodes.at + 8, true) !== 0n) return null;
  const buffer = (index: number): number => {
    return body + small(view.getBigInt64(buffers.at + 16 * index, true));
  };
  const [offsets, data] = [buffer(1), buffer(2)];
  const decoder = new TextDecoder('utf-8');
  return Array.from({ length: rows }, (_, row) => {
    const from = view.getInt32(offsets + 4 * row, true);
    const to = view.getInt32(offsets + 4 * row + 4, true);
    if (from < 0 || to < from || data + to > view.byteLength) throw new RangeError('outside');
    return decoder.decode(new Uint8Array(view.buffer, view.byteOffset + data + from, to - from));
  });
}

/** A number that must be far below 2^31 to be right. */
function small(value: bigint): number {
  if (value < 0n || value > 0x7fff_ffffn) throw new RangeError('outside');
  return toSafeNumber(value);
}
