/**
 * A pipeline over a real SQLite database, a folder and the real engine, driven in process: what the
 * command line does, without starting a program for every step.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { parsePipelineFile } from '../../src/config/parse-pipeline-file.ts';
import type { PipelineConfig } from '../../src/config/pipeline-config.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { openLake } from '../../src/pipeline/adapters.ts';
import type { OpenedLake } from '../../src/pipeline/adapters.ts';
import type { PipelineEvent } from '../../src/pipeline/pipeline-event.ts';
import { openPipeline } from '../../src/pipeline/pipeline-service.ts';
import type { PipelineService } from '../../src/pipeline/pipeline-service.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import type { LoadedTable } from '../../src/ports/catalog.ts';
import { viewTables } from '../../src/pipeline/view/lake-view.ts';

/** One database and one lake in a temporary folder. */
export interface PipelineWorld {
  readonly folder: string;
  readonly database: DatabaseSync;
  /** Everything the pipeline said so far. */
  readonly events: PipelineEvent[];
  /** The wall clock is this far ahead of the machine's. */
  aheadMs: number;
  /** Opens the pipeline, runs `use`, closes it. */
  with<T>(use: (pipeline: PipelineService) => Promise<T>): Promise<T>;
  /** Catches up once. */
  runOnce(): Promise<void>;
  /** Opens storage and catalog beside the pipeline. */
  withLake<T>(use: (lake: OpenedLake) => Promise<T>): Promise<T>;
  /** The first table's base as the catalog has it. */
  base(): Promise<LoadedTable>;
  /** Names of the refs of the first table's base, sorted. */
  baseRefs(): Promise<readonly string[]>;
  /** Rows of an answer as text. */
  rows(sql: string): Promise<readonly (readonly (string | null)[])[]>;
}

/** Makes a world with these tables, removed after the test. `options`: more lines of the file. */
export function pipelineWorld(
  context: TestContext,
  setup: { readonly ddl: string; readonly tables: string; readonly options?: string },
): PipelineWorld {
  const { folder, database, config } = openFolder(context, setup);
  const events: PipelineEvent[] = [];
  const world: PipelineWorld = {
    folder,
    database,
    events,
    aheadMs: 0,
    async with(use) {
      const pipeline = await openPipeline({
        config,
        clock: { ...systemClock, nowMs: () => systemClock.nowMs() + world.aheadMs },
        random: systemRandom,
        runtimeFolder: join(folder, 'run'),
        processId: process.pid,
        onEvent: (event) => events.push(event),
        signal: new AbortController().signal,
      });
      try {
        return await use(pipeline);
      } finally {
        await pipeline.close();
      }
    },
    async runOnce() {
      await world.with((pipeline) => pipeline.run({ once: true }));
    },
    async withLake(use) {
      const lake = await openLake({ config, clock: systemClock, random: systemRandom });
      try {
        return await use(lake);
      } finally {
        await lake.catalog.close();
      }
    },
    base: () =>
      world.withLake(async ({ store, catalog }) => {
        const [view] = await viewTables({ store, catalog, state: openStateFolder(store, 'shop') });
        assert(view?.base);
        return view.base;
      }),
    async baseRefs() {
      return Object.keys((await world.base()).metadata.refs).sort();
    },
    rows: (sql) =>
      world.with(async (pipeline) => {
        const reader = await pipeline.reader();
        const { answer, session } = await reader.query(sql);
        const rows: (readonly (string | null)[])[] = [];
        for await (const some of answer.rows) rows.push(...some);
        await session.close();
        return rows;
      }),
  };
  return world;
}

/** The database and the checked pipeline file in a folder of their own. */
function openFolder(
  context: TestContext,
  setup: Parameters<typeof pipelineWorld>[1],
): Pick<PipelineWorld, 'folder' | 'database'> & { readonly config: PipelineConfig } {
  const folder = mkdtempSync(join(tmpdir(), 'firn-world-'));
  const database = new DatabaseSync(join(folder, 'app.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF');
  database.exec(setup.ddl);
  context.after(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const text = [
    'name: shop',
    'source: {type: sqlite, path: ./app.db}',
    `tables: [${setup.tables}]`,
    'lake: {warehouse: ./lake}',
    setup.options ?? '',
  ].join('\n');
  const config = parsePipelineFile(text, join(folder, 'firn.yaml'));
  return { folder, database, config };
}
