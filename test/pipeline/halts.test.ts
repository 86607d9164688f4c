/** What stops one table: by name, with its reason in the status, while the others go on. */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PipelineWorld } from './pipeline-world.ts';
import { pipelineWorld } from './pipeline-world.ts';

const DDL = `CREATE TABLE users (id INTEGER PRIMARY KEY, n INTEGER);
  CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER);
  CREATE TABLE odd (id INTEGER PRIMARY KEY, _firn_n INTEGER);
  INSERT INTO users VALUES (1, 1); INSERT INTO odd VALUES (1, 1)`;

/** State and code of every table, by name. */
async function states(world: PipelineWorld): Promise<Record<string, string>> {
  const { tables } = await world.with((pipeline) => pipeline.status());
  return Object.fromEntries(
    tables.map(({ table, state, halted }) => [table, halted === null ? state : halted.code]),
  );
}

function halted(world: PipelineWorld): Promise<readonly string[]> {
  return world.with(async (pipeline) => (await pipeline.run({ once: true })).halted);
}

test('spec: P5, L10, S13 a halted table keeps its place, and the others theirs', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users, items' });
  await world.runOnce();
  // Only items moves on: users is complete by the floor alone.
  world.database.exec('INSERT INTO items VALUES (1, 1), (2, 2)');
  await world.runOnce();
  world.database.exec("INSERT INTO users VALUES (2, 'two'); INSERT INTO items VALUES (3, 3)");
  assert.deepEqual(await halted(world), ['shop.users']);
  world.database.exec('INSERT INTO items VALUES (4, 4); UPDATE users SET n = 2 WHERE id = 2');
  assert.deepEqual(await halted(world), ['shop.users']);
  const epochs = world.events.flatMap((event) => (event.kind === 'started' ? [event.epoch] : []));
  assert.deepEqual(new Set(epochs), new Set([1]), 'nothing was lost, no epoch began');
  assert.deepEqual(await world.rows('SELECT count(*) FROM items'), [['4']]);
  assert.deepEqual(await states(world), {
    'shop.items': 'streaming',
    'shop.users': 'SOURCE-VALUE-MISFIT',
  });
  const report = await world.with((pipeline) => pipeline.verify({ table: null, repair: false }));
  const [items, users] = report.tables;
  assert(items?.kind === 'compared' && users?.kind === 'compared');
  assert.equal(items.halted, null);
  assert.equal(users.halted?.code, 'SOURCE-VALUE-MISFIT');
  assert.equal(users.equal, false);
});

test('spec: P5, L2, S18 what the source cannot give is halted by name, until it can', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: '"*"' });
  assert.deepEqual(await halted(world), ['shop.odd']);
  world.database.exec('DROP TABLE items; INSERT INTO users VALUES (2, 2)');
  assert.deepEqual((await halted(world)).toSorted(), ['shop.items', 'shop.odd']);
  // Nothing but the source can mend it: asking to go on changes nothing.
  await world.with((pipeline) => pipeline.request('resume', { table: 'items' }));
  assert.deepEqual((await halted(world)).toSorted(), ['shop.items', 'shop.odd']);
  assert.deepEqual(await states(world), {
    'shop.items': 'SOURCE-TABLE-MISSING',
    'shop.odd': 'SOURCE-RESERVED-COLUMN',
    'shop.users': 'streaming',
  });
  world.database.exec(`CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER);
    INSERT INTO items VALUES (7, 7); ALTER TABLE odd RENAME COLUMN _firn_n TO n`);
  assert.deepEqual(await halted(world), []);
  assert.deepEqual(await world.rows('SELECT id FROM items UNION ALL SELECT id FROM odd'), [
    ['7'],
    ['1'],
  ]);
});

test('spec: P5, S17 a table that is called like the ledger of another one is halted', async (t) => {
  const ddl = `CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE T_Ledger (id INTEGER PRIMARY KEY);
    CREATE TABLE t_live (id INTEGER PRIMARY KEY); INSERT INTO t_live VALUES (7)`;
  const world = pipelineWorld(t, { ddl, tables: '"*"' });
  assert.deepEqual(await halted(world), ['shop.T_Ledger']);
  assert.deepEqual(await states(world), {
    'shop.T_Ledger': 'PIPELINE-NAME-TAKEN',
    'shop.t': 'streaming',
    'shop.t_live': 'streaming',
  });
  assert.deepEqual(await world.rows('SELECT id FROM t_live'), [['7']]);
  const proof = await world.with((pipeline) => pipeline.verify({ table: null, repair: false }));
  assert.equal(proof.equal, false, 'not everything is in the lake');
});

test('spec: P13 what stops the whole pipeline is in the status, until it runs again', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  const path = join(world.folder, 'app.db');
  renameSync(path, `${path}.away`);
  await assert.rejects(world.runOnce(), { code: 'SOURCE-MISSING' });
  const stopped = await world.with((pipeline) => pipeline.status());
  assert.equal(stopped.halted?.code, 'SOURCE-MISSING');
  assert.equal(stopped.tables.length, 1, 'the rest of it is as it was');
  renameSync(`${path}.away`, path);
  await world.runOnce();
  assert.equal((await world.with((pipeline) => pipeline.status())).halted, null);
});
