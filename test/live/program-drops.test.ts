/**
 * Tables that are dropped on a real server under each policy: what was read before is in the copy,
 * only a DROP that stands in the log counts, and a table of the name that comes later is complete.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { LivePlace } from './support/live-place.ts';
import type { LivePlaceSetup } from './support/live-place.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';
import type { LiveDatabase, LiveServer } from './support/live-server.ts';

const COLUMNS = '(id INT PRIMARY KEY, v INT)';
const DAY_MS = 24 * 60 * 60 * 1000;

interface Prepared {
  readonly server: LiveServer;
  readonly name: string;
  readonly database: LiveDatabase;
  readonly place: LivePlace;
}

/** A pipeline over the tables `t` and `o`, which are loaded and have one row each. */
async function prepared(
  t: TestContext,
  flavour: ServerFlavour,
  more: Partial<LivePlaceSetup>,
): Promise<Prepared> {
  const server = await openLiveServer(t, flavour);
  const database = await createDatabase(t, server);
  const { name } = database;
  await server.run(`USE ${name}`);
  for (const table of ['t', 'o']) {
    await server.run(`CREATE TABLE ${table} ${COLUMNS}`, `INSERT INTO ${table} VALUES (1, 1)`);
  }
  const place = new LivePlace(t, { server, database, tables: ['t', 'o'], ...more });
  await place.expectEqual();
  return { server, name, database, place };
}

/** State of each table, without the database. */
async function states(place: LivePlace): Promise<Readonly<Record<string, string>>> {
  const { tables } = await place.status();
  return Object.fromEntries(
    tables.map(({ table, state, halted }) => [
      table.slice(table.indexOf('.') + 1),
      halted?.code ?? state,
    ]),
  );
}

async function idsIn(place: LivePlace, table: string): Promise<readonly (string | null)[]> {
  return (await place.rows(`SELECT id FROM ${table} ORDER BY id`)).flat();
}

/** Catches up without a halt; every table but `retired` is equal. */
async function goesOn(place: LivePlace, retired: string): Promise<void> {
  deepEqual(await place.once(), []);
  await place.expectProof([retired]);
}

const ROWS_BEFORE = [
  'INSERT INTO t VALUES (2, 2), (3, 3)',
  'UPDATE t SET v = 9 WHERE id = 2',
  'DELETE FROM t WHERE id = 1',
];

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(
    `${flavour}: a table dropped while nobody reads is kept (spec: P16)`,
    { skip },
    async (t) => {
      const { server, place } = await prepared(t, flavour, { onDrop: 'keep' });
      await server.run(...ROWS_BEFORE, 'DROP TABLE t', 'INSERT INTO o VALUES (2, 2)');
      await goesOn(place, 't');
      deepEqual(await idsIn(place, 't'), ['2', '3'], 'what was written before the DROP');
      deepEqual(await states(place), { o: 'streaming', t: 'retired' });
      place.aheadMs = 100 * DAY_MS;
      await server.run('INSERT INTO o VALUES (3, 3)');
      await goesOn(place, 't');
      deepEqual(await idsIn(place, 't'), ['2', '3']);
      // Another table of the name, with other columns.
      await server.run(
        'CREATE TABLE t (id INT PRIMARY KEY, v INT, more VARCHAR(9))',
        "INSERT INTO t VALUES (3, 30, 'c'), (8, 80, 'h')",
      );
      await place.expectEqual();
      deepEqual(await states(place), { o: 'streaming', t: 'streaming' });
      deepEqual(await place.rows('SELECT * FROM t ORDER BY id'), [
        ['3', '30', 'c'],
        ['8', '80', 'h'],
      ]);
    },
  );

  test(`${flavour}: dropped and made again under a reader (spec: P16)`, { skip }, async (t) => {
    const { server, name, place } = await prepared(t, flavour, { onDrop: 'keep' });
    const run = await place.start();
    await server.run(...ROWS_BEFORE, 'DROP TABLE t', 'INSERT INTO o VALUES (2, 2)');
    await run.saw((event) => event.kind === 'note' && event.text.startsWith('t: '));
    deepEqual(await idsIn(place, 't_live'), ['2', '3']);
    equal((await states(place))['t'], 'retired');
    await server.run(`CREATE TABLE t ${COLUMNS}`, 'INSERT INTO t VALUES (4, 4)');
    await run.saw((event) => event.kind === 'published' && event.table === `${name}.t`);
    await server.run('INSERT INTO t VALUES (5, 5)', 'INSERT INTO o VALUES (3, 3)');
    await run.stop();
    await place.expectEqual();
    deepEqual(await idsIn(place, 't'), ['4', '5']);
  });

  test(`${flavour}: the copy goes after a day (spec: P16)`, { skip }, async (t) => {
    const { server, place } = await prepared(t, flavour, { onDrop: 'drop' });
    await server.run(...ROWS_BEFORE, 'DROP TABLE t');
    await goesOn(place, 't');
    const { tables } = await place.status();
    const retired = tables.find(({ state }) => state === 'retired')?.retired;
    equal(retired?.removedAtMs, (retired?.sinceMs ?? 0) + DAY_MS);
    place.aheadMs = DAY_MS - 60_000;
    await goesOn(place, 't');
    deepEqual(await idsIn(place, 't'), ['2', '3']);
    place.aheadMs = DAY_MS + 60_000;
    await goesOn(place, 't');
    deepEqual(await states(place), { o: 'streaming' });
    // The log with its old DROP is still there, and another table is read from before it.
    await server.run(`CREATE TABLE t ${COLUMNS}`, 'INSERT INTO t VALUES (7, 7)');
    await place.expectEqual();
    deepEqual(await idsIn(place, 't'), ['7']);
  });

  test(`${flavour}: a DROP in a swap or a dump (spec: P16, Y14)`, { skip }, async (t) => {
    const { server, name, database, place } = await prepared(t, flavour, { onDrop: 'drop' });
    const tables = ['t', 'o'];
    const swaps = new LivePlace(t, {
      server,
      database,
      tables,
      sourceOptions: 'onSwap: bootstrap',
    });
    await swaps.expectEqual();
    const run = await place.start();
    const dump = [
      'DROP TABLE IF EXISTS t',
      `CREATE TABLE t ${COLUMNS}`,
      'INSERT INTO t VALUES (5, 5), (6, 6)',
    ];
    // As pt-online-schema-change does it with `drop_swap`.
    const swap = [
      `CREATE TABLE _o_new ${COLUMNS}`,
      'INSERT INTO _o_new VALUES (1, 1), (9, 9)',
      'SET SESSION foreign_key_checks = 0',
      'DROP TABLE IF EXISTS o',
      'RENAME TABLE _o_new TO o',
    ];
    await server.run(...swap);
    await run.saw((event) => event.kind === 'published' && event.table === `${name}.o`);
    await run.stop();
    place.aheadMs = 3 * DAY_MS;
    await server.run(...dump);
    await place.expectEqual();
    deepEqual(await idsIn(place, 't'), ['5', '6']);
    deepEqual(await idsIn(place, 'o'), ['1', '9']);
    // The same log without the policy: the table that was dumped waits for somebody.
    deepEqual(await swaps.once(), ['t']);
    deepEqual(await states(swaps), { o: 'streaming', t: 'SOURCE-TABLE-MISSING' });
    await swaps.request('bootstrap', 't');
    await swaps.expectEqual();
  });

  test(`${flavour}: a database that is dropped costs no copy (spec: P16)`, { skip }, async (t) => {
    const { server, name, place } = await prepared(t, flavour, { onDrop: 'drop' });
    await server.run(...ROWS_BEFORE, `DROP DATABASE ${name}`);
    deepEqual(await place.once(), []);
    place.aheadMs = 10 * DAY_MS;
    deepEqual(await place.once(), []);
    deepEqual(await states(place), { o: 'retired', t: 'retired' });
    deepEqual(await idsIn(place, 't'), ['2', '3']);
    const { tables } = await place.status();
    for (const { retired } of tables) {
      equal(retired?.removedAtMs, null);
      match(retired?.what ?? '', /dropped with its database/);
    }
    await server.run(`CREATE DATABASE ${name}`, `USE ${name}`, `CREATE TABLE t ${COLUMNS}`);
    deepEqual(await place.once(), []);
    deepEqual(await states(place), { o: 'retired', t: 'streaming' });
    deepEqual(await idsIn(place, 't'), []);
  });

  test(`${flavour}: a right that is gone is no DROP (spec: P16)`, { skip }, async (t) => {
    const { server, name, database, place } = await prepared(t, flavour, { onDrop: 'drop' });
    const user = `'${database.user}'@'%'`;
    await server.run(
      `REVOKE SELECT ON ${name}.* FROM ${user}`,
      `GRANT SELECT ON ${name}.o TO ${user}`,
      'INSERT INTO t VALUES (2, 2)',
    );
    deepEqual(await place.once(), ['t']);
    place.aheadMs = 3 * DAY_MS;
    deepEqual(await place.once(), ['t']);
    deepEqual(await states(place), { o: 'streaming', t: 'SOURCE-TABLE-MISSING' });
    ok((await idsIn(place, 't')).includes('1'), 'its copy is as it was');
    await server.run(`GRANT SELECT ON ${name}.* TO ${user}`);
    await place.expectEqual();
    deepEqual(await idsIn(place, 't'), ['1', '2']);
  });

  test(`${flavour}: dropped while it is loaded (spec: P16, Y5)`, { skip }, async (t) => {
    const { server, name, database } = await prepared(t, flavour, {});
    await server.run(
      `CREATE TABLE a_big (id INT PRIMARY KEY AUTO_INCREMENT, v CHAR(200))`,
      `INSERT INTO a_big (v) VALUES ('x'), ('x'), ('x'), ('x')`,
      ...Array.from({ length: 15 }, () => 'INSERT INTO a_big (v) SELECT v FROM a_big'),
    );
    const tables = ['a_big', 'o', 't'];
    const place = new LivePlace(t, { server, database, tables, onDrop: 'keep' });
    const run = await place.start();
    await run.saw(({ kind }) => kind === 'bootstrap-progress');
    await server.run('DROP TABLE a_big');
    await run.saw((event) => event.kind === 'note' && event.text.startsWith('a_big: '));
    await run.saw((event) => event.kind === 'published' && event.table === `${name}.t`);
    await run.stop();
    await goesOn(place, 'a_big');
    equal((await states(place))['a_big'], 'retired');
  });
}
