/** What of other engines' commits Firn goes on over, and what it stops at. spec: X5, X6 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  appendTo,
  baseState,
  ledgerState,
  reload,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { TestLake } from '../../test/support/lake-fixture.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { refSnapshot } from '../iceberg/snapshot.ts';
import type { SnapshotOperation } from '../iceberg/snapshot.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import { commitTables } from './commit-table.ts';
import { refuseForeignChanges } from './foreign-changes.ts';
import { prepareSnapshot } from './snapshot-producer.ts';

type State = 'ledger' | 'base';

/** A table with two files of Firn's, ten rows each, one of them with three dead. */
async function tableOf(
  kind: State,
): Promise<{ lake: TestLake; table: LoadedTable; files: readonly DataFile[] }> {
  const lake = testLake();
  const empty = await testTable(lake.context);
  const [a, b] = [await testFile(lake.context, empty), await testFile(lake.context, empty)];
  const dead = await testFile(lake.context, empty, { deletesIn: a, rows: 3n });
  const files = kind === 'base' ? [a, b, dead] : [a, b];
  const operation = kind === 'base' ? 'overwrite' : 'append';
  const table = await commit(lake, empty, { kind, added: files, operation });
  return { lake, table, files };
}

async function commit(
  lake: TestLake,
  table: LoadedTable,
  change: {
    readonly kind: State;
    readonly added: readonly DataFile[];
    readonly operation: SnapshotOperation;
  },
): Promise<LoadedTable> {
  const { kind, added, operation } = change;
  const state = kind === 'base' ? baseState(1n) : ledgerState(1n);
  const now = await reload(lake.context, table);
  const [result] = await commitTables(lake.context, [appendTo(now, added, { state, operation })]);
  if (result?.kind === 'halted') throw result.error;
  assert.equal(result?.kind, 'committed');
  return result.table;
}

/** A commit to main by an engine that knows nothing of Firn. */
async function foreign(
  lake: TestLake,
  table: LoadedTable,
  change: {
    readonly operation: SnapshotOperation;
    readonly added?: readonly DataFile[];
    readonly removed?: readonly DataFile[];
  },
): Promise<void> {
  const { metadata } = await reload(lake.context, table);
  const { updates, requirements } = await prepareSnapshot(lake.other, {
    metadata,
    ref: 'main',
    parent: refSnapshot(metadata, 'main'),
    operation: change.operation,
    added: change.added ?? [],
    removed: change.removed ?? [],
    dataSequenceNumber: null,
    summary: { 'engine-name': 'other <engine>' },
  });
  const { identifier } = table;
  const outcome = await lake.other.catalog.commit([{ identifier, updates, requirements }]);
  assert.equal(outcome.kind, 'committed');
}

const CODES = { ledger: 'LEDGER-FOREIGN-CHANGE', base: 'MERGE-FOREIGN-CHANGE' } as const;

async function isRefused(lake: TestLake, table: LoadedTable, kind: State): Promise<boolean> {
  const before = await reload(lake.context, table);
  try {
    await commit(lake, table, { kind, added: [], operation: 'append' });
    return false;
  } catch (error) {
    assert.ok(isFirnError(error, CODES[kind]), String(error));
    assert.match(error.what, /^snapshot \d+ on main, \w+ by other .engine., /);
    const after = await reload(lake.context, table);
    assert.equal(after.metadataLocation, before.metadataLocation, 'nothing was changed');
    return true;
  }
}

for (const kind of ['ledger', 'base'] as const) {
  test(`a ${kind} to which others appended stops, and goes on when that is undone`, async () => {
    const { lake, table } = await tableOf(kind);
    const added = [await testFile(lake.context, table)];
    await foreign(lake, table, { operation: 'append', added });
    assert.ok(await isRefused(lake, table, kind));
    // A later commit that leaves everything as it is does not hide the one before.
    await foreign(lake, table, { operation: 'append' });
    assert.ok(await isRefused(lake, table, kind));
    const main = { kind: 'branch', snapshotId: table.metadata.currentSnapshotId ?? 0n } as const;
    await lake.other.catalog.commit([
      {
        identifier: table.identifier,
        requirements: [],
        updates: [{ kind: 'set-snapshot-ref', name: 'main', ref: main }],
      },
    ]);
    assert.equal(await isRefused(lake, table, kind), false);
  });

  test(`commits of others that leave the files of a ${kind} are gone on over`, async () => {
    const { lake, table } = await tableOf(kind);
    for (const operation of ['append', 'overwrite', 'replace', 'delete'] as const) {
      await foreign(lake, table, { operation });
    }
    assert.equal(await isRefused(lake, table, kind), false);
  });

  test(`a ${kind} from which others deleted stops`, async () => {
    const { lake, table, files } = await tableOf(kind);
    await foreign(lake, table, { operation: 'delete', removed: files.slice(1, 2) });
    assert.ok(await isRefused(lake, table, kind));
  });
}

test('a compaction of a base that keeps its rows is gone on over, one of a ledger is not', async () => {
  for (const kind of ['base', 'ledger'] as const) {
    const { lake, table, files } = await tableOf(kind);
    const rows = kind === 'base' ? 17n : 20n;
    const added = [await testFile(lake.context, table, { rows })];
    await foreign(lake, table, { operation: 'replace', added, removed: files });
    assert.equal(await isRefused(lake, table, kind), kind === 'ledger');
  }
});

test('a compaction that leaves dangling deletes counts rows rightly', async () => {
  const { lake, table, files } = await tableOf('base');
  const added = [await testFile(lake.context, table, { rows: 17n })];
  await foreign(lake, table, { operation: 'replace', added, removed: files.slice(0, 2) });
  assert.equal(await isRefused(lake, table, 'base'), false);
});

test('a compaction that lost or added rows stops, and so does one that cannot be counted', async () => {
  const wide = { content: 'position-deletes', referencedDataFile: null } as const;
  const equality = { content: 'equality-deletes', equalityIds: [1] } as const;
  for (const [rows, shape] of [
    [16n, null],
    [17n, wide],
    [17n, equality],
  ] as const) {
    const { lake, table, files } = await tableOf('base');
    const added = [await testFile(lake.context, table, { rows })];
    const extra: DataFile = { ...(await testFile(lake.context, table)), ...shape };
    if (shape !== null) await foreign(lake, table, { operation: 'replace', added: [extra] });
    await foreign(lake, table, { operation: 'replace', added, removed: files });
    assert.ok(await isRefused(lake, table, 'base'), String(shape?.content));
  }
});

test('an overwrite is refused though it keeps the number of rows', async () => {
  const { lake, table, files } = await tableOf('base');
  const added = [await testFile(lake.context, table, { rows: 10n })];
  await foreign(lake, table, { operation: 'overwrite', added, removed: files.slice(1, 2) });
  assert.ok(await isRefused(lake, table, 'base'));
});

test('the policy accepts changes of bases, never of ledgers', async () => {
  for (const kind of ['base', 'ledger'] as const) {
    const { lake, table } = await tableOf(kind);
    await foreign(lake, table, {
      operation: 'append',
      added: [await testFile(lake.context, table)],
    });
    const { metadata } = await reload(lake.context, table);
    const context = { ...lake.context, foreignChanges: 'accept' } as const;
    const judged = refuseForeignChanges(context, { metadata, ref: 'main', kind });
    if (kind === 'base') await judged;
    else await assert.rejects(judged, (error) => isFirnError(error, CODES.ledger));
  }
});

test('several compactions are looked at, the rows of each snapshot counted once', async () => {
  const { lake, table, files } = await tableOf('base');
  let old = files;
  for (let count = 0; count < 3; count++) {
    const added = [await testFile(lake.context, table, { rows: 17n })];
    await foreign(lake, table, { operation: 'replace', added, removed: old });
    old = added;
  }
  const { metadata } = await reload(lake.context, table);
  const lists = new Set(metadata.snapshots.map(({ manifestList }) => manifestList));
  let reads = 0;
  const { store } = lake.context;
  const counting = {
    ...store,
    read(location: string) {
      if (lists.has(location)) reads += 1;
      return store.read(location);
    },
  };
  await refuseForeignChanges({ store: counting }, { metadata, ref: 'main', kind: 'base' });
  // Two lists for each difference, and one for each of four counts.
  assert.equal(reads, 3 * 2 + 4);
});

test('what is there already can be left out', async () => {
  const { lake, table } = await tableOf('base');
  await foreign(lake, table, { operation: 'append', added: [await testFile(lake.context, table)] });
  const { metadata } = await reload(lake.context, table);
  const request = { metadata, ref: 'main', kind: 'base' } as const;
  await assert.rejects(refuseForeignChanges(lake.context, request));
  const since = refSnapshot(metadata, 'main')?.snapshotId ?? 0n;
  await refuseForeignChanges(lake.context, { ...request, since });
});
