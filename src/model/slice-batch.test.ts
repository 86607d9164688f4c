/** Dropping the rows a ledger has already: the rest keeps every value, wherever the cut falls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { ChangeBatch } from './change-batch.ts';
import { ColumnBuilder } from './column-builder.ts';
import { isValid } from './column-vector.ts';
import type { ColumnVector } from './column-vector.ts';
import { changesAbove } from './slice-batch.ts';
import type { TableSchema } from './table-schema.ts';

const schema: TableSchema = {
  table: { namespace: 'shop', table: 'orders' },
  version: 1,
  columns: [
    { id: 1, name: 'id', sourceName: 'id', type: { kind: 'long' }, sourceType: 'INTEGER' },
    { id: 2, name: 'note', sourceName: 'note', type: { kind: 'string' }, sourceType: 'TEXT' },
    {
      id: 3,
      name: 'price',
      sourceName: 'price',
      type: { kind: 'decimal', precision: 20, scale: 2 },
      sourceType: 'NUMERIC',
    },
  ],
  keyColumnIds: [1],
};

interface Row {
  readonly seq: bigint;
  readonly note: string | null;
  readonly price: bigint | null;
}

function batchOf(rows: readonly Row[]): ChangeBatch {
  const [id, note, price] = schema.columns.map((column) => new ColumnBuilder(column.type));
  for (const row of rows) {
    id?.appendBigInt(row.seq * 10n);
    if (row.note === null) note?.appendNull();
    else note?.appendString(row.note);
    if (row.price === null) price?.appendNull();
    else price?.appendBigInt(row.price);
  }
  return {
    schema,
    rowCount: rows.length,
    columns: [id, note, price].flatMap((builder) => (builder ? [builder.finish()] : [])),
    epoch: 1,
    op: new Uint8Array(rows.length),
    seq: BigInt64Array.from(rows.map((row) => row.seq)),
    row: new Int32Array(rows.length).fill(1),
    commitTsUs: new BigInt64Array(rows.length),
    tx: null,
    before: null,
  };
}

function textAt(vector: ColumnVector | undefined, row: number): string | null {
  assert(vector?.kind === 'bytes');
  if (!isValid(vector, row)) return null;
  return Buffer.from(vector.data.subarray(vector.offsets[row], vector.offsets[row + 1])).toString();
}

function decimalAt(vector: ColumnVector | undefined, row: number): bigint | null {
  assert(vector?.kind === 'int128');
  if (!isValid(vector, row)) return null;
  const low = BigInt.asUintN(64, vector.values[2 * row] ?? 0n);
  return ((vector.values[2 * row + 1] ?? 0n) << 64n) | low;
}

test('rows above a mark keep their values wherever the cut falls', () => {
  const row = fc.record({
    note: fc.option(fc.string({ unit: 'binary' })),
    price: fc.option(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), fc.nat(45), (values, cut) => {
      const rows = values.map((value, index) => ({ ...value, seq: BigInt(index + 1) }));
      const rest = changesAbove(batchOf(rows), { epoch: 1, seq: BigInt(cut) });
      const expected = rows.filter((one) => one.seq > BigInt(cut));
      assert.equal(rest?.rowCount ?? 0, expected.length);
      for (const [index, one] of expected.entries()) {
        assert.equal(rest?.seq[index], one.seq);
        assert.equal(textAt(rest?.columns[1], index), one.note);
        assert.equal(decimalAt(rest?.columns[2], index), one.price);
      }
    }),
  );
});

test('a later epoch is above, an earlier one is not', () => {
  const batch = batchOf([{ seq: 1n, note: 'a', price: 1n }]);
  assert.equal(changesAbove(batch, { epoch: 0, seq: 99n }), batch);
  assert.equal(changesAbove(batch, { epoch: 2, seq: 0n }), null);
});

test('a builder is empty again after finish and keeps growing', () => {
  const builder = new ColumnBuilder({ kind: 'string' });
  builder.appendString('x');
  assert.equal(textAt(builder.finish(), 0), 'x');
  for (let index = 0; index < 2000; index++) {
    if (index % 3 === 0) builder.appendNull();
    else builder.appendBytes(Buffer.from(`value ${index}`));
  }
  const vector = builder.finish();
  assert.equal(textAt(vector, 999), null);
  assert.equal(textAt(vector, 1999), 'value 1999');
});

test('every kind of column keeps its values while it grows', () => {
  const kinds = ['boolean', 'int', 'long', 'float', 'double', 'date'] as const;
  for (const kind of kinds) {
    const builder = new ColumnBuilder({ kind });
    for (let index = 0; index < 5000; index++) {
      if (kind === 'long') builder.appendBigInt(BigInt(index));
      else builder.appendNumber(kind === 'boolean' ? index % 2 : index);
    }
    const vector = builder.finish();
    assert(vector.kind !== 'bytes' && vector.kind !== 'int128');
    for (let index = 0; index < 5000; index++) {
      const expected = kind === 'boolean' ? index % 2 : index;
      assert.equal(Number(vector.values[index]), expected, `${kind} ${index}`);
    }
  }
});
