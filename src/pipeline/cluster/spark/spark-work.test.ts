/** What counts of a snapshot that Spark wrote, by manifests. spec: M25 */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  baseState,
  reload,
  testFile,
  testLake,
  testTable,
} from '../../../../test/support/lake-fixture.ts';
import type { DataFile } from '../../../iceberg/manifest.ts';
import { MAIN_BRANCH, refSnapshot } from '../../../iceberg/snapshot.ts';
import { present } from '../../../kernel/assert.ts';
import { commitTables } from '../../../lake/commit-table.ts';
import { countWork } from './spark-work.ts';
import type { SparkWork } from './spark-work.ts';

interface Change {
  readonly added?: readonly DataFile[];
  readonly removed?: readonly DataFile[];
}

/** A base of two files of ten rows; three of the first are dead. */
async function world(): Promise<{
  readonly files: readonly [data: DataFile, other: DataFile, dead: DataFile];
  readonly file: (rows: bigint) => Promise<DataFile>;
  readonly commit: (change: Change) => Promise<SparkWork>;
}> {
  const { context } = testLake();
  const table = await testTable(context);
  const data = await testFile(context, table);
  const other = await testFile(context, table);
  const dead = await testFile(context, table, { deletesIn: data, rows: 3n });
  const commit = async ({ added = [], removed = [] }: Change): Promise<SparkWork> => {
    const options = { state: baseState(1n), operation: 'overwrite' } as const;
    const request = appendTo(await reload(context, table), added, options);
    const [result] = await commitTables(context, [{ ...request, removed }]);
    equal(result?.kind, 'committed');
    const base = await reload(context, table);
    const snapshot = present(refSnapshot(base.metadata, MAIN_BRANCH), 'the head of main');
    return countWork(context, { base, snapshot });
  };
  await commit({ added: [data, other, dead] });
  return { files: [data, other, dead], file: (rows) => testFile(context, table, { rows }), commit };
}

test('deletes that applied to nothing bring no row back when they go', async () => {
  const { files, file, commit } = await world();
  const [data, , dead] = files;
  const rewrite = await commit({ added: [await file(7n)], removed: [data] });
  // Its deletes are still there, as an engine leaves them that does not look.
  equal(rewrite.rowsMore, -3);
  const merge = await commit({ added: [await file(1n)], removed: [dead] });
  equal(merge.rowsMore, 1);
  equal(merge.dataFilesKept, 2);
});

test('rows that come back count as rows', async () => {
  const { files, commit } = await world();
  equal((await commit({ removed: [files[2]] })).rowsMore, 3);
});

test('a replacement counts what is there from before', async () => {
  const whole = await world();
  const all = await whole.commit({ added: [await whole.file(5n)], removed: whole.files });
  equal(all.rowsMore, 5 - 17);
  equal(all.dataFilesKept, 0);
  const half = await world();
  const [data, , dead] = half.files;
  const some = await half.commit({ added: [await half.file(5n)], removed: [data, dead] });
  equal(some.rowsMore, 5 - 7);
  equal(some.dataFilesKept, 1);
});
