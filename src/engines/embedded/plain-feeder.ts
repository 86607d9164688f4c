/**
 * Byte runs into DuckDB value by value, with documented calls only. The twin of the bulk feeder:
 * two to three times slower to load, and there when a version of DuckDB breaks the other's habit.
 */
import { assert } from '../../kernel/assert.ts';
import { isValid } from '../../model/column-vector.ts';
import type { DuckdbDriver } from './duckdb-instance.ts';
import { assertTextStart } from './vector-feeder.ts';
import type { ByteRunFeeder } from './vector-feeder.ts';

const IMAGE_BYTES = 16;

/** Feeds byte runs with one native call per value. */
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
