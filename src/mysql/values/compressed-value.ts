/**
 * Values of columns that MariaDB stores COMPRESSED, as row images have them: nothing for an empty
 * value; a zero byte and the value; or a head, the value's size high byte first, and the value
 * deflated. The head is 0x80, with 8 where zlib's own frame was left out, and how many bytes the
 * size has. (Read off the logs of MariaDB 10.11, both settings of `column_compression_zlib_wrap`.)
 */
import { inflateRawSync, inflateSync } from 'node:zlib';
import type { ValueReader } from '../value-reader.ts';
import { damagedValue } from './value-misfit.ts';

const STORED = 0;
const METHOD_MASK = 0xf0;
const ZLIB = 0x80;
const RAW_FLAG = 8;
const WIDTH_MASK = 7;
const WIDTH_MAX = 4;

/** Most bytes of a value: more than a server can send or take. */
const SIZE_MAX = 2 ** 30;

/** A reader of a compressed column: `read` gets the values as they were before. */
export function compressedReader(column: string, read: ValueReader): ValueReader {
  return (bytes, view, at, end, builder) => {
    if (at === end) return read(bytes, view, at, end, builder);
    const head = bytes[at] ?? 0;
    if (head === STORED) return read(bytes, view, at + 1, end, builder);
    const value = inflated(bytes.subarray(at, end));
    if (value === null) throw damagedValue(column, 'Its compressed bytes cannot be unpacked.');
    const whole = new DataView(value.buffer, value.byteOffset, value.length);
    read(value, whole, 0, value.length, builder);
  };
}

/** The value of a run with its head; `null` when there is none. */
function inflated(run: Uint8Array): Uint8Array | null {
  const head = run[0] ?? 0;
  const width = head & WIDTH_MASK;
  if ((head & METHOD_MASK) !== ZLIB || width === 0 || width > WIDTH_MAX) return null;
  const size = run.subarray(1, 1 + width).reduce((sum, byte) => sum * 256 + byte, 0);
  if (size === 0 || size > SIZE_MAX) return null;
  const unpack = (head & RAW_FLAG) === 0 ? inflateSync : inflateRawSync;
  try {
    const value = unpack(run.subarray(1 + width), { maxOutputLength: size });
    return value.length === size ? value : null;
  } catch {
    // The data are damaged, or unpack to more than they say: what zlib says adds nothing.
    return null;
  }
}
