/** Clients that commit at once, to one table and to many, beside Firn: none lost or doubled. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock as clock } from '../kernel/clock.ts';
import { systemRandom as random } from '../kernel/random.ts';
import type { JsonObject } from '../kernel/lossless-json.ts';
import type { Catalog } from '../ports/catalog.ts';
import { createLocalObjectStore } from '../storage/local-object-store.ts';
import { openSqliteCatalog } from '../storage/sqlite-catalog.ts';
import {
  appendBody,
  appendUntilDone,
  listAt,
  makeShop,
  makeTable,
  metadataOf,
  objectAt,
  tablePath,
  textAt,
} from '../../test/support/rest-tables.ts';
import { ServedLakePlace } from '../../test/support/served-lake.ts';

const folder = mkdtempSync(join(tmpdir(), 'firn-rest-many-'));
const CLIENTS = 8;
const STEPS = 2;
let place: ServedLakePlace;

before(async () => {
  place = await ServedLakePlace.open({ folder });
  await makeShop(place);
});

after(async () => {
  await place.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The keys of the snapshots on main, oldest first, with their sequence numbers in order. */
async function keysOf(table: string): Promise<readonly string[]> {
  const metadata = metadataOf(await place.call(tablePath(table)));
  const snapshots = listAt(metadata, 'snapshots') as readonly JsonObject[];
  deepEqual(
    snapshots.map((snapshot) => snapshot['sequence-number']),
    snapshots.map((_, index) => index + 1),
  );
  equal(listAt(metadata, 'snapshot-log').length, snapshots.length);
  return snapshots.map((snapshot) => textAt(objectAt(snapshot, 'summary'), 'key'));
}

function expected(clients: readonly number[]): readonly string[] {
  return clients.flatMap((client) =>
    Array.from({ length: STEPS }, (_, step) => `${client}-${step}`),
  );
}

/** One client's work, one commit after the other; gives how many conflicts it met. */
async function work(client: number, table: string): Promise<number> {
  let conflicts = 0;
  for (let step = 0; step < STEPS; step++) {
    const snapshotId = BigInt(client * 1000 + step + 1);
    conflicts += await appendUntilDone(place, { table, snapshotId, key: `${client}-${step}` });
  }
  return conflicts;
}

const clients = Array.from({ length: CLIENTS }, (_, client) => client);

test('spec: R10 eight clients on one table: every commit is there, once', async () => {
  await makeTable(place, 'one');
  const conflicts = await Promise.all(clients.map((client) => work(client, 'one')));
  deepEqual((await keysOf('one')).toSorted(), expected(clients).toSorted());
  ok(
    conflicts.some((count) => count > 0),
    'they did meet',
  );
});

test('spec: R10 eight clients on eight tables never meet', async () => {
  for (const client of clients) await makeTable(place, `own${client}`);
  const conflicts = await Promise.all(clients.map((client) => work(client, `own${client}`)));
  deepEqual(
    conflicts,
    clients.map(() => 0),
  );
  for (const client of clients) deepEqual(await keysOf(`own${client}`), expected([client]));
});

test('changes that do not rely on each other all come through without a conflict', async () => {
  await makeTable(place, 'properties');
  const answers = await Promise.all(
    clients.map((client) => {
      const updates = [{ action: 'set-properties', updates: { [`c${client}`]: '1' } }];
      return place.call(tablePath('properties'), { body: { requirements: [], updates } });
    }),
  );
  deepEqual(
    answers.map(({ status }) => status),
    clients.map(() => 200),
  );
  const metadata = metadataOf(await place.call(tablePath('properties')));
  equal(Object.keys(objectAt(metadata, 'properties')).length, CLIENTS);
});

/** What Firn itself does to a table, through a connection of its own. */
async function firnCommits(catalog: Catalog, name: string): Promise<void> {
  const identifier = { namespace: 'shop', name };
  for (let step = 0; step < STEPS; step++) {
    const outcome = await catalog.commit([
      {
        identifier,
        requirements: [],
        updates: [{ kind: 'set-properties', updates: { [`firn${step}`]: '1' } }],
      },
    ]);
    equal(outcome.kind, 'committed');
  }
}

test('spec: R11 Firn commits to a table while clients do', async () => {
  await makeTable(place, 'shared');
  const store = createLocalObjectStore({ folder: join(folder, 'warehouse'), clock, random });
  const path = join(folder, 'catalog.db');
  const catalog = await openSqliteCatalog({ path, name: 'firn', store, clock, random });
  try {
    const ours = firnCommits(catalog, 'shared');
    await Promise.all([ours, work(1, 'shared'), work(2, 'shared')]);
  } finally {
    await catalog.close();
  }
  deepEqual((await keysOf('shared')).toSorted(), expected([1, 2]).toSorted());
  const metadata = metadataOf(await place.call(tablePath('shared')));
  equal(Object.keys(objectAt(metadata, 'properties')).length, STEPS);
});

test('spec: R3 the server keeps the logs, and the files that fall out of them go', async () => {
  const properties = {
    'write.metadata.previous-versions-max': '2',
    'write.metadata.delete-after-commit.enabled': 'true',
  };
  let last = await makeTable(place, 'logged', { properties });
  const files = [textAt(last.body, 'metadata-location')];
  for (let step = 1; step <= 4; step++) {
    const body = appendBody(metadataOf(last), BigInt(step));
    last = await place.call(tablePath('logged'), { body });
    files.push(textAt(last.body, 'metadata-location'));
  }
  const log = listAt(metadataOf(last), 'metadata-log') as readonly JsonObject[];
  deepEqual(
    log.map((entry) => entry['metadata-file']),
    files.slice(2, 4),
  );
  deepEqual(
    files.map((file) => existsSync(fileURLToPath(file))),
    [false, false, true, true, true],
  );
});
