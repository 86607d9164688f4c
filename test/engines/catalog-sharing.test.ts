/** Firn and PyIceberg commit through one catalog file at the same time, and lose nothing. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { systemRandom as random } from '../../src/kernel/random.ts';
import type { Catalog } from '../../src/ports/catalog.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { openSqliteCatalog } from '../../src/storage/sqlite-catalog.ts';
import { a, b, createBoth, loaded, stepsOf } from '../conformance/catalog-under-test.ts';
import type { Work } from '../conformance/committing-process.ts';
import { describeTable, pythonSkip, readRows, startPython } from './pyiceberg.ts';

const firnSteps = 15;
const pySteps = 10;
const firnWorkers = ['f1', 'f2'];
const pyWorkers = ['p1', 'p2'];

function named(workers: readonly string[], steps: number): string[] {
  const numbers = [...Array(steps).keys()];
  return workers.flatMap((worker) => numbers.map((step) => `${worker}-${step}`)).toSorted();
}

async function finished(children: readonly ChildProcess[]): Promise<void> {
  const codes = await Promise.all(children.map(async (child) => once(child, 'exit')));
  for (const [code] of codes) equal(code, 0);
}

/** Runs all workers at once over the same catalog. */
async function commitTogether(folder: string, path: string): Promise<void> {
  const script = 'test/conformance/committing-process.ts';
  const firn = firnWorkers.map((worker) => {
    const work: Work = { folder, path, tables: [a, b], worker, steps: firnSteps };
    const parameters = [script, JSON.stringify(work)];
    return spawn(process.execPath, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  });
  const python = pyWorkers.map((worker) =>
    startPython('test/engines/catalog-sharing.py', [path, folder, worker, `${pySteps}`]),
  );
  await finished([...firn, ...python]);
}

async function checkAll(catalog: Catalog, catalogPath: string): Promise<void> {
  const table = await loaded(catalog, a);
  const steps = stepsOf(table.metadata);
  deepEqual(steps.toSorted(), named(firnWorkers, firnSteps));
  deepEqual(stepsOf((await loaded(catalog, b)).metadata), steps);
  deepEqual(Object.keys(table.metadata.properties).toSorted(), named(pyWorkers, pySteps));

  const said = describeTable({ catalogPath, table: 'shop.a' });
  equal(said.uuid, table.metadata.tableUuid);
  equal(said.currentSnapshotId, `${table.metadata.currentSnapshotId}`);
  equal(said.snapshots.length, steps.length);

  const spaces = ['shop', ...pyWorkers.map((worker) => `space_${worker}`)];
  deepEqual((await catalog.listNamespaces()).toSorted(), spaces);
  for (const namespace of spaces.slice(1)) {
    deepEqual(await catalog.listTables(namespace), [{ namespace, name: 'own' }]);
    const own = await loaded(catalog, { namespace, name: 'own' });
    equal(own.metadata.snapshots.length, pySteps);
    const rows = readRows({ catalogPath, table: `${namespace}.own` });
    equal(rows.length, pySteps);
    deepEqual(
      new Set(rows.map((row) => row['id'])),
      new Set([...Array(pySteps).keys()].map((step) => `${step}`)),
    );
  }
}

for (const mode of ['delete', 'wal']) {
  test(
    `spec: C14 Firn and PyIceberg commit at the same time (journal mode ${mode})`,
    { skip: pythonSkip() },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'firn-sharing-'));
      const path = join(folder, 'catalog.db');
      try {
        const database = new DatabaseSync(path);
        database.exec(`PRAGMA journal_mode = ${mode}`);
        database.close();
        const store = createLocalObjectStore({ folder, clock, random });
        const catalog = await openSqliteCatalog({ path, name: 'firn', store, clock, random });
        const connect = (): Promise<Catalog> => Promise.resolve(catalog);
        await createBoth({ catalog, store, connect, close: () => catalog.close() });
        await commitTogether(folder, path);
        await checkAll(catalog, path);
        await catalog.close();
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
}

test(
  'Firn commits to a table of a catalog that PyIceberg made',
  { skip: pythonSkip() },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'firn-sharing-'));
    const path = join(folder, 'catalog.db');
    try {
      await finished([startPython('test/engines/catalog-made.py', [path, folder])]);
      const store = createLocalObjectStore({ folder, clock, random });
      const catalog = await openSqliteCatalog({ path, name: 'firn', store, clock, random });
      const identifier = { namespace: 'made', name: 'there' };
      const table = await loaded(catalog, identifier);
      const outcome = await catalog.commit([
        {
          identifier,
          requirements: [{ kind: 'assert-table-uuid', uuid: table.metadata.tableUuid }],
          updates: [{ kind: 'set-properties', updates: { 'firn.test': 'yes' } }],
        },
      ]);
      ok(outcome.kind === 'committed');
      ok((await catalog.catalogId()).length > 0);
      await catalog.close();
      const said = describeTable({ catalogPath: path, table: 'made.there' });
      deepEqual(said.properties, { 'firn.test': 'yes', owner: 'pyiceberg' });
      deepEqual(readRows({ catalogPath: path, table: 'made.there' }), [{ id: '7' }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
