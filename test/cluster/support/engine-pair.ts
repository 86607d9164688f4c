/**
 * One source and two pipelines over it: the same file, one with the embedded engine, one with the
 * cluster. Both are run as the program; what they wrote is read by PyIceberg. Everything that the
 * pair made in the cluster is gone after the test.
 */
import { equal } from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ServerFlavour } from '../../../tools/servers/server-programs.ts';
import { Workplace } from '../../cli/firn-process.ts';
import type { Running } from '../../cli/firn-process.ts';
import { openLiveServer, skipWithout } from '../../live/support/live-server.ts';
import type { LiveServer } from '../../live/support/live-server.ts';
import { ServedLakePlace } from '../../support/served-lake.ts';
import { compareLakes } from './compare-lakes.ts';
import type { Compared } from './compare-lakes.ts';
import { removePipeline } from './remove-pipeline.ts';

const {
  FIRN_KAFKA_BOOTSTRAP: kafka = '',
  FIRN_CONNECT_URL: connect = '',
  FIRN_FLINK_GATEWAY_URL: gateway = '',
  FIRN_FLINK_JOBS_URL: jobs = '',
  FIRN_SPARK_ADDRESS: spark = '',
} = process.env;

/** Why tests of both engines on a flavour do not run; `false`: they run. */
export function skipPair(flavour: ServerFlavour): string | false {
  const missing = Object.entries({ kafka, connect, gateway, jobs, spark }).flatMap(
    ([name, address]) => (address === '' ? [name] : []),
  );
  return missing.length === 0 ? skipWithout(flavour) : `no ${missing.join(', ')}`;
}

/** Which pipeline. */
export type Engine = 'embedded' | 'cluster';

/** A pair. */
export class EnginePair {
  readonly server: LiveServer;
  readonly database: string;
  readonly #places: Readonly<Record<Engine, Workplace>>;

  private constructor(parts: {
    readonly server: LiveServer;
    readonly database: string;
    readonly places: Readonly<Record<Engine, Workplace>>;
  }) {
    this.server = parts.server;
    this.database = parts.database;
    this.#places = parts.places;
  }

  /** Makes a database; `USE` it is what its session has. */
  static async open(t: TestContext, flavour: ServerFlavour): Promise<EnginePair> {
    const server = await openLiveServer(t, flavour);
    const database = `both_${flavour[1] ?? ''}_${Date.now().toString(36)}`;
    await server.run(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`, `USE ${database}`);
    const places = { embedded: new Workplace(), cluster: new Workplace() };
    const pair = new EnginePair({ server, database, places });
    t.after(() => pair.#remove());
    return pair;
  }

  /** Writes both pipeline files. `rules`: tables with policies; the others have none. */
  async configure(t: TestContext, rules: readonly unknown[] = []): Promise<void> {
    const lake = join(this.#places.cluster.folder, 'lake');
    mkdirSync(lake, { recursive: true });
    const served = await ServedLakePlace.open({ folder: lake, warehouse: lake });
    t.after(() => served.close());
    const { flavour, host, port } = this.server;
    for (const engine of ['embedded', 'cluster'] as const) {
      const document = {
        name: this.database,
        source: { type: 'mysql', host, port, user: 'root', tls: 'off', heartbeatInterval: '1s' },
        tables: [...rules, `${this.database}.*`],
        lake: { warehouse: './lake' },
        ledger: { commitInterval: '1s' },
        base: { mergeInterval: '2s', buckets: 2 },
        engine,
        cluster: {
          kafka: { bootstrapServers: kafka, partitions: 2, replicas: 1 },
          connect: { url: connect, connector: flavour },
          flink: { gateway, jobManager: jobs },
          spark: { address: spark, tls: 'off' },
          catalogUri: served.url,
        },
      };
      writeFileSync(this.#places[engine].path('firn.yaml'), JSON.stringify(document));
    }
  }

  /** `firn run --once`; what it printed. */
  async catchUp(engine: Engine): Promise<string> {
    const { code, out, err } = await this.#places[engine].run('run', 'firn.yaml', '--once');
    equal(code, 0, `${engine}: ${out}${err}`);
    return `${out}${err}`;
  }

  /** `firn run` until it is ended. */
  start(engine: Engine): Running {
    return this.#places[engine].start('run', 'firn.yaml');
  }

  /** Both lakes have the same rows: bases value by value, ledgers by identity and payload. */
  compare(tables: readonly string[]): Compared {
    const lakeOf = (engine: Engine): string => join(this.#places[engine].folder, 'lake');
    const lakes = { embedded: lakeOf('embedded'), cluster: lakeOf('cluster') };
    return compareLakes(lakes, { namespace: this.database, tables });
  }

  /** Takes away jobs, connectors, topics, the database and the folders. */
  async #remove(): Promise<void> {
    await removePipeline({
      name: this.database,
      lake: join(this.#places.cluster.folder, 'lake'),
      services: { kafka, connect, jobManager: jobs },
    });
    // A connection of its own: the shared one has ended, and would be opened again for ever.
    const connection = await this.server.connect();
    await connection.query(`DROP DATABASE ${this.database}`);
    connection.destroy();
    for (const place of Object.values(this.#places)) place[Symbol.dispose]();
  }
}
