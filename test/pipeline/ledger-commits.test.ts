/** When a ledger is committed, what it is complete to, and what the floor is good for. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import type { PipelineEvent } from '../../src/pipeline/pipeline-event.ts';
import { pipelineWorld } from './pipeline-world.ts';
import type { PipelineWorld } from './pipeline-world.ts';

const DDL = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE idle (id INTEGER PRIMARY KEY)`;

function committed(events: readonly PipelineEvent[]): readonly number[] {
  return events.flatMap((event) =>
    event.kind === 'committed' ? event.tables.map((table) => table.rows) : [],
  );
}

/** Waits, for at most ten seconds, until `holds`. */
async function until(holds: () => boolean): Promise<void> {
  for (let waits = 0; waits < 200 && !holds(); waits++) await systemClock.sleep(50);
  assert.ok(holds(), 'it never came to that');
}

/** Runs the pipeline beside `work`, then stops it. */
async function beside(world: PipelineWorld, work: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const running = world.with((pipeline) => pipeline.run({ once: false }), stop.signal);
  try {
    await until(() => world.events.some((event) => event.kind === 'started'));
    await work();
  } finally {
    stop.abort();
    await running;
  }
}

test('spec: L5, L16 — the first commit is at once and ends where a transaction ends', async (t) => {
  const options = 'ledger: {commitInterval: 1h}';
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users, idle', options });
  await beside(world, async () => {
    const { database, events } = world;
    database.exec("BEGIN; INSERT INTO users VALUES (1, 'a')");
    await systemClock.sleep(600);
    assert.deepEqual(committed(events), []);
    database.exec("INSERT INTO users VALUES (2, 'b'); COMMIT");
    await until(() => committed(events).length > 0);
    assert.deepEqual(committed(events), [2]);
    // A table that is not published yet has its ledger committed at once when it waits for that.
    await until(() => events.filter(({ kind }) => kind === 'published').length === 2);
    database.exec("INSERT INTO users VALUES (3, 'c')");
    await systemClock.sleep(600);
    assert.deepEqual(committed(events), [2]);
  });
  // What was complete when the run was stopped is committed then.
  assert.deepEqual(committed(world.events), [2, 1]);
});

test('spec: L10, L11 — without its floor a pipeline reads again and doubles nothing', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users, idle' });
  const { database, folder } = world;
  await world.runOnce();
  const statements = ["INSERT INTO users VALUES (1, 'a')", "UPDATE users SET name = 'b'"];
  for (const statement of statements) {
    database.exec(statement);
    await world.runOnce();
    rmSync(join(folder, 'lake', '_firn', 'shop', 'floor.json'));
  }
  database.exec('INSERT INTO idle VALUES (7)');
  await world.runOnce();
  const ops = await world.rows('SELECT _firn_op, name FROM users_ledger ORDER BY _firn_seq');
  assert.deepEqual(ops, [
    ['c', 'a'],
    ['u', 'b'],
  ]);
  assert.deepEqual(await world.rows('SELECT id FROM idle'), [['7']]);
  const epochs = world.events.flatMap((event) => (event.kind === 'started' ? [event.epoch] : []));
  assert.deepEqual(new Set(epochs), new Set([1]));
});

test('spec: L6 — the log is kept for the oldest ledger; an idle one is committed in time', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users, idle' });
  const { database } = world;
  const journalRows = (): unknown =>
    database.prepare('SELECT count(*) AS rows FROM _firn_log').get()?.['rows'];
  await world.runOnce();
  for (let id = 1; id <= 5; id++) database.exec(`INSERT INTO users VALUES (${id}, 'a')`);
  await world.runOnce();
  assert.notEqual(journalRows(), 1);
  world.aheadMs = 2 * 60 * 60 * 1000;
  database.exec("INSERT INTO users VALUES (6, 'a')");
  await world.runOnce();
  assert.equal(journalRows(), 1);
});

test('spec: L12, O7, M11 — an older copy of the database is a new epoch, and a gap', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  const { database } = world;
  database.exec("INSERT INTO users VALUES (1, 'old')");
  await world.runOnce();
  await world.backup('yesterday.db');
  database.exec("INSERT INTO users VALUES (2, 'lost with the restore')");
  await world.runOnce();
  await world.restore('yesterday.db');
  world.database.exec("INSERT INTO users VALUES (3, 'after the restore')");
  await world.runOnce();
  const rows = await world.rows('SELECT id, name FROM users ORDER BY id');
  assert.deepEqual(rows, [
    ['1', 'old'],
    ['3', 'after the restore'],
  ]);
  const epochs = world.events.flatMap((event) => (event.kind === 'started' ? [event.epoch] : []));
  assert.deepEqual(epochs, [1, 1, 2]);
  assert.equal(await world.isEqual(), true);
});
