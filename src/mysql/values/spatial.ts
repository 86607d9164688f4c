/**
 * Spatial values. Both servers keep, send and log a reference system of four bytes and the value as
 * well-known binary. The lake gets well-known binary; where there is a reference system it stands
 * inside, as PostGIS writes it (EWKB: a flag in the type, the number behind it), so that nothing is
 * lost and no column of its own is needed. The order of axes is the server's stored one: x first.
 */
import type { ColumnBuilder } from '../../model/column-builder.ts';

/** Bytes of the reference system before the value. */
const SRID_BYTES = 4;

/** Byte order and type of well-known binary. */
const HEAD_BYTES = 5;

/** In the type: a reference system follows (EWKB). */
const SRID_FLAG = 0x2000_0000;

const LITTLE_ENDIAN = 1;

/** Appends a value as the server keeps it. `false`, with nothing appended: it is too short. */
export function appendSpatial(
  bytes: Uint8Array,
  at: number,
  end: number,
  builder: ColumnBuilder,
): boolean {
  const start = at + SRID_BYTES;
  if (start + HEAD_BYTES > end || bytes[start] !== LITTLE_ENDIAN) return false;
  const hasSrid = bytes.subarray(at, start).some((byte) => byte !== 0);
  if (!hasSrid) {
    builder.appendRun(bytes, start, end);
    return true;
  }
  const value = new Uint8Array(end - at);
  value.set(bytes.subarray(start, start + HEAD_BYTES));
  value[HEAD_BYTES - 1] = (value[HEAD_BYTES - 1] ?? 0) | (SRID_FLAG >>> 24);
  value.set(bytes.subarray(at, start), HEAD_BYTES);
  value.set(bytes.subarray(start + HEAD_BYTES, end), HEAD_BYTES + SRID_BYTES);
  builder.appendBytes(value);
  return true;
}
