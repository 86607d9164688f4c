/**
 * The SQLite catalog obeys the contract of catalogs, shares its file, and survives what happens to
 * it.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { mock, test } from 'node:test';
import {
  a,
  b,
  committed,
  createBoth,
  loaded,
  metadataFiles,
  source,
  stepsOf,
} from '../../test/conformance/catalog-under-test.ts';
import { catalogConformance } from '../../test/conformance/catalog.ts';
import { rejectsWith } from '../../test/conformance/object-store.ts';
import {
  appendCommit,
  propertyCommit,
  sampleMetadata,
} from '../../test/conformance/sample-table.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { systemRandom as random } from '../kernel/random.ts';
import type { Catalog, LoadedTable } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { createLocalObjectStore } from './local-object-store.ts';
import { openSqliteCatalog } from './sqlite-catalog.ts';

catalogConformance('SQLite file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'firn-sqlite-catalog-'));
  const store = createLocalObjectStore({ folder: join(folder, 'lake'), clock, random });
  const path = join(folder, 'catalog.db');
  const connect = (view: ObjectStore): Promise<Catalog> =>
    openSqliteCatalog({ path, name: 'firn', store: view, clock, random });
  const catalog = await connect(store);
  const close = async (): Promise<void> => {
    await catalog.close();
    await catalog.close();
    await rm(folder, { recursive: true });
  };
  return { catalog, store, connect, close };
});

/** A folder with a store in it and the path of a catalog file. */
interface Place {
  readonly path: string;
  readonly store: ObjectStore;
  open(options?: { readonly name?: string; readonly path?: string }): Promise<Catalog>;
}

async function inPlace(body: (place: Place) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'firn-sqlite-catalog-'));
  const opened: Catalog[] = [];
  const place: Place = {
    path: join(folder, 'catalog.db'),
    store: createLocalObjectStore({ folder: join(folder, 'lake'), clock, random }),
    async open({ name = 'firn', path = place.path } = {}) {
      const { store } = place;
      const options = { path, name, store, clock, random, lockAttemptsMax: 4 };
      const catalog = await openSqliteCatalog(options);
      opened.push(catalog);
      return catalog;
    },
  };
  try {
    await body(place);
  } finally {
    mock.restoreAll();
    for (const catalog of opened) await catalog.close();
    await rm(folder, { recursive: true });
  }
}

async function createdTables(place: Place, catalog: Catalog): Promise<readonly LoadedTable[]> {
  const { store } = place;
  return createBoth({
    catalog,
    store,
    connect: () => place.open(),
    close: () => catalog.close(),
  });
}

function inFile<T>(path: string, act: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path);
  try {
    return act(database);
  } finally {
    database.close();
  }
}

test('spec: C14 has the two tables of the JDBC catalog in their V1 layout', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    await createdTables(place, catalog);
    inFile(place.path, (database) => {
      const columns = (table: string): unknown[] =>
        database
          .prepare('SELECT name, type, "notnull", pk FROM pragma_table_info(?)')
          .all(table)
          .map((row) => Object.values(row).join(' '));
      deepEqual(columns('iceberg_tables'), [
        'catalog_name VARCHAR(255) 1 1',
        'table_namespace VARCHAR(255) 1 2',
        'table_name VARCHAR(255) 1 3',
        'metadata_location VARCHAR(1000) 0 0',
        'previous_metadata_location VARCHAR(1000) 0 0',
        'iceberg_type VARCHAR(5) 0 0',
      ]);
      deepEqual(columns('iceberg_namespace_properties'), [
        'catalog_name VARCHAR(255) 1 1',
        'namespace VARCHAR(255) 1 2',
        'property_key VARCHAR(255) 1 3',
        'property_value VARCHAR(1000) 1 0',
      ]);
      const types = database.prepare('SELECT DISTINCT iceberg_type FROM iceberg_tables').all();
      deepEqual(Object.values(types[0] ?? {}), ['TABLE']);
      const marks = database.prepare('SELECT * FROM iceberg_namespace_properties').all();
      deepEqual(marks.map(Object.values), [['firn', 'shop', 'exists', 'true']]);
    });
  }));

test('keeps the location that was replaced, as other clients expect', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    const [table] = await createdTables(place, catalog);
    ok(table !== undefined);
    const [now] = committed(await catalog.commit([propertyCommit(table, 'k', 'v')]));
    const row = inFile(place.path, (database) =>
      database
        .prepare(
          `SELECT metadata_location, previous_metadata_location
           FROM iceberg_tables WHERE table_name = 'a'`,
        )
        .get(),
    );
    deepEqual(Object.values(row ?? {}), [now?.metadataLocation, table.metadataLocation]);
  }));

test('works with a file of the older layout V0 and leaves it as it is', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    await catalog.close();
    inFile(place.path, (database) => {
      database.exec('ALTER TABLE iceberg_tables DROP COLUMN iceberg_type');
    });
    const again = await place.open();
    const [table] = await createdTables(place, again);
    ok(table !== undefined);
    const [now] = committed(await again.commit([appendCommit(table, { step: '1' }, source)]));
    deepEqual(await loaded(again, a), now);
    await again.dropTable(b);
    deepEqual(await again.listTables('shop'), [a]);
    const columns = inFile(place.path, (database) =>
      database.prepare('SELECT * FROM iceberg_tables').columns(),
    );
    equal(columns.length, 5);
  }));

test('takes no view for a table', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    const [table] = await createdTables(place, catalog);
    ok(table !== undefined);
    inFile(place.path, (database) => {
      database.exec(`UPDATE iceberg_tables SET iceberg_type = 'VIEW' WHERE table_name = 'a'`);
      database.exec(`UPDATE iceberg_tables SET iceberg_type = NULL WHERE table_name = 'b'`);
    });
    equal(await catalog.loadTable(a), null);
    deepEqual(await catalog.listTables('shop'), [b]);
    equal((await catalog.commit([propertyCommit(table, 'k', 'v')])).kind, 'conflict');
    await catalog.dropTable(a);
    const metadata = sampleMetadata(place.store.root, source);
    await rejectsWith('CATALOG-TABLE-EXISTS', () => catalog.createTable(a, metadata));
    committed(await catalog.commit([propertyCommit(await loaded(catalog, b), 'k', 'v')]));
  }));

test('does not touch the rows of another catalog in the same file', () =>
  inPlace(async (place) => {
    const [firn, other] = [await place.open(), await place.open({ name: 'other' })];
    const [table] = await createdTables(place, other);
    ok(table !== undefined);
    deepEqual(await firn.listNamespaces(), []);
    equal(await firn.loadTable(a), null);
    await firn.dropTable(a);
    equal((await firn.commit([propertyCommit(table, 'k', 'v')])).kind, 'conflict');
    await createdTables(place, firn);
    committed(await firn.commit([propertyCommit(await loaded(firn, a), 'k', 'v')]));
    await firn.dropTable(b);
    deepEqual(await loaded(other, a), table);
    equal((await other.listTables('shop')).length, 2);
    ok((await firn.catalogId()) !== (await other.catalogId()));
  }));

test('reads a file without writing to it, whatever its journal mode', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    await createdTables(place, catalog);
    await catalog.catalogId();
    await catalog.close();
    const before = await readFile(place.path);
    // Every transaction that could write is refused.
    const reader = await place.open({ path: `file:${place.path}?mode=ro` });
    ok((await loaded(reader, a)).metadataLocation.length > 0);
    await reader.catalogId();
    await reader.ensureNamespace('shop');
    await reader.close();
    deepEqual(await readFile(place.path), before);
    inFile(place.path, (database) => {
      database.exec('PRAGMA journal_mode = WAL');
    });
    const inWal = await place.open();
    committed(await inWal.commit([propertyCommit(await loaded(inWal, a), 'k', 'v')]));
    await inWal.close();
    const mode = inFile(place.path, (database) => database.prepare('PRAGMA journal_mode').get());
    equal(mode?.['journal_mode'], 'wal');
  }));

test('spec: C13 a commit is on disk when it is acknowledged', () =>
  inPlace(async (place) => {
    const modes: unknown[] = [];
    const original = Reflect.get(DatabaseSync.prototype, 'exec');
    mock.method(DatabaseSync.prototype, 'exec', function exec(this: DatabaseSync, sql: string) {
      if (sql === 'COMMIT') modes.push(this.prepare('PRAGMA synchronous').get()?.['synchronous']);
      original.call(this, sql);
    });
    const catalog = await place.open();
    const [table] = await createdTables(place, catalog);
    ok(table !== undefined);
    committed(await catalog.commit([propertyCommit(table, 'k', 'v')]));
    // 3 is EXTRA: FULL, and the end of the rollback journal is synced too.
    deepEqual([...new Set(modes)], [3]);
  }));

test('says by code why a file is no catalog', () =>
  inPlace(async (place) => {
    const folder = join(place.path, '..', 'folder');
    const catalog = await place.open();
    await createdTables(place, catalog);
    await catalog.close();
    await mkdir(folder);
    await rejectsWith('CATALOG-CANNOT-OPEN', () => place.open({ path: join(folder, 'no/c.db') }));
    await rejectsWith('CATALOG-CANNOT-OPEN', () => place.open({ path: folder }));
    const junk = join(folder, 'junk.db');
    await writeFile(junk, 'this is a letter and not a database\n'.repeat(200));
    await rejectsWith('CATALOG-CORRUPT', () => place.open({ path: junk }));
    const foreign = join(folder, 'foreign.db');
    inFile(foreign, (database) => {
      database.exec('CREATE TABLE iceberg_tables (a); ');
      database.exec('CREATE TABLE iceberg_namespace_properties (a)');
    });
    const strange = await place.open({ path: foreign });
    await rejectsWith('CATALOG-CORRUPT', () => strange.loadTable(a));
    await truncate(place.path, 5000);
    await rejectsWith('CATALOG-CORRUPT', async () => {
      const cut = await place.open();
      await cut.loadTable(a);
    });
  }));

test('reads a file that may not be written, and says so when it should write', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    const [table] = await createdTables(place, catalog);
    ok(table !== undefined);
    const reader = await place.open({ path: `file:${place.path}?mode=ro` });
    deepEqual(await loaded(reader, a), table);
    const commit = [propertyCommit(table, 'k', 'v')];
    await rejectsWith('CATALOG-READ-ONLY', () => reader.commit(commit));
    await rejectsWith('CATALOG-READ-ONLY', () => reader.catalogId());
    deepEqual(await loaded(catalog, a), table);
    equal((await metadataFiles(place.store)).length, 2);
  }));

test('notices that its file was moved away', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    const [table] = await createdTables(place, catalog);
    ok(table !== undefined);
    await rename(place.path, `${place.path}.moved`);
    const commit = [propertyCommit(table, 'k', 'v')];
    await rejectsWith('CATALOG-CANNOT-OPEN', () => catalog.commit(commit));
    equal((await metadataFiles(place.store)).length, 2);
  }));

test('waits for a lock without holding up the process, and gives up with nothing changed', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    const [table] = await createdTables(place, catalog);
    ok(table !== undefined);
    const holder = new DatabaseSync(place.path);
    try {
      holder.exec('BEGIN IMMEDIATE');
      const commit = [propertyCommit(table, 'k', 'v')];
      await rejectsWith('CATALOG-BUSY', () => catalog.commit(commit));
      const identifier = { namespace: 'shop', name: 'c' };
      const metadata = sampleMetadata(place.store.root, source);
      await rejectsWith('CATALOG-BUSY', () => catalog.createTable(identifier, metadata));
      deepEqual(await loaded(await place.open(), a), table);
      equal((await metadataFiles(place.store)).length, 2);
      const waiting = catalog.commit(commit);
      await clock.sleep(60);
      holder.exec('ROLLBACK');
      committed(await waiting);
    } finally {
      holder.close();
    }
  }));

test('a reader that keeps its lock makes a commit wait, not fail half-way', () =>
  inPlace(async (place) => {
    const catalog = await place.open();
    const tables = await createdTables(place, catalog);
    const reader = new DatabaseSync(place.path);
    try {
      reader.exec('BEGIN');
      reader.prepare('SELECT * FROM iceberg_tables').all();
      const commits = tables.map((table) => propertyCommit(table, 'k', 'v'));
      await rejectsWith('CATALOG-BUSY', () => catalog.commit(commits));
      reader.exec('ROLLBACK');
      deepEqual([await loaded(catalog, a), await loaded(catalog, b)], tables);
      committed(await catalog.commit(commits));
    } finally {
      reader.close();
    }
  }));

/** Makes the next COMMIT fail like a disk does, after it took effect or instead. */
function failCommit(when: 'before' | 'after'): void {
  const original = Reflect.get(DatabaseSync.prototype, 'exec');
  let failed = false;
  mock.method(DatabaseSync.prototype, 'exec', function exec(this: DatabaseSync, sql: string) {
    const fails = sql === 'COMMIT' && !failed;
    if (!fails || when === 'after') original.call(this, sql);
    if (!fails) return;
    failed = true;
    throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 1034 });
  });
}

for (const when of ['before', 'after'] as const) {
  test(`spec: C5 answers unknown, and keeps the files, when COMMIT fails ${when} its effect`, () =>
    inPlace(async (place) => {
      const catalog = await place.open();
      const tables = await createdTables(place, catalog);
      failCommit(when);
      const commits = tables.map((table) => appendCommit(table, { step: '1' }, source));
      const outcome = await catalog.commit(commits);
      equal(outcome.kind, 'unknown');
      equal((await metadataFiles(place.store)).length, 4);
      const steps = stepsOf((await loaded(catalog, a)).metadata);
      deepEqual(steps, when === 'after' ? ['1'] : []);
      deepEqual(stepsOf((await loaded(catalog, b)).metadata), steps);
      equal((await catalog.commit(commits)).kind, when === 'after' ? 'conflict' : 'committed');
    }));

  test(`a creation whose COMMIT fails ${when} its effect may be sent again`, () =>
    inPlace(async (place) => {
      const catalog = await place.open();
      await catalog.ensureNamespace('shop');
      const metadata = sampleMetadata(place.store.root, source);
      failCommit(when);
      await rejectsWith('CATALOG-CREATE-UNKNOWN', () => catalog.createTable(a, metadata));
      const created = await catalog.createTable(a, metadata);
      deepEqual(await loaded(catalog, a), created);
      deepEqual(created.metadata, metadata);
    }));
}
