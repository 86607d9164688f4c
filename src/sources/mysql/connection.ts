/**
 * A connection to MySQL or MariaDB: address, TLS, login and session settings are mysql2's, every
 * failure is told by a code. `takeSocket` gives the authenticated socket to a reader of its own,
 * which then speaks the protocol alone: no query attributes, no session tracking and EOF packets
 * at the ends of columns and rows, because this client offers nothing newer.
 *
 * A server can ask any client for a local file (LOAD DATA LOCAL); this one does not offer it.
 */
import { Socket, isIP } from 'node:net';
import { createConnection } from 'mysql2';
import type { Connection, ConnectionOptions } from 'mysql2';
import { assert } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { MysqlFlavour } from '../../mysql/mysql-column.ts';
import { connectionError } from './connection-failure.ts';

/** How the server's certificate is looked at. */
export type MysqlTls =
  /** Nothing is encrypted. For a server on the same machine or in a tunnel. */
  | { readonly kind: 'off' }
  /** The certificate must come from `ca` (PEM), or from a public authority when it is `null`. */
  | {
      readonly kind: 'verify';
      readonly ca: string | null;
      /**
       * Whether it must also carry the host's name. Certificates that MySQL makes for itself do
       * not.
       */
      readonly hostName: boolean;
    };

/** Where a server is and who asks. */
export interface MysqlAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly tls: MysqlTls;
  /** Until login is through; 15 s when left out. */
  readonly connectMsMax?: number;
}

/** Which server answered. */
export interface MysqlServer {
  readonly flavour: MysqlFlavour;
  /** As the server says it: `9.7.4`, `10.11.14-MariaDB-0+deb12u2-log`. */
  readonly versionText: string;
  /** `major * 10000 + minor * 100 + patch`: 90704, 101114. */
  readonly version: number;
}

/** A row of an answer: each value as text, `null` for NULL. */
export type TextRow = readonly (string | null)[];

/** Until login and session settings are through. */
const CONNECT_MS_MAX = 15_000;

/** How long one of Firn's own small statements may take. */
const QUERY_MS_MAX = 60_000;

/** Bytes one small statement may answer; reads of tables use the socket. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * What mysql2 would offer and Firn does not want. Without query attributes a COM_QUERY is one byte
 * and the statement.
 */
const FLAGS_OFF = [
  '-LOCAL_FILES',
  '-ODBC',
  '-FOUND_ROWS',
  '-IGNORE_SPACE',
  '-SESSION_TRACK',
  '-CLIENT_QUERY_ATTRIBUTES',
];

/**
 * The session: UTF-8 both ways, UTC, plain string escapes, and nothing that waits or is cut off by
 * a server's own defaults. A lock that another statement holds on a table is waited for a minute.
 */
const SESSION = [
  "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', autocommit = 1",
  'sql_auto_is_null = 0, lock_wait_timeout = 60, wait_timeout = 28800',
  'net_read_timeout = 600, net_write_timeout = 600',
].join(', ');

const SESSION_OF_FLAVOUR = {
  mysql: 'SET SESSION max_execution_time = 0',
  mariadb: 'SET SESSION max_statement_time = 0',
} as const satisfies Record<MysqlFlavour, string>;

/** A connection that is logged in. One statement at a time. */
export class MysqlConnection {
  readonly #connection: Connection;
  readonly #socket: Socket;
  readonly #where: string;
  #server: MysqlServer | null = null;
  #taken = false;
  #bytesBefore = 0;

  constructor(connection: Connection, where: string) {
    const socket: unknown = Reflect.get(connection, 'stream');
    assert(socket instanceof Socket, 'mysql2 keeps its socket as `stream`');
    this.#connection = connection;
    this.#socket = socket;
    this.#where = where;
    // Failures come through the statement that runs; between statements the next one fails.
    connection.on('error', ignore);
    socket.on('data', () => this.#boundAnswer());
  }

  /** Host and port, without secrets. */
  get where(): string {
    return this.#where;
  }

  get server(): MysqlServer {
    assert(this.#server !== null, 'the connection was prepared');
    return this.#server;
  }

  /** Id of the session at the server. */
  get id(): number {
    return this.#connection.threadId;
  }

  /** Whether the socket still stands as far as this side knows. */
  get isOpen(): boolean {
    return !this.#taken && !this.#socket.destroyed;
  }

  /** Learns who answers and sets the session. Called once, by {@link openConnection}. */
  async prepare(): Promise<void> {
    const [row] = await this.query('SELECT VERSION(), @@version_comment');
    this.#server = readServer(row?.[0] ?? '', row?.[1] ?? '');
    await this.query(SESSION);
    await this.query(SESSION_OF_FLAVOUR[this.#server.flavour]);
  }

  /**
   * Runs one statement and gives all its rows.
   *
   * @throws {FirnError} SOURCE-UNREACHABLE, SOURCE-TIMEOUT, SOURCE-PRIVILEGE, SOURCE-FAILED with
   *   the server's error number in `cause`
   */
  query(sql: string): Promise<readonly TextRow[]> {
    assert(!this.#taken, 'the socket still belongs to the connection');
    this.#bytesBefore = this.#socket.bytesRead;
    return new Promise((resolve, reject) => {
      const statement = { sql, timeout: QUERY_MS_MAX, rowsAsArray: true };
      const typeCast = (field: { string(): string | null }): string | null => field.string();
      this.#connection.query({ ...statement, typeCast }, (error, rows) => {
        if (error === null) return resolve(Array.isArray(rows) ? (rows as TextRow[]) : []);
        const coded = connectionError(error, this.#where);
        // An answer that is still under way would be taken for the next statement's.
        if (coded.code === 'SOURCE-TIMEOUT') this.destroy();
        reject(coded);
      });
    });
  }

  /** Gives the socket away; the connection is of no more use. See {@link takeSocket}. */
  release(): Socket {
    assert(!this.#taken && this.#server !== null, 'the connection is prepared and whole');
    this.#taken = true;
    const socket = this.#socket;
    socket.pause();
    for (const event of ['data', 'end', 'close', 'error']) socket.removeAllListeners(event);
    return socket;
  }

  /** Says goodbye and closes. */
  close(): Promise<void> {
    if (this.#taken || this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#connection.end(() => this.#socket.destroy());
    });
  }

  /** Cuts the connection at once. */
  destroy(): void {
    this.#connection.destroy();
    this.#socket.destroy();
  }

  /** A server that answers without end must not fill the memory. */
  #boundAnswer(): void {
    if (this.#socket.bytesRead - this.#bytesBefore > ANSWER_BYTES_MAX) {
      this.#socket.destroy(new Error('The server answers more than a statement of Firn asks for'));
    }
  }
}

/**
 * Connects, logs in and sets the session.
 *
 * @throws {FirnError} SOURCE-UNREACHABLE, SOURCE-LOGIN-REFUSED, SOURCE-TLS, SOURCE-TIMEOUT and what
 *   {@link MysqlConnection.query} throws
 */
export async function openConnection(address: MysqlAddress): Promise<MysqlConnection> {
  const where = `${address.host}:${address.port}`;
  const raw = createConnection({
    host: address.host,
    port: address.port,
    user: address.user,
    password: address.password,
    connectTimeout: address.connectMsMax ?? CONNECT_MS_MAX,
    charset: 'utf8mb4_general_ci',
    keepAliveInitialDelay: 30_000,
    flags: FLAGS_OFF,
    connectAttributes: { program_name: 'firn' },
    ...tlsOptions(address),
  });
  await new Promise<void>((resolve, reject) => {
    raw.on('error', ignore);
    raw.connect((error) => {
      if (error === null) return resolve();
      raw.destroy();
      reject(connectionError(error, where));
    });
  });
  const connection = new MysqlConnection(raw, where);
  try {
    await connection.prepare();
  } catch (error) {
    connection.destroy();
    throw error;
  }
  return connection;
}

/**
 * The authenticated socket of a connection, paused, encrypted if the connection was, with no
 * listener on it. The caller listens to `error` and `close`, and destroys it. A packet is three
 * bytes of length, a sequence number that starts at 0 with each command, and its body
 * (`commandPacket`).
 */
export function takeSocket(connection: MysqlConnection): Socket {
  return connection.release();
}

/** One command as a packet: `code` is the command byte, below 16 MiB in all. */
export function commandPacket(code: number, body: Uint8Array): Buffer {
  const length = body.length + 1;
  assert(length < 0xff_ff_ff, 'a command of Firn fits one packet');
  const packet = Buffer.alloc(4 + length);
  packet.writeUIntLE(length, 0, 3);
  packet[4] = code;
  packet.set(body, 5);
  return packet;
}

function tlsOptions({ host, tls }: MysqlAddress): Pick<ConnectionOptions, 'ssl'> {
  if (tls.kind === 'off') return {};
  if (tls.hostName && isIP(host) !== 0) {
    throw new FirnError('SOURCE-TLS', {
      what: 'The server is given by its address, and a certificate is verified against a name',
      where: host,
      remedy:
        'Give the server by the name in its certificate, or verify only that the certificate comes from your own authority (tls: verify-ca and tlsCa).',
    });
  }
  const ca = tls.ca === null ? {} : { ca: tls.ca };
  return { ssl: { ...ca, minVersion: 'TLSv1.2', verifyIdentity: tls.hostName } };
}

function readServer(versionText: string, comment: string): MysqlServer {
  const isMariadb = /mariadb/i.test(versionText) || /mariadb/i.test(comment);
  // MariaDB before 11 may put `5.5.5-` before its version for old replicas.
  const [, major, minor, patch] =
    /^(?:5\.5\.5-(?=1\d))?(\d{1,3})\.(\d{1,2})(?:\.(\d{1,2}))?/.exec(versionText) ?? [];
  const part = (text: string | undefined): number => Number.parseInt(text ?? '0', 10);
  const version = part(major) * 10_000 + part(minor) * 100 + part(patch);
  return { flavour: isMariadb ? 'mariadb' : 'mysql', versionText, version };
}

function ignore(): void {
  // Told by the statement that fails.
}
