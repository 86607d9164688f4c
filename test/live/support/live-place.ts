/**
 * A pipeline on a live server in this process: what the command line does, without starting a
 * program for every step. It reads with exactly the documented grants.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parsePipelineFile } from '../../../src/config/parse-pipeline-file.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import type { StatusDocument } from '../../../src/monitor/status-document.ts';
import type { ControlCommand } from '../../../src/pipeline/control/control-commands.ts';
import type { PipelineEvent } from '../../../src/pipeline/pipeline-event.ts';
import { openPipeline } from '../../../src/pipeline/pipeline-service.ts';
import type { PipelineService } from '../../../src/pipeline/pipeline-service.ts';
import type { LiveDatabase, LiveServer } from './live-server.ts';

/** Where a pipeline reads from. */
export interface LivePlaceSetup {
  /** The server, or a proxy before it. */
  readonly server: Pick<LiveServer, 'host' | 'port'>;
  readonly database: Pick<LiveDatabase, 'name' | 'user' | 'password'>;
  /** Names or patterns without the database. */
  readonly tables: readonly string[];
  /** More of the source's options, as in `onSwap: bootstrap`. */
  readonly sourceOptions?: string;
  /** What a DROP does to each of the tables. */
  readonly onDrop?: 'halt' | 'keep' | 'drop';
}

/** How long something that must happen is waited for. */
const PATIENCE_MS = 30_000;

/** A pipeline that runs. */
export interface LiveRun {
  /** Waits until `isIt` holds of an event since the start, or throws with all of them. */
  saw(isIt: (event: PipelineEvent) => boolean): Promise<void>;
  /** Ends it in order. */
  stop(): Promise<void>;
}

/** One pipeline and its lake in a temporary folder. */
export class LivePlace {
  readonly #folder = mkdtempSync(join(tmpdir(), 'firn-live-'));
  #setup: LivePlaceSetup;
  readonly #ends: (() => Promise<void>)[] = [];
  /** Everything that the pipeline said since the last start. */
  events: PipelineEvent[] = [];
  /** The wall clock of the pipeline is this far ahead of the machine's. */
  aheadMs = 0;

  constructor(t: TestContext, setup: LivePlaceSetup) {
    this.#setup = setup;
    t.after(async () => {
      for (const end of this.#ends) await end();
      rmSync(this.#folder, { recursive: true, force: true });
    });
  }

  /** Changes the pipeline file from the next start on. */
  configure(more: Partial<LivePlaceSetup>): void {
    this.#setup = { ...this.#setup, ...more };
  }

  /** Catches up once; gives the halted tables, without the database. */
  async once(): Promise<readonly string[]> {
    this.events = [];
    const { halted } = await this.#with((pipeline) => pipeline.run({ once: true }));
    return halted.map((name) => name.slice(name.indexOf('.') + 1)).toSorted();
  }

  /** Starts it, to run until it is stopped. */
  async start(): Promise<LiveRun> {
    this.events = [];
    const end = new AbortController();
    const failed: { error: Error | null } = { error: null };
    const over = this.#with((pipeline) => pipeline.run({ once: false }), end.signal).catch(
      (error: unknown) => {
        failed.error = error instanceof Error ? error : new Error(String(error));
      },
    );
    this.#ends.push(async () => {
      end.abort();
      await over;
    });
    const saw = async (isIt: (event: PipelineEvent) => boolean): Promise<void> => {
      for (let waitedMs = 0; !this.events.some(isIt); waitedMs += 20) {
        if (failed.error !== null) throw failed.error;
        ok(waitedMs < PATIENCE_MS, JSON.stringify(this.events.slice(-30), asText, 1));
        await sleep(20);
      }
    };
    await saw(({ kind }) => kind === 'started');
    const stop = async (): Promise<void> => {
      end.abort();
      await over;
      if (failed.error !== null) throw failed.error;
    };
    return { saw, stop };
  }

  /**
   * Catches up, then every table that the file names and that is not halted has exactly the rows of
   * the source.
   */
  async expectEqual(halted: readonly string[] = []): Promise<void> {
    deepEqual(await this.once(), halted);
    await this.expectProof(halted);
  }

  /** The proof by the program itself, over a pipeline that runs or not. */
  async expectProof(halted: readonly string[] = []): Promise<void> {
    const report = await this.#with((pipeline) => pipeline.verify({ table: null, repair: false }));
    const { database, tables } = this.#setup;
    const names = halted.map((name) => `${database.name}.${name}`);
    const isNamed = (name: string): boolean =>
      tables.some((table) => table.includes('*') || `${database.name}.${table}` === name);
    for (const proof of report.tables) {
      if (names.includes(proof.table) || !isNamed(proof.table)) continue;
      equal(proof.kind, 'compared', JSON.stringify(proof, asText));
      if (proof.kind === 'compared') ok(proof.equal, JSON.stringify(proof, asText));
    }
  }

  /** Whether all tables are equal, after reading what differs again with `repair`. */
  async isEqual(repair: boolean): Promise<boolean> {
    return (await this.#with((pipeline) => pipeline.verify({ table: null, repair }))).equal;
  }

  /** A request as another process makes it. */
  request(command: ControlCommand, table: string): Promise<unknown> {
    return this.#with((pipeline) => pipeline.request(command, { table }));
  }

  /** What `firn status` shows. */
  status(): Promise<StatusDocument> {
    return this.#with((pipeline) => pipeline.status());
  }

  /** Code of the halt of each halted table, as `firn status` shows it. */
  async halts(): Promise<Readonly<Record<string, string>>> {
    const { tables } = await this.status();
    return Object.fromEntries(
      tables.flatMap(({ table, halted }) =>
        halted === null ? [] : [[table.slice(table.indexOf('.') + 1), halted.code]],
      ),
    );
  }

  /** Rows of an answer as text. */
  rows(sql: string): Promise<readonly (readonly (string | null)[])[]> {
    return this.#with(async (pipeline) => {
      const reader = await pipeline.reader();
      const { answer, session } = await reader.query(sql);
      const rows: (readonly (string | null)[])[] = [];
      for await (const some of answer.rows) rows.push(...some);
      await session.close();
      return rows;
    });
  }

  /** Opens the pipeline, runs `use`, closes it. */
  async #with<T>(
    use: (pipeline: PipelineService) => Promise<T>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<T> {
    const { server, database, tables, sourceOptions = '', onDrop = 'halt' } = this.#setup;
    const names = tables
      .map((table) => `{table: "${database.name}.${table}", onDrop: ${onDrop}}`)
      .join(', ');
    const text = `
name: live
source:
  type: mysql
  host: ${server.host}
  port: ${server.port}
  user: ${database.user}
  password: {env: LIVE_PASSWORD}
  tls: off
  heartbeatInterval: 1s
  ${sourceOptions}
tables: [${names}]
lake: {warehouse: ./lake}
ledger: {commitInterval: 100ms}
base: {mergeInterval: 1s, buckets: 2}
`;
    const pipeline = await openPipeline({
      config: parsePipelineFile(text, join(this.#folder, 'firn.yaml')),
      clock: { ...systemClock, nowMs: () => systemClock.nowMs() + this.aheadMs },
      random: systemRandom,
      readSecret: async () => database.password,
      runtimeFolder: join(this.#folder, 'run'),
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
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
