/**
 * A cluster for development and tests on one machine: Kafka, Connect with Debezium, Flink, Spark
 * Connect, the lake's catalog, and an S3 server if wanted. It listens on loopback alone. Bringing
 * it up starts what is missing and waits until all of it answers; taking it down ends what is its
 * own. Whoever does either is alone in the folder: the caller sees to that.
 */
import { unreachable } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import { addressesOf } from './cluster-parts.ts';
import type { ClusterParts, ServerPlan } from './cluster-parts.ts';
import { SERVER_NAMES, isSameCluster, readSettings, writeSettings } from './cluster-settings.ts';
import type { ServerName } from './cluster-settings.ts';
import { pipelineSections } from './pipeline-sections.ts';
import { listensAt, residentBytes } from './process-table.ts';
import { endServer, findServer, logFile, refuseTakenPorts, startServer } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';
import { gatewayServer, jobManagerServer, taskManagerServer } from './servers/flink-servers.ts';
import { connectServer, kafkaServer } from './servers/kafka-servers.ts';
import { catalogServer, s3Server } from './servers/lake-servers.ts';
import { sparkServer } from './servers/spark-server.ts';
import { startProblem } from './start-failure.ts';

/** From the start of a server to its first answer, on a machine that is busy with the others. */
const READY_MS = 180_000;
const POLL_MS = 200;

/** What happens to a server. */
export type ServerEvent =
  | { readonly kind: 'starting'; readonly name: ServerName }
  | { readonly kind: 'found'; readonly name: ServerName; readonly pid: number }
  | {
      readonly kind: 'ready';
      readonly name: ServerName;
      readonly pid: number;
      readonly tookMs: number;
    }
  | {
      readonly kind: 'ended';
      readonly name: ServerName;
      readonly pid: number;
      readonly tookMs: number;
    };

/** How a server is, as `firn cluster status` shows it. */
export interface ServerStatus {
  readonly name: ServerName;
  readonly state: 'ready' | 'not ready' | 'stopped';
  readonly pid: number | null;
  readonly ports: readonly number[];
  readonly rssBytes: number | null;
  readonly version: string;
  readonly startedAtMs: number | null;
  readonly log: string;
}

/** Which servers are meant, and who is told of what happens to them. */
export interface ServerChoice {
  /** `null`: all. */
  readonly names: readonly ServerName[] | null;
  readonly onServer: (event: ServerEvent) => void;
}

function planOf(parts: ClusterParts, name: ServerName): ServerPlan {
  switch (name) {
    case 's3':
      return s3Server(parts);
    case 'catalog':
      return catalogServer(parts);
    case 'kafka':
      return kafkaServer(parts);
    case 'connect':
      return connectServer(parts);
    case 'jobmanager':
      return jobManagerServer(parts);
    case 'taskmanager':
      return taskManagerServer(parts);
    case 'gateway':
      return gatewayServer(parts);
    case 'spark':
      return sparkServer(parts);
    default:
      return unreachable(name);
  }
}

/** The servers that a cluster has, in order; only those that are meant. */
function plansOf(parts: ClusterParts, names: ServerChoice['names']): readonly ServerPlan[] {
  const all = SERVER_NAMES.filter((name) => name !== 's3' || parts.settings.s3);
  const meant = all.filter((name) => names === null || names.includes(name));
  return meant.map((name) => planOf(parts, name));
}

/** Stages in the order of starting. */
function stagesOf(plans: readonly ServerPlan[]): readonly (readonly ServerPlan[])[] {
  return [0, 1, 2].map((stage) => plans.filter((plan) => plan.stage === stage));
}

/**
 * Starts what is missing and waits until everything answers. What has been started stays when
 * something fails.
 *
 * @throws {FirnError} DEVCLUSTER-PROGRAM, DEVCLUSTER-FETCH, DEVCLUSTER-PORT, DEVCLUSTER-START,
 *   DEVCLUSTER-RUNNING
 */
export async function bringUp(parts: ClusterParts, choice: ServerChoice): Promise<void> {
  const { settings } = parts;
  const plans = plansOf(parts, null);
  const known = readSettings(settings.folder);
  const isOther = known !== null && !isSameCluster(known, settings);
  if (isOther && plans.some(({ name }) => findServer({ folder: settings.folder, name }) !== null)) {
    throw new FirnError('DEVCLUSTER-RUNNING', {
      what: 'its servers were started with other ports or heaps',
      where: settings.folder,
    });
  }
  writeSettings(
    { ...settings, cacheFolder: parts.cacheFolder },
    {
      addresses: addressesOf(settings),
      pipeline: pipelineSections(settings),
    },
  );
  for (const stage of stagesOf(plansOf(parts, choice.names))) {
    const all = await Promise.allSettled(stage.map((plan) => bringUpOne(parts, plan, choice)));
    const failed = all.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}

async function bringUpOne(
  parts: ClusterParts,
  plan: ServerPlan,
  { onServer }: ServerChoice,
): Promise<void> {
  const { clock, random, settings } = parts;
  const { name, version } = plan;
  const place = { folder: settings.folder, name };
  let startMs = clock.monotonicMs();
  let server = findServer(place);
  const isFound = server !== null;
  if (server === null) {
    refuseTakenPorts(name, plan.ports);
    const instance = uuidV7(clock, random);
    const launch = await plan.prepare(instance);
    parts.signal.throwIfAborted();
    // Fetching is done.
    startMs = clock.monotonicMs();
    onServer({ kind: 'starting', name });
    server = await startServer(place, launch, { instance, version, startedAtMs: clock.nowMs() });
  }
  await waitUntilReady(parts, plan, server);
  const { pid } = server;
  if (isFound) onServer({ kind: 'found', name, pid });
  else onServer({ kind: 'ready', name, pid, tookMs: clock.monotonicMs() - startMs });
}

/** Whether the process that is ours listens at all of its ports. */
function listens(plan: ServerPlan, { pid }: ServerProcess): boolean {
  return plan.ports.every((port) => listensAt(pid, port));
}

/** A server is ready when it listens and answers. */
async function isReady(plan: ServerPlan, server: ServerProcess): Promise<boolean> {
  return listens(plan, server) && plan.isReady(server);
}

async function waitUntilReady(
  parts: ClusterParts,
  plan: ServerPlan,
  server: ServerProcess,
): Promise<void> {
  const { clock, signal, settings } = parts;
  const place = { folder: settings.folder, name: plan.name };
  const where = logFile(place);
  const untilMs = clock.monotonicMs() + READY_MS;
  while (!(await isReady(plan, server))) {
    signal.throwIfAborted();
    const problem = startProblem(where);
    const why = problem === null ? '' : `: ${problem}`;
    if (findServer(place)?.instance !== server.instance) {
      const what = `${plan.name} ended while it started${why}`;
      throw new FirnError('DEVCLUSTER-START', { what, where });
    }
    if (clock.monotonicMs() > untilMs) {
      const what = `${plan.name} does not answer ${READY_MS / 1000} s after its start${why}`;
      throw new FirnError('DEVCLUSTER-START', { what, where });
    }
    if (listens(plan, server)) await plan.complete?.();
    await clock.sleep(POLL_MS, signal);
  }
}

/**
 * Ends servers of the cluster, last started first.
 *
 * @param choice with `isKilled`: at once and by SIGKILL, as an accident would
 * @throws {FirnError} DEVCLUSTER-START when one does not end
 */
export async function takeDown(
  parts: ClusterParts,
  choice: ServerChoice & { readonly isKilled: boolean },
): Promise<void> {
  for (const stage of stagesOf(plansOf(parts, choice.names)).toReversed()) {
    await Promise.all(stage.map((plan) => takeDownOne(parts, plan, choice)));
  }
}

async function takeDownOne(
  { clock, settings }: ClusterParts,
  plan: ServerPlan,
  { isKilled, onServer }: ServerChoice & { readonly isKilled: boolean },
): Promise<void> {
  const { name } = plan;
  const graceMs = isKilled ? 0 : plan.graceMs;
  const place = { folder: settings.folder, name };
  const server = findServer(place);
  if (server === null) return;
  const startMs = clock.monotonicMs();
  const { pid } = server;
  if (!(await endServer(place, server, { clock, graceMs }))) {
    const what = `${name}, process ${pid}, does not end, not even killed`;
    throw new FirnError('DEVCLUSTER-START', { what, where: logFile(place) });
  }
  onServer({ kind: 'ended', name, pid, tookMs: clock.monotonicMs() - startMs });
}

/** Looks at every server of the cluster. */
export async function lookAt(parts: ClusterParts): Promise<readonly ServerStatus[]> {
  return Promise.all(plansOf(parts, null).map((plan) => lookAtOne(parts, plan)));
}

async function lookAtOne({ settings }: ClusterParts, plan: ServerPlan): Promise<ServerStatus> {
  const { name, ports } = plan;
  const place = { folder: settings.folder, name };
  const server = findServer(place);
  const log = logFile(place);
  if (server === null) {
    const none = { pid: null, rssBytes: null, startedAtMs: null };
    return { name, state: 'stopped', ports, version: plan.version, log, ...none };
  }
  return {
    name,
    state: (await isReady(plan, server)) ? 'ready' : 'not ready',
    pid: server.pid,
    ports,
    rssBytes: residentBytes(server.pid),
    version: server.version === '' ? plan.version : server.version,
    startedAtMs: server.startedAtMs === 0 ? null : server.startedAtMs,
    log,
  };
}
