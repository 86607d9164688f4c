/** The lane's servers are what the other live tests take them for. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { Fault } from './support/fault-proxy.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import {
  createDatabase,
  openLiveServer,
  skipWithout,
  startPrivateServer,
} from './support/live-server.ts';
import { createWriterTables, startWriter } from './support/live-writer.ts';

for (const flavour of SERVER_FLAVOURS) {
  test(`${flavour} logs whole rows with names`, { skip: skipWithout(flavour) }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const rows = await server.query(
      'SELECT @@log_bin, @@binlog_format, @@binlog_row_image, @@binlog_row_metadata',
    );
    deepEqual(Object.values(rows[0] ?? {}).map(String), ['1', 'ROW', 'FULL', 'FULL']);
    match(server.version, flavour === 'mysql' ? /^(?:8|9)\./ : /MariaDB/);
  });

  test(`${flavour}: a user reads its database only`, { skip: skipWithout(flavour) }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const database = await createDatabase(t, server);
    await server.run(
      `CREATE TABLE ${database.name}.t (id BIGINT PRIMARY KEY)`,
      `INSERT INTO ${database.name}.t VALUES (9007199254740993)`,
    );
    const { host, port } = server;
    const { user, password, name } = database;
    const connection = await createConnection({ host, port, user, password, database: name });
    t.after(() => connection.destroy());
    const [rows] = await connection.query('SELECT CAST(id AS CHAR) AS id FROM t');
    deepEqual(rows, [{ id: '9007199254740993' }]);
    await rejects(connection.query('INSERT INTO t VALUES (2)'), /denied/);
    await rejects(connection.query('SELECT * FROM mysql.user'), /denied/);
  });

  test(
    `${flavour}: a private server keeps what was committed through kill -9`,
    {
      skip: skipWithout(flavour),
    },
    async (t) => {
      const server = await startPrivateServer(t, flavour, ['max_binlog_size=4096']);
      await server.run('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)');
      await server.run('INSERT INTO d.t VALUES (1), (2)');
      const first = server.pid;
      await server.stop('SIGKILL');
      await server.restart(['max_binlog_size=8192']);
      const [row] = await server.query('SELECT count(*) AS n, @@max_binlog_size AS size FROM d.t');
      equal(`${String(row?.['n'])} ${String(row?.['size'])}`, '2 8192');
      equal(server.pid === first, false);
    },
  );
}

for (const flavour of SERVER_FLAVOURS) {
  test(
    `${flavour}: a writer writes through a killed server`,
    {
      skip: skipWithout(flavour),
    },
    async (t) => {
      const server = await startPrivateServer(t, flavour);
      await server.run('CREATE DATABASE d');
      await createWriterTables(server, 'd');
      const wish = { database: 'd', seed: 1, sessions: 3, transactionsMax: 100_000, pauseMs: 0 };
      const writer = await startWriter(t, server, wish);
      await writer.more(100);
      await server.stop('SIGKILL');
      await server.restart();
      await writer.more(100);
      equal((await writer.stop()) >= 200, true);
    },
  );
}

test('a proxy cuts, flips, and falls silent at a byte', async (t) => {
  const text = Buffer.from('0123456789'.repeat(100));
  const listener = createServer((socket) => {
    // The proxy resets this connection too.
    socket.on('error', () => undefined).end(text);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  const { port } = listener.address() as AddressInfo;
  const proxy = await startFaultProxy(t, { host: '127.0.0.1', port });
  const faults: readonly Fault[] = [
    { kind: 'none' },
    { kind: 'cut', afterBytes: 137 },
    { kind: 'flip', atByte: 7, mask: 1 },
    { kind: 'silent', afterBytes: 11 },
    { kind: 'slow', bytesPerSec: 10_000 },
  ];
  proxy.plan((index) => faults[index] ?? { kind: 'none' });
  const read = async (): Promise<Buffer> => {
    const socket = connect(proxy.port, '127.0.0.1');
    t.after(() => socket.destroy());
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece)).on('error', () => undefined);
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    await Promise.race([closed, sleep(300)]);
    return Buffer.concat(pieces);
  };
  deepEqual(await read(), text);
  deepEqual(await read(), text.subarray(0, 137));
  equal((await read()).subarray(0, 10).toString(), '0123456689');
  equal((await read()).toString(), '01234567890');
  deepEqual(await read(), text);
});
