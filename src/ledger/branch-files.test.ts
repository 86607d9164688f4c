/** What is taken from a branch: what its job appended, and nothing of anybody else. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  headId,
  ledgerState,
  reload,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import { applyUpdates } from '../iceberg/apply-updates.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { refSnapshot } from '../iceberg/snapshot.ts';
import type { SnapshotOperation } from '../iceberg/snapshot.ts';
import type { TableUpdate } from '../iceberg/table-update.ts';
import { present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { commitTables, createBranch, removeRef } from '../lake/commit-table.ts';
import { prepareSnapshot } from '../lake/snapshot-producer.ts';
import type { PublishedBranch } from '../model/cluster-place.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import { newBranchFiles } from './branch-files.ts';

const branch = 'firn_ledger_1';

/** A ledger with one file on main and a branch at its head, as a start makes them. */
async function started(): Promise<{
  readonly lake: TestLake;
  readonly table: LoadedTable;
  readonly place: PublishedBranch;
}> {
  const lake = testLake();
  const { context } = lake;
  const empty = await testTable(context);
  await commitTables(context, [appendTo(empty, [await testFile(context, empty)])]);
  const before = await reload(context, empty);
  const place = { branch, sequence: before.metadata.lastSequenceNumber };
  const cluster = { offsets: new Map([['id', [0n]]]), published: place };
  const state = { ...ledgerState(1n), cluster };
  const [opened] = await commitTables(context, [appendTo(before, [], { state })]);
  equal(opened?.kind, 'committed');
  const { identifier, metadata } = before;
  const { tableUuid } = metadata;
  const { snapshotId } = opened;
  const made = await createBranch(context, { identifier, tableUuid, branch, snapshotId });
  equal(made.kind, 'committed');
  const again = await createBranch(context, { identifier, tableUuid, branch, snapshotId });
  equal(again.kind, 'committed', 'asked twice it is there');
  return { lake, table: await reload(context, empty), place };
}

/** A commit to the branch by an engine that knows nothing of Firn. */
async function engineCommit(
  { lake, table }: { readonly lake: TestLake; readonly table: LoadedTable },
  change: {
    readonly added: readonly DataFile[];
    readonly removed?: readonly DataFile[];
    readonly operation?: SnapshotOperation;
  },
): Promise<void> {
  const { metadata } = await reload(lake.context, table);
  const { updates, requirements } = await prepareSnapshot(lake.context, {
    metadata,
    ref: branch,
    parent: refSnapshot(metadata, branch),
    operation: change.operation ?? 'append',
    added: change.added,
    removed: change.removed ?? [],
    dataSequenceNumber: null,
    summary: { 'flink.job-id': '1' },
  });
  const { identifier } = table;
  const outcome = await lake.context.catalog.commit([{ identifier, updates, requirements }]);
  equal(outcome.kind, 'committed');
}

/** Many commits to the branch, sent as one. */
async function engineCommits(
  { lake, table }: { readonly lake: TestLake; readonly table: LoadedTable },
  count: number,
  added: (at: number) => readonly DataFile[],
): Promise<void> {
  let { metadata } = await reload(lake.context, table);
  const all: TableUpdate[] = [];
  for (let at = 0; at < count; at++) {
    const { updates } = await prepareSnapshot(lake.context, {
      metadata,
      ref: branch,
      parent: refSnapshot(metadata, branch),
      operation: 'append',
      added: added(at),
      removed: [],
      dataSequenceNumber: null,
      summary: { 'flink.job-id': '1' },
    });
    all.push(...updates);
    const nowMs = lake.clock.nowMs();
    metadata = applyUpdates(metadata, updates, { nowMs, previousMetadataLocation: null });
  }
  const { identifier } = table;
  const outcome = await lake.context.catalog.commit([
    { identifier, updates: all, requirements: [] },
  ]);
  equal(outcome.kind, 'committed');
}

async function look(
  { lake, table }: { readonly lake: TestLake; readonly table: LoadedTable },
  place: PublishedBranch,
): Promise<readonly string[] | null> {
  const { metadata } = await reload(lake.context, table);
  const found = await newBranchFiles(lake.context, metadata, place);
  return found === null ? null : found.files.map(({ file }) => file.filePath);
}

const isChanged = (error: unknown): boolean =>
  error instanceof FirnError && error.code === 'LEDGER-BRANCH-CHANGED';

test('only what was appended since the last look is taken', async () => {
  const world = await started();
  const { lake, table, place } = world;
  deepEqual(await look(world, place), [], 'a new branch has nothing but main’s files');
  const [one, two] = [await testFile(lake.context, table), await testFile(lake.context, table)];
  await engineCommit(world, { added: [one] });
  await engineCommit(world, { added: [] });
  deepEqual(await look(world, place), [one.filePath]);
  const { metadata } = await reload(lake.context, table);
  const sequence = present(refSnapshot(metadata, branch), 'the branch').sequenceNumber;
  deepEqual(await look(world, { branch, sequence }), []);
  await engineCommit(world, { added: [two] });
  deepEqual(await look(world, { branch, sequence }), [two.filePath]);
});

test('spec: E16 a branch with anything but appends is refused whole', async () => {
  for (const how of ['removed', 'replaced', 'deletes'] as const) {
    const world = await started();
    const { lake, table, place } = world;
    const file = await testFile(lake.context, table);
    await engineCommit(world, { added: [file] });
    const other = await testFile(lake.context, table);
    const deletes = await testFile(lake.context, table, { deletesIn: file });
    if (how === 'removed') {
      await engineCommit(world, { added: [], removed: [file], operation: 'delete' });
    } else if (how === 'replaced') {
      await engineCommit(world, { added: [other], removed: [file], operation: 'replace' });
    } else await engineCommit(world, { added: [deletes] });
    await rejects(look(world, place), isChanged, how);
  }
});

test('spec: E28 a long branch loses old snapshots, and nothing that main has not', async () => {
  const world = await started();
  const { lake, table, place } = world;
  const { context } = lake;
  const files = await Promise.all([1, 2, 3].map(() => testFile(context, table)));
  await engineCommits(world, 130, (at) => (at % 50 === 0 ? files.splice(0, 1) : []));
  const before = await reload(context, table);
  const wanted = await look(world, place);
  equal(wanted?.length, 3);
  const found = await newBranchFiles(context, before.metadata, place);
  equal(found?.snapshots, 130);
  // Any commit of Firn's own to main, as when rows or a place are published.
  const cluster = { offsets: new Map([['id', [0n]]]), published: place };
  const state = { ...ledgerState(2n), cluster };
  await commitTables(context, [appendTo(before, [], { state })]);
  const after = await reload(context, table);
  ok(after.metadata.snapshots.length < 110, String(after.metadata.snapshots.length));
  deepEqual(await look(world, place), wanted, 'all that was not published is there');
  // The job goes on from its own head, which is never taken away.
  const more = await testFile(context, table);
  await engineCommit(world, { added: [more] });
  deepEqual((await look(world, place))?.toSorted(), [...(wanted ?? []), more.filePath].toSorted());
});

test('a branch that was removed, or made anew from main by the job, is gone', async () => {
  const world = await started();
  const { lake, table, place } = world;
  const { context } = lake;
  await engineCommit(world, { added: [await testFile(context, table)] });
  const now = await reload(context, table);
  const { identifier, metadata } = now;
  const { tableUuid } = metadata;
  const { snapshotId, sequenceNumber } = present(refSnapshot(metadata, branch), 'the branch');
  await removeRef(context, { identifier, tableUuid, ref: branch, snapshotId });
  equal(await look(world, place), null);
  // Main has moved on with the files that were published.
  const file = await testFile(context, table);
  const published = { branch, sequence: sequenceNumber };
  const cluster = { offsets: new Map([['id', [9n]]]), published };
  const gone = await reload(context, table);
  const state = { ...ledgerState(2n), cluster };
  await commitTables(context, [appendTo(gone, [file], { state })]);
  const head = present(headId(await reload(context, table)), 'main');
  await createBranch(context, { identifier, tableUuid, branch, snapshotId: head });
  await engineCommit(world, { added: [await testFile(context, table)] });
  equal(await look(world, place), null, 'what it holds is not what this branch was made at');
  equal(await look(world, published), null, 'nor what was looked at last');
});
