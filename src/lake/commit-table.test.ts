/** Commits while answers are lost, late or conflicting, over one table and several. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  appendTo,
  foreignAppend,
  headId,
  ledgerState,
  reload,
  storedFiles,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import { refSnapshot } from '../iceberg/snapshot.ts';
import { AssertionError } from '../kernel/assert.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { CommitRequest, CommitResult } from './commit-request.ts';
import { commitTables } from './commit-table.ts';
import { scanFiles } from './scan-files.ts';
import { readState } from './table-state.ts';

/** Adds one file to a table as it was loaded, and says what came of it. */
async function append(
  lake: TestLake,
  table: LoadedTable,
  changes: Partial<CommitRequest> = {},
): Promise<CommitResult> {
  const added = changes.added ?? [await testFile(lake.context, table)];
  const [result] = await commitTables(lake.context, [appendTo(table, added, changes)]);
  assert.ok(result);
  return result;
}

function codeOf(result: CommitResult): string {
  return result.kind === 'halted' ? result.error.code : result.kind;
}

/** Paths of the files on main. */
async function filesOf(lake: TestLake, table: LoadedTable): Promise<readonly string[]> {
  const { metadata } = await reload(lake.other, table);
  const files = await scanFiles(lake.context, { metadata, ref: 'main' });
  return files.map(({ file }) => file.filePath).sort();
}

/** A lake with a table that has one commit. */
async function started(options: Parameters<typeof testLake>[0] = {}): Promise<{
  lake: TestLake;
  table: LoadedTable;
}> {
  const lake = testLake(options);
  const table = await testTable(lake.context);
  const first = await append(lake, table);
  assert.equal(first.kind, 'committed');
  return { lake, table: await reload(lake.context, table) };
}

test('spec: C3 spec: L4 spec: L8 a commit holds all, and asserts uuid and head', async () => {
  const lake = testLake();
  const table = await testTable(lake.context);
  const file = await testFile(lake.context, table);
  const state = ledgerState(42n);
  const result = await append(lake, table, { added: [file], state });
  assert.equal(result.kind, 'committed');
  const now = await reload(lake.context, table);
  assert.equal(headId(now), result.snapshotId);
  assert.equal(headId(now, 'firn_state'), result.snapshotId);
  assert.deepEqual(readState(now.metadata, 'main'), state);
  assert.deepEqual(await filesOf(lake, table), [file.filePath]);
  const summary = refSnapshot(now.metadata, 'main')?.summary;
  assert.equal(summary?.['firn.pipeline'], 'shop');
  assert.equal(summary?.['added-records'], '10');
  const requirements = lake.sent[0]?.[0]?.requirements.map(({ kind }) => kind);
  assert.ok(requirements?.includes('assert-table-uuid'));
  assert.ok(requirements?.includes('assert-ref-snapshot-id'));
});

test('spec: L7 a commit without rows adds an empty append snapshot with the state', async () => {
  const { lake, table } = await started();
  const result = await append(lake, table, { added: [], state: ledgerState(9n) });
  assert.equal(result.kind, 'committed');
  const snapshot = refSnapshot(result.table.metadata, 'main');
  assert.equal(snapshot?.summary['operation'], 'append');
  assert.equal(snapshot?.summary['total-data-files'], '1');
  assert.deepEqual(readState(result.table.metadata, 'main'), ledgerState(9n));
});

describe('an answer that is missing', () => {
  test('spec: C4 a commit that was applied is found by its id and not made again', async () => {
    const { lake, table } = await started();
    lake.faults.push('lost');
    const result = await append(lake, table);
    assert.equal(result.kind, 'committed');
    assert.equal((await reload(lake.context, table)).metadata.snapshots.length, 2);
    assert.equal((await filesOf(lake, table)).length, 2);
    assert.equal(lake.sent.length, 2, 'the first commit and this one');
  });

  test('spec: C4 a commit that was not applied is sent again exactly as it was', async () => {
    const { lake, table } = await started();
    lake.faults.push('dropped', 'dropped');
    const result = await append(lake, table);
    assert.equal(result.kind, 'committed');
    assert.equal(lake.sent.length, 4);
    assert.deepEqual(lake.sent[2], lake.sent[1]);
    assert.deepEqual(lake.sent[3], lake.sent[1]);
    assert.equal((await filesOf(lake, table)).length, 2);
  });

  test('spec: C4 a commit that is applied after it was looked for is made once', async () => {
    const { lake, table } = await started();
    lake.faults.push('late');
    const result = await append(lake, table);
    assert.equal(result.kind, 'committed');
    const now = await reload(lake.context, table);
    assert.equal(now.metadata.snapshots.length, 2);
    assert.equal(headId(now), result.snapshotId);
    assert.equal((await filesOf(lake, table)).length, 2);
  });

  test('spec: C5 spec: C12 a commit that stays unknown keeps all its files', async () => {
    const { lake, table } = await started();
    lake.faults.push(...Array.from({ length: 50 }, () => 'dropped' as const));
    const before = await storedFiles(lake.context);
    const result = await append(lake, table);
    assert.equal(codeOf(result), 'CATALOG-COMMIT-UNKNOWN');
    const after = await storedFiles(lake.context);
    // Data file, manifest and manifest list.
    assert.equal(after.length, before.length + 3);
    assert.ok(lake.sent.length < 20);
  });

  test('spec: C5 files stay when an unknown commit meets a conflict afterwards', async () => {
    const { lake, table } = await started();
    const file = await testFile(lake.other, table);
    lake.faults.push('dropped', async () => {
      await foreignAppend(lake.other, table, [file]);
    });
    const before = new Set(await storedFiles(lake.context));
    const result = await append(lake, table, { rebase: 'never' });
    assert.equal(result.kind, 'replan');
    const ours = (await storedFiles(lake.context)).filter((location) => !before.has(location));
    const lists = ours.filter((location) => location.includes('/snap-'));
    assert.equal(lists.length, 2, 'the foreign one and that of the unknown commit');
  });
});

describe('a conflict', () => {
  test('spec: C6 our own commit id on the chain means committed', async () => {
    const { lake, table } = await started();
    // A proxy sent the commit twice: the first copy was applied, the second one conflicts.
    lake.faults.push(async () => {
      const commits = lake.sent.at(-1);
      assert.ok(commits);
      await lake.other.catalog.commit(commits);
    });
    const result = await append(lake, table);
    assert.equal(result.kind, 'committed');
    assert.equal((await filesOf(lake, table)).length, 2);
  });

  test('spec: C7 another process of Firn stops the pipeline', async () => {
    const { lake, table } = await started();
    const theirs = await testFile(lake.other, table);
    await commitTables(lake.other, [appendTo(table, [theirs])]);
    const result = await append(lake, table);
    assert.equal(codeOf(result), 'LEDGER-OTHER-WRITER');
    assert.equal(result.kind === 'halted' && result.error.disposition, 'halt-pipeline');
    assert.equal((await filesOf(lake, table)).length, 2);
  });

  test('spec: C8 an append goes on top of what other engines did without changing rows', async () => {
    const { lake, table } = await started();
    lake.faults.push(async () => {
      await foreignAppend(lake.other, table, []);
    });
    const result = await append(lake, table, { state: ledgerState(5n) });
    assert.equal(result.kind, 'committed');
    assert.equal((await filesOf(lake, table)).length, 2);
    assert.deepEqual(readState(result.table.metadata, 'main'), ledgerState(5n));
  });

  test('spec: C8 a plan for one snapshot only is made anew, and leaves no files', async () => {
    const { lake, table } = await started();
    const theirs = await testFile(lake.other, table);
    const ours = await testFile(lake.context, table);
    await foreignAppend(lake.other, table, [theirs]);
    const before = await storedFiles(lake.context);
    const result = await append(lake, table, { added: [ours], rebase: 'never' });
    assert.equal(result.kind, 'replan');
    assert.deepEqual(await storedFiles(lake.context), before);
  });

  test('spec: C9 a parent that is not in the history any more stops the table', async () => {
    const { lake, table } = await started();
    const second = await append(lake, table);
    assert.equal(second.kind, 'committed');
    const { identifier } = table;
    const snapshotId = headId(table);
    assert.ok(snapshotId !== null);
    // Somebody rolls main back.
    await lake.other.catalog.commit([
      {
        identifier,
        requirements: [],
        updates: [{ kind: 'set-snapshot-ref', name: 'main', ref: { kind: 'branch', snapshotId } }],
      },
    ]);
    const result = await append(lake, second.table);
    assert.equal(codeOf(result), 'CATALOG-PARENT-LOST');
  });
});

describe('a conflict with the head where it was', () => {
  test('spec: C10 another change of the table does not hold up a commit', async () => {
    const { lake, table } = await started();
    const snapshotId = headId(table);
    assert.ok(snapshotId !== null);
    lake.faults.push(async () => {
      await lake.other.catalog.commit([
        {
          identifier: table.identifier,
          requirements: [],
          updates: [
            { kind: 'set-properties', updates: { a: 'b' } },
            { kind: 'set-snapshot-ref', name: 'mine', ref: { kind: 'tag', snapshotId } },
          ],
        },
      ]);
    });
    const result = await append(lake, table, { rebase: 'never' });
    assert.equal(result.kind, 'committed');
    assert.equal(result.table.metadata.properties['a'], 'b');
  });

  test('spec: C10 a sequence number that another branch took is given anew', async () => {
    const { lake, table } = await started();
    const branch = appendTo(table, [await testFile(lake.other, table)], {
      ref: 'side',
      parentId: null,
      parentless: true,
    });
    lake.faults.push(async () => {
      const [theirs] = await commitTables(lake.other, [branch]);
      assert.equal(theirs?.kind, 'committed');
    });
    const result = await append(lake, table, { rebase: 'never' });
    assert.equal(result.kind, 'committed');
    const numbers = result.table.metadata.snapshots.map((item) => item.sequenceNumber);
    assert.equal(new Set(numbers).size, numbers.length);
  });

  test('spec: C10 files of a schema that is no longer current are not committed', async () => {
    const { lake, table } = await started();
    const schema = table.metadata.schemas[0];
    assert.ok(schema);
    const more = { id: 3, name: 'more', required: false, type: { kind: 'date' } } as const;
    const evolve = async (): Promise<void> => {
      await lake.other.catalog.commit([
        {
          identifier: table.identifier,
          requirements: [],
          updates: [
            { kind: 'add-schema', schema: { ...schema, fields: [...schema.fields, more] } },
            { kind: 'set-current-schema', schemaId: -1 },
          ],
        },
      ]);
    };
    lake.faults.push(evolve);
    const planned = await append(lake, table, { schemaId: 0, rebase: 'never' });
    assert.equal(planned.kind, 'replan');
    assert.equal(codeOf(await append(lake, table, { schemaId: 0 })), 'CATALOG-SCHEMA-MOVED');
    assert.equal((await append(lake, table, { schemaId: 1 })).kind, 'committed');
  });
});

test('spec: C11 a commit of this process past the queue is a programming error', async () => {
  const { lake, table } = await started();
  await append(lake, table);
  await assert.rejects(append(lake, table), AssertionError);
});

test('spec: C11 a commit that was given up and is applied late is no programming error', async () => {
  const { lake, table } = await started();
  // Five sends without an answer; the last one is applied when nobody looks any more.
  lake.faults.push('dropped', 'dropped', 'dropped', 'dropped', 'dropped');
  assert.equal(codeOf(await append(lake, table)), 'CATALOG-COMMIT-UNKNOWN');
  const now = await reload(lake.other, table);
  assert.equal(now.metadata.snapshots.length, 1);
  const late = lake.sent.at(-1);
  assert.ok(late);
  assert.equal((await lake.other.catalog.commit(late)).kind, 'committed');
  assert.equal(codeOf(await append(lake, now)), 'CATALOG-COMMIT-LATE');
  assert.equal((await append(lake, await reload(lake.context, table))).kind, 'committed');
  assert.equal((await filesOf(lake, table)).length, 3);
});

test('spec: C12 endless conflicts end, change nothing and leave no files', async () => {
  const { lake, table } = await started();
  lake.faults.push(...Array.from({ length: 50 }, () => 'conflict' as const));
  const ours = await testFile(lake.context, table);
  const before = await storedFiles(lake.context);
  const result = await append(lake, table, { added: [ours] });
  assert.equal(codeOf(result), 'CATALOG-COMMIT-CONFLICTS');
  assert.deepEqual(await storedFiles(lake.context), before);
  assert.equal((await reload(lake.context, table)).metadataLocation, table.metadataLocation);
});

test('a table that was dropped or replaced is not touched', async () => {
  const { lake, table } = await started();
  await lake.other.catalog.dropTable(table.identifier);
  assert.equal(codeOf(await append(lake, table)), 'CATALOG-TABLE-GONE');
  const replacement = await testTable(lake.other);
  assert.equal(codeOf(await append(lake, table)), 'CATALOG-TABLE-REPLACED');
  assert.equal(headId(await reload(lake.context, replacement)), null);
});

test('a catalog that says done and did nothing is found out', async () => {
  const { lake, table } = await started();
  lake.faults.push('lie');
  assert.equal(codeOf(await append(lake, table)), 'CATALOG-COMMIT-LOST');
});

describe('several tables', () => {
  for (const atomic of [true, false]) {
    const how = atomic ? 'in one transaction' : 'one by one';
    test(`spec: C2 spec: C15 ${how}: one table does not hold up the others`, async () => {
      const lake = testLake({ atomic });
      const names = ['a', 'b', 'c', 'd'];
      const tables = await Promise.all(names.map((name) => testTable(lake.context, name)));
      const [gone, moved, rebased] = tables;
      assert.ok(gone && moved && rebased);
      const requests = await Promise.all(
        tables.map(async (table) => {
          const file = await testFile(lake.context, table);
          return appendTo(table, [file], table === moved ? { rebase: 'never' } : {});
        }),
      );
      const theirs = await testFile(lake.other, moved);
      lake.faults.push(async () => {
        await lake.other.catalog.dropTable(gone.identifier);
        await foreignAppend(lake.other, moved, [theirs]);
        await foreignAppend(lake.other, rebased, []);
      });
      const results = await commitTables(lake.context, requests);
      assert.deepEqual(results.map(codeOf), [
        'CATALOG-TABLE-GONE',
        'replan',
        'committed',
        'committed',
      ]);
      assert.equal((await filesOf(lake, rebased)).length, 1);
      assert.deepEqual(await filesOf(lake, moved), [theirs.filePath]);
    });
  }

  test('spec: C4 spec: C15 a lost answer is settled for all tables', async () => {
    for (const fault of ['lost', 'late', 'dropped'] as const) {
      const lake = testLake();
      const tables = [await testTable(lake.context, 'a'), await testTable(lake.context, 'b')];
      const requests = await Promise.all(
        tables.map(async (table) => appendTo(table, [await testFile(lake.context, table)])),
      );
      lake.faults.push(fault);
      const results = await commitTables(lake.context, requests);
      assert.deepEqual(results.map(codeOf), ['committed', 'committed'], fault);
      for (const table of tables) assert.equal((await filesOf(lake, table)).length, 1);
    }
  });
});
