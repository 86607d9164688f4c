/** Commits to tables of format version 3: row ids in lists and snapshots; what is refused. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  baseState,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { refSnapshot } from '../iceberg/snapshot.ts';
import { present } from '../kernel/assert.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { CommitRequest, CommitResult } from './commit-request.ts';
import { commitTables } from './commit-table.ts';
import { readManifest, readManifestList } from './manifest-files.ts';
import { scanFiles } from './scan-files.ts';

async function send(
  lake: TestLake,
  table: LoadedTable,
  changes: Partial<CommitRequest>,
): Promise<CommitResult> {
  const request = appendTo(table, [], { state: baseState(1n), ...changes });
  return present((await commitTables(lake.context, [request]))[0], 'a result');
}

async function commit(
  lake: TestLake,
  table: LoadedTable,
  changes: Partial<CommitRequest>,
): Promise<LoadedTable> {
  const result = await send(lake, table, changes);
  equal(result.kind, 'committed');
  return result.table;
}

async function upgraded(lake: TestLake, table: LoadedTable): Promise<LoadedTable> {
  return commit(lake, table, { formatVersion: 3 });
}

function vectorFor(data: DataFile, offset: bigint): DataFile {
  return {
    ...data,
    content: 'position-deletes',
    fileFormat: 'PUFFIN',
    filePath: `${data.filePath.slice(0, data.filePath.lastIndexOf('/'))}/shared.puffin`,
    recordCount: 1n,
    sortOrderId: null,
    referencedDataFile: data.filePath,
    contentOffset: offset,
    contentSizeBytes: 40n,
  };
}

/** First row ids of the live files, by path. */
async function firstRowIds(
  lake: TestLake,
  { metadata }: LoadedTable,
): Promise<ReadonlyMap<string, bigint | null>> {
  const files = await scanFiles(lake.context, { metadata, ref: 'main' });
  return new Map(files.map(({ file }) => [file.filePath, file.firstRowId]));
}

test('spec: M22 — rows get ids when the version is raised, and keep them from manifest to manifest', async () => {
  const lake = testLake();
  let table = await testTable(lake.context);
  const [a, b, c] = [
    await testFile(lake.context, table),
    await testFile(lake.context, table),
    await testFile(lake.context, table),
  ];
  table = await commit(lake, table, { added: [a, b] });
  equal(table.metadata.nextRowId, 0n);
  table = await upgraded(lake, table);
  equal(table.metadata.formatVersion, 3);
  const rows = a.recordCount + b.recordCount;
  equal(table.metadata.nextRowId, rows);
  const first = await firstRowIds(lake, table);
  deepEqual(
    new Set(first.values()),
    new Set([0n, a.recordCount]),
    'each file its part, from zero on',
  );
  const id = present(first.get(b.filePath) ?? null, 'the first row of b');
  table = await commit(lake, table, { removed: [a], operation: 'delete' });
  equal((await firstRowIds(lake, table)).get(b.filePath), id, 'its manifest was written anew');
  const before = table.metadata.nextRowId;
  table = await commit(lake, table, { added: [c] });
  equal((await firstRowIds(lake, table)).get(c.filePath), before);
  const head = present(refSnapshot(table.metadata, 'main'), 'the head');
  equal(head.firstRowId, before);
  equal(head.addedRows, c.recordCount);
  equal(table.metadata.nextRowId, before + c.recordCount);
});

test('spec: M21 — of the vectors in one file the one that is meant goes', async () => {
  const lake = testLake();
  let table = await testTable(lake.context);
  const [a, b] = [await testFile(lake.context, table), await testFile(lake.context, table)];
  table = await upgraded(lake, await commit(lake, table, { added: [a, b] }));
  const [ofA, ofB] = [vectorFor(a, 4n), vectorFor(b, 44n)];
  table = await commit(lake, table, { added: [ofA, ofB], operation: 'overwrite' });
  table = await commit(lake, table, { removed: [a, ofA], operation: 'overwrite' });
  const { metadata } = table;
  const head = present(refSnapshot(metadata, 'main'), 'the head');
  equal(head.summary['removed-dvs'], '1');
  equal(head.summary['total-delete-files'], '1');
  const [left] = await scanFiles(lake.context, { metadata, ref: 'main' });
  deepEqual(
    left?.deletes.map(({ contentOffset }) => contentOffset),
    [44n],
  );
  for (const manifest of await readManifestList(lake.context, head)) {
    equal(manifest.firstRowId === null, manifest.content === 'deletes');
    await readManifest(lake.context, metadata, manifest);
  }
});

test('spec: M21 — deletes in the form of another version cannot be committed', async () => {
  const lake = testLake();
  const two = await testTable(lake.context);
  const data = await testFile(lake.context, two);
  const table = await commit(lake, two, { added: [data] });
  const vector = { added: [vectorFor(data, 4n)], operation: 'overwrite' } as const;
  equal((await send(lake, table, vector)).kind, 'replan');
  const three = await upgraded(lake, table);
  const old: DataFile = {
    ...vectorFor(data, 4n),
    fileFormat: 'PARQUET',
    contentOffset: null,
    contentSizeBytes: null,
  };
  const positions = { added: [old], operation: 'overwrite' } as const;
  equal((await send(lake, three, positions)).kind, 'replan');
});
