/** The part of the catalogs' suite that is about commits: all or nothing, races, conflicts. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { metadataFileVersion } from '../../src/iceberg/table-metadata.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import {
  a,
  b,
  beforeWrite,
  committed,
  createBoth,
  hasMetadataFiles,
  loaded,
  ownsFiles,
  source,
  stepsOf,
} from './catalog-under-test.ts';
import type { WithCatalog } from './catalog-under-test.ts';
import { rejectsWith } from './object-store.ts';
import { appendCommit, propertyCommit } from './sample-table.ts';

/** Registers the tests. */
export function commitConformance(withCatalog: WithCatalog): void {
  commits(withCatalog);
  failures(withCatalog);
  conflicts(withCatalog);
  severalTables(withCatalog);
  races(withCatalog);
  crowd(withCatalog);
}

function commits(withCatalog: WithCatalog): void {
  withCatalog('commits, and every connection sees it', async (under) => {
    const { catalog, store } = under;
    let [table] = await createBoth(under);
    const first = table;
    for (const step of ['1', '2', '3']) {
      ok(table !== undefined);
      const [next] = committed(await catalog.commit([appendCommit(table, { step }, source)]));
      table = next;
    }
    ok(table !== undefined && first !== undefined);
    deepEqual(stepsOf(table.metadata), ['1', '2', '3']);
    equal(table.metadata.lastSequenceNumber, 3n);
    equal(metadataFileVersion(table.metadataLocation), 3);
    equal(table.metadata.metadataLog[0]?.metadataFile, first.metadataLocation);
    equal(table.metadata.metadataLog.length, 3);
    const other = await under.connect(store);
    deepEqual(await loaded(other, a), table);
    deepEqual(await loaded(catalog, a), table);
    await other.close();
  });

  withCatalog('spec: C17 keeps 64-bit ids exact', async (under) => {
    const [table] = await createBoth(under);
    ok(table !== undefined);
    const commit = appendCommit(table, { step: 'large' }, source);
    const large = 9_223_372_036_854_775_807n;
    const updates = commit.updates.map((update) => {
      if (update.kind === 'add-snapshot') {
        return { ...update, snapshot: { ...update.snapshot, snapshotId: large } };
      }
      if (update.kind !== 'set-snapshot-ref') return update;
      return { ...update, ref: { ...update.ref, snapshotId: large } };
    });
    committed(await under.catalog.commit([{ ...commit, updates }]));
    equal((await loaded(under.catalog, a)).metadata.currentSnapshotId, large);
  });

  withCatalog('spec: C13 shows a commit only when its metadata file is written', async (under) => {
    if (!ownsFiles(under)) return;
    const [table] = await createBoth(under);
    ok(table !== undefined);
    let written = 0;
    const watched = beforeWrite(under.store, async () => {
      written++;
      deepEqual(await loaded(under.catalog, a), table);
    });
    const other = await under.connect(watched);
    committed(await other.commit([appendCommit(table, { step: '1' }, source)]));
    equal(written, 1);
    await other.close();
  });
}

function failures(withCatalog: WithCatalog): void {
  withCatalog('changes nothing when a metadata file cannot be written', async (under) => {
    if (!ownsFiles(under)) return;
    const { store } = under;
    const tables = await createBoth(under);
    let writes = 0;
    const full = beforeWrite(store, async () => {
      if (++writes === 2) throw new FirnError('STORAGE-FULL', { what: 'no space left' });
    });
    const other = await under.connect(full);
    const commits = tables.map((table) => appendCommit(table, { step: '1' }, source));
    // A server that fails leaves open to its client what it did.
    if (under.server === 'firn') equal((await other.commit(commits)).kind, 'unknown');
    else await rejectsWith('STORAGE-FULL', () => other.commit(commits));
    deepEqual([await loaded(other, a), await loaded(other, b)], tables);
    await hasMetadataFiles(under, 2);
    await other.close();
  });

  withCatalog('says by code that a metadata file is lost', async (under) => {
    const [table] = await createBoth(under);
    ok(table !== undefined);
    await under.store.remove(table.metadataLocation);
    await rejectsWith('CATALOG-METADATA-MISSING', () => under.catalog.loadTable(a));
  });
}

function conflicts(withCatalog: WithCatalog): void {
  withCatalog('answers a conflict and changes nothing', async (under) => {
    const { catalog } = under;
    const [table] = await createBoth(under);
    ok(table !== undefined);
    const commit = appendCommit(table, { step: '1' }, source);
    const requirements = [
      { kind: 'assert-table-uuid', uuid: 'another' },
      { kind: 'assert-ref-snapshot-id', ref: 'main', snapshotId: 1n },
      { kind: 'assert-ref-snapshot-id', ref: 'absent', snapshotId: 1n },
      { kind: 'assert-current-schema-id', currentSchemaId: 7 },
      { kind: 'assert-last-assigned-field-id', lastAssignedFieldId: 7 },
      { kind: 'assert-default-spec-id', defaultSpecId: 7 },
      { kind: 'assert-default-sort-order-id', defaultSortOrderId: 7 },
      { kind: 'assert-create' },
    ] as const;
    for (const requirement of requirements) {
      const outcome = await catalog.commit([{ ...commit, requirements: [requirement] }]);
      ok(outcome.kind === 'conflict', `${requirement.kind}: ${outcome.kind}`);
      deepEqual(outcome.identifier, a);
      ok(outcome.reason.length > 0);
    }
    deepEqual(await loaded(catalog, a), table);
    await hasMetadataFiles(under, 2);
    committed(await catalog.commit([commit]));
    equal((await catalog.commit([commit])).kind, 'conflict');
  });

  withCatalog('answers a conflict when the table is gone', async (under) => {
    const [table] = await createBoth(under);
    ok(table !== undefined);
    await under.catalog.dropTable(a);
    const outcome = await under.catalog.commit([propertyCommit(table, 'k', 'v')]);
    ok(outcome.kind === 'conflict' && /gone/.test(outcome.reason));
    equal(await under.catalog.loadTable(a), null);
  });

  withCatalog('answers a conflict when a sequence number is taken', async (under) => {
    const [table] = await createBoth(under);
    ok(table !== undefined);
    const [first] = committed(
      await under.catalog.commit([appendCommit(table, { step: '1' }, source)]),
    );
    ok(first !== undefined);
    const stale = appendCommit(first, { step: 'stale' }, source);
    committed(await under.catalog.commit([appendCommit(first, { step: '2' }, source)]));
    const outcome = await under.catalog.commit([{ ...stale, requirements: [] }]);
    equal(outcome.kind, 'conflict');
    deepEqual(stepsOf((await loaded(under.catalog, a)).metadata), ['1', '2']);
  });
}

function severalTables(withCatalog: WithCatalog): void {
  withCatalog('spec: C15 spec: K6 commits several tables or none', async (under) => {
    const { catalog } = under;
    if (!catalog.commitsAtomically) return;
    const tables = await createBoth(under);
    const both = tables.map((table) => appendCommit(table, { step: '1' }, source));
    const results = committed(await catalog.commit(both));
    deepEqual(
      results.map(({ identifier }) => identifier),
      [a, b],
    );
    deepEqual([await loaded(catalog, a), await loaded(catalog, b)], results);
    const stale = both.toReversed().map((commit, index) => {
      const table = results[1 - index];
      return index === 1 || table === undefined
        ? commit
        : appendCommit(table, { step: '2' }, source);
    });
    const outcome = await catalog.commit(stale);
    ok(outcome.kind === 'conflict');
    deepEqual(outcome.identifier, a);
    deepEqual([await loaded(catalog, a), await loaded(catalog, b)], results);
    await hasMetadataFiles(under, 4);
  });

  withCatalog('moves no table when one of them is moved meanwhile', async (under) => {
    const { catalog, store } = under;
    if (!catalog.commitsAtomically || !ownsFiles(under)) return;
    const [first, second] = await createBoth(under);
    ok(first !== undefined && second !== undefined);
    let raced = false;
    const watched = beforeWrite(store, async () => {
      if (raced) return;
      raced = true;
      committed(await catalog.commit([appendCommit(second, { step: 'foreign' }, source)]));
    });
    const other = await under.connect(watched);
    const commits = [first, second].map((table) => appendCommit(table, { step: 'ours' }, source));
    const outcome = await other.commit(commits);
    ok(outcome.kind === 'conflict');
    deepEqual(outcome.identifier, b);
    deepEqual(await loaded(other, a), first);
    deepEqual(stepsOf((await loaded(other, b)).metadata), ['foreign']);
    await hasMetadataFiles(under, 3);
    await other.close();
  });
}

function races(withCatalog: WithCatalog): void {
  withCatalog(
    'applies a commit on what came first when nothing it needs changed',
    async (under) => {
      if (!ownsFiles(under)) return;
      const { catalog, store } = under;
      const [table] = await createBoth(under);
      ok(table !== undefined);
      let raced = 0;
      const watched = beforeWrite(store, async () => {
        if (raced++ > 2) return;
        committed(await catalog.commit([propertyCommit(table, `foreign-${raced}`, '1')]));
      });
      const other = await under.connect(watched);
      const [now] = committed(await other.commit([appendCommit(table, { step: 'ours' }, source)]));
      deepEqual(stepsOf(now?.metadata ?? table.metadata), ['ours']);
      deepEqual(Object.keys(now?.metadata.properties ?? {}).toSorted(), [
        'foreign-1',
        'foreign-2',
        'foreign-3',
      ]);
      deepEqual(await loaded(catalog, a), now);
      await hasMetadataFiles(under, 6);
      await other.close();
    },
  );

  withCatalog('gives up, without a trace, a race that it never wins', async (under) => {
    if (!ownsFiles(under)) return;
    const { catalog, store } = under;
    const [table] = await createBoth(under);
    ok(table !== undefined);
    let raced = 0;
    const watched = beforeWrite(store, async () => {
      committed(await catalog.commit([propertyCommit(table, 'raced', `${++raced}`)]));
    });
    const other = await under.connect(watched);
    const outcome = await other.commit([propertyCommit(table, 'ours', '1')]);
    equal(outcome.kind, 'conflict');
    const { properties } = (await loaded(catalog, a)).metadata;
    deepEqual(properties, { raced: `${raced}` });
    await hasMetadataFiles(under, 2 + raced);
    await other.close();
  });
}

function crowd(withCatalog: WithCatalog): void {
  withCatalog('loses and doubles no commit of many connections', async (under) => {
    const { catalog, store } = under;
    const [table] = await createBoth(under);
    ok(table !== undefined);
    const workers = await Promise.all([0, 1, 2, 3].map(() => under.connect(store)));
    const expected: string[] = [];
    const work = workers.map(async (worker, number) => {
      for (let count = 0; count < 6; count++) {
        const step = `${number}-${count}`;
        expected.push(step);
        for (;;) {
          const now = await loaded(worker, a);
          const outcome = await worker.commit([appendCommit(now, { step }, source)]);
          if (outcome.kind === 'committed') break;
          equal(outcome.kind, 'conflict');
        }
        for (;;) {
          const outcome = await worker.commit([propertyCommit(table, step, '1')]);
          if (outcome.kind === 'committed') break;
          equal(outcome.kind, 'conflict');
        }
      }
    });
    await Promise.all(work);
    const { metadata } = await loaded(catalog, a);
    deepEqual(stepsOf(metadata).toSorted(), expected.toSorted());
    equal(metadata.snapshots.length, expected.length);
    deepEqual(Object.keys(metadata.properties).toSorted(), expected.toSorted());
    // One file for each table's creation and one for each commit: losers left none.
    await hasMetadataFiles(under, 2 + 2 * expected.length);
    for (const worker of workers) await worker.close();
  });
}
