/** A SQLite database in a folder of its own, a writer, and Firn's source over it. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TableRule } from '../../src/config/pipeline-config.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import type { SourceEvent } from '../../src/model/source-event.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { ChangeSource, SourceMark, StreamRequest } from '../../src/ports/source.ts';
import { createSqliteSource } from '../../src/sources/sqlite/source.ts';
import { TestRegistry } from './source-events.ts';

/** Rules as a pipeline file gives them. */
export function tableRule(pattern: string, rule: Partial<TableRule> = {}): TableRule {
  return { exclude: [], rename: {}, columns: {}, onDrop: 'halt', ...rule, pattern };
}

/** What may be set for a world. */
export interface SqliteWorldOptions {
  readonly rules?: readonly TableRule[];
  /** Statements run before the source sees the database. */
  readonly schema?: string;
  readonly namespace?: string;
  readonly clock?: Clock;
  readonly journalMode?: string;
}

let worlds = 0;

/** Memory where the system has some as a folder: these tests are not about disks. */
const SCRATCH = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** One database for one test. */
export class SqliteWorld {
  readonly folder = mkdtempSync(join(SCRATCH, 'firn-sqlite-'));
  readonly path = join(this.folder, 'app.db');
  readonly writer: DatabaseSync;
  readonly registry = new TestRegistry();
  readonly #options: SqliteWorldOptions;
  readonly #random = seededRandom(++worlds);
  #source: ChangeSource;

  constructor(options: SqliteWorldOptions = {}) {
    this.#options = options;
    this.writer = new DatabaseSync(this.path);
    this.writer.exec(`PRAGMA journal_mode = ${options.journalMode ?? 'wal'}`);
    this.writer.exec('PRAGMA synchronous = OFF');
    if (options.schema !== undefined) this.writer.exec(options.schema);
    this.#source = this.open();
  }

  get source(): ChangeSource {
    return this.#source;
  }

  /** Another source over the same database, with other rules if given. */
  open(options: Partial<SqliteWorldOptions> = {}): ChangeSource {
    const { rules, namespace, clock } = { ...this.#options, ...options };
    return createSqliteSource({
      path: this.path,
      tables: rules ?? [tableRule('*')],
      namespace: namespace ?? 'app',
      clock: clock ?? systemClock,
      random: this.#random,
      pollIntervalMs: 5,
    });
  }

  /** Closes the source and opens it again, as a restart does. */
  async reopen(options: Partial<SqliteWorldOptions> = {}): Promise<ChangeSource> {
    await this.#source.close();
    this.#source = this.open(options);
    return this.#source;
  }

  exec(sql: string): void {
    this.writer.exec(sql);
  }

  /** Prepares every table the rules take and gives the mark behind that. */
  async prepare(): Promise<{ readonly tables: readonly TableSchema[]; readonly mark: SourceMark }> {
    const tables = await this.registry.discover(this.#source);
    await this.#source.prepare(tables);
    return { tables, mark: await this.#source.lowMark(1) };
  }

  /** A stream request that ends with what is there. */
  request(from: SourcePosition | null, tables: readonly TableSchema[]): StreamRequest {
    return {
      tables,
      from,
      epoch: 1,
      resolveSchema: this.registry.resolve,
      beforeImages: false,
      signal: new AbortController().signal,
      once: true,
    };
  }

  /** All that a once-stream gives after `from`. */
  async read(
    from: SourcePosition | null,
    tables: readonly TableSchema[],
    more: Partial<StreamRequest> = {},
  ): Promise<SourceEvent[]> {
    const events: SourceEvent[] = [];
    const request = { ...this.request(from, tables), ...more };
    for await (const event of this.#source.stream(request)) events.push(event);
    return events;
  }

  async close(): Promise<void> {
    await this.#source.close();
    if (this.writer.isOpen) this.writer.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a test in a world of its own. */
export async function inSqliteWorld(
  options: SqliteWorldOptions,
  run: (world: SqliteWorld) => Promise<void>,
): Promise<void> {
  const world = new SqliteWorld(options);
  try {
    await run(world);
  } finally {
    await world.close();
  }
}

/** The position of the last event that has one. */
export function lastPosition(events: readonly SourceEvent[]): SourcePosition {
  for (const event of events.toReversed()) if ('position' in event) return event.position;
  throw new Error('no event has a position');
}
