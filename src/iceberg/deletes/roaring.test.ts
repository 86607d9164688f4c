/** Roaring bitmaps: those of CRoaring (test/golden/deletion-vectors/make.py), and forged ones. */
import { deepEqual, equal, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isFirnError } from '../../kernel/firn-error.ts';
import { readPositions } from './read-roaring.ts';
import { writePositions } from './write-roaring.ts';

const range = (from: number, to: number, step = 1): readonly number[] =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, index) => from + index * step);

const sets: Readonly<Record<string, readonly number[]>> = {
  empty: [],
  one: [7],
  sparse: range(0, 3_000_000, 977),
  dense: range(0, 200_000).filter((n) => n % 3 !== 0),
  runs: [...range(10, 5000), ...range(70_000, 300_000), 400_000],
  mixed: [
    ...range(0, 65_536, 100),
    ...range(65_536, 131_072, 2),
    ...range(131_072, 150_000),
    ...range(200_000, 200_003),
    2 ** 32 - 1,
  ],
  wide: [0, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, ...range(3 * 2 ** 32, 3 * 2 ** 32 + 1000), 2 ** 45],
};

function golden(name: string): Uint8Array {
  const folder = new URL('../../../test/golden/deletion-vectors/', import.meta.url);
  return Uint8Array.from(readFileSync(new URL(`${name}.bin`, folder)));
}

function readAll(bytes: Uint8Array): readonly bigint[] {
  return [...readPositions(bytes, 'x.puffin')].flatMap((batch) => [...batch]);
}

const refused = (bytes: Uint8Array): void =>
  throws(
    () => readAll(bytes),
    (error) => isFirnError(error, 'ICEBERG-PUFFIN-INVALID'),
  );

for (const [name, numbers] of Object.entries(sets)) {
  test(`bitmap ${name} is read and written as CRoaring does`, () => {
    const positions = BigInt64Array.from(numbers, BigInt);
    const bytes = golden(name);
    deepEqual(readAll(bytes), [...positions]);
    const half = positions.length >> 1;
    const written = writePositions([positions.subarray(0, half), positions.subarray(half)]);
    equal(written.cardinality, BigInt(positions.length));
    deepEqual(written.bytes, bytes);
  });
}

test('a bitmap cut anywhere is refused, and so are bytes after its end', () => {
  for (const name of ['one', 'runs', 'wide']) {
    const bytes = golden(name);
    for (let length = 0; length < bytes.length; length++) refused(bytes.subarray(0, length));
    refused(Buffer.concat([bytes, Uint8Array.of(0)]));
  }
});

test('counts that no bytes stand behind are refused before anything is allocated', () => {
  const one = golden('one');
  const forged = (at: number, values: readonly number[]): Uint8Array => {
    const copy = one.slice();
    copy.set(values, at);
    return copy;
  };
  refused(forged(0, [255, 255, 255, 255, 255, 255, 255, 255]));
  refused(forged(8, [0, 0, 0, 128]));
  refused(forged(16, [255, 255, 255, 255]));
  refused(forged(16, [0, 0, 1, 0]));
  refused(forged(22, [255, 255]));
});

test('containers, values, runs and bitmaps out of order or overlapping are refused', () => {
  const runs = (list: readonly number[], cardinality: number): Uint8Array =>
    Buffer.concat([
      Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3b, 0x30, 0, 0, 1, 0, 0),
      new Uint8Array(Uint16Array.of(cardinality - 1, list.length / 2, ...list).buffer),
    ]);
  deepEqual(readAll(runs([0, 1, 5, 0], 3)), [0n, 1n, 5n]);
  refused(runs([5, 0, 0, 1], 3));
  refused(runs([0, 1, 1, 0], 3));
  refused(runs([0, 1, 5, 0], 4));
  refused(runs([0, 1, 5, 3], 3));
  refused(runs([65_535, 1], 2));
  const pair = (first: number, second: number): Uint8Array =>
    writePositions([BigInt64Array.of(BigInt(first), BigInt(second))]).bytes;
  const values = pair(1, 3);
  values.set([3, 0, 1, 0], values.length - 4);
  refused(values);
  const containers = pair(1, 70_000);
  containers.set([1, 0], 20);
  refused(containers);
  const bitmaps = pair(1, 2 ** 32);
  bitmaps.set([0, 0, 0, 0], 8 + 22);
  refused(bitmaps);
});

test('positions must ascend', () => {
  throws(() => writePositions([BigInt64Array.of(2n, 1n)]));
  throws(() => writePositions([BigInt64Array.of(1n), BigInt64Array.of(1n)]));
  throws(() => writePositions([BigInt64Array.of(-1n)]));
});
