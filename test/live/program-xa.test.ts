/**
 * XA transactions: their rows stand in the log where they are prepared and are there from the
 * commit on, so that no table is read on as if nothing had happened.
 */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { openConnection } from '../../src/sources/mysql/connection.ts';
import { logEnd, withConnection } from '../../src/sources/mysql/log/log-status.ts';
import { findPrepared } from '../../src/sources/mysql/log/prepared-scan.ts';
import { LivePlace } from './support/live-place.ts';
import { createDatabase, skipWithout } from './support/live-server.ts';
import type { LiveServer } from './support/live-server.ts';
import { purgeLog, sharedServer } from './support/mysql-world.ts';

const COLUMNS = '(id INT PRIMARY KEY, v INT)';

/** Prepares an XA transaction with one row in a table, on a connection that then ends. */
async function prepareXa(server: LiveServer, table: string, xid: string, id = 9): Promise<void> {
  const connection = await server.connect();
  if (server.flavour === 'mysql') {
    await connection.query('SET SESSION binlog_transaction_compression = ON');
  }
  await connection.query(`XA START '${xid}'`);
  await connection.query(`INSERT INTO ${table} VALUES (${id}, 9)`);
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
    // Its PREPARE stands in the log before the place where reading began.
    deepEqual(await place.once(), ['t']);
    deepEqual(await place.halts(), { t: 'SOURCE-XA' });
    await place.request('bootstrap', 't');
    await place.expectEqual();
    deepEqual(await place.rows('SELECT id FROM t'), [['9']]);
  });

  test(`${flavour}: the PREPARE far back, or gone (spec: Y8)`, { skip }, async (t) => {
    const server = await start();
    const database = await createDatabase(t, server);
    const { name } = database;
    await server.run(
      ...['t', 'o', 'other'].map((table) => `CREATE TABLE ${name}.${table} ${COLUMNS}`),
    );
    // The id was used before, for another table.
    await prepareXa(server, `${name}.o`, `${name}-d`);
    await server.run(`XA ROLLBACK '${name}-d'`, 'FLUSH BINARY LOGS');
    await prepareXa(server, `${name}.t`, `${name}-d`);
    await prepareXa(server, `${name}.other`, `${name}-e`);
    await server.run('FLUSH BINARY LOGS', `INSERT INTO ${name}.o VALUES (5, 5)`);
    await server.run('FLUSH BINARY LOGS');
    const place = new LivePlace(t, { server, database, tables: ['t', 'o'] });
    await place.expectEqual();
    await server.run(`XA COMMIT '${name}-e'`, `INSERT INTO ${name}.o VALUES (1, 1)`);
    await place.expectEqual();
    await prepareXa(server, `${name}.t`, `${name}-f`, 10);
    await server.run(`XA COMMIT '${name}-d'`, `INSERT INTO ${name}.o VALUES (2, 2)`);
    deepEqual(await place.once(), ['t']);
    await place.request('bootstrap', 't');
    await place.expectEqual();

    // Only so much of the log is looked through.
    const { host, port } = server;
    const root = { host, port, user: 'root', password: '', tls: { kind: 'off' } } as const;
    const connect = () => openConnection(root, systemClock);
    const before = await withConnection(connect, logEnd);
    const wanted = { xid: `X'${Buffer.from(`${name}-f`).toString('hex')}',X'',1`, before };
    const scan = { connect, clock: systemClock };
    deepEqual(await findPrepared(scan, wanted), [{ namespace: name, table: 't' }]);
    deepEqual(await findPrepared(scan, { ...wanted, bytesMax: before.offset - 1 }), null);

    // A table that is loaded behind the PREPARE, and a log that has lost it.
    const late = new LivePlace(t, { server, database, tables: ['t', 'o'] });
    await server.run('FLUSH BINARY LOGS');
    await late.expectEqual();
    await server.run('FLUSH BINARY LOGS', `INSERT INTO ${name}.o VALUES (6, 6)`);
    await late.expectEqual();
    await purgeLog(server);
    await server.run(`XA COMMIT '${name}-f'`, `INSERT INTO ${name}.o VALUES (7, 7)`);
    deepEqual(await late.once(), ['o', 't'], 'it may have changed any table');
    deepEqual(await late.halts(), { o: 'SOURCE-XA', t: 'SOURCE-XA' });
    for (const table of ['o', 't']) await late.request('bootstrap', table);
    await late.expectEqual();
    deepEqual(await late.rows('SELECT id FROM t ORDER BY id'), [['9'], ['10']]);
  });
}
