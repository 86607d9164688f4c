/**
 * A pipeline on the services that the environment names, with a database, topics and a connector of
 * its own, all of which are gone after the test.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import mysql from 'mysql2/promise';
import { desiredCapture } from '../../src/cluster/reconcile-plan.ts';
import type { LostTopic } from '../../src/cluster/reconcile-state.ts';
import { parsePipelineFile } from '../../src/config/parse-pipeline-file.ts';
import type { PipelineConfig } from '../../src/config/pipeline-config.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { openSource } from '../../src/pipeline/adapters.ts';
import { ServicePool } from '../../src/pipeline/cluster/cluster-services.ts';
import { planPipeline } from '../../src/pipeline/cluster/plan-pipeline.ts';
import type { ReconcileParts } from '../../src/pipeline/cluster/reconcile-capture.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';

const {
  FIRN_KAFKA_BOOTSTRAP: kafka = '',
  FIRN_CONNECT_URL: connect = '',
  FIRN_MYSQL_URL: server = '',
  FIRN_REQUIRE = '',
} = process.env;

/** Why tests of capture do not run; `false`: they run. */
export const SKIP_WITHOUT_CAPTURE: string | false =
  FIRN_REQUIRE.split(',').includes('cluster') || [kafka, connect, server].every((at) => at !== '')
    ? false
    : 'FIRN_KAFKA_BOOTSTRAP, FIRN_CONNECT_URL or FIRN_MYSQL_URL names no service';

/** One pipeline and what it reconciles with. */
export interface CapturePlace {
  readonly parts: ReconcileParts;
  readonly config: PipelineConfig;
  readonly lost: LostTopic[];
  /** Statements as root, in the pipeline's database. */
  run(...statements: readonly string[]): Promise<void>;
  /** What the pipeline asks for when it copies these tables. */
  desired(...tables: readonly string[]): Promise<ReturnType<typeof desiredCapture>>;
}

function pipelineText(name: string, tables: readonly string[]): string {
  const { hostname, port, username } = new URL(server);
  return `
name: ${name}
source: {type: mysql, host: ${hostname}, port: ${port}, user: ${username}, tls: off}
tables: [${tables.map((table) => `${name}.${table}`).join(', ')}]
lake: {warehouse: ./lake}
engine: cluster
cluster:
  kafka: {bootstrapServers: "${kafka}", partitions: 2, replicas: 1, retention: 1h}
  connect: {url: "${connect}", connector: mysql}
  flink: {gateway: "http://127.0.0.1:1", jobManager: "http://127.0.0.1:1"}
  spark: {address: "127.0.0.1:1", tls: off}
`;
}

/** Opens one; `name` is that of the pipeline and of its database. */
export async function openCapturePlace(t: TestContext, name: string): Promise<CapturePlace> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-capture-'));
  const [clock, random] = [systemClock, systemRandom];
  const configOf = (...tables: readonly string[]): PipelineConfig =>
    parsePipelineFile(pipelineText(name, tables), join(folder, 'firn.yaml'));
  const config = configOf('*');
  const { cluster } = config;
  if (cluster === null) throw new Error('no section cluster');
  const pool = new ServicePool({ clock, random });
  const services = await pool.of(cluster);
  const connection = await mysql.createConnection(server);
  await connection.query(`CREATE DATABASE ${name}`);
  const lost: LostTopic[] = [];
  const store = createLocalObjectStore({ folder: config.lake.warehouse, clock, random });
  const state = openStateFolder(store, name);
  t.after(async () => {
    await services.connect?.remove(`firn.${name}.1`);
    const made = JSON.parse((await state.read('cluster.json')) ?? '{"topics":{}}') as {
      readonly topics: Readonly<Record<string, unknown>>;
    };
    await services.kafka.remove(Object.keys(made.topics));
    await connection.query(`DROP DATABASE ${name}`);
    await connection.end();
    await pool.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    config,
    lost,
    parts: {
      services,
      state,
      clock,
      onLost: async (found) => {
        lost.push(...found);
      },
    },
    run: async (...statements) => {
      await connection.query(`USE ${name}`);
      for (const statement of statements) await connection.query(statement);
    },
    desired: async (...tables) => {
      const parts = { config: configOf(...tables), clock, random };
      const source = await openSource(parts);
      try {
        return desiredCapture(await planPipeline(parts, source));
      } finally {
        await source.close();
      }
    },
  };
}
