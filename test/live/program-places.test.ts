/**
 * Where a pipeline goes on after its log was purged, reset, renamed or restored behind its back,
 * and after a table was away: without a gap, or said by name and loaded again.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { LivePlace } from './support/live-place.ts';
import { createDatabase, skipWithout } from './support/live-server.ts';
import type { PrivateServer } from './support/live-server.ts';
import { purgeLog, sharedServer } from './support/mysql-world.ts';

interface Prepared {
  readonly place: LivePlace;
  readonly name: string;
  /** Notes since the last start. */
  readonly notes: () => string;
  /** Tables that were loaded since the last start. */
  readonly loaded: () => readonly string[];
}

/** Tables `a`, `b` and `c` (id, v) with a row each, loaded. */
async function prepared(t: TestContext, server: PrivateServer): Promise<Prepared> {
  const database = await createDatabase(t, server);
  const { name } = database;
  for (const table of ['a', 'b', 'c']) {
    await server.run(
      `CREATE TABLE ${name}.${table} (id INT PRIMARY KEY, v INT)`,
      `INSERT INTO ${name}.${table} VALUES (1, 1)`,
    );
  }
  const place = new LivePlace(t, { server, database, tables: ['a', 'b', 'c'] });
  await place.expectEqual();
  const notes = (): string =>
    place.events.flatMap((event) => (event.kind === 'note' ? [event.text] : [])).join('\n');
  const loaded = (): readonly string[] =>
    place.events.flatMap((event) =>
      event.kind === 'published' ? [event.table.slice(name.length + 1)] : [],
    );
  return { place, name, notes, loaded };
}

for (const flavour of SERVER_FLAVOURS) {
  const start = sharedServer(flavour);
  const skip = skipWithout(flavour);

  test(`${flavour}: a table that was away for a while (spec: Y5)`, { skip }, async (t) => {
    const server = await start();
    const { place, name, notes, loaded } = await prepared(t, server);
    place.configure({ tables: ['a', 'b'] });
    await server.run(
      `UPDATE ${name}.c SET v = 2`,
      `INSERT INTO ${name}.c VALUES (2, 2)`,
      `INSERT INTO ${name}.a VALUES (2, 2)`,
    );
    await place.expectEqual();
    await server.run(`DELETE FROM ${name}.c WHERE id = 1`, `UPDATE ${name}.a SET v = 3`);
    place.configure({ tables: ['a', 'b', 'c'] });
    await place.expectEqual();
    deepEqual(loaded(), [], 'its part of the log is still there');
    deepEqual(await place.rows('SELECT id, v FROM c'), [['2', '2']]);
    const ops = 'SELECT _firn_op FROM c_ledger ORDER BY _firn_seq, _firn_row';
    deepEqual((await place.rows(ops)).flat(), ['u', 'c', 'd']);
    const twice = await place.rows(
      'SELECT id FROM a_ledger GROUP BY id, _firn_seq, _firn_row HAVING count(*) > 1',
    );
    deepEqual(twice, [], 'what the others read once more for its sake is there once');

    // Away for longer than the log is kept; a halted table is the same.
    place.configure({ tables: ['a', 'b'] });
    await server.run(`UPDATE ${name}.c SET v = 4`, `ALTER TABLE ${name}.b MODIFY v BIGINT`);
    deepEqual(await place.once(), ['b']);
    await server.run(`INSERT INTO ${name}.b VALUES (5, 5)`, `INSERT INTO ${name}.a VALUES (5, 5)`);
    deepEqual(await place.once(), ['b']);
    await purgeLog(server);
    place.configure({ tables: ['a', 'b', 'c'] });
    await server.run(`INSERT INTO ${name}.a VALUES (6, 6)`);
    await place.expectEqual(['b']);
    deepEqual(loaded(), ['c'], 'the tables whose log is still there go on');
    match(notes(), /keeps its log from \S+ on; changes from \S+:\d+ on are gone/);
    equal(notes().includes('Epoch'), false, notes());
    deepEqual(await place.halts(), { b: 'SOURCE-STATEMENT-LOGGED' });
    await place.request('bootstrap', 'b');
    await place.expectEqual();
  });

  test(`${flavour}: log purged, then reset, while away (spec: Y3)`, { skip }, async (t) => {
    const server = await start();
    const { place, name, notes, loaded } = await prepared(t, server);
    await server.run(`INSERT INTO ${name}.a VALUES (2, 2)`);
    await purgeLog(server);
    await server.run(`DELETE FROM ${name}.a WHERE id = 1`);
    await place.expectEqual();
    match(notes(), /keeps its log from \S+ on; changes from \S+:\d+ on are gone/);
    deepEqual(loaded().toSorted(), ['a', 'b', 'c']);
    await place.expectEqual();
    deepEqual(loaded(), []);

    await server.run(`INSERT INTO ${name}.b VALUES (3, 3)`);
    await server.run(flavour === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER');
    await server.run(`UPDATE ${name}.b SET v = 4`, `INSERT INTO ${name}.c VALUES (4, 4)`);
    await place.expectEqual();
    match(notes(), /Epoch 2 starts, and every table is loaded again/);
    deepEqual(loaded().toSorted(), ['a', 'b', 'c']);
    await server.run(`UPDATE ${name}.b SET v = 5`);
    await place.expectEqual();
    deepEqual(loaded(), []);

    // Once more, under a reader that follows.
    const run = await place.start();
    await server.run(`INSERT INTO ${name}.b VALUES (6, 6)`);
    await run.saw(({ kind }) => kind === 'committed');
    const reset = flavour === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER';
    await server.run(reset, `INSERT INTO ${name}.b VALUES (7, 7)`, `DELETE FROM ${name}.a`);
    await run.saw((event) => event.kind === 'started' && event.epoch === 3);
    await run.stop();
    await place.expectEqual();
  });

  test(`${flavour}: the log under another name (spec: Y3)`, { skip }, async (t) => {
    const server = await start();
    const { place, name, notes, loaded } = await prepared(t, server);
    await server.restart(['log_bin=renamed', 'log_bin_index=renamed']);
    await server.run(`INSERT INTO ${name}.b VALUES (3, 3)`);
    await place.expectEqual();
    match(notes(), /Epoch 2 starts/);
    if (flavour === 'mysql') deepEqual(loaded(), [], 'GTIDs say where it goes on');
    await server.run(`UPDATE ${name}.b SET v = 5`);
    await place.expectEqual();
    await server.restart(['log_bin=binlog', 'log_bin_index=binlog']);
  });

  test(`${flavour}: an older copy of the data folder (spec: Y3)`, { skip }, async (t) => {
    const server = await start();
    const { place, name, notes } = await prepared(t, server);
    const copy = `${server.folder}-copy`;
    t.after(() => rm(copy, { recursive: true, force: true }));
    await server.stop();
    await cp(server.folder, copy, { recursive: true });
    await server.restart();
    await server.run(
      `INSERT INTO ${name}.a VALUES (2, 2), (3, 3)`,
      `UPDATE ${name}.b SET v = 7`,
      `INSERT INTO ${name}.c VALUES (9, 9)`,
    );
    await place.expectEqual();
    await server.stop();
    await rm(server.folder, { recursive: true });
    await cp(copy, server.folder, { recursive: true });
    await server.restart();
    // Grown past the old end, with the same numbers of transactions.
    await server.run(`INSERT INTO ${name}.a VALUES (2, 20)`, `INSERT INTO ${name}.b VALUES (4, 4)`);
    for (let id = 10; id < 20; id++) await server.run(`INSERT INTO ${name}.c VALUES (${id}, 0)`);
    await place.expectEqual();
    match(notes(), /Epoch 2 starts, and every table is loaded again/);
    deepEqual(await place.rows('SELECT id, v FROM a ORDER BY id'), [
      ['1', '1'],
      ['2', '20'],
    ]);
  });
}
