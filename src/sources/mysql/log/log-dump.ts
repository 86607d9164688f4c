/**
 * The server's log as a run of bytes: session variables and the command of a replica, then the
 * socket's chunks through a bounded queue. A consumer that is slow makes the socket wait, and
 * through it the server; a server that is silent for too long counts as gone.
 */
import type { Socket } from 'node:net';
import { assert } from '../../../kernel/assert.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { mysqlGtids } from '../../../mysql/gtid-set.ts';
import type { GtidSet } from '../../../mysql/gtid-set.ts';
import { commandPacket, takeSocket } from '../connection.ts';
import type { MysqlConnection } from '../connection.ts';
import { connectionError, socketError } from '../connection-failure.ts';
import { TextAnswer } from '../text-answer.ts';

/** Where a dump starts. */
export type DumpStart =
  /** At an event of a file; `offset` below 4 GiB, or the file is sent from its start. */
  | { readonly kind: 'place'; readonly fileName: string; readonly offset: number }
  /** At the start of the file that holds the first transaction not in the set, without the rest. */
  | { readonly kind: 'after'; readonly gtids: GtidSet };

/** How the server is asked for its log. */
export interface DumpOptions {
  readonly clock: Clock;
  readonly start: DumpStart;
  /**
   * A reader that follows the log is known to the server by this; `null`: what is there now is read
   * to its end, under no id, so that no other reader is disturbed.
   */
  readonly follow: { readonly serverId: number; readonly replicaUuid: string } | null;
  /** A quiet server says this often that it is there; three times without a word it is gone. */
  readonly heartbeatMs: number;
}

const COM_BINLOG_DUMP = 0x12;
const COM_REGISTER_REPLICA = 0x15;
const COM_BINLOG_DUMP_GTID = 0x1e;
const FLAG_NON_BLOCKING = 1;
const HEADER_START = 4;
const POSITION_MAX = 2 ** 32 - 1;

/** Bytes that wait for the consumer before the socket is paused. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** Why a timer ends early. Without a reason of its own an abort makes an error, with a stack. */
const WOKEN = 'woken';

/** Bytes of the answer to a command without rows. */
const OK_BYTES_MAX = 64 * 1024;

/**
 * Starts a dump on a connection and takes the connection over.
 *
 * @throws {FirnError} what {@link MysqlConnection.query} throws
 */
export async function openDump(
  connection: MysqlConnection,
  options: DumpOptions,
): Promise<LogDump> {
  const { start, follow, heartbeatMs, clock } = options;
  const { flavour } = connection.server;
  await connection.query(sessionOf(options));
  if (flavour === 'mariadb') {
    await connection.query('SET @mariadb_slave_capability = 4');
    if (start.kind === 'after') {
      const state = start.gtids.format();
      await connection.query(
        `SET @slave_connect_state = '${state}', @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0`,
      );
    }
  }
  const { where } = connection;
  const socket = takeSocket(connection);
  const dump = new LogDump(socket, { where, clock, silenceMsMax: 3 * heartbeatMs });
  if (follow !== null) {
    socket.write(commandPacket(COM_REGISTER_REPLICA, registration(follow.serverId)));
    await dump.expectOk();
  }
  socket.write(dumpCommand(options, flavour === 'mysql'));
  return dump;
}

/** The bytes of one dump, in order. */
export class LogDump {
  readonly #socket: Socket;
  readonly #where: string;
  readonly #clock: Clock;
  readonly #silenceMsMax: number;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #lastMs: number;
  #failure: FirnError | null = null;
  #wake: (() => void) | null = null;

  constructor(
    socket: Socket,
    options: {
      readonly where: string;
      readonly clock: Clock;
      readonly silenceMsMax: number;
    },
  ) {
    this.#socket = socket;
    this.#where = options.where;
    this.#clock = options.clock;
    this.#silenceMsMax = options.silenceMsMax;
    this.#lastMs = options.clock.monotonicMs();
    socket.on('data', (chunk: Uint8Array) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(socketError(error, this.#where)));
    socket.on('close', () => this.#fail(this.#lost('The server closed the connection')));
    socket.resume();
  }

  /** Whether bytes are there that were not given out yet. */
  get hasMore(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * The next bytes; `null` when `signal` aborts first or nothing came within `patienceMs`.
   *
   * @throws {FirnError} SOURCE-UNREACHABLE when the connection is gone or silent
   */
  async next(signal: AbortSignal, patienceMs = Infinity): Promise<Uint8Array | null> {
    const chunk = this.#shift();
    if (chunk !== null) return chunk;
    if (signal.aborted) return null;
    await this.#wait(signal, patienceMs);
    const late = this.#shift();
    if (late !== null || signal.aborted) return late;
    if (this.#failure !== null) throw this.#failure;
    if (this.#clock.monotonicMs() - this.#lastMs < this.#silenceMsMax) return null;
    throw this.#lost(`The server said nothing for ${this.#silenceMsMax / 1000} s`);
  }

  /**
   * Takes the answer to a command that gives no rows.
   *
   * @throws {FirnError} what the server says, and SOURCE-ANSWER-MALFORMED
   */
  async expectOk(): Promise<void> {
    const { signal } = new AbortController();
    const answer = new TextAnswer(OK_BYTES_MAX);
    for (;;) {
      const chunk = await this.next(signal);
      const end = chunk === null ? null : answer.take(chunk);
      if (end === null) continue;
      if (end.kind === 'refused') throw connectionError(end.error, this.#where);
      return;
    }
  }

  /** Cuts the connection. */
  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#lastMs = this.#clock.monotonicMs();
    if (this.#waitingBytes > WAITING_BYTES_MAX) this.#socket.pause();
    this.#wake?.();
  }

  #shift(): Uint8Array | null {
    const chunk = this.#waiting.shift();
    if (chunk === undefined) return null;
    this.#waitingBytes -= chunk.length;
    if (this.#socket.isPaused() && this.#waitingBytes <= WAITING_BYTES_MAX / 2) {
      // What the consumer took its time for is not the server's silence.
      this.#lastMs = this.#clock.monotonicMs();
      this.#socket.resume();
    }
    return chunk;
  }

  async #wait(signal: AbortSignal, patienceMs: number): Promise<void> {
    if (this.#failure !== null) return;
    const stop = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    const onAbort = (): void => this.#wake?.();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const ms = Math.min(patienceMs, this.#silenceMsMax);
      await Promise.race([woken, this.#clock.sleep(ms, stop.signal)]);
    } finally {
      this.#wake = null;
      stop.abort(WOKEN);
      signal.removeEventListener('abort', onAbort);
    }
  }

  #fail(error: FirnError): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  #lost(what: string): FirnError {
    return new FirnError('SOURCE-UNREACHABLE', { what, where: this.#where });
  }
}

/**
 * Checksums as the server keeps them; newer servers look for `source` where others say `master`.
 */
function sessionOf({ follow, heartbeatMs }: DumpOptions): string {
  const periodNs = Math.round(heartbeatMs * 1e6);
  const sets = [
    '@master_binlog_checksum = @@global.binlog_checksum',
    '@source_binlog_checksum = @@global.binlog_checksum',
    `@master_heartbeat_period = ${periodNs}`,
    `@source_heartbeat_period = ${periodNs}`,
  ];
  if (follow !== null) {
    sets.push(`@slave_uuid = '${follow.replicaUuid}'`, `@replica_uuid = '${follow.replicaUuid}'`);
  }
  return `SET ${sets.join(', ')}`;
}

function dumpCommand(options: DumpOptions, isMysql: boolean): Buffer {
  const { start, follow } = options;
  const flags = follow === null ? FLAG_NON_BLOCKING : 0;
  const serverId = follow?.serverId ?? 0;
  if (isMysql && start.kind === 'after') {
    const gtids = encodeGtids(start.gtids);
    const body = Buffer.alloc(2 + 4 + 4 + 8 + 4 + gtids.length);
    body.writeUInt16LE(flags, 0);
    body.writeUInt32LE(serverId, 2);
    body.writeUInt32LE(HEADER_START, 10);
    body.writeUInt32LE(gtids.length, 18);
    body.set(gtids, 22);
    return commandPacket(COM_BINLOG_DUMP_GTID, body);
  }
  const fileName = Buffer.from(start.kind === 'place' ? start.fileName : '');
  const offset = start.kind === 'place' ? start.offset : HEADER_START;
  const body = Buffer.alloc(10 + fileName.length);
  body.writeUInt32LE(offset > POSITION_MAX ? HEADER_START : offset, 0);
  body.writeUInt16LE(flags, 4);
  body.writeUInt32LE(serverId, 6);
  body.set(fileName, 10);
  return commandPacket(COM_BINLOG_DUMP, body);
}

/** Makes the reader visible in SHOW REPLICAS, so that others can see its id. */
function registration(serverId: number): Uint8Array {
  const host = Buffer.from('firn');
  const body = Buffer.alloc(4 + 1 + host.length + 1 + 1 + 2 + 4 + 4);
  body.writeUInt32LE(serverId, 0);
  body[4] = host.length;
  body.set(host, 5);
  return body;
}

/**
 * A set of MySQL in the protocol's form: count, then per server its uuid, tag, and intervals whose
 * ends are not included. Sets with tags mark that in the first and eighth byte (8.3 and later).
 */
function encodeGtids(set: GtidSet): Uint8Array {
  const sources = mysqlGtids(set);
  const hasTags = sources.some(({ tag }) => tag !== '');
  const parts: Uint8Array[] = [];
  const count = BigInt(sources.length);
  parts.push(uint64(hasTags ? (1n << 56n) | (count << 8n) | 1n : count));
  for (const { uuid, tag, intervals } of sources) {
    parts.push(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
    if (hasTags) {
      assert(tag.length < 64, 'the length of a tag fits one byte');
      parts.push(Buffer.of(tag.length << 1), Buffer.from(tag));
    }
    parts.push(uint64(BigInt(intervals.length)));
    for (const { first, last } of intervals) parts.push(uint64(first), uint64(last + 1n));
  }
  return Buffer.concat(parts);
}

function uint64(value: bigint): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}
