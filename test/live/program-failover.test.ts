/**
 * Another server behind the same address: a replica that has everything, an old primary that has
 * not, and one that cannot be compared. Nothing is lost and nothing taken twice.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import { LivePlace } from './support/live-place.ts';
import { createDatabase, skipWithout, startPrivateServer } from './support/live-server.ts';
import type { LiveServer, PrivateServer } from './support/live-server.ts';

async function follow(replica: LiveServer, primary: LiveServer): Promise<void> {
  const { port } = primary;
  const statements =
    replica.flavour === 'mysql'
      ? [
          `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${port},
            SOURCE_USER = 'root', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`,
          'START REPLICA',
        ]
      : [
          `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${port},
            MASTER_USER = 'root', MASTER_USE_GTID = slave_pos`,
          'START SLAVE',
        ];
  await replica.run(...statements);
}

async function stopFollowing(replica: LiveServer): Promise<void> {
  await replica.run(
    ...(replica.flavour === 'mysql'
      ? ['STOP REPLICA', 'RESET REPLICA ALL']
      : ['STOP SLAVE', 'RESET SLAVE ALL']),
  );
}

async function caughtUp(replica: LiveServer, table: string, id: number): Promise<void> {
  for (let waited = 0; waited < 300; waited++) {
    const rows = await replica.query(`SELECT 1 FROM ${table} WHERE id = ${id}`).catch(() => []);
    if (rows.length > 0) return;
    await sleep(100);
  }
  throw new Error('the replica does not follow');
}

function notes(place: LivePlace): string {
  return place.events.flatMap((event) => (event.kind === 'note' ? [event.text] : [])).join('\n');
}

function loaded(place: LivePlace): number {
  return place.events.filter(({ kind }) => kind === 'published').length;
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: failover by GTIDs, and back (spec: Y3)`, { skip }, async (t) => {
    const replicaOptions = flavour === 'mysql' ? [] : ['log_slave_updates=ON'];
    const [primary, replica]: readonly [PrivateServer, PrivateServer] = await Promise.all([
      startPrivateServer(t, flavour),
      startPrivateServer(t, flavour, replicaOptions),
    ]);
    // What a replica does by itself, long before it takes over. MariaDB counts it with the rest.
    if (flavour === 'mysql') {
      await replica.run(
        'CREATE DATABASE errand',
        'CREATE TABLE errand.t (id INT PRIMARY KEY)',
        'INSERT INTO errand.t VALUES (1)',
      );
    }
    await follow(replica, primary);
    const database = await createDatabase(t, primary);
    const { name } = database;
    await primary.run(
      `CREATE TABLE ${name}.a (id INT PRIMARY KEY, v INT)`,
      `CREATE TABLE ${name}.b (id INT PRIMARY KEY, v INT)`,
      `INSERT INTO ${name}.a VALUES (1, 1), (2, 2)`,
    );
    const proxy = await startFaultProxy(t, primary);
    const place = new LivePlace(t, { server: proxy, database, tables: ['a', 'b'] });
    await place.expectEqual();
    const run = await place.start();
    for (let id = 10; id < 40; id++) await primary.run(`INSERT INTO ${name}.a VALUES (${id}, 0)`);
    await primary.run(`UPDATE ${name}.a SET v = v + 1`, `INSERT INTO ${name}.b VALUES (1, 1)`);
    await primary.run(`UPDATE ${name}.a SET v = v + 1`, `INSERT INTO ${name}.a VALUES (99, 0)`);
    await caughtUp(replica, `${name}.a`, 99);
    await primary.stop('SIGKILL');
    await stopFollowing(replica);
    proxy.lead(replica);
    await replica.run(
      `INSERT INTO ${name}.a VALUES (100, 0)`,
      `DELETE FROM ${name}.a WHERE id < 20`,
    );
    await run.saw((event) => event.kind === 'started' && event.epoch === 2);
    await replica.run(`INSERT INTO ${name}.b VALUES (2, 2)`);
    await place.expectProof();
    match(notes(place), /Another server answers .* with the same transactions\. Epoch 2 starts/);
    equal(loaded(place), 0, 'nothing is loaded again');
    await run.stop();
    const twice = await place.rows(
      'SELECT _firn_op, id, v FROM a_ledger GROUP BY ALL HAVING count(*) > 1',
    );
    deepEqual(twice, [], 'nothing that was read before is taken again');
    await place.expectEqual();

    // The old primary comes back, without what was written since, and counts on by itself.
    await primary.restart();
    for (let id = 200; id < 230; id++) await primary.run(`INSERT INTO ${name}.a VALUES (${id}, 0)`);
    proxy.lead(primary);
    await place.expectEqual();
    match(notes(place), /Epoch 3 starts, and every table is loaded again/);
    equal(loaded(place), 2);
    deepEqual(await place.rows('SELECT count(*) FROM a'), [['63']]);
  });
}

test(
  'mysql: another server, without GTIDs (spec: Y3)',
  { skip: skipWithout('mysql') },
  async (t) => {
    const options = ['gtid_mode=OFF', 'enforce_gtid_consistency=OFF'];
    const [one, other] = await Promise.all([
      startPrivateServer(t, 'mysql', options),
      startPrivateServer(t, 'mysql', options),
    ]);
    for (const [server, rows] of [
      [one, '(1, 1)'],
      [other, '(1, 2), (3, 3)'],
    ] as const) {
      await server.run(
        'CREATE DATABASE shop',
        'CREATE TABLE shop.a (id INT PRIMARY KEY, v INT)',
        `INSERT INTO shop.a VALUES ${rows}`,
      );
    }
    const proxy = await startFaultProxy(t, one);
    const database = { name: 'shop', user: 'root', password: '' };
    const place = new LivePlace(t, { server: proxy, database, tables: ['a'] });
    await place.expectEqual();
    await one.run('INSERT INTO shop.a VALUES (2, 2)', 'UPDATE shop.a SET v = 9');
    await place.expectEqual();
    equal(loaded(place), 0);
    proxy.lead(other);
    await place.expectEqual();
    match(notes(place), /without GTIDs its log cannot be compared\. Epoch 2 starts/);
    await other.run('UPDATE shop.a SET v = 7 WHERE id = 3');
    await place.expectEqual();
    equal(loaded(place), 0);
    deepEqual(await place.rows('SELECT id, v FROM a ORDER BY id'), [
      ['1', '2'],
      ['3', '7'],
    ]);
  },
);
