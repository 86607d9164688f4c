/**
 * The servers of the live lane as tests see them: SQL as root, databases and users that are gone
 * after the test, and private servers for what would disturb the other tests (kill, purge, reset).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import mysql from 'mysql2/promise';
import { endServer, freePort, startServer } from '../../../tools/servers/database-server.ts';
import { FOLDER_VARIABLE, URL_VARIABLES } from '../../../tools/servers/lane-servers.ts';
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';
import { ensurePrograms } from '../../../tools/servers/server-programs.ts';
import { grantsFor } from './documented-grants.ts';

/** One row of an answer: column to value (64-bit integers, decimals and times as text). */
export type Row = Readonly<Record<string, unknown>>;

/** A server that runs. */
export interface LiveServer {
  readonly flavour: ServerFlavour;
  readonly host: string;
  readonly port: number;
  /** For example `9.7.2` or `10.11.18-MariaDB-0+deb12u1-log`. */
  readonly version: string;
  /** Address of a user with all privileges. */
  readonly rootUrl: string;
  /** One statement as root, on a connection that all calls share (session settings stay). */
  query(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Statements as root, one after the other. */
  run(...statements: readonly string[]): Promise<void>;
  /** One more connection as root; ended by the caller or with the test. */
  connect(): Promise<mysql.Connection>;
}

/** A database of one test and the user that Firn reads it with. */
export interface LiveDatabase {
  readonly name: string;
  /** Address of the least-privileged user, with the database: what `firn run` takes. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** A server of a test's own. */
export interface PrivateServer extends LiveServer {
  readonly folder: string;
  readonly pid: number;
  /** Ends it in order (SIGTERM) or at once (SIGKILL), and waits for its end. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same data and port; more options come after the first ones. */
  restart(moreOptions?: readonly string[]): Promise<void>;
}

let counter = 0;

/** A name that no other test of this run has, at most 32 characters long. */
export function uniqueName(prefix: string): string {
  counter += 1;
  return `${prefix}_${process.pid.toString(36)}_${counter}_${performance.now().toFixed(0)}`;
}

/** Why a test of a flavour is skipped, or `false`: for the option `skip` of `test()`. */
export function skipWithout(flavour: ServerFlavour): string | false {
  const variable = URL_VARIABLES[flavour];
  const url = process.env[variable];
  return url === undefined || url === '' ? `no ${flavour}: ${variable} is not set` : false;
}

class Session {
  readonly #url: URL;
  readonly #open = new Set<mysql.Connection>();
  #shared: mysql.Connection | null = null;

  constructor(url: URL) {
    this.#url = url;
  }

  async connect(): Promise<mysql.Connection> {
    const connection = await mysql.createConnection({
      host: this.#url.hostname,
      port: Number(this.#url.port === '' ? '3306' : this.#url.port),
      user: decodeURIComponent(this.#url.username),
      password: decodeURIComponent(this.#url.password),
      charset: 'utf8mb4',
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
    });
    // A server that a test kills breaks its connections: the next query says so.
    connection.on('error', () => undefined);
    this.#open.add(connection);
    return connection;
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    this.#shared ??= await this.connect();
    const [rows] = await this.#shared.query<mysql.RowDataPacket[]>({ sql, values: [...values] });
    return Array.isArray(rows) ? rows : [];
  }

  /** Forgets all connections; the next query makes a new one. */
  close(): void {
    for (const connection of this.#open) connection.destroy();
    this.#open.clear();
    this.#shared = null;
  }
}

function liveServer(
  session: Session,
  server: { readonly flavour: ServerFlavour; readonly url: URL; readonly version: string },
): LiveServer {
  const { flavour, url, version } = server;
  return {
    flavour,
    host: url.hostname,
    port: Number(url.port === '' ? '3306' : url.port),
    version,
    rootUrl: url.href,
    query: async (sql, values) => session.query(sql, values),
    run: async (...statements) => {
      for (const statement of statements) await session.query(statement);
    },
    connect: async () => session.connect(),
  };
}

/** The lane's server of a flavour, shared with other tests; its connections end with the test. */
export async function openLiveServer(t: TestContext, flavour: ServerFlavour): Promise<LiveServer> {
  const url = new URL(process.env[URL_VARIABLES[flavour]] ?? '');
  const session = new Session(url);
  t.after(() => session.close());
  const [row] = await session.query('SELECT version() AS version');
  return liveServer(session, { flavour, url, version: String(row?.['version']) });
}

async function dropAll(server: LiveServer, things: readonly string[]): Promise<void> {
  // A connection of its own: the shared one may have ended, and would be opened again for ever.
  const connection = await server.connect().catch(() => null);
  // A test may have ended its private server.
  if (connection === null) return;
  for (const thing of things) await connection.query(`DROP ${thing}`);
  connection.destroy();
}

/**
 * An empty database, and a user with exactly the documented grants on it. Both are dropped after
 * the test.
 */
export async function createDatabase(t: TestContext, server: LiveServer): Promise<LiveDatabase> {
  const name = uniqueName('live');
  const user = `${name}_firn`.slice(-32);
  const password = 'firn %&"secret';
  await server.run(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  t.after(async () =>
    dropAll(server, [`DATABASE IF EXISTS ${name}`, `USER IF EXISTS '${user}'@'%'`]),
  );
  const statements = grantsFor({ flavour: server.flavour, database: name, user, password });
  await server.run(...statements);
  const secret = encodeURIComponent(password);
  const where = `${server.host}:${server.port}/${name}`;
  const url = `${server.flavour}://${user}:${secret}@${where}?tls=off`;
  return { name, url, user, password };
}

/**
 * A server of the test's own, on a free port, with more lines for its options file. It is ended
 * after the test.
 */
export async function startPrivateServer(
  t: TestContext,
  flavour: ServerFlavour,
  options: readonly string[] = [],
): Promise<PrivateServer> {
  const answer = await ensurePrograms(flavour);
  if (answer.kind === 'absent') throw new Error(`no ${flavour}: ${answer.reason}`);
  const parent = process.env[FOLDER_VARIABLE] ?? tmpdir();
  const folder = mkdtempSync(join(parent, 'private-'));
  const port = await freePort();
  const small = ['innodb_buffer_pool_size=64M'];
  const wish = { programs: answer.programs, folder, port, serverId: port };
  let lines = [...small, ...options];
  let running = await startServer({ ...wish, options: lines });
  const url = new URL(`${flavour}://root@127.0.0.1:${port}`);
  const session = new Session(url);
  const stop = async (signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    session.close();
    await endServer(running.pid, signal);
  };
  t.after(async () => {
    await stop('SIGKILL');
    // Hundreds of megabytes for each.
    rmSync(folder, { recursive: true, force: true });
  });
  const { version } = running;
  return {
    ...liveServer(session, { flavour, url, version }),
    folder,
    get pid() {
      return running.pid;
    },
    stop,
    restart: async (moreOptions = []) => {
      await stop();
      lines = [...lines, ...moreOptions];
      running = await startServer({ ...wish, options: lines });
    },
  };
}
