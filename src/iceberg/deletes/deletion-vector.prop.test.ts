/** Deletion vectors: what is written is read back; damaged ones are refused by code. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isFirnError } from '../../kernel/firn-error.ts';
import { UNSAID } from '../manifest.ts';
import type { DataFile } from '../manifest.ts';
import { decodeDeletionVector, encodeDeletionVector, isDeletionVector } from './deletion-vector.ts';

/** Sets with gaps of every size, and with long runs. */
const positions = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.bigInt(1n, 3n), fc.bigInt(1n, 70_000n), fc.bigInt(1n, 2n ** 34n)),
      run: fc.oneof(fc.constant(1), fc.nat(20), fc.nat(9000)),
    }),
    { maxLength: 40 },
  )
  .map((steps) => {
    const list: bigint[] = [];
    let next = -1n;
    for (const { gap, run } of steps) {
      next += gap;
      for (let index = 0; index < run; index++) list.push(next++);
    }
    return BigInt64Array.from(list);
  });

function vectorOf(list: BigInt64Array): { readonly entry: DataFile; readonly bytes: Uint8Array } {
  const { bytes, ...said } = encodeDeletionVector('s3://lake/t/data/a.parquet', [list]);
  const entry: DataFile = {
    content: 'position-deletes',
    filePath: 's3://lake/t/data/a.puffin',
    fileFormat: 'PUFFIN',
    partition: [],
    specId: 0,
    ...UNSAID,
    ...said,
  };
  return { entry, bytes };
}

function readAll(entry: DataFile, bytes: Uint8Array): readonly bigint[] {
  return [...decodeDeletionVector(entry, bytes)].flatMap((batch) => [...batch]);
}

/** Whether a vector is refused by code; anything else that is thrown comes through. */
function isRefused(entry: DataFile, bytes: Uint8Array): boolean {
  try {
    readAll(entry, bytes);
    return false;
  } catch (error) {
    if (isFirnError(error, 'ICEBERG-PUFFIN-INVALID')) return true;
    throw error;
  }
}

test('spec: M21 — a deletion vector holds exactly the rows it was made of', () => {
  fc.assert(
    fc.property(positions, (list) => {
      const { entry, bytes } = vectorOf(list);
      ok(isDeletionVector(entry));
      equal(entry.recordCount, BigInt(list.length));
      deepEqual(readAll(entry, bytes), [...list]);
    }),
    { numRuns: 60 },
  );
});

test('a file that is cut, or in which a bit of the vector is turned, is refused', () => {
  const { entry, bytes } = vectorOf(BigInt64Array.from({ length: 5000 }, (_, n) => BigInt(n * 3)));
  for (let length = 0; length < bytes.length; length += 7) {
    ok(isRefused(entry, bytes.subarray(0, length)), `cut to ${length}`);
  }
  const end = 4 + Number.parseInt(`${entry.contentSizeBytes}`, 10);
  fc.assert(
    fc.property(fc.integer({ min: 4, max: end - 1 }), fc.nat(7), (at, bit) => {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
      return isRefused(entry, damaged);
    }),
  );
});

test('a file of any bytes is read or refused by code', () => {
  const { entry, bytes } = vectorOf(BigInt64Array.of(1n, 5n, 70_000n));
  const change = fc.record({ at: fc.nat(bytes.length - 1), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const damaged = Uint8Array.from(bytes);
      for (const { at, byte } of changes) damaged[at] = byte;
      isRefused(entry, damaged);
    }),
    { numRuns: 500 },
  );
});

test('what the manifest says must be what the file says', () => {
  const { entry, bytes } = vectorOf(BigInt64Array.of(1n, 5n));
  const refusals: readonly Partial<DataFile>[] = [
    { recordCount: 3n },
    { recordCount: 1n },
    { contentOffset: 5n },
    { contentOffset: -1n },
    { contentOffset: 2n ** 62n },
    { contentOffset: null },
    { contentSizeBytes: null },
    { contentSizeBytes: 4n },
    { contentSizeBytes: 2n ** 62n },
    { contentSizeBytes: (entry.contentSizeBytes ?? 0n) - 1n },
    { referencedDataFile: null },
    { referencedDataFile: 's3://lake/t/data/b.parquet' },
  ];
  ok(!isRefused(entry, bytes));
  for (const change of refusals) ok(isRefused({ ...entry, ...change }, bytes));
});

test('a footer that cannot be read is refused; a compressed one is not needed', () => {
  const { entry, bytes } = vectorOf(BigInt64Array.of(1n, 5n));
  const forged = (at: number, values: readonly number[]): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy.set(values, bytes.length + at);
    return copy;
  };
  ok(isRefused(entry, forged(-12, [255, 255, 255, 127])));
  ok(isRefused(entry, forged(-12, [255, 255, 255, 255])));
  ok(isRefused(entry, forged(-13, [0x20])));
  ok(!isRefused(entry, forged(-8, [1])));
  ok(isRefused(entry, forged(-4, [0])));
});
