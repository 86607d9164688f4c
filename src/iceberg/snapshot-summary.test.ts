/** Counts and running totals of snapshot summaries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNSAID } from './manifest.ts';
import type { DataFile } from './manifest.ts';
import { partitionText, snapshotSummary } from './snapshot-summary.ts';

function file(changes: Partial<DataFile>): DataFile {
  return {
    content: 'data',
    filePath: 'file:///t/data/a.parquet',
    fileFormat: 'PARQUET',
    partition: [1],
    specId: 0,
    recordCount: 10n,
    fileSizeBytes: 100n,
    ...UNSAID,
    ...changes,
  };
}

const deletes = file({ content: 'position-deletes', recordCount: 3n, fileSizeBytes: 7n });

test('counts and running totals of an overwrite', () => {
  const summary = snapshotSummary({
    operation: 'overwrite',
    added: [file({}), file({ partition: [2] }), deletes],
    removed: [file({ recordCount: 4n, fileSizeBytes: 50n }), { ...deletes, recordCount: 1n }],
    parentSummary: {
      'total-records': '100',
      'total-files-size': '1000',
      'total-data-files': '5',
      'total-delete-files': '2',
      'total-position-deletes': '9',
      'total-equality-deletes': '0',
    },
  });
  assert.deepEqual(summary, {
    operation: 'overwrite',
    'added-data-files': '2',
    'added-records': '20',
    'added-delete-files': '1',
    'added-position-delete-files': '1',
    'added-position-deletes': '3',
    'added-files-size': '207',
    'deleted-data-files': '1',
    'deleted-records': '4',
    'removed-delete-files': '1',
    'removed-position-delete-files': '1',
    'removed-position-deletes': '1',
    'removed-files-size': '57',
    'changed-partition-count': '2',
    'total-records': '116',
    'total-files-size': '1150',
    'total-data-files': '6',
    'total-delete-files': '2',
    'total-position-deletes': '11',
    'total-equality-deletes': '0',
  });
});

test('a first snapshot counts from zero; a total that cannot be known is left out', () => {
  const first = snapshotSummary({
    operation: 'append',
    added: [file({})],
    removed: [],
    parentSummary: null,
  });
  assert.equal(first['total-records'], '10');
  assert.equal(first['total-delete-files'], '0');
  assert.equal(first['deleted-records'], undefined);
  const next = snapshotSummary({
    operation: 'delete',
    added: [],
    removed: [file({})],
    parentSummary: { 'total-records': '5', 'total-data-files': 'x', 'total-files-size': '100' },
  });
  assert.equal(next['total-records'], undefined);
  assert.equal(next['total-data-files'], undefined);
  assert.equal(next['total-files-size'], '0');
  assert.equal(next['total-delete-files'], undefined);
});

test('partition tuples that differ in anything have different texts', () => {
  const tuples = [[1], [1n], ['1'], [true], [null], [0], [-0], [Uint8Array.of(1)], ['x01'], [1, 1]];
  const texts = tuples.map((partition) => partitionText({ specId: 0, partition }));
  assert.equal(new Set([...texts, partitionText({ specId: 1, partition: [1] })]).size, 11);
  const bytes = { specId: 0, partition: [Uint8Array.of(1, 2)] };
  assert.equal(partitionText(bytes), partitionText({ ...bytes, partition: [Uint8Array.of(1, 2)] }));
});
