/**
 * A pipeline over a real SQLite database, a folder and the real engine, driven in process: what the
 * command line does, without starting a program for every step.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { parsePipelineFile } from '../../src/config/parse-pipeline-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { openLake } from '../../src/pipeline/adapters.ts';
import type { PipelineEvent } from '../../src/pipeline/pipeline-event.ts';
import { openPipeline } from '../../src/pipeline/pipeline-service.ts';
import type { PipelineService } from '../../src/pipeline/pipeline-service.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
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
    async baseRefs() {
      const adapters = { config, clock: systemClock, random: systemRandom };
      const { store, catalog } = await openLake(adapters);
      const views = await viewTables({ store, catalog, state: openStateFolder(store, 'shop') });
      await catalog.close();
      return Object.keys(views[0]?.base?.metadata.refs ?? {}).sort();
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
