/**
 * One connection to a catalog file that other programs use too. Transactions are short, synchronous
 * and immediate, so nothing of this process ever runs inside another's; waiting for a lock happens
 * between short attempts and does not hold up the process.
 *
 * Locks of SQLite are waited for at most about ten seconds. What was not begun changed nothing;
 * only a failed COMMIT may leave open whether it took effect.
 */
import { DatabaseSync } from 'node:sqlite';
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import { catalogError, isBusy } from './sqlite-failure.ts';

/** What a connection needs. */
export interface SqliteConnectionOptions {
  /** The file; made when it is not there, its folder is not. */
  readonly path: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Attempts at a locked file; default: about ten seconds of them. */
  readonly lockAttemptsMax?: number;
}

/** Values of a statement's `?`, in order. */
export type SqlParameters = readonly SQLInputValue[];
/** One row of an answer by column name. */
export type SqlRow = Readonly<Record<string, SQLOutputValue>>;

/** What a transaction's body wants: `keep: false` rolls back. */
export interface TransactionBody<T> {
  readonly keep: boolean;
  readonly value: T;
}

/** How a transaction ended. `unknown`: all of it took effect, or nothing. */
export type TransactionEnd<T> =
  | { readonly kind: 'ended'; readonly value: T }
  | { readonly kind: 'unknown'; readonly cause: unknown };

/** How long one attempt waits for a lock while the process stands still. */
const lockWaitMs = 50;
/** With the pauses between them about ten seconds in all. */
const lockAttemptsMaxDefault = 150;
/** Longest pause between two attempts. */
const lockPauseMs = 30;

/** Statements kept prepared; more than the catalog has. */
const statementsMax = 64;

/** An open catalog file. */
export class SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #options: SqliteConnectionOptions;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws {FirnError} CATALOG-CANNOT-OPEN: no such folder, or not a file. */
  constructor(options: SqliteConnectionOptions) {
    this.#options = options;
    try {
      this.#database = new DatabaseSync(options.path, { timeout: lockWaitMs });
    } catch (error) {
      throw catalogError(error, options.path);
    }
  }

  /** Runs statements that return nothing and change no table, such as a PRAGMA. */
  configure(sql: string): Promise<void> {
    return this.#whenUnlocked(() => {
      this.#database.exec(sql);
    });
  }

  /** Rows of a query. */
  rows(sql: string, parameters: SqlParameters = []): Promise<readonly SqlRow[]> {
    return this.#whenUnlocked(() => this.rowsNow(sql, parameters));
  }

  /** Runs `body`, which only reads with `rowsNow`; it may run several times. */
  read<T>(body: () => T): Promise<T> {
    return this.#whenUnlocked(body);
  }

  /** Rows of a query inside the body of a transaction or of `read`. */
  rowsNow(sql: string, parameters: SqlParameters = []): readonly SqlRow[] {
    return this.#prepared(sql).all(...parameters);
  }

  /** Runs a change inside the body of a transaction and gives the number of rows it changed. */
  changeNow(sql: string, parameters: SqlParameters = []): number | bigint {
    return this.#prepared(sql).run(...parameters).changes;
  }

  /** Statements are few and repeated; SQLite itself prepares one again when the schema changed. */
  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    if (this.#statements.size < statementsMax) this.#statements.set(sql, statement);
    return statement;
  }

  /**
   * Runs `body` in one immediate transaction; it may run several times, each time from the start.
   * Throws only when nothing was changed.
   *
   * @throws {FirnError} CATALOG-BUSY and the other codes of `sqlite-failure.ts`
   */
  transaction<T>(body: () => TransactionBody<T>): Promise<TransactionEnd<T>> {
    return this.#whenUnlocked(() => {
      this.#database.exec('BEGIN IMMEDIATE');
      let result: TransactionBody<T>;
      try {
        result = body();
      } catch (error) {
        this.#rollback();
        throw error;
      }
      if (!result.keep) {
        this.#rollback();
        return { kind: 'ended', value: result.value };
      }
      return this.#end(result.value);
    });
  }

  /** Idempotent. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #end<T>(value: T): TransactionEnd<T> {
    try {
      this.#database.exec('COMMIT');
      return { kind: 'ended', value };
    } catch (error) {
      // A reader's lock kept the transaction from ending: it is still whole and still ours.
      if (isBusy(error)) {
        this.#rollback();
        throw error;
      }
      try {
        this.#rollback();
      } catch {
        // The answer is `unknown` either way; SQLite recovers the file when it is read next.
      }
      return { kind: 'unknown', cause: catalogError(error, this.#options.path) };
    }
  }

  #rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  async #whenUnlocked<T>(act: () => T): Promise<T> {
    const { path, clock, random, lockAttemptsMax = lockAttemptsMaxDefault } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return act();
      } catch (error) {
        if (!isBusy(error) || attempt === lockAttemptsMax) throw catalogError(error, path);
      }
      await clock.sleep((lockPauseMs * (random.bytes(1)[0] ?? 0)) / 255);
    }
  }
}

/** The value of a transaction that may be run again if it is unknown whether it took effect. */
export function settled<T>(end: TransactionEnd<T>): T {
  if (end.kind === 'unknown') throw end.cause;
  return end.value;
}

/** The texts of one column; other values are left out. */
export function sqlTexts(rows: readonly SqlRow[], column: string): readonly string[] {
  return rows.flatMap((row) => {
    const value = row[column];
    return typeof value === 'string' ? [value] : [];
  });
}
