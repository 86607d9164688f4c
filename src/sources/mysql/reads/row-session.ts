/**
 * Reads of tables over a connection's bare socket: one statement at a time, rows in columns, as
 * fast as they are taken and no faster. A session whose answer was not read to its end is of no
 * more use and closes itself.
 */
import type { Socket } from 'node:net';
import { assert } from '../../../kernel/assert.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { ColumnVector } from '../../../model/column-vector.ts';
import { socketError } from '../connection-failure.ts';
import { commandPacket, takeSocket } from '../connection.ts';
import type { MysqlConnection } from '../connection.ts';
import { RowDecoder } from './row-decoder.ts';
import type { DecodeLimits, DecodedColumn } from './row-decoder.ts';

/** Rows of an answer, one vector per column. */
export interface DecodedRows {
  readonly rowCount: number;
  readonly columns: readonly ColumnVector[];
}

/** Bytes that wait for the decoder before the socket is paused. */
const WAITING_BYTES = 1024 * 1024;

/** How long the server may say nothing at all while an answer is waited for. */
const SILENCE_MS_MAX = 600_000;

const COM_QUERY = 3;
const COM_QUIT = 1;

/** Only a row that the server itself could not have sent is refused. */
const ROW_BYTES_MAX = 1024 * 1024 * 1024 + 1024;

/** A connection that answers with columns. */
export class RowSession {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #where: string;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #failure: FirnError | null = null;
  #wake: (() => void) | null = null;
  #busy = false;

  constructor(connection: MysqlConnection, clock: Clock) {
    this.#where = connection.where;
    this.#clock = clock;
    this.#socket = takeSocket(connection);
    this.#socket.on('data', (chunk: Uint8Array) => this.#arrived(chunk));
    this.#socket.on('error', (error) => this.#fail(socketError(error, this.#where)));
    this.#socket.on('close', () => this.#fail(this.#cut()));
    this.#socket.on('end', () => this.#fail(this.#cut()));
  }

  /** Whether a statement can be run. */
  get isOpen(): boolean {
    return this.#failure === null && !this.#busy;
  }

  /**
   * Runs a statement without rows.
   *
   * @throws what {@link rows} throws
   */
  async run(sql: string, signal: AbortSignal): Promise<void> {
    const limits = { rowsMax: 1, bytesMax: 1 };
    for await (const _ of this.rows(sql, { columns: [], limits, signal })) {
      assert(false, 'a statement without columns has no rows');
    }
  }

  /**
   * Runs a SELECT; its rows come in batches within `limits`, and one row at least. While a batch is
   * not asked for, the server waits.
   *
   * @throws {FirnError} SOURCE-UNREACHABLE when the connection is cut, SOURCE-TIMEOUT,
   *   SOURCE-ANSWER-MALFORMED, what the server says, what a value reader throws; the reason of
   *   `signal`
   */
  async *rows(
    sql: string,
    request: {
      readonly columns: readonly DecodedColumn[];
      readonly limits: Pick<DecodeLimits, 'rowsMax' | 'bytesMax'>;
      readonly signal: AbortSignal;
    },
  ): AsyncGenerator<DecodedRows> {
    const { columns, signal } = request;
    signal.throwIfAborted();
    assert(!this.#busy, 'a session runs one statement at a time');
    this.#busy = true;
    const limits = { ...request.limits, rowBytesMax: ROW_BYTES_MAX };
    const decoder = new RowDecoder(columns, { limits, where: this.#where });
    const stop = (): void => this.#fail(this.#cut());
    signal.addEventListener('abort', stop, { once: true });
    const watched = new AbortController();
    void this.#watch(watched.signal);
    try {
      if (this.#failure !== null) throw this.#failure;
      this.#socket.write(commandPacket(COM_QUERY, Buffer.from(sql)));
      for (let at = decoder.decode(); ; at = decoder.decode()) {
        if (at === 'drained') {
          decoder.feed(await this.#next());
          continue;
        }
        if (decoder.rowCount > 0) {
          const { rowCount } = decoder;
          decoder.rowsTaken();
          yield { rowCount, columns: columns.map(({ builder }) => builder.finish()) };
        }
        if (at === 'end') break;
      }
      this.#busy = false;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      watched.abort();
      // Left in the middle, the rest of the answer would be taken for the next one.
      if (this.#busy) this.destroy();
    }
  }

  /** Says goodbye. Idempotent. */
  close(): void {
    if (this.#failure !== null || this.#busy) return this.destroy();
    this.#failure = this.#cut();
    this.#socket.end(commandPacket(COM_QUIT, new Uint8Array(0)), () => this.#socket.destroy());
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#fail(this.#cut());
  }

  #arrived(chunk: Uint8Array): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= WAITING_BYTES) this.#socket.pause();
    this.#wake?.();
  }

  /** The next bytes; what arrived before a failure comes first. */
  async #next(): Promise<Uint8Array> {
    while (this.#waiting.length === 0) {
      if (this.#failure !== null) throw this.#failure;
      this.#socket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    const chunk = this.#waiting.shift() ?? new Uint8Array(0);
    this.#waitingBytes -= chunk.length;
    return chunk;
  }

  /** Ends the session when the server is waited for and says nothing from one look to the next. */
  async #watch(signal: AbortSignal): Promise<void> {
    // A statement is about to be sent, and its answer waited for.
    let isWaiting = true;
    while (!signal.aborted) {
      const before = this.#socket.bytesRead;
      await this.#clock.sleep(SILENCE_MS_MAX, signal);
      const isSilent = this.#wake !== null && this.#socket.bytesRead === before;
      if (!signal.aborted && isWaiting && isSilent) this.#fail(this.#silent());
      isWaiting = this.#wake !== null;
    }
  }

  #fail(error: FirnError): void {
    this.#failure ??= error;
    this.#socket.destroy();
    this.#wake?.();
  }

  #cut(): FirnError {
    return new FirnError('SOURCE-UNREACHABLE', {
      what: 'The connection was cut while rows were read',
      where: this.#where,
    });
  }

  #silent(): FirnError {
    return new FirnError('SOURCE-TIMEOUT', {
      what: `The server said nothing for ${SILENCE_MS_MAX / 1000} s while rows were read`,
      where: this.#where,
    });
  }
}
