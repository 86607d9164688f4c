/** A table that the source dropped: halted, kept or removed, as the pipeline file says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { TableStatus } from '../../src/monitor/status-document.ts';
import type { PipelineWorld } from './pipeline-world.ts';
import { pipelineWorld } from './pipeline-world.ts';

const DDL = `CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER);
  CREATE TABLE users (id INTEGER PRIMARY KEY, n INTEGER);
  INSERT INTO items VALUES (1, 1), (2, 2); INSERT INTO users VALUES (1, 1)`;

const DAY_MS = 24 * 60 * 60 * 1000;

function dropWorld(t: TestContext, onDrop: string): PipelineWorld {
  return pipelineWorld(t, { ddl: DDL, tables: `{table: items, onDrop: ${onDrop}}, users` });
}

function once(world: PipelineWorld): Promise<readonly string[]> {
  return world.with(async (pipeline) => (await pipeline.run({ once: true })).halted);
}

async function statusOf(world: PipelineWorld, table: string): Promise<TableStatus | undefined> {
  const { tables } = await world.with((pipeline) => pipeline.status());
  return tables.find((one) => one.table === `shop.${table}`);
}

test('spec: P16 a dropped table is kept as it was at its DROP, and the others go on', async (t) => {
  const world = dropWorld(t, 'keep');
  await world.runOnce();
  // Nobody reads these before the table is gone.
  world.database.exec(`INSERT INTO items VALUES (3, 3); UPDATE items SET n = 9 WHERE id = 1;
    DELETE FROM items WHERE id = 2; DROP TABLE items; INSERT INTO users VALUES (2, 2)`);
  assert.deepEqual(await once(world), []);
  const rows = [
    ['1', '9'],
    ['3', '3'],
  ];
  assert.deepEqual(await world.rows('SELECT id, n FROM items ORDER BY id'), rows);
  assert.deepEqual(await world.rows('SELECT count(*) FROM users'), [['2']]);
  const status = await statusOf(world, 'items');
  assert.equal(status?.state, 'retired');
  assert.equal(status.halted, null);
  assert.match(status.retired?.what ?? '', /dropped; its copy stays as it was then/);
  assert.equal(status.retired?.removedAtMs, null);
  const proof = await world.with((pipeline) => pipeline.verify({ table: null, repair: false }));
  assert.equal(proof.equal, true, 'what is not in the source is not compared');
  // It stays so, whatever comes: later runs, a request, and a long time.
  world.aheadMs = 30 * DAY_MS;
  world.database.exec('INSERT INTO users VALUES (3, 3)');
  assert.deepEqual(await once(world), []);
  await world.with((pipeline) => pipeline.request('resume', { table: 'items' }));
  assert.deepEqual(await once(world), []);
  assert.equal((await statusOf(world, 'items'))?.state, 'retired');
  assert.deepEqual(await world.rows('SELECT id, n FROM items ORDER BY id'), rows);
  assert.ok(await world.isEqual());
});

test('spec: P16 a table created again under the name of a kept one is complete', async (t) => {
  const world = dropWorld(t, 'keep');
  await world.runOnce();
  world.database.exec('DROP TABLE items');
  await world.runOnce();
  world.database.exec(`CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER, more TEXT);
    INSERT INTO items VALUES (2, 20, 'a'), (5, 50, 'b')`);
  assert.deepEqual(await once(world), []);
  assert.equal((await statusOf(world, 'items'))?.state, 'streaming');
  assert.deepEqual(await world.rows('SELECT id, n, more FROM items ORDER BY id'), [
    ['2', '20', 'a'],
    ['5', '50', 'b'],
  ]);
  assert.ok(await world.isEqual());
});

test('spec: P16 the copy of a dropped table goes a day later, where the file says so', async (t) => {
  const world = dropWorld(t, 'drop');
  await world.runOnce();
  world.database.exec('INSERT INTO items VALUES (3, 3); DROP TABLE items');
  assert.deepEqual(await once(world), []);
  const status = await statusOf(world, 'items');
  const { sinceMs, removedAtMs } = status?.retired ?? { sinceMs: 0, removedAtMs: null };
  assert.equal(removedAtMs, sinceMs + DAY_MS);
  world.aheadMs = DAY_MS - 60_000;
  await world.runOnce();
  assert.deepEqual(await world.rows('SELECT count(*) FROM items'), [['3']]);
  world.aheadMs = DAY_MS + 60_000;
  await world.runOnce();
  assert.equal(await statusOf(world, 'items'), undefined);
  const names = await world.withLake(({ catalog }) => catalog.listTables('shop'));
  assert.deepEqual(names.map(({ name }) => name).toSorted(), ['users', 'users_ledger']);
  // A table of the name is a new one.
  world.database.exec(
    "CREATE TABLE items (key TEXT PRIMARY KEY NOT NULL); INSERT INTO items VALUES ('a')",
  );
  assert.deepEqual(await once(world), []);
  assert.deepEqual(await world.rows('SELECT * FROM items'), [['a']]);
  assert.ok(await world.isEqual());
});

test('spec: P16 a table created again in the meantime is never removed', async (t) => {
  const world = dropWorld(t, 'drop');
  await world.runOnce();
  world.database.exec('DROP TABLE items');
  await world.runOnce();
  world.database.exec('CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER)');
  world.database.exec('INSERT INTO items VALUES (7, 7)');
  world.aheadMs = 2 * DAY_MS;
  await world.runOnce();
  assert.deepEqual(await world.rows('SELECT id FROM items'), [['7']]);
  const changes = await world.rows('SELECT count(*) FROM items_ledger');
  await world.runOnce();
  assert.deepEqual(await world.rows('SELECT count(*) FROM items_ledger'), changes);
  assert.ok(await world.isEqual());
});
