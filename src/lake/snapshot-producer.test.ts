/** What a snapshot’s manifests say about files that came, stayed and went. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  baseState,
  storedFiles,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import { refSnapshot } from '../iceberg/snapshot.ts';
import { AssertionError, present } from '../kernel/assert.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { CommitRequest } from './commit-request.ts';
import { commitTables } from './commit-table.ts';
import { readManifest, readManifestList } from './manifest-files.ts';
import { scanFiles } from './scan-files.ts';

async function commit(
  lake: TestLake,
  table: LoadedTable,
  changes: Partial<CommitRequest>,
): Promise<LoadedTable> {
  const request = appendTo(table, [], { state: baseState(1n), ...changes });
  const [result] = await commitTables(lake.context, [request]);
  assert.equal(result?.kind, 'committed');
  return result.table;
}

test('entries keep their numbers when their manifest is replaced', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const [a, b] = [await testFile(lake.context, empty), await testFile(lake.context, empty)];
  const first = await commit(lake, empty, { added: [a, b] });
  const firstId = first.metadata.currentSnapshotId;
  const second = await commit(lake, first, { removed: [a], operation: 'delete' });
  const head = present(refSnapshot(second.metadata, 'main'), 'the head');
  const [manifest, ...others] = await readManifestList(lake.context, head);
  assert.ok(manifest);
  assert.equal(others.length, 0);
  const { addedFilesCount, existingFilesCount, deletedFilesCount } = manifest;
  assert.deepEqual([addedFilesCount, existingFilesCount, deletedFilesCount], [0, 1, 1]);
  assert.equal(manifest.sequenceNumber, 2n);
  assert.equal(manifest.minSequenceNumber, 1n, 'of live files');
  const entries = await readManifest(lake.context, second.metadata, manifest);
  const told = entries.map((entry) => [
    entry.file.filePath,
    entry.status,
    entry.snapshotId,
    entry.dataSequenceNumber,
    entry.fileSequenceNumber,
  ]);
  assert.deepEqual(told, [
    [a.filePath, 'deleted', head.snapshotId, 1n, 1n],
    [b.filePath, 'existing', firstId, 1n, 1n],
  ]);
  const third = await commit(lake, second, { removed: [b], operation: 'delete' });
  const fourth = await commit(lake, third, {});
  const last = present(refSnapshot(fourth.metadata, 'main'), 'the head');
  assert.deepEqual(
    await readManifestList(lake.context, last),
    [],
    'no manifest without live files',
  );
});

test('a file that stays counts with its own age, whatever manifest it is in', async () => {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const [a, b] = [await testFile(lake.context, empty), await testFile(lake.context, empty)];
  const c = await testFile(lake.context, empty);
  let table = await commit(lake, empty, { added: [a] });
  table = await commit(lake, table, { added: [b, c] });
  table = await commit(lake, table, { removed: [c], operation: 'delete' });
  const { metadata } = table;
  const above = async (dataSequenceAbove: bigint): Promise<readonly string[]> => {
    const files = await scanFiles(lake.context, { metadata, ref: 'main', dataSequenceAbove });
    return files.map(({ file }) => file.filePath);
  };
  assert.deepEqual(await above(0n), [b.filePath, a.filePath]);
  assert.deepEqual(await above(1n), [b.filePath]);
  assert.deepEqual(await above(2n), []);
});

test('a join of manifests forgets removed files and leaves out nothing', async () => {
  const lake = testLake();
  let table = await testTable(lake.context);
  const pairs = 40;
  const stay: string[] = [];
  for (let count = 0; count < pairs; count++) {
    const [keep, drop] = [await testFile(lake.context, table), await testFile(lake.context, table)];
    const deletes = await testFile(lake.context, table, { deletesIn: keep });
    table = await commit(lake, table, { added: [keep, drop, deletes], operation: 'overwrite' });
    table = await commit(lake, table, { removed: [drop], operation: 'delete' });
    stay.push(keep.filePath);
  }
  const { metadata } = table;
  const files = await scanFiles(lake.context, { metadata, ref: 'main' });
  assert.deepEqual(files.map(({ file }) => file.filePath).sort(), stay.sort());
  assert.ok(files.every(({ deletes }) => deletes.length === 1));
  const middle = metadata.lastSequenceNumber / 2n;
  const younger = { metadata, ref: 'main', dataSequenceAbove: middle };
  assert.equal((await scanFiles(lake.context, younger)).length, pairs / 2);
  const head = present(refSnapshot(metadata, 'main'), 'the head');
  assert.ok((await readManifestList(lake.context, head)).length < 61);
  assert.equal(head.summary['total-data-files'], String(pairs));
});

test('spec: C8 removing a file that is not in the table means planning again', async () => {
  const lake = testLake();
  const table = await testTable(lake.context);
  const [never, gone] = [await testFile(lake.context, table), await testFile(lake.context, table)];
  const now = await commit(lake, table, { added: [await testFile(lake.context, table)] });
  const before = await storedFiles(lake.context);
  for (const rebase of ['never', 'allowed'] as const) {
    const request = appendTo(now, [], { operation: 'overwrite', removed: [never, gone], rebase });
    const [result] = await commitTables(lake.context, [request]);
    assert.equal(result?.kind, rebase === 'never' ? 'replan' : 'halted');
    if (result.kind === 'halted') assert.equal(result.error.code, 'ICEBERG-FILE-NOT-LIVE');
  }
  assert.deepEqual(await storedFiles(lake.context), before);
});

test('a commit that breaks the rules of its operation is a programming error', async () => {
  const lake = testLake();
  const table = await testTable(lake.context);
  const [a, b] = [
    await testFile(lake.context, table),
    await testFile(lake.context, table, { rows: 99n }),
  ];
  const now = await commit(lake, table, { added: [a] });
  const wrong: readonly Partial<CommitRequest>[] = [
    { operation: 'append', removed: [a] },
    { operation: 'overwrite', added: [a], removed: [a] },
    { operation: 'append', added: [b, b] },
    { operation: 'replace', added: [b], removed: [a] },
  ];
  for (const changes of wrong) {
    await assert.rejects(commitTables(lake.context, [appendTo(now, [], changes)]), AssertionError);
  }
});
