/**
 * A lake in a folder, its catalog served to a real Spark, and what merges on Spark work with. The
 * server's address is `FIRN_SPARK_ADDRESS`, or that of the lane's cluster; it must reach the
 * folder.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { sessionSettings } from '../../src/cluster/spark/merge-job.ts';
import { createEmbeddedEngine } from '../../src/engines/embedded/embedded-engine.ts';
import { KeptSessions } from '../../src/engines/cluster/spark/kept-sessions.ts';
import { SparkSession } from '../../src/engines/cluster/spark/spark-session.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { commitTables, publishBranch } from '../../src/lake/commit-table.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import type { SparkMergeParts } from '../../src/pipeline/cluster/spark/spark-merge.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { openSqliteCatalog } from '../../src/storage/sqlite-catalog.ts';
import { openCluster, skipWithoutCluster } from '../cluster/support/dev-cluster.ts';
import { ServedLakePlace } from './served-lake.ts';
import type { ServedLakeOptions } from './served-lake.ts';

/** Address of the Spark Connect server; `null`: there is none. */
function sparkAddress(): string | null {
  const address = process.env['FIRN_SPARK_ADDRESS'];
  if (address !== undefined) return address;
  return skipWithoutCluster() === false ? openCluster().addresses.spark : null;
}

/** Why tests on Spark are skipped, or `false`. */
export function skipWithoutSpark(): string | false {
  return sparkAddress() === null ? 'no Spark: FIRN_SPARK_ADDRESS is not set' : false;
}

/** A lake that Spark reaches. */
export interface SparkLake {
  readonly served: ServedLakePlace;
  readonly context: LakeContext;
  readonly engine: RowEngine;
  readonly parts: SparkMergeParts;
  readonly catalogName: string;
  /** A session with the lake's catalog, `without` some of Firn's settings; ends with the test. */
  open(without?: SparkMergeParts['settings']): Promise<SparkSession>;
}

/** Opens one for a test. */
export async function openSparkLake(
  t: TestContext,
  options: Pick<ServedLakeOptions, 'wrap'> & { readonly address?: string } = {},
): Promise<SparkLake> {
  const address = options.address ?? present(sparkAddress(), 'a Spark');
  const folder = mkdtempSync(join(tmpdir(), 'firn-spark-'));
  const served = await ServedLakePlace.open({ folder, ...options });
  const [clock, random] = [systemClock, systemRandom];
  const store = createLocalObjectStore({ folder: join(folder, 'warehouse'), clock, random });
  const place = { path: join(folder, 'catalog.db'), name: 'firn', store, clock, random };
  const catalog = await openSqliteCatalog(place);
  const stageFolder = join(folder, 'stage');
  const engine = createEmbeddedEngine({ stageFolder, store, clock, random, readFolders: [folder] });
  const queues = createTableQueues();
  const context = { store, catalog, clock, random, queues, pipeline: 'shop', writer: 'process-1' };
  const catalogName = 'firn';
  const name = `spark.sql.catalog.${catalogName}`;
  const settings = [
    [name, 'org.apache.iceberg.spark.SparkCatalog'],
    [`${name}.type`, 'rest'],
    [`${name}.uri`, served.url],
    [`${name}.cache-enabled`, 'false'],
    ...sessionSettings(),
  ] as const;
  const target = { address, isSecure: false, authority: null, token: null, clock, random };
  const openSession = (): SparkSession => new SparkSession(target);
  const sessions: SparkSession[] = [];
  const kept = new KeptSessions();
  t.after(async () => {
    await kept.close();
    for (const session of sessions) await session.close();
    await engine.close();
    await catalog.close();
    await served.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const parts: SparkMergeParts = {
    context,
    state: openStateFolder(store, context.pipeline),
    catalogName,
    openSession: () => kept.lease(served.url, openSession),
    settings,
    commit: async (request) => present((await commitTables(context, [request]))[0], 'a result'),
    publish: (request) => publishBranch(context, request),
  };
  const open: SparkLake['open'] = async (without = []) => {
    const session = openSession();
    sessions.push(session);
    await session.configure(settings);
    await session.unset(without.map(([key]) => key));
    return session;
  };
  return { served, context, engine, parts, catalogName, open };
}
