/** VECTOR in text: a JSON list of its floats, each as short as gives it back. */
import { floatText } from './digits.ts';

const FLOAT_BYTES = 4;

/** A vector's bytes, floats little-endian, as `[1.5,-2]`. */
export function vectorText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const floats = Array.from({ length: Math.floor(bytes.length / FLOAT_BYTES) }, (_, index) =>
    floatText(view.getFloat32(index * FLOAT_BYTES, true), true),
  );
  return `[${floats.join(',')}]`;
}
