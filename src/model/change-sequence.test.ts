/** The order of changes: epoch first, then the source's own order, then the row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  compareMarks,
  compareSequences,
  formatMark,
  laterMark,
  parseMark,
} from './change-sequence.ts';
import { formatPosition, parsePosition } from './source-position.ts';

const sequences = fc.record({
  epoch: fc.integer({ min: 0, max: 3 }),
  seq: fc.oneof(fc.bigInt({ min: 0n, max: 3n }), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })),
  row: fc.integer({ min: 0, max: 3 }),
});

test('spec: O2 — sequences are in one total order, the epoch first, the row last', () => {
  fc.assert(
    fc.property(sequences, sequences, (left, right) => {
      const order = Math.sign(compareSequences(left, right));
      assert.equal(order + Math.sign(compareSequences(right, left)), 0);
      if (left.epoch !== right.epoch) assert.equal(order, Math.sign(left.epoch - right.epoch));
      else if (left.seq !== right.seq) assert.equal(order, left.seq < right.seq ? -1 : 1);
      else assert.equal(order, Math.sign(left.row - right.row));
      const later = laterMark(left, right);
      assert.ok(compareMarks(later, left) >= 0 && compareMarks(later, right) >= 0);
    }),
  );
});

test('marks keep 63 bits through their text', () => {
  fc.assert(
    fc.property(sequences, ({ epoch, seq }) => {
      assert.deepEqual(parseMark(formatMark({ epoch, seq })), { epoch, seq });
    }),
  );
  for (const text of ['', '1', '1:', ':1', '1:-1', '1:1.5', 'a:1', '1:1:1']) {
    assert.equal(parseMark(text), null);
  }
});

test('a position is kept as it is, whatever its source put into it', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'binary' }), (partition, token) => {
      const position = { sourceId: 'sqlite:x', partition, token };
      assert.deepEqual(parsePosition(formatPosition(position)), position);
    }),
  );
  for (const text of ['', '{}', '[]', '[1,2,3]', '["a","b"]']) {
    assert.equal(parsePosition(text), null);
  }
});
