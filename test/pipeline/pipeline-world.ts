/**
 * A pipeline over a real SQLite database, a folder and the real engine, driven in process: what the
 * command line does, without starting a program for every step.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, backup } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { parsePipelineFile } from '../../src/config/parse-pipeline-file.ts';
import type { PipelineConfig } from '../../src/config/pipeline-config.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { openLake } from '../../src/pipeline/adapters.ts';
import type { OpenedLake } from '../../src/pipeline/adapters.ts';
import type { PipelineEvent } from '../../src/pipeline/pipeline-event.ts';
import { openPipeline } from '../../src/pipeline/pipeline-service.ts';
import type { PipelineService } from '../../src/pipeline/pipeline-service.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import { viewTables } from '../../src/pipeline/view/lake-view.ts';
import type { TableView } from '../../src/pipeline/view/lake-view.ts';
import type { LoadedTable } from '../../src/ports/catalog.ts';

/** What a world starts with. `options`: more lines of the pipeline file. */
export interface WorldSetup {
  readonly ddl: string;
  readonly tables: string;
  readonly options?: string;
}

/** One database and one lake in a temporary folder. */
export class PipelineWorld {
  readonly folder: string;
  readonly config: PipelineConfig;
  database: DatabaseSync;
  /** Everything the pipeline said so far. */
  readonly events: PipelineEvent[] = [];
  /** The wall clock is this far ahead of the machine's. */
  aheadMs = 0;

  constructor(setup: WorldSetup) {
    this.folder = mkdtempSync(join(tmpdir(), 'firn-world-'));
    this.database = this.#open();
    this.database.exec(setup.ddl);
    const text = [
      'name: shop',
      'source: {type: sqlite, path: ./app.db}',
      `tables: [${setup.tables}]`,
      'lake: {warehouse: ./lake}',
      setup.options ?? '',
    ].join('\n');
    this.config = parsePipelineFile(text, join(this.folder, 'firn.yaml'));
  }

  /** Opens the pipeline, runs `use`, closes it. */
  async with<T>(
    use: (pipeline: PipelineService) => Promise<T>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<T> {
    const pipeline = await openPipeline({
      config: this.config,
      clock: { ...systemClock, nowMs: () => systemClock.nowMs() + this.aheadMs },
      random: systemRandom,
      readSecret: () => Promise.reject(new Error('this pipeline has no secrets')),
      runtimeFolder: join(this.folder, 'run'),
      processId: process.pid,
      onEvent: (event) => this.events.push(event),
      signal,
    });
    try {
      return await use(pipeline);
    } finally {
      await pipeline.close();
    }
  }

  /** Catches up once. */
  async runOnce(): Promise<void> {
    await this.with((pipeline) => pipeline.run({ once: true }));
  }

  /** Opens storage and catalog beside the pipeline. */
  async withLake<T>(use: (lake: OpenedLake) => Promise<T>): Promise<T> {
    const { config } = this;
    const lake = await openLake({ config, clock: systemClock, random: systemRandom });
    try {
      return await use(lake);
    } finally {
      await lake.catalog.close();
    }
  }

  /** The first table's base as the catalog has it. */
  async base(): Promise<LoadedTable> {
    const { base } = await this.#view();
    assert(base);
    return base;
  }

  /** The first table's newest schema. */
  async schema(): Promise<TableSchema> {
    return (await this.#view()).schema;
  }

  /** Names of the refs of the first table's base, sorted. */
  async baseRefs(): Promise<readonly string[]> {
    return Object.keys((await this.base()).metadata.refs).toSorted();
  }

  /** Rows of an answer as text. */
  rows(sql: string): Promise<readonly (readonly (string | null)[])[]> {
    return this.with(async (pipeline) => {
      const reader = await pipeline.reader();
      const { answer, session } = await reader.query(sql);
      const rows: (readonly (string | null)[])[] = [];
      for await (const some of answer.rows) rows.push(...some);
      await session.close();
      return rows;
    });
  }

  /** Whether every base equals its source. */
  async isEqual(): Promise<boolean> {
    return (await this.with((pipeline) => pipeline.verify({ table: null, repair: false }))).equal;
  }

  /** Copies the database as it is now. */
  async backup(name: string): Promise<void> {
    await backup(this.database, join(this.folder, name));
  }

  /** Puts a copy in the database's place. */
  async restore(name: string): Promise<void> {
    this.database.close();
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(join(this.folder, `app.db${suffix}`), { force: true });
    }
    const copy = new DatabaseSync(join(this.folder, name));
    await backup(copy, join(this.folder, 'app.db'));
    copy.close();
    this.database = this.#open();
  }

  /** Closes and removes everything. */
  remove(): void {
    this.database.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #open(): DatabaseSync {
    const database = new DatabaseSync(join(this.folder, 'app.db'));
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
    return database;
  }

  #view(): Promise<TableView> {
    return this.withLake(async ({ store, catalog }) => {
      const [view] = await viewTables({ store, catalog, state: openStateFolder(store, 'shop') });
      assert(view);
      return view;
    });
  }
}

/** Makes a world that is removed after the test. */
export function pipelineWorld(context: TestContext, setup: WorldSetup): PipelineWorld {
  const world = new PipelineWorld(setup);
  context.after(() => world.remove());
  return world;
}
