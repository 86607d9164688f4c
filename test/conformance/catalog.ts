/**
 * What every catalog must do, whatever it stands on. A catalog's own test runs this suite and adds
 * what only that kind can show.
 */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { comparableLocation } from '../../src/lake/table-locations.ts';
import { commitConformance } from './catalog-commits.ts';
import {
  a,
  b,
  committed,
  createBoth,
  hasMetadataFiles,
  loaded,
  source,
} from './catalog-under-test.ts';
import type { CatalogUnderTest, WithCatalog } from './catalog-under-test.ts';
import { rejectsWith } from './object-store.ts';
import { appendCommit, sampleMetadata } from './sample-table.ts';

/** Runs the suite against new, empty catalogs. */
export function catalogConformance(name: string, make: () => Promise<CatalogUnderTest>): void {
  const withCatalog: WithCatalog = (title, body) => {
    test(title, async () => {
      const under = await make();
      try {
        await body(under);
      } finally {
        await under.close();
      }
    });
  };
  describe(`catalog: ${name}`, () => {
    namesAndTables(withCatalog);
    creation(withCatalog);
    creators(withCatalog);
    commitConformance(withCatalog);
  });
}

function namesAndTables(withCatalog: WithCatalog): void {
  withCatalog('spec: K7 has an id of its own, the same through every connection', async (under) => {
    const id = await under.catalog.catalogId();
    ok(id.length >= 32);
    const other = await under.connect(under.store);
    equal(await other.catalogId(), id);
    equal(await under.catalog.catalogId(), id);
    await other.close();
  });

  withCatalog('keeps namespaces, each once', async ({ catalog }) => {
    deepEqual(await catalog.listNamespaces(), []);
    for (const namespace of ['shop', 'b', 'shop']) await catalog.ensureNamespace(namespace);
    deepEqual((await catalog.listNamespaces()).toSorted(), ['b', 'shop']);
    deepEqual(await catalog.listTables('shop'), []);
    deepEqual(await catalog.listTables('absent'), []);
  });

  withCatalog('takes any name literally', async ({ catalog, store, refused }) => {
    const all = [`o'rder "s"`, '%', '_', 'Shop', 'shop', 'a.b', '🧊', '../x', '; DROP TABLE t', ''];
    const names = all.filter((name) => refused?.tables.includes(name) !== true);
    const spaces = all.filter((name) => refused?.namespaces.includes(name) !== true);
    for (const namespace of spaces) {
      await catalog.ensureNamespace(namespace);
      for (const name of names) {
        await catalog.createTable({ namespace, name }, sampleMetadata(store.root, source));
      }
    }
    deepEqual((await catalog.listNamespaces()).toSorted(), spaces.toSorted());
    for (const namespace of spaces) {
      const tables = await catalog.listTables(namespace);
      deepEqual(tables.map(({ name }) => name).toSorted(), names.toSorted());
      ok(tables.every((table) => table.namespace === namespace));
    }
    await catalog.dropTable({ namespace: '_', name: 'Shop' });
    equal((await catalog.listTables('_')).length, names.length - 1);
    equal((await catalog.listTables('shop')).length, names.length);
  });
}

function creation(withCatalog: WithCatalog): void {
  withCatalog('creates a table and loads it as it was made', async (under) => {
    const { catalog, store } = under;
    await catalog.ensureNamespace('shop');
    equal(await catalog.loadTable(a), null);
    const metadata = sampleMetadata(store.root, source);
    const created = await catalog.createTable(a, metadata);
    // A server says itself when it made the table.
    const { lastUpdatedMs } = under.server === undefined ? metadata : created.metadata;
    deepEqual(created.metadata, { ...metadata, lastUpdatedMs });
    const spelled = comparableLocation(created.metadataLocation);
    ok(spelled.startsWith(`${metadata.location}/metadata/00000-`));
    deepEqual(await loaded(catalog, a), created);
    deepEqual(await catalog.listTables('shop'), [a]);
    await hasMetadataFiles(under, 1);
  });

  withCatalog('refuses a table in a namespace that is not there', async (under) => {
    const { catalog, store } = under;
    const metadata = sampleMetadata(store.root, source);
    await rejectsWith('CATALOG-NAMESPACE-MISSING', () => catalog.createTable(a, metadata));
    equal(await catalog.loadTable(a), null);
    await hasMetadataFiles(under, 0);
  });

  withCatalog('refuses a name that is taken, and leaves nothing behind', async (under) => {
    const { catalog, store } = under;
    const [first] = await createBoth(under);
    const metadata = sampleMetadata(store.root, source);
    await rejectsWith('CATALOG-TABLE-EXISTS', () => catalog.createTable(a, metadata));
    deepEqual(await loaded(catalog, a), first);
    await hasMetadataFiles(under, 2);
  });

  withCatalog('spec: K5 finds its own table when a creation is sent again', async (under) => {
    const { catalog } = under;
    const [first] = await createBoth(under);
    ok(first !== undefined);
    deepEqual(await catalog.createTable(a, first.metadata), first);
    const [now] = committed(await catalog.commit([appendCommit(first, { step: '1' }, source)]));
    const late = await catalog.createTable(a, first.metadata);
    deepEqual(late, now);
    await hasMetadataFiles(under, 3);
  });
}

function creators(withCatalog: WithCatalog): void {
  withCatalog('lets one of many creators win', async (under) => {
    const { catalog, store } = under;
    await catalog.ensureNamespace('shop');
    const others = await Promise.all([1, 2, 3].map(() => under.connect(store)));
    const answers = await Promise.allSettled(
      others.map((other) => other.createTable(a, sampleMetadata(store.root, source))),
    );
    const won = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    equal(won.length, 1);
    deepEqual(await loaded(catalog, a), won[0]);
    await hasMetadataFiles(under, 1);
    for (const other of others) await other.close();
  });

  withCatalog('drops a table, twice without a word, and keeps its files', async (under) => {
    const { catalog, store } = under;
    const [first] = await createBoth(under);
    ok(first !== undefined);
    await catalog.dropTable(a);
    await catalog.dropTable(a);
    equal(await catalog.loadTable(a), null);
    deepEqual(await catalog.listTables('shop'), [b]);
    await hasMetadataFiles(under, 2);
    const again = await catalog.createTable(a, sampleMetadata(store.root, source));
    notEqual(again.metadata.tableUuid, first.metadata.tableUuid);
    const outcome = await catalog.commit([appendCommit(first, { step: 'late' }, source)]);
    equal(outcome.kind, 'conflict');
    deepEqual(await loaded(catalog, a), again);
  });
}
