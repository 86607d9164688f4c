/**
 * What `check` says of a cluster: which service answers, with which version, and which tables it
 * cannot carry. Asks only; nothing is set anywhere.
 */
import type { ClusterPlan } from '../../cluster/cluster-plan.ts';
import { bootstrapObstacle } from '../../cluster/spark/load-file.ts';
import { loadSource } from '../../cluster/spark/load-job.ts';
import type { ClusterConfig } from '../../config/pipeline-config.ts';
import { connectorClass } from '../../cluster/capture/connector-config.ts';
import { ConnectClient } from '../../engines/cluster/connect-client.ts';
import { createFlinkGateway } from '../../engines/cluster/flink-gateway.ts';
import { createFlinkJobs } from '../../engines/cluster/flink-jobs.ts';
import { SparkSession } from '../../engines/cluster/spark/spark-session.ts';
import { KafkaAdmin } from '../../kafka/kafka-admin.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';
import type { Finding } from '../../ports/source.ts';
import type { StoreParts } from '../open-store.ts';
import { inspectCluster } from './inspect-cluster.ts';
import { sparkTarget } from './cluster-services.ts';

/** A person waits for the answer. */
const checkPolicy: RetryPolicy = { attemptsMax: 2, pauseMs: 200, pauseMsMax: 1000 };

/** Major and minor versions that the generated statements are written for. */
const KNOWN = { connect: '4.', flink: '2.1.', spark: '4.0.' } as const;

/** What stands in the way of a plan on its cluster. */
export async function checkCluster(
  parts: StoreParts,
  plan: ClusterPlan,
): Promise<readonly Finding[]> {
  const { cluster } = plan;
  const services = await Promise.all([
    told('kafka', () => checkKafka(parts, cluster)),
    told('connect', () => checkConnect(parts, plan)),
    told('flink-gateway', () => checkGateway(parts, cluster)),
    told('flink-jobs', () => checkJobs(parts, plan)),
    told('spark', () => checkSpark(parts, cluster)),
  ]);
  const [kafka, connect] = services;
  const answer = [...(kafka ?? []), ...(connect ?? [])].every(
    ({ severity }) => severity !== 'error',
  );
  const capture = answer ? (await inspectCluster(parts, plan)).findings : [];
  const tables = plan.refused.map(({ table, reason }): Finding => {
    return { severity: 'error', code: 'CLUSTER-TABLE', table, message: reason, fix: null };
  });
  const copies = await told('bootstrap', async () => checkBootstrap(plan));
  return [...services.flat(), ...capture, ...tables, ...copies];
}

/** Whether Spark can read the source, where it is asked to: what can be told without trying. */
function checkBootstrap(plan: ClusterPlan): readonly Finding[] {
  const { cluster, source, tables } = plan;
  if (cluster.bootstrap !== 'spark' || source.type !== 'mysql') return [];
  loadSource(source, cluster.spark);
  return tables.flatMap((table): readonly Finding[] => {
    const message = bootstrapObstacle(plan, table);
    const about = { severity: 'error', code: 'CLUSTER-BOOTSTRAP', fix: null } as const;
    return message === null ? [] : [{ ...about, table: table.schema.table, message }];
  });
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
  // Firn reads the source itself.
  if (connect === null || plan.source.type !== 'mysql') return [];
  const client = new ConnectClient({ url: connect.url, clock, random, retryPolicy: checkPolicy });
  try {
    const version = await client.version();
    const found = [versionFinding('connect', 'Kafka Connect', version, KNOWN.connect)];
    const wanted = connectorClass(connect.connector);
    if (!(await client.plugins()).includes(wanted)) {
      const missing = `Kafka Connect has no connector ${wanted}: put Debezium’s into its plugin.path`;
      found.push(finding('error', 'connect-plugin', missing));
    }
    return found;
  } finally {
    client.close();
  }
}

/** Kafka itself, as far as it matters: enough brokers, and no topics that nobody has made. */
async function checkKafka(
  { clock, random }: StoreParts,
  { kafka }: ClusterConfig,
): Promise<readonly Finding[]> {
  const { bootstrapServers, replicas } = kafka;
  const address = { bootstrapServers };
  const admin = new KafkaAdmin({ address, clock, random, retryPolicy: checkPolicy });
  try {
    const { count, settings } = await admin.brokers();
    const brokers = count === 1 ? '1 broker' : `${count} brokers`;
    const found = [finding('ok', 'kafka', `Kafka answers, with ${brokers}`)];
    if (count < replicas) {
      const message = `Kafka has ${brokers}, and cluster.kafka.replicas asks for ${replicas} copies`;
      found.push(finding('error', 'kafka-replicas', message));
    }
    if (settings.get('auto.create.topics.enable') === 'true') {
      const message =
        'Kafka makes topics that somebody only asks for (auto.create.topics.enable): one that was removed comes back with other settings';
      found.push(finding('warning', 'kafka-auto-create', message));
    }
    return found;
  } finally {
    await admin.close();
  }
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
  { cluster, config, name }: ClusterPlan,
): Promise<readonly Finding[]> {
  const { jobManager } = cluster.flink;
  const jobs = createFlinkJobs({ url: jobManager, clock, random, retryPolicy: checkPolicy });
  try {
    const { version, refreshMs } = await jobs.settings();
    const found = [versionFinding('flink-jobs', 'Flink’s JobManager', version, KNOWN.flink)];
    if (refreshMs > config.ledger.commitIntervalMs / 4) {
      const message = `Flink’s JobManager tells of a checkpoint up to ${refreshMs} ms late, which comes on top of ledger.commitInterval`;
      const fix = 'web.refresh-interval: 250 ms   # in the configuration of Flink’s JobManager';
      found.push({ ...finding('warning', 'flink-refresh', message), fix });
    }
    // A job's name goes on with its branch: see `ledgerJobName`.
    const running = (await jobs.jobs()).filter(
      (job) => job.name.startsWith(`${name}/`) && job.state === 'RUNNING',
    );
    if (running.length > 1) {
      const message = `${running.length} jobs of ${name} run at once. Each writes a branch of its own, and firn run ends those that are not its: cancel the older ones if they stay`;
      found.push(finding('warning', 'flink-jobs', message));
    }
    return found;
  } finally {
    jobs.close();
  }
}

async function checkSpark(parts: StoreParts, cluster: ClusterConfig): Promise<readonly Finding[]> {
  const session = new SparkSession(sparkTarget(parts, cluster.spark));
  try {
    return [versionFinding('spark', 'Spark Connect', await session.version(), KNOWN.spark)];
  } finally {
    await session.close();
  }
}
