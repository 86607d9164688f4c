/**
 * The stream of changes: looks every poll interval whether anything was committed, verifies that
 * triggers and schema were right up to the last row, reads the journal in short reads, and ends
 * with a boundary: the highest id that one read transaction saw (docs/spec/source-sqlite.md S4).
 *
 * A journal row never changes, so no read transaction is held while the consumer works; only rows
 * looked up in their tables need one moment, and get a short one of their own.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { TableRule } from '../../config/pipeline-config.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { SourceEvent } from '../../model/source-event.ts';
import type { StreamRequest } from '../../ports/source.ts';
import { findDrift } from './drift.ts';
import { journalPlace, lastId, markOf, placeAt, sourceIdOf } from './journal-mark.ts';
import type { JournalPlace } from './journal-mark.ts';
import { JournalReader, prepareJournalRead } from './journal-reader.ts';
import { readMeta } from './journal.ts';
import { PlanBinder } from './plan-binder.ts';
import { reconcile } from './reconcile.ts';
import { atOneMoment, query, rowsOf } from './sqlite-database.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import { readPending } from './table-rows.ts';

/** Rows of one read; fewer while reads take long, as large rows make them. */
const READ_ROWS_MAX = 256;
const READ_ROWS_MIN = 8;
const READ_MS = { long: 10, short: 2 };
/** The event loop is given back after this long. */
const SLICE_MS = 15;
const HEARTBEAT_MS = 1000;
/** Rows that may still follow when pending rows are looked up at one moment. */
const TAIL_ROWS_MAX = 5000;
/** Pending rows that are kept; more are looked up early. */
const PENDING_ROWS_MAX = 50_000;
const SETTLE_ATTEMPTS = 3;
const VERIFY_ATTEMPTS = 20;

/** What streaming needs from the source. */
export interface StreamParts {
  readonly database: SqliteDatabase;
  readonly clock: Clock;
  readonly rules: readonly TableRule[];
  readonly pollIntervalMs: number;
  readonly refusals: ReadonlyMap<string, FirnError>;
}

/** Streams changes until the request's signal, or the end of what was there with `once`. */
export async function* streamChanges(
  parts: StreamParts,
  request: StreamRequest,
): AsyncGenerator<SourceEvent> {
  const db = parts.database.openReader();
  try {
    yield* new StreamRun(parts, request, db).run();
  } finally {
    parts.database.closeReader(db);
  }
}

class StreamRun {
  readonly #parts: StreamParts;
  readonly #request: StreamRequest;
  readonly #db: DatabaseSync;
  readonly #reader: JournalReader;
  readonly #binder: PlanBinder;
  readonly #sourceId: string;
  #place: JournalPlace;
  #verifiedSchema: bigint | null = null;
  #dataVersion: bigint | null = null;
  #read: ReturnType<typeof prepareJournalRead> | null = null;
  #sliceStartMs: number;
  #readCount = READ_ROWS_MAX;

  constructor(parts: StreamParts, request: StreamRequest, db: DatabaseSync) {
    const { refusals, rules, clock } = parts;
    this.#parts = parts;
    this.#request = request;
    this.#db = db;
    this.#reader = new JournalReader(db);
    this.#binder = new PlanBinder({ db, reader: this.#reader, request, rules, refusals });
    this.#sliceStartMs = clock.monotonicMs();
    const meta = readMeta(db);
    const start = (): JournalPlace | null =>
      request.from === null ? placeAt(db, lastId(db)) : journalPlace(request.from);
    const from = meta === null ? null : start();
    if (meta === null || from === null) {
      throw new FirnError('SOURCE-NOT-PREPARED', {
        what: 'The database has no journal, or the position is not one of it',
        where: parts.database.where,
      });
    }
    this.#sourceId = sourceIdOf(meta.incarnation);
    this.#place = from;
  }

  async *run(): AsyncGenerator<SourceEvent> {
    const { clock, pollIntervalMs, database } = this.#parts;
    const { signal, once } = this.#request;
    const target = once ? await this.#verify() : null;
    yield* this.#binder.begin(this.#place.id);
    let heartbeatMs = -Infinity;
    for (;;) {
      database.assertSameFile();
      if (this.#wasWritten() && (yield* this.#window())) heartbeatMs = clock.monotonicMs();
      const isDone = target !== null && this.#place.id >= target;
      if (isDone || clock.monotonicMs() - heartbeatMs >= HEARTBEAT_MS) {
        heartbeatMs = clock.monotonicMs();
        yield { kind: 'heartbeat', ...this.#mark() };
      }
      if (isDone || signal.aborted) return;
      await clock.sleep(pollIntervalMs, signal);
      if (signal.aborted) return;
    }
  }

  /** Whether another connection committed since the last look; reads no table. */
  #wasWritten(): boolean {
    const [row] = query(this.#db, 'PRAGMA data_version');
    const version = typeof row?.[0] === 'bigint' ? row[0] : null;
    if (version === this.#dataVersion) return false;
    this.#dataVersion = version;
    return true;
  }

  /** Delivers all that is committed; gives whether there was anything. */
  async *#window(): AsyncGenerator<SourceEvent, boolean> {
    let last = await this.#verify();
    if (last === this.#place.id) return false;
    yield* this.#readTo(this.#place.id, last);
    for (let attempt = 1; this.#pendingCount() > 0; attempt++) {
      const settled = await this.#settle(last, attempt > SETTLE_ATTEMPTS);
      if (settled !== null) {
        last = settled;
        break;
      }
      const next = await this.#verify();
      yield* this.#readTo(last, next);
      last = next;
    }
    for (const table of this.#binder.tables) this.#reader.flush(table);
    yield* this.#reader.takeEvents();
    this.#place = this.#placeOf(last);
    const commitTsUs = this.#reader.lastCommitTsUs;
    yield { kind: 'transaction-end', ...this.#mark(), commitTsUs };
    return true;
  }

  /**
   * The highest id at a moment at which schema and triggers of every captured table were as the
   * journal's plans say; brings them into line first where they are not.
   */
  async #verify(): Promise<number> {
    const { rules, database } = this.#parts;
    const request = { rules, tables: null, verifiedId: this.#place.id };
    for (let attempt = 1; attempt <= VERIFY_ATTEMPTS; attempt++) {
      const last = atOneMoment(this.#db, () => {
        this.#assertSameLog();
        const schema = this.#schemaVersion();
        if (schema === this.#verifiedSchema) return lastId(this.#db);
        if (findDrift(this.#db, request).length > 0) return null;
        this.#verifiedSchema = schema;
        this.#read = null;
        this.#binder.reload();
        return lastId(this.#db);
      });
      if (last !== null) return last;
      await database.write((db) => reconcile(db, request));
    }
    throw new FirnError('SOURCE-BUSY', {
      what: 'The tables change faster than capture can follow',
      where: database.where,
    });
  }

  /** A database restored under a running stream must not be taken for the one that was read. */
  #assertSameLog(): void {
    const found = placeAt(this.#db, this.#place.id);
    if (found?.fingerprint === this.#place.fingerprint) return;
    throw new FirnError('SOURCE-POSITION-BROKEN', {
      what: `Row ${this.#place.id} of the journal, which was read last, is gone or another one`,
      where: this.#parts.database.where,
    });
  }

  /** Reads the journal after `from` up to `to`. */
  async *#readTo(from: number, to: number): AsyncGenerator<SourceEvent> {
    for (let at = from; at < to;) {
      const end = Math.min(at + this.#readCount, to);
      const rows = this.#readPaced(at, end);
      let done = this.#reader.consume(rows, at + 1);
      while (done < rows.length) {
        yield* this.#reader.takeEvents();
        const handled = await this.#binder.handle(rows[done] ?? [], at + done + 1);
        yield* this.#reader.takeEvents();
        yield* handled.events;
        if (handled.isDone) done++;
        done += this.#reader.consume(rows.slice(done), at + done + 1);
      }
      at = end;
      yield* this.#reader.takeEvents();
      if (this.#pendingCount() > PENDING_ROWS_MAX) await this.#settle(at, true);
      const pause = this.#breathe();
      if (pause !== null) await pause;
    }
  }

  /** Reads, and lets the time it took decide how much is read at once. */
  #readPaced(after: number, to: number): ReturnType<typeof rowsOf> {
    const { clock } = this.#parts;
    const startMs = clock.monotonicMs();
    const rows = this.#readRows(after, to);
    const tookMs = clock.monotonicMs() - startMs;
    if (tookMs > READ_MS.long) this.#readCount = Math.max(READ_ROWS_MIN, this.#readCount >> 1);
    if (tookMs < READ_MS.short) this.#readCount = Math.min(READ_ROWS_MAX, this.#readCount << 1);
    return rows;
  }

  #readRows(after: number, to: number): ReturnType<typeof rowsOf> {
    this.#read ??= prepareJournalRead(
      this.#db,
      this.#reader.widthNeeded(this.#binder.plans, this.#request.beforeImages),
    );
    const rows = rowsOf(this.#read, BigInt(after), BigInt(to));
    if (rows.length === to - after) return rows;
    throw new FirnError('SOURCE-POSITION-BROKEN', {
      what: `Rows between ${after} and ${to} were removed from the journal`,
      where: this.#parts.database.where,
    });
  }

  /**
   * Looks pending rows up at one moment, with all changes up to that moment read before.
   *
   * @returns the highest id of that moment; `null` when so much was written meanwhile that it must
   *   be read first. `early` does not wait for that: the rows are stamped with the place read so
   *   far, which is at or before what they show, and what follows overwrites them.
   */
  async #settle(last: number, early: boolean): Promise<number | null> {
    this.#db.exec('BEGIN');
    try {
      const next = early ? last : lastId(this.#db);
      if (this.#schemaVersion() !== this.#verifiedSchema || next - last > TAIL_ROWS_MAX)
        return null;
      const tail = this.#readRows(last, next);
      // Marks and plans that were not met yet need more than reading.
      if (!this.#reader.canConsume(tail)) return null;
      this.#reader.consume(tail, last + 1);
      await this.#readPendingAt(next);
      return next;
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  async #readPendingAt(seq: number): Promise<void> {
    const stamp = { seq: BigInt(seq), commitTsUs: this.#reader.lastCommitTsUs };
    const breathe = (): Promise<void> | null => this.#breathe();
    const tables = [...this.#binder.tables].filter((table) => this.#binder.isInForce(table));
    await readPending(this.#db, this.#reader, tables, { stamp, breathe });
  }

  #pendingCount(): number {
    let count = 0;
    for (const table of this.#binder.tables) count += table.pending.size;
    return count;
  }

  #schemaVersion(): bigint {
    const [row] = query(this.#db, 'PRAGMA schema_version');
    return typeof row?.[0] === 'bigint' ? row[0] : -1n;
  }

  #placeOf(id: number): JournalPlace {
    const place = placeAt(this.#db, id);
    if (place !== null) return place;
    throw new FirnError('SOURCE-POSITION-BROKEN', {
      what: `Row ${id} was removed from the journal`,
      where: this.#parts.database.where,
    });
  }

  #mark(): ReturnType<typeof markOf> {
    return markOf(this.#place, { sourceId: this.#sourceId, epoch: this.#request.epoch });
  }

  /** A pause when the event loop was held up long enough. */
  #breathe(): Promise<void> | null {
    const isDue = this.#parts.clock.monotonicMs() - this.#sliceStartMs >= SLICE_MS;
    return isDue ? this.#pause() : null;
  }

  async #pause(): Promise<void> {
    await this.#parts.clock.sleep(0);
    this.#sliceStartMs = this.#parts.clock.monotonicMs();
  }
}
