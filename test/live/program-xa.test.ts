/**
 * XA transactions: their rows stand in the log where they are prepared and are there from the
 * commit on, so that no table is read on as if nothing had happened.
 */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { LivePlace } from './support/live-place.ts';
import { createDatabase, skipWithout } from './support/live-server.ts';
import type { LiveServer } from './support/live-server.ts';
import { sharedServer } from './support/mysql-world.ts';

/** Prepares an XA transaction with one row in a table, on a connection that then ends. */
async function prepareXa(server: LiveServer, table: string, xid: string): Promise<void> {
  const connection = await server.connect();
  await connection.query(`XA START '${xid}'`);
  await connection.query(`INSERT INTO ${table} VALUES (9, 9)`);
  await connection.query(`XA END '${xid}'`);
  await connection.query(`XA PREPARE '${xid}'`);
  await connection.end();
}

for (const flavour of SERVER_FLAVOURS) {
  // A server of its own: a COMMIT whose PREPARE was not read stops every pipeline on a server.
  const start = sharedServer(flavour);
  const skip = skipWithout(flavour);

  test(`${flavour}: PREPARE read again after loading (spec: Y8)`, { skip }, async (t) => {
    const server = await start();
    const database = await createDatabase(t, server);
    const { name } = database;
    const xid = `${name}-b`;
    const columns = '(id INT PRIMARY KEY, v INT)';
    await server.run(...['t', 'o', 'h'].map((table) => `CREATE TABLE ${name}.${table} ${columns}`));
    const place = new LivePlace(t, { server, database, tables: ['t', 'o', 'h'] });
    await place.expectEqual();
    await server.run(`ALTER TABLE ${name}.h MODIFY v BIGINT`);
    await prepareXa(server, `${name}.t`, xid);
    deepEqual(await place.once(), ['h', 't']);
    await place.request('bootstrap', 't');
    // Another table goes on from before the PREPARE, so the stream reads that once more.
    await place.request('resume', 'h');
    await server.run(`XA COMMIT '${xid}'`, `INSERT INTO ${name}.o VALUES (1, 1)`);
    deepEqual(await place.once(), ['h', 't'], 'its rows came with the COMMIT, without row events');
    deepEqual(await place.halts(), { h: 'SOURCE-STATEMENT-LOGGED', t: 'SOURCE-XA' });
    for (const table of ['h', 't']) await place.request('bootstrap', table);
    await place.expectEqual();
    deepEqual(await place.rows('SELECT id FROM t'), [['9']]);
  });

  test(`${flavour}: XA prepared before the first start (spec: Y8)`, { skip }, async (t) => {
    const server = await start();
    const database = await createDatabase(t, server);
    const { name } = database;
    const xid = `${name}-c`;
    await server.run(
      `CREATE TABLE ${name}.t (id INT PRIMARY KEY, v INT)`,
      `CREATE TABLE ${name}.o (id INT PRIMARY KEY, v INT)`,
    );
    await prepareXa(server, `${name}.t`, xid);
    const place = new LivePlace(t, { server, database, tables: ['t', 'o'] });
    await place.expectEqual();
    await server.run(`XA COMMIT '${xid}'`, `INSERT INTO ${name}.o VALUES (1, 1)`);
    // Which tables it touched cannot be known: each says so.
    deepEqual(await place.once(), ['o', 't']);
    deepEqual(await place.halts(), { o: 'SOURCE-XA', t: 'SOURCE-XA' });
    for (const table of ['o', 't']) await place.request('bootstrap', table);
    await place.expectEqual();
    deepEqual(await place.rows('SELECT id FROM t'), [['9']]);
  });
}
