/**
 * The stream of changes: follows the server's log, gives out batches whenever something is
 * complete, and says at transaction borders where it is. While it catches up, borders come by time
 * and size, not by transaction; once it has caught up, each transaction is given out as it ends.
 *
 * A lost connection is made again at the last border, after the same proof as at the start; what
 * was read of an unfinished transaction is read again and given out once.
 */
import type { TableRule } from '../../../config/pipeline-config.ts';
import { BinlogReader } from '../../../binlog/binlog-reader.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import type { Random } from '../../../kernel/random.ts';
import { retry } from '../../../kernel/retry.ts';
import type { SourceEvent, SourceTable } from '../../../model/source-event.ts';
import type { TableName } from '../../../model/table-schema.ts';
import type { StreamRequest } from '../../../ports/source.ts';
import type { MysqlConnection, MysqlServer } from '../connection.ts';
import { openDump } from './log-dump.ts';
import type { LogDump } from './log-dump.ts';
import { lowPlace } from './log-marks.ts';
import { comparePlaces, markAt, placeOfPosition } from './log-place.ts';
import type { LogPlace } from './log-place.ts';
import { logEnd, withConnection } from './log-status.ts';
import type { Connect, LogSpot } from './log-status.ts';
import { verifyPlace } from './log-verify.ts';
import { findPrepared } from './prepared-scan.ts';
import { PreparedTransactions } from './prepared-transactions.ts';
import { StreamTables } from './stream-tables.ts';
import { TransactionReader } from './transaction-reader.ts';

/** What streaming needs from the source. */
export interface LogStreamParts {
  readonly connect: Connect;
  readonly clock: Clock;
  readonly random: Random;
  readonly rules: readonly TableRule[];
  readonly sourceId: string;
  readonly discoverTable: (table: TableName) => Promise<SourceTable | null>;
  readonly serverId: (connection: MysqlConnection) => Promise<number>;
  /** Names this reader to the server; another than any server's or replica's. */
  readonly replicaUuid: string;
  readonly heartbeatMs: number;
  readonly onSwap: 'halt' | 'bootstrap';
}

/** Attempts to reach a server that is gone; about five minutes. */
const RECONNECT = { attemptsMax: 14, pauseMs: 250, pauseMsMax: 30_000 };

/** Connections in a row that bring no transaction to its end before the stream gives up. */
const FRUITLESS_MAX = 8;

/** While catching up a border is told after this time, or so much of the log. */
const BORDER_MS_MAX = 50;
const HELD_BYTES_MAX = 32 * 1024 * 1024;

/** Streams changes until the request's signal, or the end of what was there with `once`. */
export async function* streamLog(
  parts: LogStreamParts,
  request: StreamRequest,
): AsyncGenerator<SourceEvent> {
  yield* new LogStream(parts, request).run();
}

class LogStream {
  readonly #parts: LogStreamParts;
  readonly #request: StreamRequest;
  readonly #tables: StreamTables;
  readonly #prepared: PreparedTransactions;
  #reading: TransactionReader | null = null;
  /** Everything in the log when the stream began, with `once`. */
  #target: LogSpot | null = null;
  #told: LogSpot | null = null;
  /** Where the log ended at the last heartbeat, on the present connection. */
  #seenEnd: LogSpot | null = null;
  #heldBytes = 0;
  #borderMs = 0;

  constructor(parts: LogStreamParts, request: StreamRequest) {
    this.#parts = parts;
    this.#request = request;
    const { rules, discoverTable } = parts;
    this.#prepared = new PreparedTransactions((wanted) => findPrepared(parts, wanted));
    this.#tables = new StreamTables({ rules, request, discoverTable });
  }

  async *run(): AsyncGenerator<SourceEvent> {
    const { clock, random } = this.#parts;
    const { signal, once } = this.#request;
    let place = await this.#start();
    if (!once) yield this.#border(place, place, null);
    for (let fruitless = 0; ; fruitless++) {
      try {
        const ended = yield* this.#follow(place);
        if (ended) return;
      } catch (error) {
        if (!isFirnError(error) || error.disposition !== 'retry') throw error;
        const reached = this.#reading?.place ?? place;
        if (comparePlaces(reached, place) > 0) fruitless = 0;
        if (fruitless >= FRUITLESS_MAX || signal.aborted) throw error;
        place = reached;
        this.#tables.forgetAfter(markAt(place, this.#context()).completeTo.seq);
        const pauseMs = Math.min(RECONNECT.pauseMsMax, RECONNECT.pauseMs * 2 ** fruitless);
        await clock.sleep((pauseMs * ((random.bytes(1)[0] ?? 0) + 128)) / 384, signal);
      }
      if (signal.aborted) return;
    }
  }

  /** The place to read from. */
  async #start(): Promise<LogPlace> {
    const { from } = this.#request;
    const connection = await this.#parts.connect();
    try {
      if (this.#request.once) this.#target = await logEnd(connection);
      if (from === null) return await lowPlace(this.#parts);
      return placeOfPosition(from, connection.server.flavour);
    } finally {
      await connection.close();
    }
  }

  /** Follows the log from `place` on; gives whether the stream is over. */
  async *#follow(place: LogPlace): AsyncGenerator<SourceEvent, boolean> {
    const { signal } = this.#request;
    const { dump, server, where, foldNames, at } = await this.#connect(place);
    const tables = this.#tables;
    const log: BinlogReader = new BinlogReader({
      flavour: server.flavour,
      wants: (table) => (reading.isSkipping ? null : tables.wants(table)),
    });
    const reading: TransactionReader = new TransactionReader({
      tables,
      log,
      prepared: this.#prepared,
      server,
      foldNames,
      onSwap: this.#parts.onSwap,
      epoch: this.#request.epoch,
      from: at,
      where,
    });
    this.#reading = reading;
    this.#seenEnd = null;
    try {
      for (;;) {
        if (this.#isDone(reading, dump)) {
          if (reading.isAtBorder) yield* this.#give(reading);
          return true;
        }
        const chunk = await dump.next(signal);
        if (chunk === null) continue;
        this.#heldBytes += chunk.length;
        for (const event of log.push(chunk)) {
          const given = reading.take(event);
          if (given === 'wait') yield* await reading.settle();
          else if (given !== null) yield* given;
          if (reading.isAtBorder && this.#isDue(reading)) yield* this.#give(reading);
          if (event.kind === 'heartbeat' && reading.isAtBorder) {
            yield* await this.#quiet(reading, dump);
          }
        }
        if (this.#heldBytes > HELD_BYTES_MAX) yield* this.#cut();
        if (reading.isAtBorder && !dump.hasMore) yield* this.#give(reading);
      }
    } finally {
      dump.close();
    }
  }

  /** Proves that the log is the one that was read, and starts the dump. */
  #connect(place: LogPlace): Promise<{
    readonly dump: LogDump;
    readonly server: MysqlServer;
    readonly where: string;
    readonly foldNames: boolean;
    readonly at: LogPlace;
  }> {
    const { clock, random, connect, heartbeatMs, replicaUuid } = this.#parts;
    const { signal } = this.#request;
    return retry({ clock, random, signal }, RECONNECT, async () => {
      const connection = await connect();
      try {
        const verdict = await verifyPlace(this.#parts, { connection, place });
        if (verdict.kind !== 'valid') {
          const { where } = connection;
          throw new FirnError('SOURCE-POSITION-BROKEN', { what: verdict.reason, where });
        }
        const [row] = await connection.query('SELECT @@lower_case_table_names');
        const serverId = await this.#parts.serverId(connection);
        const { fileName, offset } = verdict.place;
        const { server, where } = connection;
        const dump = await openDump(connection, {
          clock,
          start: { kind: 'place', fileName, offset },
          follow: { serverId, replicaUuid },
          heartbeatMs,
        });
        return { dump, server, where, foldNames: row?.[0] !== '0', at: verdict.place };
      } catch (error) {
        connection.destroy();
        throw error;
      }
    });
  }

  /** The server says that nothing happens. */
  async #quiet(reading: TransactionReader, dump: LogDump): Promise<readonly SourceEvent[]> {
    // What waits behind it is newer than the server's word.
    if (!dump.hasMore) await this.#assertFollowing(reading);
    return [...this.#give(reading), this.#border(reading.place, reading.reached, null)];
  }

  /**
   * A server says that nothing happens, and may be wrong: after a RESET under a reader it goes on
   * reading the file that is gone. So its log must end where the reader is, or have been read up to
   * where it ended at the last such word.
   */
  async #assertFollowing({ reached }: TransactionReader): Promise<void> {
    const { connect } = this.#parts;
    const { end, where } = await withConnection(connect, async (connection) => {
      return { end: await logEnd(connection), where: connection.where };
    });
    const isBehind = this.#seenEnd !== null && comparePlaces(reached, this.#seenEnd) < 0;
    this.#seenEnd = end;
    if (!isBehind && comparePlaces(end, reached) >= 0) return;
    this.#seenEnd = null;
    throw new FirnError('SOURCE-UNREACHABLE', {
      what: `The log of the server ends at ${end.fileName}:${end.offset}, and its reader was left at ${reached.fileName}:${reached.offset}`,
      where,
    });
  }

  #isDone(reading: TransactionReader, dump: LogDump): boolean {
    const { signal } = this.#request;
    if (this.#target !== null && comparePlaces(reading.reached, this.#target) >= 0) {
      return reading.isAtBorder;
    }
    // In the middle of a transaction that still comes, its end is waited for.
    return signal.aborted && (reading.isAtBorder || !dump.hasMore);
  }

  #isDue(reading: TransactionReader): boolean {
    if (this.#target !== null && comparePlaces(reading.reached, this.#target) >= 0) return true;
    if (this.#heldBytes > HELD_BYTES_MAX) return true;
    return this.#parts.clock.monotonicMs() - this.#borderMs >= BORDER_MS_MAX;
  }

  /** Gives out everything up to the border that was reached, and the border. */
  *#give(reading: TransactionReader): Generator<SourceEvent> {
    const { place, reached } = reading;
    this.#borderMs = this.#parts.clock.monotonicMs();
    const before = this.#told;
    const isNew = before === null || comparePlaces(reached, before) !== 0;
    yield* this.#cut();
    if (!isNew) return;
    yield this.#border(place, reached, reading.takeCommitTime());
  }

  *#cut(): Generator<SourceEvent> {
    this.#heldBytes = 0;
    yield* this.#tables.cut();
  }

  #context(): { readonly sourceId: string; readonly epoch: number } {
    return { sourceId: this.#parts.sourceId, epoch: this.#request.epoch };
  }

  /**
   * A border; `commitTsUs` is that of changes before it, `null` when there were none. Reading goes
   * on at `place`, behind the last transaction; everything up to `reached` was read, so that who
   * waits for the log's end has it also where no transaction stands at it.
   */
  #border(place: LogPlace, reached: LogSpot, commitTsUs: bigint | null): SourceEvent {
    this.#told = reached;
    const { position } = markAt(place, this.#context());
    const { completeTo } = markAt({ ...place, ...reached }, this.#context());
    const mark = { position, completeTo };
    if (commitTsUs === null) return { kind: 'heartbeat', ...mark };
    return { kind: 'transaction-end', ...mark, commitTsUs };
  }
}
