/** Values of compressed columns, with bytes out of MariaDB's log. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { assert as checkAll, property, uint8Array } from 'fast-check';
import { isFirnError } from '../../kernel/firn-error.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import { compressedReader } from './compressed-value.ts';

const reader = compressedReader('v', (bytes, _view, at, end, builder) =>
  builder.appendRun(bytes, at, end),
);

function read(hex: string): Buffer {
  return readBytes(Buffer.from(hex, 'hex'));
}

function readBytes(bytes: Uint8Array): Buffer {
  const builder = new ColumnBuilder({ kind: 'binary' });
  // Other values lie around it.
  const run = Buffer.concat([Buffer.of(9), bytes, Buffer.of(9)]);
  const view = new DataView(run.buffer, run.byteOffset, run.length);
  reader(run, view, 1, 1 + bytes.length, builder);
  const vector: ColumnVector = builder.finish();
  equal(vector.kind, 'bytes');
  return vector.kind === 'bytes' ? Buffer.from(vector.data.slice(0, vector.offsets[1])) : run;
}

test('a compressed value is what was stored, in each form that a server writes (spec: Y15)', () => {
  const letters = Buffer.alloc(500, 'a');
  deepEqual(read('8a01f44b4c1c05230d0000'), letters);
  deepEqual(read('8201f4789c4b4c1c05230d00006ecdbd75'), letters);
  equal(read('0073686f7274').toString(), 'short');
  deepEqual(read('0000'), Buffer.of(0));
  equal(read('').length, 0);
});

test('bytes that do not unpack to what they say are damage, in bounded memory (spec: Y9)', () => {
  const damaged = [
    '8a',
    '8a01',
    '8a01f4',
    '8a01f34b4c1c05230d0000',
    '8a01f54b4c1c05230d0000',
    '8a01f44b4c1c0523',
    '8201f4789c4b4c1c05230d00006ecdbd76',
    '9a01f44b4c1c05230d0000',
    '8801f44b4c1c05230d0000',
    '8cffffffff4b4c1c05230d0000',
    '8900',
  ];
  for (const hex of damaged) {
    throws(
      () => read(hex),
      (error) => isFirnError(error, 'VALUE-DAMAGED'),
      hex,
    );
  }
  checkAll(
    property(uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        readBytes(bytes);
      } catch (error) {
        equal(isFirnError(error, 'VALUE-DAMAGED'), true);
      }
    }),
  );
});
