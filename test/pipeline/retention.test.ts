/** Retention of a ledger: only merged rows go, and what is gone is known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pipelineWorld } from './pipeline-world.ts';

const DDL = 'CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)';

test('spec: L13 — merged rows go after the retention, and the base goes on from there', async (t) => {
  const world = pipelineWorld(t, {
    ddl: DDL,
    tables: 'users',
    options: 'ledger: {retention: 1h}',
  });
  const { database } = world;
  await world.runOnce();
  database.exec("INSERT INTO users VALUES (1, 'a'), (2, 'b')");
  await world.runOnce();
  const ledgerRows = 'SELECT count(*) FROM users_ledger';
  assert.deepEqual(await world.rows(ledgerRows), [['2']]);
  world.aheadMs = 2 * 60 * 60 * 1000;
  const report = await world.with((pipeline) => pipeline.request('maintain', {}));
  assert(Array.isArray(report));
  assert.deepEqual(await world.rows(ledgerRows), [['0']]);
  database.exec("UPDATE users SET name = 'c' WHERE id = 2");
  await world.runOnce();
  assert.deepEqual(await world.rows('SELECT name FROM users ORDER BY id'), [['a'], ['c']]);
  assert.equal(await world.isEqual(), true);
});

test('catching up applies the retention too', async (t) => {
  const options = 'ledger: {retention: 1h}';
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users', options });
  await world.runOnce();
  world.database.exec("INSERT INTO users VALUES (1, 'a')");
  await world.runOnce();
  world.aheadMs = 2 * 60 * 60 * 1000;
  await world.runOnce();
  assert.deepEqual(await world.rows('SELECT count(*) FROM users_ledger'), [['0']]);
  assert.deepEqual(await world.rows('SELECT id FROM users'), [['1']]);
});

test('young rows stay', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  world.database.exec("INSERT INTO users VALUES (1, 'a')");
  await world.runOnce();
  await world.with((pipeline) => pipeline.request('maintain', {}));
  assert.deepEqual(await world.rows('SELECT count(*) FROM users_ledger'), [['1']]);
});

test('spec: B7, B12 — an old main stays for a week under its tag, then maintenance drops it', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  world.database.exec("INSERT INTO users VALUES (1, 'a')");
  await world.runOnce();
  await world.with((pipeline) => pipeline.request('bootstrap', { table: 'users' }));
  const refs = await world.baseRefs();
  assert.equal(refs.filter((ref) => ref.startsWith('firn_before_')).length, 1);
  assert.equal(refs.filter((ref) => ref.startsWith('firn_bootstrap_')).length, 0);
  await world.with((pipeline) => pipeline.request('maintain', {}));
  assert.deepEqual(await world.baseRefs(), refs);
  world.aheadMs = 8 * 24 * 60 * 60 * 1000;
  await world.with((pipeline) => pipeline.request('maintain', {}));
  assert.deepEqual(await world.baseRefs(), ['firn_state', 'main']);
  assert.equal(await world.isEqual(), true);
});
