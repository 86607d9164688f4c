/** The lane's servers are what the other live tests take them for. */
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { createConnection } from 'mysql2/promise';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import {
  createDatabase,
  openLiveServer,
  skipWithout,
  startPrivateServer,
} from './support/live-server.ts';

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
