/**
 * Tables of a real server and two lakes: into one of them Spark loads them by JDBC, into the other
 * this program reads them. What both bases hold is compared value by value.
 */
import type { TestContext } from 'node:test';
import { headOf } from '../../../src/base/base-table.ts';
import { copyTable, publishCopy } from '../../../src/bootstrap/bootstrap-table.ts';
import { COPY_LIMITS } from '../../../src/bootstrap/copy-parts.ts';
import type { BootstrapParts } from '../../../src/bootstrap/copy-parts.ts';
import { loadSource } from '../../../src/cluster/spark/load-job.ts';
import { MAIN_BRANCH } from '../../../src/iceberg/snapshot.ts';
import { present } from '../../../src/kernel/assert.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { uuidV7 } from '../../../src/kernel/identifiers.ts';
import { systemRandom } from '../../../src/kernel/random.ts';
import { createBranch, publishBranch, removeRef } from '../../../src/lake/commit-table.ts';
import type { CommitResult } from '../../../src/lake/commit-request.ts';
import type { SourcePosition } from '../../../src/model/source-position.ts';
import type { TableSchema } from '../../../src/model/table-schema.ts';
import type { SparkMergeParts } from '../../../src/pipeline/cluster/spark/spark-merge.ts';
import { ownBranches } from '../../../src/pipeline/state/branch-list.ts';
import { loadOnSpark } from '../../../src/pipeline/cluster/copies/spark-load.ts';
import type { StateFolder } from '../../../src/pipeline/state/state-folder.ts';
import type { ChangeSource, ForeignRead } from '../../../src/ports/source.ts';
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';
import { createDatabase, openLiveServer } from '../../live/support/live-server.ts';
import type { LiveServer } from '../../live/support/live-server.ts';
import { openTestSource } from '../../live/support/mysql-world.ts';
import { tableText } from '../../oracles/fold-events.ts';
import { readBase } from '../../simulation/read-tables.ts';
import { TablePair } from '../../simulation/table-pair.ts';
import { TestRegistry } from '../../support/source-events.ts';
import { openSparkLake } from '../../support/spark-lake.ts';
import type { SparkLake } from '../../support/spark-lake.ts';

const EPOCH = 1;

/** What a test changes of a copy by Spark. */
export interface LoadBends {
  readonly rangeRows?: number;
  /** In place of what the source says; asked at each copy. */
  bend?: (read: ForeignRead) => ForeignRead;
  /** Around the move of the bootstrap's branch. */
  move?: (move: () => Promise<CommitResult>) => Promise<CommitResult>;
}

/** A table in a lake, not loaded yet. */
export interface LoadPlace {
  readonly pair: TablePair;
  /** Copies the rows to a branch. */
  readonly copy: () => Promise<string>;
  /** Reads what was written since a place, if anything was, and publishes; the rows as texts. */
  readonly publish: (branch: string, from: SourcePosition | null) => Promise<readonly string[]>;
}

/** A database with tables. */
export class LoadWorld {
  readonly server: LiveServer;
  readonly source: ChangeSource;
  readonly #schemas: ReadonlyMap<string, TableSchema>;
  readonly #lakes: { readonly spark: SparkLake; readonly firn: SparkLake };

  private constructor(parts: {
    readonly server: LiveServer;
    readonly source: ChangeSource;
    readonly schemas: ReadonlyMap<string, TableSchema>;
    readonly lakes: { readonly spark: SparkLake; readonly firn: SparkLake };
  }) {
    this.server = parts.server;
    this.source = parts.source;
    this.#schemas = parts.schemas;
    this.#lakes = parts.lakes;
  }

  /** Makes a database, runs statements in it, and looks at its tables. */
  static async open(
    t: TestContext,
    flavour: ServerFlavour,
    fill: (server: LiveServer, database: string) => Promise<void>,
  ): Promise<LoadWorld> {
    const server = await openLiveServer(t, flavour);
    const { name } = await createDatabase(t, server);
    await server.run(`USE ${name}`);
    await fill(server, name);
    const source = openTestSource({ port: server.port, database: name });
    const found = await new TestRegistry().discover(source);
    const schemas = new Map(found.map((schema) => [schema.table.table, schema]));
    const lakes = { spark: await openSparkLake(t), firn: await openSparkLake(t) };
    return new LoadWorld({ server, source, schemas, lakes });
  }

  /** Where the lake that Spark writes keeps its list of branches. */
  get state(): StateFolder {
    return this.#lakes.spark.parts.state;
  }

  /** Makes a branch of a copy that nobody works on any more. */
  async leaveBranch(pair: TablePair, branch: string): Promise<void> {
    const { identifier, metadata } = await pair.base();
    const { tableUuid } = metadata;
    await ownBranches(this.state, [branch]);
    const snapshotId = present(headOf(metadata, MAIN_BRANCH), 'a head');
    await createBranch(pair.context, { identifier, tableUuid, branch, snapshotId });
  }

  /** Names of the tables. */
  get tables(): readonly string[] {
    return [...this.#schemas.keys()];
  }

  /** The rows of the base by each way, as texts: by Spark, by this program. */
  async compare(table: string, bends: LoadBends = {}): Promise<readonly (readonly string[])[]> {
    const ways = [await this.place(table, 'spark', bends), await this.place(table, 'firn')];
    return Promise.all(ways.map(async (way) => way.publish(await way.copy(), null)));
  }

  /** A table in one of the lakes. */
  async place(table: string, way: 'spark' | 'firn', bends: LoadBends = {}): Promise<LoadPlace> {
    const schema = this.#schemas.get(table);
    if (schema === undefined) throw new Error(`no table ${table}`);
    const lake = this.#lakes[way];
    const { context, engine } = lake;
    const pair = await TablePair.open(context, engine, { schema, buckets: 3, formatVersion: 2 });
    const { signal } = new AbortController();
    const request = { schema, epoch: EPOCH, limits: COPY_LIMITS, signal };
    const parts = this.#parts(lake, pair, way === 'spark' ? bends : null);
    return {
      pair,
      copy: () => copyTable(parts, request),
      publish: async (branch, from) => {
        const { completeTo: to } = await this.source.highMark(EPOCH);
        if (from !== null) await this.#readTo(pair, from);
        await pair.flush(to.seq);
        await publishCopy(parts, request, { branch, to });
        return tableText(await readBase(engine, pair), schema.columns.length);
      },
    };
  }

  /** Everything that the log has of a table since a place. */
  async #readTo(pair: TablePair, from: SourcePosition): Promise<void> {
    const stream = this.source.stream({
      tables: [pair.schema],
      from,
      epoch: EPOCH,
      resolveSchema: async () => pair.schema,
      beforeImages: false,
      signal: AbortSignal.timeout(60_000),
      once: true,
    });
    for await (const event of stream) {
      if (event.kind === 'changes') await pair.append(event.batch);
    }
  }

  #parts(lake: SparkLake, pair: TablePair, bends: LoadBends | null): BootstrapParts {
    const { context } = lake;
    return {
      ...pair.mergeParts(),
      source: this.source,
      lowMark: () => this.source.lowMark(EPOCH),
      loadBase: () => pair.base(),
      loadLedger: () => pair.ledger(),
      job: (run) => run(),
      publish: (request) => publishBranch(context, request),
      removeRef: (request) => removeRef(context, request),
      newBranch: async () => `firn_bootstrap_${uuidV7(systemClock, systemRandom)}`,
      onProgress: () => undefined,
      ...(bends === null ? {} : { load: this.#load(lake, pair, bends) }),
    };
  }

  #load(
    lake: SparkLake,
    { schema }: TablePair,
    bends: LoadBends,
  ): NonNullable<BootstrapParts['load']> {
    const { source } = this;
    const { host, port } = this.server;
    const reach = loadSource(
      {
        type: 'mysql',
        host,
        port,
        user: 'root',
        password: null,
        tls: 'off',
        tlsCa: null,
        serverId: 'auto',
        onSwap: 'halt',
        heartbeatIntervalMs: 1000,
        connectTimeoutMs: 15_000,
        readConnections: 2,
      },
      { address: '', tls: 'off', token: null, passwordVariable: null },
    );
    const bent = {
      planRead: async (request: Parameters<NonNullable<ChangeSource['planRead']>>[0]) => {
        const read = await source.planRead?.(request);
        if (read === undefined) throw new Error('a source that others can read');
        return bends.bend?.(read) ?? read;
      },
    };
    const publish: SparkMergeParts['publish'] = (request) => {
      const move = (): Promise<CommitResult> => lake.parts.publish(request);
      return bends.move?.(move) ?? move();
    };
    return (onto) =>
      loadOnSpark(
        { ...lake.parts, publish, source: bent, reach },
        {
          ...onto,
          schema,
          epoch: EPOCH,
          rules: [],
          rangeRows: bends.rangeRows ?? 1000,
          signal: new AbortController().signal,
        },
      );
  }
}
