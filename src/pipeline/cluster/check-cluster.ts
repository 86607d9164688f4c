/**
 * What `check` says of a cluster: which service answers, with which version, and which tables it
 * cannot carry. Asks only; nothing is set anywhere.
 */
import type { ClusterPlan } from '../../cluster/cluster-plan.ts';
import type { ClusterConfig } from '../../config/pipeline-config.ts';
import { connectorClass, connectorConfig } from '../../cluster/capture/connector-config.ts';
import type { ConnectorConfig } from '../../cluster/capture/connector-config.ts';
import { ConnectClient } from '../../engines/cluster/connect-client.ts';
import type { ConnectorStatus } from '../../engines/cluster/connect-client.ts';
import { createFlinkGateway } from '../../engines/cluster/flink-gateway.ts';
import { createFlinkJobs } from '../../engines/cluster/flink-jobs.ts';
import { SparkSession } from '../../engines/cluster/spark/spark-session.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';
import type { Finding } from '../../ports/source.ts';
import type { StoreParts } from '../open-store.ts';

/** A person waits for the answer. */
const checkPolicy: RetryPolicy = { attemptsMax: 2, pauseMs: 200, pauseMsMax: 1000 };

/** Names in one message. */
const NAMES_SHOWN_MAX = 8;

/** Major and minor versions that the generated statements are written for. */
const KNOWN = { connect: '4.', flink: '2.1.', spark: '4.0.' } as const;

/** What stands in the way of a plan on its cluster. */
export async function checkCluster(
  parts: StoreParts,
  plan: ClusterPlan,
): Promise<readonly Finding[]> {
  const { cluster } = plan;
  const services = await Promise.all([
    told('connect', () => checkConnect(parts, plan)),
    told('flink-gateway', () => checkGateway(parts, cluster)),
    told('flink-jobs', () => checkJobs(parts, plan)),
    told('spark', () => checkSpark(parts, cluster)),
  ]);
  const tables = plan.refused.map(({ table, reason }): Finding => {
    return { severity: 'error', code: 'cluster-table', table, message: reason, fix: null };
  });
  return [...services.flat(), ...tables];
}

/** Findings of a service; a failure to reach it is one. */
async function told(
  code: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    if (!isFirnError(error)) throw error;
    return [finding('error', error.code, `${error.message} [${code}]`)];
  }
}

function finding(severity: Finding['severity'], code: string, message: string): Finding {
  return { severity, code, table: null, message, fix: null };
}

/** A version that is known, or a warning that names those that are. */
function versionFinding(code: string, service: string, version: string, known: string): Finding {
  if (version.startsWith(known)) return finding('ok', code, `${service} ${version} answers`);
  const found = version === '' ? 'a version that it does not name' : version;
  return finding('warning', code, `${service} answers with ${found}; known is ${known}x`);
}

async function checkConnect(
  { clock, random }: StoreParts,
  plan: ClusterPlan,
): Promise<readonly Finding[]> {
  const { connect } = plan.cluster;
  const client = new ConnectClient({ url: connect.url, clock, random, retryPolicy: checkPolicy });
  try {
    const version = await client.version();
    const found = [versionFinding('connect', 'Kafka Connect', version, KNOWN.connect)];
    const wanted = connectorClass(connect.connector);
    if (!(await client.plugins()).includes(wanted)) {
      const missing = `Kafka Connect has no connector ${wanted}: put Debezium’s into its plugin.path`;
      found.push(finding('error', 'connect-plugin', missing));
    }
    const actual = await client.config(plan.name);
    if (actual === null) return found;
    return [...found, ...driftOf(plan, actual), ...stateOf(plan, await client.status(plan.name))];
  } finally {
    client.close();
  }
}

/** Options that somebody else has set otherwise, by name: values may be secrets. */
function driftOf(plan: ClusterPlan, actual: ConnectorConfig): readonly Finding[] {
  const wanted: ConnectorConfig = { ...connectorConfig(plan), name: plan.name };
  const options = [...new Set([...Object.keys(wanted), ...Object.keys(actual)])];
  const differing = options.filter((key) => wanted[key] !== actual[key]).toSorted();
  if (differing.length === 0) return [];
  const shown = differing.slice(0, NAMES_SHOWN_MAX).join(', ');
  const rest =
    differing.length > NAMES_SHOWN_MAX ? `, and ${differing.length - NAMES_SHOWN_MAX} more` : '';
  const message = `Connector ${plan.name} is set otherwise than the pipeline file says: ${shown}${rest}`;
  return [finding('warning', 'connect-drift', message)];
}

function stateOf(plan: ClusterPlan, status: ConnectorStatus | null): readonly Finding[] {
  const failed = status?.tasks.find(({ state }) => state === 'FAILED');
  if (failed === undefined) return [];
  const reason = failed.failure ?? 'a failure without a name';
  const message = `Connector ${plan.name} has stopped on ${reason}; Connect’s log says more`;
  return [finding('error', 'connect-failed', message)];
}

async function checkGateway(
  { clock, random }: StoreParts,
  { flink }: ClusterConfig,
): Promise<readonly Finding[]> {
  const options = { url: flink.gateway, clock, random, retryPolicy: checkPolicy };
  const gateway = createFlinkGateway(options);
  try {
    const version = await gateway.version();
    return [versionFinding('flink-gateway', 'Flink’s SQL Gateway', version, KNOWN.flink)];
  } finally {
    gateway.close();
  }
}

async function checkJobs(
  { clock, random }: StoreParts,
  { cluster, name }: ClusterPlan,
): Promise<readonly Finding[]> {
  const { jobManager } = cluster.flink;
  const jobs = createFlinkJobs({ url: jobManager, clock, random, retryPolicy: checkPolicy });
  try {
    const version = await jobs.version();
    const found = [versionFinding('flink-jobs', 'Flink’s JobManager', version, KNOWN.flink)];
    const running = (await jobs.jobs()).filter(
      (job) => job.name === name && job.state === 'RUNNING',
    );
    if (running.length > 1) {
      const message = `${running.length} jobs of the name ${name} run at once: cancel all but the newest`;
      found.push(finding('error', 'flink-jobs', message));
    }
    return found;
  } finally {
    jobs.close();
  }
}

async function checkSpark(
  { clock, random, readSecret }: StoreParts,
  { spark }: ClusterConfig,
): Promise<readonly Finding[]> {
  const { address, tls, token } = spark;
  if (token !== null && tls === 'off') {
    const what = 'a token is sent only over TLS, and cluster.spark.tls is off';
    throw new FirnError('CLUSTER-REFUSED', { what, where: address });
  }
  const read = token === null || readSecret === undefined ? null : () => readSecret(token);
  const session = new SparkSession({
    address,
    isSecure: tls !== 'off',
    authority: null,
    token: read,
    clock,
    random,
  });
  try {
    return [versionFinding('spark', 'Spark Connect', await session.version(), KNOWN.spark)];
  } finally {
    await session.close();
  }
}
