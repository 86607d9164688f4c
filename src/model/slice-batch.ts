/** Taking the later rows of a batch without copying values. */
import type { ChangeBatch } from './change-batch.ts';
import type { SequenceMark } from './change-sequence.ts';
import type { ColumnVector } from './column-vector.ts';

/**
 * The changes of a batch that lie above `mark`; `null` when there are none. Sequences in a batch
 * never go down, so the rest is a suffix.
 */
export function changesAbove(batch: ChangeBatch, mark: SequenceMark): ChangeBatch | null {
  if (batch.epoch > mark.epoch) return batch;
  if (batch.epoch < mark.epoch) return null;
  let first = 0;
  while (first < batch.rowCount && (batch.seq[first] ?? 0n) <= mark.seq) first++;
  if (first === 0) return batch;
  if (first === batch.rowCount) return null;
  return dropRows(batch, first);
}

/** The batch without its first `count` rows; vectors are views of the same memory. */
export function dropRows(batch: ChangeBatch, count: number): ChangeBatch {
  return {
    ...batch,
    rowCount: batch.rowCount - count,
    op: batch.op.subarray(count),
    seq: batch.seq.subarray(count),
    row: batch.row.subarray(count),
    commitTsUs: batch.commitTsUs.subarray(count),
    tx: batch.tx === null ? null : dropValues(batch.tx, count),
    columns: batch.columns.map((column) => dropValues(column, count)),
    before: batch.before === null ? null : batch.before.map((column) => dropValues(column, count)),
  };
}

function dropValues(vector: ColumnVector, count: number): ColumnVector {
  const validity = vector.validity === null ? null : shiftBits(vector.validity, count);
  switch (vector.kind) {
    case 'bool':
      return { ...vector, values: vector.values.subarray(count), validity };
    case 'int32':
      return { ...vector, values: vector.values.subarray(count), validity };
    case 'int64':
      return { ...vector, values: vector.values.subarray(count), validity };
    case 'int128':
      return { ...vector, values: vector.values.subarray(2 * count), validity };
    case 'float32':
      return { ...vector, values: vector.values.subarray(count), validity };
    case 'float64':
      return { ...vector, values: vector.values.subarray(count), validity };
    case 'bytes': {
      const start = vector.offsets[count] ?? 0;
      const offsets = vector.offsets.subarray(count).map((offset) => offset - start);
      return { ...vector, data: vector.data.subarray(start), offsets, validity };
    }
    default:
      return vector satisfies never;
  }
}

function shiftBits(bits: Uint8Array, count: number): Uint8Array {
  const shifted = new Uint8Array(bits.length - (count >> 3));
  const offset = count & 7;
  for (let index = 0; index < shifted.length; index++) {
    const at = index + (count >> 3);
    const word = (bits[at] ?? 0) | ((bits[at + 1] ?? 0) << 8);
    shifted[index] = word >> offset;
  }
  return shifted;
}
