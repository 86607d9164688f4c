/**
 * The connections to one database file. Readers never block and never wait; the one writer takes
 * the write lock in short steps and gives the event loop back while another program holds it.
 * Nothing here writes to a user's table.
 */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import type { Clock } from '../../kernel/clock.ts';
import type { ErrorCode } from '../../kernel/error-registry.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { SqliteRow, SqliteValue } from './sqlite-value.ts';

// Primary result codes (sqlite.org, "Result and Error Codes"); the low byte of the extended ones.
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [5, 'SOURCE-BUSY'],
  [6, 'SOURCE-BUSY'],
  [8, 'SOURCE-READ-ONLY'],
  [11, 'SOURCE-DAMAGED'],
  [13, 'SOURCE-DISK-FULL'],
  [14, 'SOURCE-MISSING'],
  [26, 'SOURCE-NOT-A-DATABASE'],
]);

/** SQLite's primary result code of an error, or `null` when SQLite did not raise it. */
export function sqliteResultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}

/** `error` as a coded error when SQLite raised it; anything else as it is. */
export function sourceError(error: unknown, where: string): unknown {
  const result = sqliteResultCode(error);
  if (result === null || !(error instanceof Error)) return error;
  const code = CODES.get(result) ?? 'SOURCE-FAILED';
  return new FirnError(code, { what: `SQLite says: ${error.message}`, where, cause: error });
}

const BUSY = 5;
const WRITE_PATIENCE_MS = 10_000;
const WRITE_PAUSE_MS = 20;
const WRITE_PAUSE_MS_MAX = 200;

/** Prepares a statement that gives rows as arrays and integers as `bigint`. */
export function prepare(db: DatabaseSync, sql: string): StatementSync {
  const statement = db.prepare(sql);
  statement.setReturnArrays(true);
  statement.setReadBigInts(true);
  return statement;
}

/** All rows of a prepared statement. */
export function rowsOf(statement: StatementSync, ...values: SqliteValue[]): SqliteRow[] {
  // With setReturnArrays rows are arrays; the declarations only know objects.
  return statement.all(...values) as unknown as SqliteRow[];
}

/** Rows of a prepared statement one by one; the statement's read lasts until the end. */
export function iterateRows(
  statement: StatementSync,
  ...values: SqliteValue[]
): IterableIterator<SqliteRow> {
  // As in rowsOf.
  return statement.iterate(...values) as unknown as IterableIterator<SqliteRow>;
}

/** Runs a query once and gives all its rows. */
export function query(db: DatabaseSync, sql: string, ...values: SqliteValue[]): SqliteRow[] {
  return rowsOf(prepare(db, sql), ...values);
}

/** Runs `work` in one read transaction: everything it reads is of one moment. */
export function atOneMoment<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN');
  try {
    return work();
  } finally {
    if (db.isTransaction) db.exec('COMMIT');
  }
}

/**
 * One database file and its connections. While somebody has a connection of their own to the file
 * that was first opened, another file at its path is refused to everybody: who reads on from the
 * one must not be told of the other.
 */
export class SqliteDatabase {
  readonly path: string;
  readonly #clock: Clock;
  #writer: DatabaseSync | null = null;
  #reader: DatabaseSync | null = null;
  #file: string | null = null;
  /** Another file was met at the path, and somebody still reads the first one. */
  #isReplaced = false;
  /** Connections that are their callers' own. */
  readonly #own = new Set<DatabaseSync>();

  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  /** For messages. */
  get where(): string {
    return `sqlite:${this.path}`;
  }

  /** The shared connection for short synchronous reads. */
  get reader(): DatabaseSync {
    this.assertSameFile();
    this.#reader ??= this.#open({ readOnly: true });
    return this.#reader;
  }

  /** A read-only connection of the caller's own; the caller gives it to {@link closeReader}. */
  openReader(): DatabaseSync {
    this.assertSameFile();
    const db = this.#open({ readOnly: true });
    this.#own.add(db);
    return db;
  }

  /** Ends a connection of {@link openReader}. */
  closeReader(db: DatabaseSync): void {
    db.close();
    this.#own.delete(db);
    if (this.#isReplaced && this.#own.size === 0) this.#forgetFile();
  }

  /**
   * @throws {FirnError} SOURCE-REPLACED when another file lies at the path than the one first
   *   opened; the next who asks opens that one, once nobody has a connection of their own
   */
  assertSameFile(): void {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    if (stat === undefined) {
      throw new FirnError('SOURCE-MISSING', { what: 'There is no such file', where: this.where });
    }
    if (stat.isDirectory()) {
      throw new FirnError('SOURCE-NOT-A-DATABASE', {
        what: 'The path is a folder, not a database file',
        where: this.where,
      });
    }
    const file = `${stat.dev}:${stat.ino}`;
    this.#file ??= file;
    if (this.#file === file) return;
    this.#closeShared();
    if (this.#own.size === 0) this.#forgetFile();
    else this.#isReplaced = true;
    throw new FirnError('SOURCE-REPLACED', {
      what: 'Another file lies at the path than the one that was opened',
      where: this.where,
    });
  }

  /** Runs `work` and gives SQLite's errors their codes. */
  coded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sourceError(error, this.where);
    }
  }

  /**
   * Runs `work` in one IMMEDIATE transaction, and rolls back when it throws. Waits for other
   * writers without holding up the event loop.
   *
   * @throws {FirnError} SOURCE-BUSY after ten seconds, SOURCE-READ-ONLY, SOURCE-DISK-FULL
   */
  async write<T>(work: (db: DatabaseSync) => T): Promise<T> {
    return this.outsideTransaction((db) => {
      db.exec('BEGIN IMMEDIATE');
      try {
        const result = work(db);
        db.exec('COMMIT');
        return result;
      } finally {
        if (db.isTransaction) db.exec('ROLLBACK');
      }
    });
  }

  /** Like {@link write}, for statements that cannot run inside a transaction. */
  async outsideTransaction<T>(
    work: (db: DatabaseSync) => T,
    patienceMs = WRITE_PATIENCE_MS,
  ): Promise<T> {
    const deadline = this.#clock.monotonicMs() + patienceMs;
    for (let pauseMs = WRITE_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, WRITE_PAUSE_MS_MAX)) {
      try {
        this.assertSameFile();
        this.#writer ??= this.#open({ readOnly: false });
        return work(this.#writer);
      } catch (error) {
        const busy = sqliteResultCode(error) === BUSY;
        if (!busy || this.#clock.monotonicMs() >= deadline) throw sourceError(error, this.where);
      }
      await this.#clock.sleep(pauseMs);
    }
  }

  /** Ends the shared connections; those of callers are theirs to end. */
  close(): void {
    this.#closeShared();
    this.#forgetFile();
  }

  /** Whatever file is at the path next is the one to stay with. */
  #forgetFile(): void {
    this.#file = null;
    this.#isReplaced = false;
  }

  #closeShared(): void {
    this.#reader?.close();
    this.#writer?.close();
    this.#reader = null;
    this.#writer = null;
  }

  #open(options: { readonly readOnly: boolean }): DatabaseSync {
    return this.coded(() => {
      const db = new DatabaseSync(this.path, {
        ...options,
        // Names in indexes and generated columns of old databases may be quoted as strings.
        enableDoubleQuotedStringLiterals: true,
        enableForeignKeyConstraints: false,
        timeout: 20,
      });
      try {
        db.prepare('SELECT count(*) FROM sqlite_master').get();
      } catch (error) {
        db.close();
        throw error;
      }
      return db;
    });
  }
}
