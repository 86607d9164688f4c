/**
 * Compressed parts of the log: MySQL's transaction payloads (zstd) and MariaDB's compressed events
 * (zlib). Nothing is taken out before its declared size was compared with the bound, and never more
 * than declared.
 */
import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { FirnError } from '../kernel/firn-error.ts';
import { ByteCursor, malformed } from './byte-cursor.ts';

const PAYLOAD_FIELD = { end: 0, size: 1, compression: 2, uncompressedSize: 3 } as const;
const COMPRESSION = { zstd: 0, none: 255 } as const;

/**
 * Events of a whole transaction, from the body of TRANSACTION_PAYLOAD_EVENT.
 *
 * @throws {FirnError} LOG-EVENT-TOO-LARGE above `bytesMax`; LOG-FORMAT-UNKNOWN for another
 *   compression; LOG-EVENT-MALFORMED
 */
export function readTransactionPayload(cursor: ByteCursor, bytesMax: number): Uint8Array {
  let compression: number = COMPRESSION.none;
  let sizeBytes: number | null = null;
  let uncompressedBytes: number | null = null;
  for (;;) {
    const field = cursor.packedInt();
    if (field === PAYLOAD_FIELD.end) break;
    const value = new ByteCursor(cursor.take(cursor.packedInt()));
    if (field === PAYLOAD_FIELD.size) sizeBytes = value.packedInt();
    else if (field === PAYLOAD_FIELD.compression) compression = value.packedInt();
    else if (field === PAYLOAD_FIELD.uncompressedSize) uncompressedBytes = value.packedInt();
  }
  const payload = cursor.take(sizeBytes ?? cursor.remaining);
  if (compression === COMPRESSION.none) return payload;
  if (compression !== COMPRESSION.zstd) {
    throw new FirnError('LOG-FORMAT-UNKNOWN', {
      what: `A transaction is compressed by method ${compression}, which is not known`,
    });
  }
  if (uncompressedBytes === null) throw malformed('a transaction payload does not tell its size');
  return unpack(zstdDecompressSync, payload, { sizeBytes: uncompressedBytes, bytesMax });
}

/**
 * A run that MariaDB compressed: a byte `0x80 | width`, the size in `width` bytes high byte first,
 * then a zlib stream.
 *
 * @throws {FirnError} LOG-EVENT-TOO-LARGE above `bytesMax`; LOG-EVENT-MALFORMED
 */
export function inflateRun(run: Uint8Array, bytesMax: number): Uint8Array {
  const head = run[0] ?? 0;
  const width = head & 7;
  if ((head & 0xf8) !== 0x80 || width < 1 || width > 4 || run.length <= width) {
    throw malformed('a compressed event has an unknown head');
  }
  let sizeBytes = 0;
  for (let index = 1; index <= width; index++) sizeBytes = sizeBytes * 256 + (run[index] ?? 0);
  return unpack(inflateSync, run.subarray(1 + width), { sizeBytes, bytesMax });
}

function unpack(
  method: (run: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array,
  run: Uint8Array,
  bound: { readonly sizeBytes: number; readonly bytesMax: number },
): Uint8Array {
  if (bound.sizeBytes > bound.bytesMax) {
    throw new FirnError('LOG-EVENT-TOO-LARGE', {
      what: `A compressed event has ${bound.sizeBytes} bytes; at most ${bound.bytesMax} are read`,
    });
  }
  let unpacked: Uint8Array;
  try {
    unpacked = method(run, { maxOutputLength: Math.max(bound.sizeBytes, 1) });
  } catch (cause) {
    const what = 'a compressed event cannot be unpacked';
    throw new FirnError('LOG-EVENT-MALFORMED', { what, cause });
  }
  if (unpacked.length !== bound.sizeBytes) {
    throw malformed('a compressed event does not have the size it tells');
  }
  return unpacked;
}
