/**
 * `firn run --once` on real servers: it ends where the log ended, also where no transaction stands
 * there, and while somebody goes on writing.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { LivePlace } from './support/live-place.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';
import { sharedServer } from './support/mysql-world.ts';

const COLUMNS = '(id INT PRIMARY KEY AUTO_INCREMENT, v INT)';

/** Longest that catching up with next to nothing may take. */
const SOON_MS = 60_000;

for (const flavour of SERVER_FLAVOURS) {
  // A server of its own: nobody else's transactions may end the log.
  const start = sharedServer(flavour);
  const skip = skipWithout(flavour);

  test(`${flavour}: a log that ends without a transaction (spec: Y2)`, { skip }, async (t) => {
    const server = await start();
    const database = await createDatabase(t, server);
    const { name } = database;
    await server.run(`CREATE TABLE ${name}.a ${COLUMNS}`, `INSERT INTO ${name}.a (v) VALUES (1)`);
    const place = new LivePlace(t, { server, database, tables: ['a', 'b'] });
    await server.run(`CREATE TABLE ${name}.b ${COLUMNS}`, `INSERT INTO ${name}.b (v) VALUES (1)`);
    for (const statements of [
      ['FLUSH BINARY LOGS'],
      [`INSERT INTO ${name}.b (v) VALUES (2)`, 'FLUSH BINARY LOGS', 'FLUSH BINARY LOGS'],
    ]) {
      await server.run(...statements);
      const begunMs = performance.now();
      await place.expectEqual();
      const tookMs = performance.now() - begunMs;
      ok(tookMs < SOON_MS, `${tookMs} ms`);
    }
    // One that is loaded again: its ledger stands at the last transaction, and nothing comes.
    await server.run('FLUSH BINARY LOGS');
    await place.request('bootstrap', 'b');
    ok(place.events.some(({ kind }) => kind === 'published'));
    await place.expectEqual();
    // A table that is loaded while nothing at all happens at the server.
    await server.run(`CREATE TABLE ${name}.c ${COLUMNS}`, `INSERT INTO ${name}.c (v) VALUES (7)`);
    await server.run('FLUSH BINARY LOGS');
    place.configure({ tables: ['a', 'b', 'c'] });
    await place.expectEqual();
    deepEqual(await place.rows('SELECT v FROM c'), [['7']]);
  });

  test(`${flavour}: it ends under a writer that does not (spec: L16)`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const database = await createDatabase(t, server);
    const { name } = database;
    await server.run(`USE ${name}`, `CREATE TABLE a ${COLUMNS}`, 'INSERT INTO a (v) VALUES (1)');
    for (let doublings = 0; doublings < 15; doublings++) {
      await server.run('INSERT INTO a (v) SELECT v FROM a');
    }
    const writer = await server.connect();
    await writer.query(`USE ${name}`);
    const state = { stopped: false, rounds: 0 };
    const writing = (async () => {
      for (; !state.stopped; state.rounds++) {
        await writer.query(`UPDATE a SET v = v + 1 WHERE id = ${1 + (state.rounds % 3000)}`);
        await writer.query('INSERT INTO a (v) VALUES (5)');
      }
    })();
    const place = new LivePlace(t, { server, database, tables: ['a'] });
    deepEqual(await place.once(), [], 'loaded');
    const { tables } = await place.status();
    equal(tables[0]?.state, 'streaming');
    const before = state.rounds;
    deepEqual(await place.once(), [], 'caught up');
    ok(state.rounds > before, 'the writer went on');
    state.stopped = true;
    await writing;
    writer.destroy();
    await place.expectEqual();
  });
}
