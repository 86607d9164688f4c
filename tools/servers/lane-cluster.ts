/**
 * The development cluster of one run of the cluster lane: made by the same code as `firn cluster
 * up`, in a new folder, at free ports, taken down at the end. Programs are fetched into `.cache/`
 * before the lane's time begins.
 *
 * Tests find `FIRN_CLUSTER_FOLDER`, the folder of a cluster that is up. Its `cluster.json` has the
 * addresses and the sections of a pipeline file; `test/cluster/support/dev-cluster.ts` reads them,
 * and kills and starts servers. The addresses alone are in `FIRN_KAFKA_BOOTSTRAP` and
 * `FIRN_SPARK_ADDRESS` (host:port), `FIRN_CONNECT_URL`, `FIRN_FLINK_GATEWAY_URL` and
 * `FIRN_FLINK_JOBS_URL`. Where the folder is set already, that cluster is used and left as it is:
 *
 *     ./firn cluster up /tmp/c --cache .cache/devcluster
 *     FIRN_CLUSTER_FOLDER=/tmp/c FIRN_MYSQL_URL=mysql://root@127.0.0.1:3306 \
 *       node --test test/cluster/x.test.ts
 *
 * The lane's databases come as in the live lane (`FIRN_MYSQL_URL`, `FIRN_MARIADB_URL`), and
 * `FIRN_PYTHON` is a Python with PyIceberg. Files run one after the other, in the order of their
 * names, and share the cluster: each makes databases, topics and pipelines of its own names.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { addressesOf } from '../../src/devcluster/cluster-parts.ts';
import type { ClusterParts } from '../../src/devcluster/cluster-parts.ts';
import { PORTS_COUNT, readSettings, settingsFor } from '../../src/devcluster/cluster-settings.ts';
import type { ClusterSettings } from '../../src/devcluster/cluster-settings.ts';
import { bringUp, takeDown } from '../../src/devcluster/dev-cluster.ts';
import type { ServerEvent } from '../../src/devcluster/dev-cluster.ts';
import { listenerAt } from '../../src/devcluster/process-table.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { missingJava } from '../java-jars.ts';
import { endAtSignal } from './end-at-signal.ts';
import type { LaneServers } from './lane-servers.ts';

/** The variable with the folder of the cluster. */
export const CLUSTER_VARIABLE = 'FIRN_CLUSTER_FOLDER';

/** Its programs live for minutes: compiled quickly they are done sooner than compiled well. */
const COMPILED_QUICKLY = { JAVA_TOOL_OPTIONS: '-XX:TieredStopAtLevel=1' };

/** What the code of a cluster is given by tests; `signal` stops a start. */
export function laneParts(
  settings: ClusterSettings,
  signal: AbortSignal = new AbortController().signal,
): ClusterParts {
  return {
    settings,
    clock: systemClock,
    random: systemRandom,
    environment: { ...COMPILED_QUICKLY, ...process.env },
    signal,
    cacheFolder: resolve('.cache', 'devcluster'),
    firn: [process.execPath, resolve('src', 'cli', 'main.ts')],
    firnVersion: 'of this checkout',
    onFetch: (name) => process.stdout.write(`fetching ${name} ...\n`),
  };
}

/** First of ports in a row at which nobody listens, below those of outgoing connections. */
export function freePortBase(): number {
  for (let base = 20_000; base < 32_000; base += PORTS_COUNT) {
    // Two that begin at once should not choose the same.
    const first = 20_000 + ((base + process.pid * PORTS_COUNT) % 12_000);
    const ports = Array.from({ length: PORTS_COUNT }, (_, index) => first + index);
    if (ports.every((port) => listenerAt(port) === null)) return first;
  }
  throw new Error('no free ports');
}

const FOLDER_START = 'firn-cluster-';

/** Takes down what lanes left that were killed. */
async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${FOLDER_START}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    await takeAway(join(tmpdir(), name));
  }
}

async function takeAway(folder: string): Promise<void> {
  const settings = readSettings(folder);
  const all = { names: null, isKilled: true, onServer: () => {} };
  if (settings !== null) await takeDown(laneParts(settings), all);
  rmSync(folder, { recursive: true, force: true });
}

/** What tests find of a cluster. */
function variablesOf(settings: ClusterSettings): Readonly<Record<string, string>> {
  const { kafka, connect, gateway, jobManager, spark } = addressesOf(settings);
  return {
    [CLUSTER_VARIABLE]: settings.folder,
    FIRN_KAFKA_BOOTSTRAP: kafka,
    FIRN_CONNECT_URL: connect,
    FIRN_FLINK_GATEWAY_URL: gateway,
    FIRN_FLINK_JOBS_URL: jobManager,
    FIRN_SPARK_ADDRESS: spark,
  };
}

function tell(event: ServerEvent): void {
  if (event.kind !== 'ready') return;
  process.stdout.write(`${event.name} ready after ${(event.tookMs / 1000).toFixed(1)} s\n`);
}

/**
 * Brings up a cluster, unless the environment names one.
 *
 * @throws {Error} when this machine has the programs, but the cluster does not start
 */
export async function startLaneCluster(): Promise<LaneServers> {
  const given = process.env[CLUSTER_VARIABLE] ?? '';
  if (given !== '') {
    const settings = readSettings(resolve(given));
    if (settings === null) throw new Error(`${CLUSTER_VARIABLE}: no cluster in ${given}`);
    return { kind: 'ready', env: variablesOf(settings), end: () => Promise.resolve() };
  }
  if (process.platform !== 'linux') return { kind: 'absent', reason: 'the cluster needs Linux' };
  const reason = missingJava();
  if (reason !== null) return { kind: 'absent', reason };
  await removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), `${FOLDER_START}${process.pid}-`));
  const settings = settingsFor(folder, { portBase: freePortBase() }, systemRandom);
  const stopper = new AbortController();
  const parts = laneParts(settings, stopper.signal);
  const start = bringUp(parts, { names: null, onServer: tell });
  const end = async (): Promise<void> => {
    stopper.abort();
    // A server that is being started is there to be taken down only after it.
    await Promise.allSettled([start]);
    await takeAway(folder);
  };
  endAtSignal(end);
  try {
    await start;
  } catch (error) {
    await end();
    throw error;
  }
  return { kind: 'ready', env: variablesOf(settings), end };
}
