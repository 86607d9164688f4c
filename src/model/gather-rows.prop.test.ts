/** Rows picked out of vectors are the rows, and order is that of DuckDB's files. spec: M18 */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ColumnBuilder } from './column-builder.ts';
import type { ColumnType } from './column-type.ts';
import type { ColumnVector } from './column-vector.ts';
import { appendCell } from '../../test/embedded/rows.ts';
import type { Cell } from '../../test/embedded/rows.ts';
import { gatherRows, isAscending } from './gather-rows.ts';

const CASES: readonly (readonly [ColumnType, fc.Arbitrary<Cell>])[] = [
  [{ kind: 'boolean' }, fc.boolean()],
  [{ kind: 'int' }, fc.integer()],
  [{ kind: 'long' }, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  [{ kind: 'float' }, fc.float({ noNaN: true })],
  [{ kind: 'double' }, fc.double({ noNaN: true })],
  [
    { kind: 'decimal', precision: 38, scale: 2 },
    fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }),
  ],
  [{ kind: 'string' }, fc.string({ unit: 'binary', maxLength: 60 })],
  [{ kind: 'binary' }, fc.uint8Array({ maxLength: 60 })],
];

function vectorOf(type: ColumnType, cells: readonly Cell[]): ColumnVector {
  const builder = new ColumnBuilder(type);
  for (const cell of cells) appendCell(builder, cell);
  return builder.finish();
}

/** The same vector without bits that count for nothing. */
function plain(vector: ColumnVector, rowCount: number): unknown {
  const bits = Array.from({ length: rowCount }, (_, row) => {
    return vector.validity === null || ((vector.validity[row >> 3] ?? 0) >> (row & 7)) % 2 === 1;
  });
  return { ...vector, validity: bits };
}

test('picked rows have the values of those rows', () => {
  for (const [type, cell] of CASES) {
    const cells = fc.array(fc.option(cell), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(cells, fc.array(fc.nat(39), { maxLength: 50 }), (values, picks) => {
        const rows = picks.filter((row) => row < values.length);
        const picked = gatherRows(vectorOf(type, values), Int32Array.from(rows));
        const expected = vectorOf(
          type,
          rows.map((row) => values[row] ?? null),
        );
        deepEqual(plain(picked, rows.length), plain(expected, rows.length));
      }),
    );
  }
});

function compareCells(left: Cell, right: Cell): number {
  if (typeof left === 'string' || left instanceof Uint8Array) {
    return Buffer.compare(Buffer.from(left as string), Buffer.from((right ?? '') as string));
  }
  return left === right ? 0 : (left ?? 0) < (right ?? 0) ? -1 : 1;
}

test('keys ascend when each is above the one before, across batches too', () => {
  const keyed = CASES.filter(([type]) => !['boolean', 'float', 'double'].includes(type.kind));
  for (const [type, cell] of keyed) {
    const small = type.kind === 'int' ? fc.integer({ min: -2, max: 3 }) : fc.nat(3);
    const pairs = fc.array(fc.tuple(cell, small), { minLength: 2, maxLength: 6 });
    const ordered = pairs.map((rows) => rows.toSorted(comparePairs));
    fc.assert(
      fc.property(fc.oneof(pairs, ordered), fc.nat(5), (rows, cut) => {
        const at = Math.min(cut, rows.length);
        const vectors = (part: typeof rows): ColumnVector[] => [
          vectorOf(
            type,
            part.map(([first]) => first),
          ),
          vectorOf(
            { kind: 'int' },
            part.map(([, second]) => second),
          ),
        ];
        const [head, tail] = [rows.slice(0, at), rows.slice(at)];
        const last = head.length === 0 ? null : vectors(head.slice(-1));
        const found =
          isAscending(vectors(head), head.length, null) &&
          isAscending(vectors(tail), tail.length, last);
        const expected = rows.every((row, index) => {
          const before = rows[index - 1];
          return before === undefined || comparePairs(before, row) < 0;
        });
        equal(found, expected);
      }),
    );
  }
});

test('a key of one 64-bit integer ascends by value', () => {
  const near = fc.bigInt({ min: -2n, max: 2n });
  const key = fc
    .tuple(fc.constantFrom(0n, 2n ** 31n, 2n ** 32n, -(2n ** 32n), 2n ** 62n), near)
    .map(([place, step]) => place + step);
  const keys = fc.array(key, { maxLength: 5 });
  const ordered = keys.map((values) => values.toSorted((left, right) => (left < right ? -1 : 1)));
  fc.assert(
    fc.property(fc.oneof(keys, ordered), (values) => {
      const expected = values.every(
        (value, index) => index === 0 || value > (values[index - 1] ?? 0n),
      );
      equal(isAscending([vectorOf({ kind: 'long' }, values)], values.length, null), expected);
    }),
  );
});

function comparePairs(left: readonly [Cell, number], right: readonly [Cell, number]): number {
  return compareCells(left[0], right[0]) || left[1] - right[1];
}
