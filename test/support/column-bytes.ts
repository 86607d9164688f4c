/** How much memory the values of a column take. */
import type { ColumnVector } from '../../src/model/column-vector.ts';

/** Bytes of a vector's values and offsets. */
export function columnBytes(vector: ColumnVector): number {
  if (vector.kind === 'bytes') return vector.data.length + vector.offsets.byteLength;
  return vector.values.byteLength;
}
