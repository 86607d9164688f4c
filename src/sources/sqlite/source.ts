/**
 * The SQLite source: triggers record every change in a journal inside the same database, and this
 * reads the journal by id (docs/spec/source-sqlite.md). Nothing of it runs in the application.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { TableRule } from '../../config/pipeline-config.ts';
import { chooseTable } from '../../config/table-choice.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { Random } from '../../kernel/random.ts';
import type { SourceTable } from '../../model/source-event.ts';
import type { SourcePosition } from '../../model/source-position.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { ChangeSource } from '../../ports/source.ts';
import { sourceTableOf } from './capture-plan.ts';
import { checkDatabase } from './check.ts';
import { planTable } from './drift.ts';
import { journalPlace, lastId, markNow, sourceIdOf, verifyPlace } from './journal-mark.ts';
import { LOG_TABLE } from './journal-names.ts';
import { forgetPlans, installJournal, readMeta, readPlans, removalStatements } from './journal.ts';
import { reconcile } from './reconcile.ts';
import { foldName, sameName } from './sql-text.ts';
import { SqliteDatabase, atOneMoment, query, sourceError } from './sqlite-database.ts';
import { streamChanges } from './stream.ts';
import { findBorder, readByKeys, readChunks, readTable } from './table-reads.ts';
import { capturableTables, estimateRows, readShape, readTriggers } from './table-shape.ts';

/** How a SQLite source is opened. */
export interface SqliteSourceOptions {
  /** The database file. */
  readonly path: string;
  /** The pipeline's table rules. */
  readonly tables: readonly TableRule[];
  /** Namespace of the tables, and the name under which the journal is kept: the pipeline's name. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How often the database is asked whether something was committed. */
  readonly pollIntervalMs: number;
}

/** Journal rows removed in one transaction: short enough that a writer hardly waits. */
const PRUNE_ROWS = 2000;

/** How long to wait for other programs to let go before the journal mode cannot be changed. */
const MODE_PATIENCE_MS = 2000;

/** A source over one SQLite database. Nothing is opened or written before it is used. */
export function createSqliteSource(options: SqliteSourceOptions): ChangeSource {
  return new SqliteSource(options);
}

class SqliteSource implements ChangeSource {
  readonly kind = 'sqlite';
  readonly delivery = 'poll';
  readonly keepsLog = 'until-acknowledged';
  readonly #options: SqliteSourceOptions;
  readonly #database: SqliteDatabase;
  /** Why tables could not be captured, by folded name. */
  readonly #refusals = new Map<string, FirnError>();
  #newIncarnation: string | null = null;

  constructor(options: SqliteSourceOptions) {
    this.#options = options;
    this.#database = new SqliteDatabase(options.path, options.clock);
  }

  async discover(): Promise<readonly SourceTable[]> {
    return this.#read((db) => {
      const { tables: rules, namespace } = this.#options;
      const triggers = readTriggers(db);
      const plans = readMeta(db) === null ? [] : readPlans(db);
      return capturableTables(db).flatMap((name) => {
        const choice = chooseTable(rules, name);
        const shape = choice === null ? null : readShape(db, name, triggers);
        if (choice === null || shape === null) return [];
        const inForce = plans.find(
          ({ plan, until }) => until === null && sameName(plan.table, name),
        );
        const plan = planTable(shape, rules, inForce?.plan.key ?? null);
        if ('code' in plan) return [];
        return [sourceTableOf(plan, choice, { namespace, rowsEstimate: estimateRows(db, shape) })];
      });
    });
  }

  async check(): ReturnType<ChangeSource['check']> {
    return this.#read((db) => checkDatabase(db, this.#options));
  }

  async identify(): ReturnType<ChangeSource['identify']> {
    return this.#read((db) => ({
      sourceId: sourceIdOf(readMeta(db)?.incarnation ?? this.#incarnation()),
      label: this.#database.where,
    }));
  }

  async prepare(tables: readonly TableSchema[]): Promise<void> {
    const replacedMode = await this.#useWal();
    const { tables: rules, namespace: pipeline } = this.#options;
    const refusals = await this.#database.write((db) => {
      const meta = readMeta(db);
      if (meta === null) {
        installJournal(db, { incarnation: this.#incarnation(), pipeline, replacedMode });
      } else if (meta.pipeline !== pipeline) {
        throw new FirnError('SOURCE-OTHER-PIPELINE', {
          what: `The database feeds the pipeline ${meta.pipeline}`,
          where: this.#database.where,
        });
      }
      const names = tables.map(({ table }) => table.table);
      return reconcile(db, { rules, tables: names, verifiedId: 0 });
    });
    this.#newIncarnation = null;
    this.#refusals.clear();
    for (const { table, error } of refusals) this.#refusals.set(foldName(table), error);
  }

  async lowMark(epoch: number): ReturnType<ChangeSource['lowMark']> {
    return this.#read((db) => markNow(db, epoch));
  }

  async highMark(epoch: number): ReturnType<ChangeSource['highMark']> {
    return this.#read((db) => markNow(db, epoch));
  }

  bootstrap(
    request: Parameters<ChangeSource['bootstrap']>[0],
  ): ReturnType<ChangeSource['bootstrap']> {
    return this.#coded(readChunks(this.#readParts(), request));
  }

  async border(request: Parameters<ChangeSource['border']>[0]): Promise<string | null> {
    return this.#database.coded(() => findBorder(this.#readParts(), request));
  }

  async readAll(
    request: Parameters<ChangeSource['readAll']>[0],
  ): ReturnType<ChangeSource['readAll']> {
    const whole = await readTable(this.#readParts(), request);
    return { ...whole, batches: this.#coded(whole.batches) };
  }

  async readKeys(
    request: Parameters<ChangeSource['readKeys']>[0],
  ): ReturnType<ChangeSource['readKeys']> {
    return this.#database.coded(() => readByKeys(this.#readParts(), request));
  }

  stream(request: Parameters<ChangeSource['stream']>[0]): ReturnType<ChangeSource['stream']> {
    const { pollIntervalMs } = this.#options;
    const parts = { ...this.#readParts(), pollIntervalMs, refusals: this.#refusals };
    return this.#coded(streamChanges(parts, request));
  }

  async acknowledge(position: SourcePosition): Promise<void> {
    const place = journalPlace(position);
    assert(place !== null, 'the position is one of this source');
    const [first] = this.#read((db) => {
      const meta = readMeta(db);
      if (meta === null || sourceIdOf(meta.incarnation) !== position.sourceId) return [];
      return query(db, `SELECT min(id) FROM ${LOG_TABLE}`).flat();
    });
    if (typeof first !== 'bigint') return;
    try {
      for (let from = first; from < BigInt(place.id); from += BigInt(PRUNE_ROWS)) {
        const wanted = from + BigInt(PRUNE_ROWS);
        const to = wanted < BigInt(place.id) ? wanted : BigInt(place.id);
        await this.#database.write((db) =>
          db.prepare(`DELETE FROM ${LOG_TABLE} WHERE id < ?1`).run(to),
        );
        await this.#options.clock.sleep(0);
      }
      await this.#database.write((db) => forgetPlans(db));
    } catch (error) {
      // What is not pruned now is pruned with the next position; the rows do no harm.
      if (!isFirnError(error, 'SOURCE-BUSY')) throw error;
    }
  }

  oldest(left: SourcePosition, right: SourcePosition): SourcePosition {
    return compareIds(left, right) <= 0 ? left : right;
  }

  newest(left: SourcePosition, right: SourcePosition): SourcePosition {
    return compareIds(left, right) >= 0 ? left : right;
  }

  async verifyPosition(position: SourcePosition): ReturnType<ChangeSource['verifyPosition']> {
    return this.#database.coded(() => verifyPlace(this.#database.reader, position));
  }

  async lag(position: SourcePosition): ReturnType<ChangeSource['lag']> {
    return this.#read((db) => {
      const place = journalPlace(position);
      if (place === null || readMeta(db) === null) return null;
      return { changes: BigInt(Math.max(0, lastId(db) - place.id)) };
    });
  }

  async uninstallPlan(): Promise<readonly string[]> {
    return this.#read((db) => {
      const mode = readMeta(db)?.replacedMode ?? null;
      const restored = mode === null ? [] : [`PRAGMA journal_mode = ${mode}`];
      return [...removalStatements(db), ...restored];
    });
  }

  async uninstall(): Promise<void> {
    const mode = this.#read((db) => readMeta(db)?.replacedMode ?? null);
    await this.#database.write((db) => {
      for (const statement of removalStatements(db)) db.exec(statement);
    });
    this.#database.close();
    this.#newIncarnation = null;
    if (mode === null || !/^[a-z]+$/i.test(mode)) return;
    try {
      const statement = `PRAGMA journal_mode = ${mode}`;
      await this.#database.outsideTransaction((db) => db.exec(statement), MODE_PATIENCE_MS);
    } catch (error) {
      // Another program has the database open: it may rely on WAL by now, and WAL does no harm.
      if (!isFirnError(error, 'SOURCE-BUSY')) throw error;
    }
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #read<T>(work: (db: DatabaseSync) => T): T {
    return this.#database.coded(() => {
      const db = this.#database.reader;
      return atOneMoment(db, () => work(db));
    });
  }

  #readParts(): { database: SqliteDatabase; clock: Clock; rules: readonly TableRule[] } {
    const { clock, tables: rules } = this.#options;
    return { database: this.#database, clock, rules };
  }

  async *#coded<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      throw sourceError(error, this.#database.where);
    }
  }

  #incarnation(): string {
    const { clock, random } = this.#options;
    this.#newIncarnation ??= uuidV7(clock, random);
    return this.#newIncarnation;
  }

  /** Switches the database to WAL; gives the mode it had, or `null` when that was WAL. */
  async #useWal(): Promise<string | null> {
    const mode = (db: DatabaseSync, sql: string): string => String(query(db, sql)[0]?.[0] ?? '');
    const refused = (what: string, cause?: unknown): FirnError =>
      new FirnError('SOURCE-WAL-REQUIRED', { what, where: this.#database.where, cause });
    const before = this.#read((db) => mode(db, 'PRAGMA journal_mode'));
    if (before === 'wal') return null;
    let now: string;
    try {
      const toWal = (db: DatabaseSync): string => mode(db, 'PRAGMA journal_mode = WAL');
      now = await this.#database.outsideTransaction(toWal, MODE_PATIENCE_MS);
    } catch (error) {
      if (!isFirnError(error, 'SOURCE-BUSY')) throw error;
      throw refused(`Its journal mode is ${before}, and other programs have it open`, error);
    }
    if (now !== 'wal') throw refused(`Its journal mode stays ${now}: WAL is not possible there`);
    return before;
  }
}

/** Incarnations begin with the time they were made, so an older journal goes before a newer one. */
function compareIds(left: SourcePosition, right: SourcePosition): number {
  const [first, second] = [journalPlace(left), journalPlace(right)];
  assert(first !== null && second !== null, 'positions are of this kind of source');
  if (left.sourceId !== right.sourceId) return left.sourceId < right.sourceId ? -1 : 1;
  return first.id - second.id;
}
