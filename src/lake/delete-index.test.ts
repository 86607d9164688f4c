/** Deletion vectors among the deletes of a data file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testFile, testLake, testTable } from '../../test/support/lake-fixture.ts';
import type { DataFile, ResolvedEntry } from '../iceberg/manifest.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { DeleteIndex } from './delete-index.ts';

function entryOf(file: DataFile, dataSequenceNumber: bigint): ResolvedEntry {
  const numbers = { dataSequenceNumber, fileSequenceNumber: dataSequenceNumber };
  return { status: 'added', snapshotId: 1n, ...numbers, file };
}

test('a deletion vector takes the place of position deletes; two are refused', async () => {
  const { context } = testLake();
  const table = await testTable(context);
  const data = await testFile(context, table);
  const positions = await testFile(context, table, { deletesIn: data });
  const vector: DataFile = { ...positions, filePath: 'v', fileFormat: 'PUFFIN' };
  const index = new DeleteIndex(table.metadata);
  index.add(entryOf(positions, 5n));
  assert.deepEqual(index.deletesOf(entryOf(data, 5n)), { deletes: [positions] });
  index.add(entryOf(vector, 5n));
  assert.deepEqual(index.deletesOf(entryOf(data, 5n)), { deletes: [vector] });
  assert.deepEqual(index.deletesOf(entryOf(data, 6n)), { deletes: [] }, 'an older vector');
  index.add(entryOf({ ...vector, filePath: 'w' }, 6n));
  assert.throws(
    () => index.deletesOf(entryOf(data, 5n)),
    (error) => isFirnError(error, 'ICEBERG-MANIFEST-INVALID') && error.where === 'w',
  );
});

test('a vector for no file, and one filed under another partition, are refused by name', async () => {
  const { context } = testLake();
  const table = await testTable(context);
  const data = await testFile(context, table);
  const positions = await testFile(context, table, { deletesIn: data });
  const vector: DataFile = { ...positions, fileFormat: 'PUFFIN' };
  const isInvalid = (error: unknown): boolean =>
    isFirnError(error, 'ICEBERG-MANIFEST-INVALID') && error.where === vector.filePath;
  const index = new DeleteIndex(table.metadata);
  assert.throws(() => index.add(entryOf({ ...vector, referencedDataFile: null }, 1n)), isInvalid);
  index.add(entryOf({ ...vector, partition: [3] }, 1n));
  assert.throws(() => index.deletesOf(entryOf(data, 1n)), isInvalid);
});

test('one file has several spellings: deletes find it under each', async () => {
  const { context } = testLake();
  const table = await testTable(context);
  const data = { ...(await testFile(context, table)), filePath: 's3://lake/data/a.parquet' };
  const positions = await testFile(context, table, { deletesIn: data });
  const index = new DeleteIndex(table.metadata);
  const spelled = { ...positions, referencedDataFile: 's3a://lake/data/a.parquet' };
  index.add(entryOf(spelled, 1n));
  assert.deepEqual(index.deletesOf(entryOf(data, 1n)), { deletes: [spelled] });
});
