/** What is left of a table’s history, and of its files, after many commits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  baseState,
  foreignAppend,
  ledgerState,
  storedFiles,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import { findRef, findSnapshot } from '../iceberg/snapshot.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import { removeExpiredFiles } from './cleanup-files.ts';
import type { CommitRequest } from './commit-request.ts';
import { commitTables } from './commit-table.ts';
import { readManifestList } from './manifest-files.ts';
import { ORPHAN_AGE_MS, removeOrphanFiles } from './orphan-files.ts';
import { reachableFiles } from './reachable-files.ts';
import { scanFiles } from './scan-files.ts';
import { readState } from './table-state.ts';

/** Commits to main, cleans up, and gives the table afterwards. */
async function commit(
  lake: TestLake,
  table: LoadedTable,
  changes: Partial<CommitRequest>,
): Promise<LoadedTable> {
  const [result] = await commitTables(lake.context, [appendTo(table, [], changes)]);
  assert.equal(result?.kind, 'committed');
  const { tableUuid } = table.metadata;
  const report = await removeExpiredFiles(lake.context, {
    identifier: table.identifier,
    tableUuid,
    expired: result.expired,
  });
  assert.equal(report.failed, 0);
  return result.table;
}

async function assertNothingElseIsStored(lake: TestLake, table: LoadedTable): Promise<void> {
  const reached = await reachableFiles(lake.context, table);
  const stored = await storedFiles(lake.context);
  const missing = [...reached].filter((location) => !stored.includes(location));
  const extra = stored.filter((location) => !reached.has(location));
  assert.deepEqual({ missing, extra }, { missing: [], extra: [] });
}

test('spec: L9 spec: C16 many commits leave bounded metadata and no stray file', async () => {
  const lake = testLake();
  let table = await testTable(lake.context);
  const commits = 150;
  for (let count = 1; count <= commits; count++) {
    lake.clock.move(10_000);
    const added = [await testFile(lake.context, table)];
    table = await commit(lake, table, { added, state: ledgerState(BigInt(count)) });
  }
  const { metadata } = table;
  assert.ok(metadata.snapshots.length <= 110, `${metadata.snapshots.length} snapshots`);
  assert.ok(metadata.snapshotLog.length <= 110);
  assert.equal(metadata.metadataLog.length, 100);
  const head = findSnapshot(metadata, findRef(metadata, 'main')?.snapshotId ?? 0n);
  assert.ok(head);
  const manifests = await readManifestList(lake.context, head);
  assert.ok(manifests.length < 70, `${manifests.length} manifests`);
  const files = await scanFiles(lake.context, { metadata, ref: 'main' });
  assert.equal(files.length, commits);
  const numbers = files.map((file) => file.dataSequenceNumber).sort((a, b) => (a < b ? -1 : 1));
  assert.deepEqual(
    numbers,
    Array.from({ length: commits }, (_, index) => BigInt(index + 1)),
    'merging manifests keeps the age of every file',
  );
  assert.equal(head.summary['total-data-files'], String(commits));
  await assertNothingElseIsStored(lake, table);
});

test('spec: L9 nothing from state tag to head is expired, whatever others commit', async () => {
  const lake = testLake();
  let table = await commit(lake, await testTable(lake.context), { state: ledgerState(3n) });
  const stateSnapshot = findRef(table.metadata, 'firn_state')?.snapshotId ?? 0n;
  for (let count = 0; count < 115; count++) table = await foreignAppend(lake.other, table, []);
  assert.deepEqual(readState(table.metadata, 'main'), ledgerState(3n));
  const parentId = stateSnapshot;
  table = await commit(lake, table, { parentId, state: ledgerState(4n) });
  assert.ok(table.metadata.snapshots.length <= 110, 'the state moved on, so the rest may go');
  assert.deepEqual(readState(table.metadata, 'main'), ledgerState(4n));
});

test('spec: C16 a file that any ref or snapshot reaches survives the cleanup', async () => {
  const lake = testLake();
  let table = await testTable(lake.context);
  const kept = await testFile(lake.context, table);
  table = await commit(lake, table, { added: [kept], state: baseState(1n) });
  const snapshotId = findRef(table.metadata, 'main')?.snapshotId ?? 0n;
  await lake.other.catalog.commit([
    {
      identifier: table.identifier,
      requirements: [],
      updates: [{ kind: 'set-snapshot-ref', name: 'mine', ref: { kind: 'tag', snapshotId } }],
    },
  ]);
  const next = await testFile(lake.context, table);
  table = await commit(lake, table, {
    added: [next],
    removed: [kept],
    operation: 'overwrite',
    state: baseState(2n),
  });
  for (let count = 0; count < 112; count++) {
    table = await commit(lake, table, { state: baseState(3n) });
  }
  const tagged = await scanFiles(lake.context, { metadata: table.metadata, ref: 'mine' });
  assert.deepEqual(
    tagged.map(({ file }) => file.filePath),
    [kept.filePath],
  );
  assert.ok((await storedFiles(lake.context)).includes(kept.filePath));
  await assertNothingElseIsStored(lake, table);
});

test('a cleanup of a table that shares its files, or was replaced, removes nothing', async () => {
  const lake = testLake();
  const table = await testTable(lake.context);
  const first = await commit(lake, table, { added: [await testFile(lake.context, table)] });
  const expired = { snapshots: first.metadata.snapshots, metadataFiles: [first.metadataLocation] };
  const before = await storedFiles(lake.context);
  const { identifier } = table;
  const { tableUuid } = table.metadata;
  const nothing = { removed: 0, failed: 0 };
  assert.deepEqual(
    await removeExpiredFiles(lake.context, { identifier, tableUuid, expired }),
    nothing,
    'everything named is in use',
  );
  const { filePath } = await testFile(lake.context, table);
  const outside = 'memory://lake/elsewhere.json';
  const dropped = { snapshots: [], metadataFiles: [filePath, outside] };
  assert.deepEqual(
    await removeExpiredFiles(lake.context, { identifier, tableUuid: 'other', expired: dropped }),
    nothing,
  );
  assert.deepEqual(
    await removeExpiredFiles(lake.context, { identifier, tableUuid, expired: dropped }),
    { removed: 1, failed: 0 },
    'only the file in the table’s own folder',
  );
  await lake.other.catalog.commit([
    {
      identifier,
      requirements: [],
      updates: [{ kind: 'set-properties', updates: { 'gc.enabled': 'false' } }],
    },
  ]);
  await removeExpiredFiles(lake.context, { identifier, tableUuid, expired });
  await removeOrphanFiles(lake.context, { identifier, ageMsMin: -1 });
  const after = await storedFiles(lake.context);
  for (const location of before) assert.ok(after.includes(location));
});

test('a cleanup that cannot read or remove says so and throws nothing', async () => {
  const lake = testLake();
  const table = await testTable(lake.context);
  const { filePath } = await testFile(lake.context, table);
  const request = {
    identifier: table.identifier,
    tableUuid: table.metadata.tableUuid,
    expired: { snapshots: [], metadataFiles: [filePath] },
  };
  const broken = (): Promise<never> =>
    Promise.reject(new FirnError('CATALOG-BUSY', { what: 'told to' }));
  const catalog = { ...lake.context.catalog, loadTable: broken };
  const store = { ...lake.context.store, remove: broken };
  const failed = { removed: 0, failed: 1 };
  assert.deepEqual(await removeExpiredFiles({ ...lake.context, catalog }, request), failed);
  assert.deepEqual(await removeExpiredFiles({ ...lake.context, store }, request), failed);
  assert.ok((await storedFiles(lake.context)).includes(filePath));
});

test('spec: C16 orphan removal takes old unreached files only', async () => {
  const lake = testLake();
  const table = await commit(lake, await testTable(lake.context), {
    added: [await testFile(lake.context, await testTable(lake.context, 'other'))],
  });
  const orphan = await testFile(lake.context, table);
  const request = { identifier: table.identifier, ageMsMin: ORPHAN_AGE_MS };
  assert.deepEqual(await removeOrphanFiles(lake.context, request), { removed: 0, failed: 0 });
  lake.clock.move(ORPHAN_AGE_MS + 1000);
  const young = await testFile(lake.context, table);
  assert.deepEqual(await removeOrphanFiles(lake.context, request), { removed: 1, failed: 0 });
  const stored = await storedFiles(lake.context);
  assert.ok(stored.includes(young.filePath));
  assert.ok(!stored.includes(orphan.filePath));
  const files = await scanFiles(lake.context, { metadata: table.metadata, ref: 'main' });
  assert.equal(files.length, 1);
});
