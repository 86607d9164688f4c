/** Bootstrap branches: made without a parent, published as main, taken away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  baseState,
  foreignAppend,
  headId,
  reload,
  storedFiles,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { Fault, TestLake } from '../../test/support/lake-fixture.ts';
import { findRef, findSnapshot } from '../iceberg/snapshot.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { CommitResult, PublishRequest } from './commit-request.ts';
import { commitTables, publishBranch, removeRef } from './commit-table.ts';
import { scanFiles } from './scan-files.ts';
import { readState } from './table-state.ts';

const branch = 'firn_bootstrap_1';

/** A base with one file on main, if asked for, and two commits on a bootstrap branch. */
async function bootstrapped(mainFirst: boolean): Promise<{
  readonly lake: TestLake;
  readonly table: LoadedTable;
  readonly request: PublishRequest;
}> {
  const lake = testLake();
  const { context } = lake;
  const empty = await testTable(context);
  if (mainFirst) {
    const file = await testFile(context, empty);
    await commitTables(context, [appendTo(empty, [file], { state: baseState(1n) })]);
  }
  const before = await reload(context, empty);
  const first = await commitTables(context, [
    appendTo(before, [await testFile(context, before)], {
      ref: branch,
      parentId: null,
      parentless: true,
      state: baseState(5n),
    }),
  ]);
  assert.equal(first[0]?.kind, 'committed');
  const second = await commitTables(context, [
    appendTo(before, [await testFile(context, before)], {
      ref: branch,
      parentId: first[0].snapshotId,
      state: baseState(7n),
    }),
  ]);
  assert.equal(second[0]?.kind, 'committed');
  const table = await reload(context, empty);
  const request: PublishRequest = {
    identifier: table.identifier,
    tableUuid: table.metadata.tableUuid,
    branch,
    branchHead: second[0].snapshotId,
    mainHead: headId(table),
    keepOldAs: 'firn_before_1',
  };
  return { lake, table, request };
}

async function fileCount(lake: TestLake, table: LoadedTable, ref: string): Promise<number> {
  const { metadata } = await reload(lake.context, table);
  return (await scanFiles(lake.context, { metadata, ref })).length;
}

const codeOf = (result: CommitResult): string =>
  result.kind === 'halted' ? result.error.code : result.kind;

test('a bootstrap branch starts without a parent and without main’s files', async () => {
  const { lake, table, request } = await bootstrapped(true);
  const head = findSnapshot(table.metadata, request.branchHead);
  assert.ok(head?.parentSnapshotId);
  const first = findSnapshot(table.metadata, head.parentSnapshotId);
  assert.equal(first?.parentSnapshotId, null);
  assert.equal(first.summary['total-data-files'], '1', 'totals start at zero');
  assert.equal(await fileCount(lake, table, branch), 2);
  assert.equal(await fileCount(lake, table, 'main'), 1, 'readers of main see nothing of it');
  assert.equal(headId(table, 'firn_state'), request.mainHead, 'the state tag is main’s');
});

test('publishing moves main and state tag, tags the old main, drops the branch', async () => {
  const { lake, table, request } = await bootstrapped(true);
  const result = await publishBranch(lake.context, request);
  assert.equal(result.kind, 'committed');
  const { metadata } = result.table;
  assert.equal(findRef(metadata, 'main')?.snapshotId, request.branchHead);
  assert.equal(metadata.currentSnapshotId, request.branchHead);
  assert.equal(findRef(metadata, 'firn_state')?.snapshotId, request.branchHead);
  assert.equal(findRef(metadata, 'firn_before_1')?.snapshotId, request.mainHead);
  assert.equal(findRef(metadata, branch), null);
  assert.deepEqual(readState(metadata, 'main'), baseState(7n));
  assert.equal(await fileCount(lake, table, 'main'), 2);
  assert.equal(await fileCount(lake, table, 'firn_before_1'), 1);
});

test('a base that never had a main is published without an old one', async () => {
  const { lake, request } = await bootstrapped(false);
  const result = await publishBranch(lake.context, request);
  assert.equal(result.kind, 'committed');
  assert.equal(findRef(result.table.metadata, 'firn_before_1'), null);
});

test('spec: C4 spec: C12 a publish whose answer is missing is found or sent again', async () => {
  const faults: readonly (readonly [Fault, string])[] = [
    ['lost', 'committed'],
    ['dropped', 'committed'],
    ['late', 'committed'],
    ['conflict', 'committed'],
  ];
  for (const [fault, expected] of faults) {
    const { lake, table, request } = await bootstrapped(true);
    lake.faults.push(fault);
    assert.equal(codeOf(await publishBranch(lake.context, request)), expected, String(fault));
    assert.equal(await fileCount(lake, table, 'main'), 2);
  }
});

test('spec: C3 a publish asserts both heads: when one moved it is planned again', async () => {
  const onMain = await bootstrapped(true);
  const file = await testFile(onMain.lake.other, onMain.table);
  await foreignAppend(onMain.lake.other, onMain.table, [file]);
  const moved = await publishBranch(onMain.lake.context, onMain.request);
  assert.equal(moved.kind, 'replan');

  const onBranch = await bootstrapped(true);
  const { lake, table, request } = onBranch;
  const chunk = appendTo(table, [await testFile(lake.context, table)], {
    ref: branch,
    parentId: request.branchHead,
    state: baseState(8n),
  });
  assert.equal((await commitTables(lake.context, [chunk]))[0]?.kind, 'committed');
  assert.equal((await publishBranch(lake.context, request)).kind, 'replan');
  assert.equal(await fileCount(lake, table, 'main'), 1);
});

test('spec: C3 a branch that moves between reading and committing is not published', async () => {
  const { lake, table, request } = await bootstrapped(true);
  const chunk = appendTo(table, [await testFile(lake.other, table)], {
    ref: branch,
    parentId: request.branchHead,
    state: baseState(8n),
  });
  lake.faults.push(async () => {
    const [late] = await commitTables({ ...lake.other, writer: 'process-1' }, [chunk]);
    assert.equal(late?.kind, 'committed');
  });
  assert.equal((await publishBranch(lake.context, request)).kind, 'replan');
  assert.equal(await fileCount(lake, table, 'main'), 1);
});

test('a ref is removed only from where it was; one that is gone is no error', async () => {
  const { lake, table, request } = await bootstrapped(true);
  const { identifier, tableUuid, branchHead } = request;
  const before = await storedFiles(lake.context);
  const remove = { identifier, tableUuid, ref: branch, snapshotId: branchHead };
  assert.equal((await removeRef(lake.context, remove)).kind, 'committed');
  assert.equal((await removeRef(lake.context, remove)).kind, 'committed');
  const now = await reload(lake.context, table);
  assert.equal(headId(now, branch), null);
  assert.ok((await storedFiles(lake.context)).length > before.length, 'files stay until expiry');
});
