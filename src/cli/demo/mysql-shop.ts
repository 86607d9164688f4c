/**
 * The demo's shop on a MySQL or MariaDB server: the one it is given, or one that it starts. Its
 * database is emptied only when an earlier demo made it.
 */
import { createConnection } from 'mysql2/promise';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { FirnError } from '../../kernel/firn-error.ts';
import { parseServerAddress } from '../server-address.ts';
import type { DemoShop, ShopStore } from './demo-shop.ts';
import { PASSWORD_VARIABLE, SERVER_VARIABLE, SERVER_WORD } from './demo-shop.ts';

const DATABASE = 'firn_demo';
const MARKER = 'made_by_firn_demo';

const SCHEMA = [
  `CREATE TABLE customers (
    id INT AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    city VARCHAR(100) NOT NULL,
    points INT NOT NULL DEFAULT 0
  )`,
  `CREATE TABLE orders (
    id INT AUTO_INCREMENT PRIMARY KEY,
    customer_id INT NOT NULL,
    state VARCHAR(20) NOT NULL,
    total DECIMAL(10,2) NOT NULL,
    ordered_at DATETIME NOT NULL
  )`,
  `CREATE TABLE order_lines (
    order_id INT NOT NULL,
    line SMALLINT NOT NULL,
    article INT NOT NULL,
    quantity SMALLINT NOT NULL,
    price DECIMAL(8,2) NOT NULL,
    PRIMARY KEY (order_id, line)
  )`,
];

/** A server and what the demo does when it is over. */
export interface DemoServer {
  /** `mysql://USER:PASSWORD@HOST:PORT/DATABASE`; the user may create a database. */
  readonly address: string;
  /** Whether it was started by the demo, which ends it. */
  readonly end: () => Promise<void>;
}

async function connectTo(text: string): Promise<Connection> {
  const { host, port, user, password, tls } = parseServerAddress(text);
  const secret = password === null ? {} : { password };
  const secure = tls === 'off' ? {} : { ssl: { rejectUnauthorized: true } };
  try {
    return await createConnection({ host, port, user, ...secret, ...secure, charset: 'utf8mb4' });
  } catch (error) {
    const what = `the demo cannot reach the server: ${messageOf(error)}`;
    throw new FirnError('CONFIG-DEMO-SERVER', { what, where: `${host}:${port}`, cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function databaseOf(address: string): string {
  return parseServerAddress(address).database ?? DATABASE;
}

/** Opens the shop's database on the server at `address`. */
export async function openMysqlStore(address: string): Promise<ShopStore> {
  const connection = await connectTo(address);
  await connection.query(`USE \`${databaseOf(address)}\``);
  return {
    run: async (sql, values = []) => {
      const [result] = await connection.query<ResultSetHeader>(sql, [...values]);
      return result.insertId;
    },
    number: async (sql) => {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return Number.parseInt(String(Object.values(rows[0] ?? {})[0]), 10);
    },
    close: () => connection.end(),
  };
}

/** Makes an empty database for the shop; what an earlier demo left in it is removed. */
async function prepareDatabase(connection: Connection, database: string): Promise<void> {
  await connection.query(`CREATE DATABASE IF NOT EXISTS \`${database}\` CHARACTER SET utf8mb4`);
  await connection.query(`USE \`${database}\``);
  const [rows] = await connection.query<RowDataPacket[]>('SHOW TABLES');
  const tables = rows.map((row) => String(Object.values(row)[0]));
  if (tables.length > 0 && !tables.includes(MARKER)) {
    const what = 'the database is not empty and not from an earlier demo; nothing was touched';
    throw new FirnError('CONFIG-DEMO-SERVER', { what, where: database });
  }
  for (const table of ['order_lines', 'orders', 'customers']) {
    await connection.query(`DROP TABLE IF EXISTS ${table}`);
  }
  await connection.query(`CREATE TABLE IF NOT EXISTS ${MARKER} (id INT PRIMARY KEY)`);
}

/**
 * A shop in a database of `server`.
 *
 * @throws {FirnError} CONFIG-DEMO-SERVER when the server cannot be used, or the database is not the
 *   demo's
 */
export async function mysqlShop(server: DemoServer): Promise<DemoShop> {
  const { address } = server;
  const { host, port, user, password, tls } = parseServerAddress(address);
  const database = databaseOf(address);
  const connection = await connectTo(address);
  let version: string;
  try {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT version() AS version');
    version = String(rows[0]?.['version']);
    await prepareDatabase(connection, database);
  } finally {
    connection.destroy();
  }
  const mariadb = /^([\d.]+)-MariaDB/.exec(version)?.[1];
  return {
    kind: mariadb === undefined ? `MySQL ${version}` : `MariaDB ${mariadb}`,
    connector: mariadb === undefined ? 'mysql' : 'mariadb',
    where: `${database} on ${host}:${port}`,
    source: [
      'type: mysql',
      `host: ${JSON.stringify(host)}`,
      `port: ${port}`,
      `user: ${JSON.stringify(user)}`,
      ...(password === null ? [] : [`password: {env: ${PASSWORD_VARIABLE}}`]),
      `tls: ${tls === 'off' ? '"off"' : tls}`,
    ],
    prefix: `${database}.`,
    environment: {
      [SERVER_VARIABLE]: address,
      ...(password === null ? {} : { [PASSWORD_VARIABLE]: password }),
    },
    address: SERVER_WORD,
    schema: SCHEMA,
    advice: 'run mysql://USER:PASSWORD@HOST/DATABASE --into lake     your own server',
    open: () => openMysqlStore(address),
    close: server.end,
  };
}
