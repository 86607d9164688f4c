/**
 * A pipeline on the services that the environment names: a database of its own, a lake in a folder
 * whose catalog is served to Flink, and the pipeline in this process. Everything that it made is
 * gone after the test.
 */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import type { Connection } from 'mysql2/promise';
import { parsePipelineFile } from '../../src/config/parse-pipeline-file.ts';
import { isLiveJob } from '../../src/engines/cluster/flink-jobs.ts';
import { createEmbeddedEngine } from '../../src/engines/embedded/embedded-engine.ts';
import type { ScanFile } from '../../src/iceberg/scan-file.ts';
import { currentSchema } from '../../src/iceberg/table-metadata.ts';
import type { TableMetadata } from '../../src/iceberg/table-metadata.ts';
import type { PipelineConfig } from '../../src/config/pipeline-config.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { ServicePool } from '../../src/pipeline/cluster/cluster-services.ts';
import type { ClusterServices } from '../../src/pipeline/cluster/cluster-services.ts';
import type { PipelineEvent } from '../../src/pipeline/pipeline-event.ts';
import { openPipeline } from '../../src/pipeline/pipeline-service.ts';
import type { PipelineService } from '../../src/pipeline/pipeline-service.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import type { Catalog, LoadedTable } from '../../src/ports/catalog.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { openSqliteCatalog } from '../../src/storage/sqlite-catalog.ts';
import { ServedLakePlace } from '../support/served-lake.ts';

const {
  FIRN_KAFKA_BOOTSTRAP: kafka = '',
  FIRN_CONNECT_URL: connect = '',
  FIRN_FLINK_GATEWAY_URL: gateway = '',
  FIRN_FLINK_JOBS_URL: jobs = '',
  FIRN_SPARK_ADDRESS: spark = '127.0.0.1:1',
  FIRN_MYSQL_URL: server = '',
  FIRN_REQUIRE = '',
  FIRN_TEST_TRACE: trace = '',
} = process.env;

/** Why tests of ledgers do not run; `false`: they run. */
export const SKIP_WITHOUT_FLINK: string | false =
  FIRN_REQUIRE.split(',').includes('cluster') ||
  [kafka, connect, gateway, jobs, server].every((at) => at !== '')
    ? false
    : 'FIRN_KAFKA_BOOTSTRAP, FIRN_CONNECT_URL, FIRN_FLINK_GATEWAY_URL, FIRN_FLINK_JOBS_URL or FIRN_MYSQL_URL names no service';

/** Where a place differs from the usual. */
export interface LedgerPlaceOptions {
  /** Names without the database. */
  readonly tables: readonly string[];
  readonly ddl: readonly string[];
  /** Addresses in place of those of the environment: proxies. */
  readonly at?: { readonly gateway?: string };
  readonly retention?: string;
  readonly interval?: string;
  /** What becomes of tables that are dropped. */
  readonly onDrop?: string;
  readonly reconcile?: string;
}

type Row = readonly (string | null)[];

/** A running pipeline. */
export interface RunningPipeline {
  /** Ends it and waits. */
  stop(): Promise<void>;
  /** Rejects when the run failed. */
  readonly done: Promise<unknown>;
  /** Why it failed; `null`: it has not. */
  readonly failure: () => Error | null;
}

/** One pipeline and everything around it. */
export class LedgerPlace {
  readonly name: string;
  readonly folder: string;
  readonly events: PipelineEvent[] = [];
  readonly config: PipelineConfig;
  readonly services: ClusterServices;
  readonly connection: Connection;
  readonly catalog: Catalog;
  readonly served: ServedLakePlace;
  readonly #pool: ServicePool;
  /** How far the clock of the pipeline is ahead. */
  aheadMs = 0;
  readonly #running: RunningPipeline[] = [];

  private constructor(parts: {
    readonly name: string;
    readonly folder: string;
    readonly config: PipelineConfig;
    readonly services: ClusterServices;
    readonly connection: Connection;
    readonly catalog: Catalog;
    readonly served: ServedLakePlace;
    readonly pool: ServicePool;
  }) {
    this.name = parts.name;
    this.folder = parts.folder;
    this.config = parts.config;
    this.services = parts.services;
    this.connection = parts.connection;
    this.catalog = parts.catalog;
    this.served = parts.served;
    this.#pool = parts.pool;
  }

  static async open(
    t: TestContext,
    name: string,
    options: LedgerPlaceOptions,
  ): Promise<LedgerPlace> {
    const folder = mkdtempSync(join(tmpdir(), 'firn-ledger-'));
    const [clock, random] = [systemClock, systemRandom];
    const lake = join(folder, 'lake');
    const served = await ServedLakePlace.open({ folder: lake, warehouse: lake });
    t.after(() => served.close());
    const { hostname, port, username } = new URL(server);
    const { onDrop = 'halt' } = options;
    const rules = options.tables.map((table) => `{table: ${name}.${table}, onDrop: ${onDrop}}`);
    const text = `
name: ${name}
source: {type: mysql, host: ${hostname}, port: ${port}, user: ${username}, tls: off}
tables: [${rules.join(', ')}]
lake: {warehouse: ./lake}
ledger: {commitInterval: ${options.interval ?? '1s'}, retention: 1h}
base: {mergeInterval: 1h}
engine: cluster
cluster:
  kafka: {bootstrapServers: "${kafka}", partitions: 2, replicas: 1, retention: ${options.retention ?? '1h'}}
  connect: {url: "${connect}", connector: mysql}
  flink: {gateway: "${options.at?.gateway ?? gateway}", jobManager: "${jobs}"}
  spark: {address: "${spark}", tls: off}
  catalogUri: "${served.url}"
  reconcileInterval: ${options.reconcile ?? '1m'}
`;
    const config = parsePipelineFile(text, join(folder, 'firn.yaml'));
    const { cluster } = config;
    if (cluster === null) throw new Error('no section cluster');
    const pool = new ServicePool({ clock, random });
    const services = await pool.of(cluster);
    const connection = await mysql.createConnection({ uri: server, multipleStatements: true });
    await connection.query(`CREATE DATABASE ${name}`);
    await connection.query(`USE ${name}`);
    for (const statement of options.ddl) await connection.query(statement);
    const store = createLocalObjectStore({ folder: lake, clock, random });
    const path = join(lake, 'catalog.db');
    const catalog = await openSqliteCatalog({ path, name: 'firn', store, clock, random });
    const parts = { name, folder, config, services, connection, catalog, served, pool };
    const place = new LedgerPlace(parts);
    t.after(() => place.#remove());
    return place;
  }

  /** Opens the pipeline, uses it, closes it. */
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
      onEvent: (event) => {
        this.events.push(event);
        if (trace !== '')
          appendFileSync(trace, `${JSON.stringify([Date.now(), event], bigints)}\n`);
      },
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

  /** Starts the pipeline; it runs until it is stopped. */
  start(): RunningPipeline {
    const stopper = new AbortController();
    const done = this.with((pipeline) => pipeline.run({ once: false }), stopper.signal);
    let failed: Error | null = null;
    const running = {
      done,
      failure: () => failed,
      stop: async () => {
        stopper.abort();
        await done;
      },
    };
    // Whoever stops it sees its failure.
    done.catch((error: unknown) => {
      failed = error instanceof Error ? error : new Error(String(error));
    });
    this.#running.push(running);
    return running;
  }

  /** A table of the pipeline's namespace as the catalog has it. */
  async table(name: string): Promise<LoadedTable> {
    const found = await this.catalog.loadTable({ namespace: this.name, name });
    if (found === null) throw new Error(`there is no table ${name}`);
    return found;
  }

  /** Rows of an answer as text. */
  rows(sql: string): Promise<readonly Row[]> {
    return this.with(async (pipeline) => {
      const reader = await pipeline.reader();
      const { answer, session } = await reader.query(sql);
      const rows: Row[] = [];
      for await (const some of answer.rows) rows.push(...some);
      await session.close();
      return rows;
    });
  }

  /** Rows of files that are no table of the pipeline, as `letters.rows`. */
  async withRows<T extends readonly (string | null)[]>(
    metadata: TableMetadata,
    files: readonly ScanFile[],
    sql: string,
  ): Promise<readonly T[]> {
    const clock = systemClock;
    const random = systemRandom;
    const store = createLocalObjectStore({ folder: join(this.folder, 'lake'), clock, random });
    const stageFolder = join(this.folder, 'stage');
    const engine = createEmbeddedEngine({ stageFolder, store, clock, random });
    const table = {
      namespace: 'letters',
      name: 'rows',
      icebergSchema: currentSchema(metadata),
      files,
    };
    const session = await engine.openQuery({ tables: [table], live: [] });
    const rows: T[] = [];
    // Whoever asks names the columns.
    for await (const some of (await session.run(sql)).rows) rows.push(...(some as readonly T[]));
    await session.close();
    await engine.close();
    return rows;
  }

  /** Address of the broker. */
  get kafka(): string {
    return kafka;
  }

  /** Waits until `check` holds. */
  async until(what: string, check: () => Promise<boolean> | boolean, ms = 90_000): Promise<void> {
    for (const end = performance.now() + ms; performance.now() < end; await sleep(250)) {
      if (await check()) return;
      const failed = this.#running.map((one) => one.failure()).find((error) => error !== null);
      if (failed !== undefined && failed !== null) throw failed;
    }
    throw new Error(`${what} does not come about: ${this.said().slice(-8).join(' | ')}`);
  }

  /** Notes, halts and failures so far. */
  said(): readonly string[] {
    return this.events.flatMap((event) => {
      if (event.kind === 'note') return [event.text];
      if (event.kind === 'halted') return [`${event.table}: ${event.halt.code} ${event.halt.what}`];
      return event.kind === 'retrying' ? [`${event.code} ${event.what}`] : [];
    });
  }

  /** Ids of the jobs of this pipeline that live. */
  async liveJobs(): Promise<readonly { readonly id: string; readonly name: string }[]> {
    const found = await this.services.jobs.jobs();
    return found.filter((job) => job.name.startsWith(`firn.${this.name}.`) && isLiveJob(job));
  }

  async #remove(): Promise<void> {
    await Promise.allSettled(this.#running.map((one) => one.stop()));
    for (const { id } of await this.liveJobs()) await this.services.jobs.cancel(id, 60_000);
    for (const connector of (await this.services.connect?.connectors()) ?? []) {
      if (connector.startsWith(`firn.${this.name}.`))
        await this.services.connect?.remove(connector);
    }
    const clock = systemClock;
    const store = createLocalObjectStore({
      folder: join(this.folder, 'lake'),
      clock,
      random: systemRandom,
    });
    const text = await openStateFolder(store, this.name).read('cluster.json');
    const made = JSON.parse(text ?? '{"topics":{}}') as {
      readonly topics: Readonly<Record<string, unknown>>;
    };
    await this.services.kafka.remove(Object.keys(made.topics));
    await this.connection.query(`DROP DATABASE ${this.name}`);
    await this.connection.end();
    await this.catalog.close();
    await this.#pool.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function bigints(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
