/**
 * A connection to MySQL or MariaDB that is logged in and has its session settings: small statements
 * one at a time, every failure told by a code. `takeSocket` gives the socket to a reader of its
 * own. Firn speaks the protocol itself: no query attributes, no session tracking and EOF packets at
 * the ends of columns and rows, because its login offers nothing newer.
 *
 * Whatever a server sends, a statement ends: by its answer, by a refusal, or by an error after
 * which the connection is closed. A server is never sent a file, whatever it asks for.
 */
import type { Socket } from 'node:net';
import { assert } from '../../kernel/assert.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { MysqlFlavour } from '../../mysql/mysql-column.ts';
import { connectionError, errorOfPacket, socketError } from './connection-failure.ts';
import { login } from './login.ts';
import type { Login, MysqlAddress } from './login.ts';
import { TextAnswer } from './text-answer.ts';
import type { TextRow } from './text-answer.ts';

/** Which server answered. */
export interface MysqlServer {
  readonly flavour: MysqlFlavour;
  /** As the server says it: `9.7.4`, `10.11.14-MariaDB-0+deb12u2-log`. */
  readonly versionText: string;
  /** `major * 10000 + minor * 100 + patch`: 90704, 101114. */
  readonly version: number;
}

/** How long one of Firn's own small statements may take. */
const QUERY_MS_MAX = 60_000;

/** Bytes one small statement may answer; reads of tables use the socket. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

const COM_QUIT = 1;
const COM_QUERY = 3;

/** Mark of an error packet, which a server also sends unasked before it closes a connection. */
const ERROR = 0xff;

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

/** A statement that waits for its answer. */
interface Pending {
  readonly answer: TextAnswer;
  readonly resolve: (rows: readonly TextRow[]) => void;
  readonly reject: (error: FirnError) => void;
}

/** A connection that is logged in. One statement at a time. */
export class MysqlConnection {
  readonly #socket: Socket;
  readonly #id: number;
  readonly #where: string;
  readonly #clock: Clock;
  readonly #queryMsMax: number;
  #server: MysqlServer | null = null;
  #taken = false;
  #pending: Pending | null = null;
  #failure: FirnError | null = null;

  constructor({ socket, id }: Login, address: MysqlAddress, clock: Clock) {
    this.#socket = socket;
    this.#id = id;
    this.#where = `${address.host}:${address.port}`;
    this.#clock = clock;
    this.#queryMsMax = address.queryMsMax ?? QUERY_MS_MAX;
    socket.on('data', (chunk: Uint8Array) => this.#arrived(chunk));
    socket.on('error', (error) => this.#fail(socketError(error, this.#where)));
    socket.on('close', () => this.#fail(this.#closed()));
    socket.resume();
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
    return this.#id;
  }

  /** Whether the socket still stands as far as this side knows. */
  get isOpen(): boolean {
    return !this.#taken && this.#failure === null && !this.#socket.destroyed;
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
   * @throws {FirnError} SOURCE-UNREACHABLE, SOURCE-TIMEOUT, SOURCE-PRIVILEGE,
   *   SOURCE-ANSWER-MALFORMED, SOURCE-FAILED with the server's error number in `cause`
   */
  async query(sql: string): Promise<readonly TextRow[]> {
    assert(!this.#taken, 'the socket still belongs to the connection');
    assert(this.#pending === null, 'a connection runs one statement at a time');
    if (this.#failure !== null) throw this.#failure;
    const answered = new AbortController();
    const rows = new Promise<readonly TextRow[]>((resolve, reject) => {
      this.#pending = { answer: new TextAnswer(ANSWER_BYTES_MAX), resolve, reject };
    });
    void this.#limitTime(answered.signal);
    this.#socket.write(commandPacket(COM_QUERY, Buffer.from(sql)));
    try {
      return await rows;
    } finally {
      answered.abort();
    }
  }

  /** Gives the socket away; the connection is of no more use. See {@link takeSocket}. */
  release(): Socket {
    assert(!this.#taken && this.#server !== null, 'the connection is prepared and whole');
    assert(this.#pending === null, 'no statement is under way');
    if (this.#failure !== null) throw this.#failure;
    this.#taken = true;
    const socket = this.#socket;
    socket.pause();
    for (const event of ['data', 'close', 'error']) socket.removeAllListeners(event);
    return socket;
  }

  /** Says goodbye and closes. */
  close(): Promise<void> {
    const socket = this.#socket;
    if (this.#taken || socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.end(commandPacket(COM_QUIT, new Uint8Array(0)), () => socket.destroy());
    });
  }

  /** Cuts the connection at once. */
  destroy(): void {
    this.#socket.destroy();
  }

  #arrived(chunk: Uint8Array): void {
    const pending = this.#pending;
    if (pending === null) return this.#fail(this.#unasked(chunk));
    try {
      const end = pending.answer.take(chunk);
      if (end === null) return;
      this.#pending = null;
      if (end.kind === 'rows') pending.resolve(end.rows);
      else pending.reject(connectionError(end.error, this.#where));
    } catch (error) {
      this.#fail(placed(error, this.#where));
    }
  }

  /** An answer that is still under way would be taken for the next statement's. */
  async #limitTime(answered: AbortSignal): Promise<void> {
    await this.#clock.sleep(this.#queryMsMax, answered);
    if (answered.aborted) return;
    const what = `The server did not answer a statement within ${this.#queryMsMax / 1000} s`;
    this.#fail(new FirnError('SOURCE-TIMEOUT', { what, where: this.#where }));
  }

  /** Nobody asked: the server's last word on this connection, or somebody else's. */
  #unasked(chunk: Uint8Array): FirnError {
    if (chunk[4] === ERROR) return connectionError(errorOfPacket(chunk.subarray(4)), this.#where);
    const what = 'The server speaks without being asked';
    return new FirnError('SOURCE-ANSWER-MALFORMED', { what, where: this.#where });
  }

  #fail(error: FirnError): void {
    this.#failure ??= error;
    this.#socket.destroy();
    const pending = this.#pending;
    this.#pending = null;
    pending?.reject(error);
  }

  #closed(): FirnError {
    const what = 'The connection was closed';
    return new FirnError('SOURCE-UNREACHABLE', { what, where: this.#where });
  }
}

/**
 * Connects, logs in and sets the session.
 *
 * @throws {FirnError} SOURCE-UNREACHABLE, SOURCE-LOGIN-REFUSED, SOURCE-TLS, SOURCE-TIMEOUT and what
 *   {@link MysqlConnection.query} throws
 */
export async function openConnection(
  address: MysqlAddress,
  clock: Clock = systemClock,
): Promise<MysqlConnection> {
  const connection = new MysqlConnection(await login(address), address, clock);
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

function placed(error: unknown, where: string): FirnError {
  if (!(error instanceof FirnError)) return connectionError(error, where);
  return new FirnError(error.code, { what: error.what, where });
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
