/** A server of the benchmark's own with the orders workload in it, ended with the benchmark. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import mysql from 'mysql2/promise';
import { endServer, freePort, startServer } from '../../tools/servers/database-server.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { ensurePrograms } from '../../tools/servers/server-programs.ts';
import type { ChangesWish } from './workload.ts';
import { ORDERS_TABLE, orderChanges, orderRows } from './workload.ts';

/** The server. */
export interface OrdersServer {
  readonly version: string;
  readonly pid: number;
  /** Empty, for lakes. */
  readonly folder: string;
  /** What Firn is given: the user has the documented grants only. */
  url(database: string): string;
  /** Command line client, as root. */
  readonly client: readonly string[];
  readonly sql: mysql.Connection;
  close(): Promise<void>;
}

/** Big enough to hold the workload in memory, so that the disk is not what is measured. */
const OPTIONS: Readonly<Record<ServerFlavour, readonly string[]>> = {
  mysql: ['innodb_redo_log_capacity=1G'],
  mariadb: ['innodb_log_file_size=1G'],
};

const USER = 'firn_bench';

/** Starts it, with a database `shop`. */
export async function startOrdersServer(flavour: ServerFlavour): Promise<OrdersServer> {
  const answer = await ensurePrograms(flavour);
  if (answer.kind === 'absent') throw new Error(`no ${flavour}: ${answer.reason}`);
  const { programs } = answer;
  const folder = mkdtempSync(join(tmpdir(), 'firn-bench-'));
  const port = await freePort();
  const shared = ['innodb_buffer_pool_size=2G', 'max_binlog_size=1G', 'default_time_zone=+00:00'];
  const server = await startServer({
    programs,
    folder: join(folder, 'server'),
    port,
    serverId: 7001,
    options: [...shared, 'max_connections=300', ...OPTIONS[flavour]],
  });
  const close = async (): Promise<void> => {
    await endServer(server.pid, 'SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const sql = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' });
    for (const statement of [
      "SET SESSION time_zone='+00:00'",
      'CREATE DATABASE shop',
      `CREATE USER ${USER}@'%' IDENTIFIED BY 'bench'`,
      `GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ${USER}@'%'`,
      'USE shop',
      ORDERS_TABLE,
    ]) {
      await sql.query(statement);
    }
    return {
      version: server.version,
      pid: server.pid,
      folder,
      url: (database) => `${flavour}://${USER}:bench@127.0.0.1:${port}/${database}?tls=off`,
      client: [...programs.client, '--no-defaults', '-h127.0.0.1', `-P${port}`, '-uroot'],
      sql,
      close: async () => {
        sql.destroy();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Loads rows 1 to `rows` without a trace in the log. */
export async function loadOrders(server: OrdersServer, rows: number): Promise<void> {
  const { sql } = server;
  await sql.query('SET SESSION sql_log_bin=0');
  await sql.query({
    sql: "LOAD DATA LOCAL INFILE 'orders' INTO TABLE orders CHARACTER SET utf8mb4",
    infileStreamFactory: () => Readable.from(orderRows(rows), { objectMode: false }),
  });
  await sql.query('SET SESSION sql_log_bin=1');
  await sql.query('ANALYZE TABLE orders');
}

/** Commits the transactions of changes. */
export async function playChanges(server: OrdersServer, wish: ChangesWish): Promise<void> {
  for (const statements of orderChanges(wish)) {
    await server.sql.query('BEGIN');
    for (const statement of statements) await server.sql.query(statement);
    await server.sql.query('COMMIT');
  }
}

/** Counts that tell two copies apart. */
export async function ordersDigest(server: OrdersServer): Promise<string> {
  const [rows] = await server.sql.query<mysql.RowDataPacket[]>(
    `SELECT concat_ws(' ', count(*), sum(amount), sum(quantity)) AS digest FROM orders`,
  );
  return String(rows[0]?.['digest']);
}
