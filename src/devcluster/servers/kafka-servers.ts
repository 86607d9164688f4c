/**
 * Kafka as one process that is broker and controller, and one worker of Connect with Debezium's
 * connectors. Topics are made by those who need them, never by being asked for.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FirnError } from '../../kernel/firn-error.ts';
import { addressesOf } from '../cluster-parts.ts';
import type { ClusterParts, ServerPlan } from '../cluster-parts.ts';
import { portOf } from '../cluster-settings.ts';
import { CONNECTORS_FOLDER, JARS_FOLDER } from '../maven-project.ts';
import { ensureJars } from '../part-cache.ts';
import { answersHttp, answersKafka } from '../ready-checks.ts';
import { startProblem } from '../start-failure.ts';
import { KAFKA_JARS, VERSIONS } from '../version-table.ts';
import { configFolder, javaCommand, writeProperties } from './java-command.ts';

/** Longest record: rows of some megabytes, as text. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024;

/** Kafka. */
export function kafkaServer(parts: ClusterParts): ServerPlan {
  const { settings } = parts;
  const port = portOf(settings, 'kafka');
  const data = join(settings.folder, 'kafka');
  return {
    name: 'kafka',
    version: VERSIONS.kafka,
    stage: 1,
    ports: [port, portOf(settings, 'kafkaController')],
    graceMs: 15_000,
    prepare: async () => {
      const jars = join(await ensureJars(parts, KAFKA_JARS), JARS_FOLDER);
      mkdirSync(data, { recursive: true });
      const config = writeProperties(parts, 'kafka', brokerConfig(parts, data));
      await formatOnce(parts, { jars, config, data });
      const program = { name: 'kafka', jars, main: 'kafka.Kafka', words: [config] } as const;
      return {
        command: javaCommand(parts, program),
        environment: parts.environment,
        workFolder: data,
      };
    },
    isReady: () => answersKafka(parts, port),
  };
}

function brokerConfig({ settings }: ClusterParts, data: string) {
  const { kafka } = addressesOf(settings);
  const controller = `127.0.0.1:${portOf(settings, 'kafkaController')}`;
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${controller}`,
    listeners: `PLAINTEXT://${kafka},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://${kafka}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'log.dirs': join(data, 'data'),
    'auto.create.topics.enable': false,
    'message.max.bytes': RECORD_BYTES_MAX,
    // One broker keeps the one copy of everything.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // Whoever makes a topic says how long its records stay.
    'log.retention.ms': -1,
  };
}

/** Makes the folder of a new broker; done again when it was cut short. */
async function formatOnce(
  parts: ClusterParts,
  told: { readonly jars: string; readonly config: string; readonly data: string },
): Promise<void> {
  const { jars, config, data } = told;
  const mark = join(data, 'formatted');
  if (existsSync(mark)) return;
  const main = 'kafka.tools.StorageTool';
  const words = ['format', '--ignore-formatted', '-t', parts.settings.clusterId, '-c', config];
  const [java = '', ...rest] = javaCommand(parts, { name: 'kafka', jars, main, words });
  const log = join(data, 'format.log');
  const output = openSync(log, 'w');
  const child = spawn(java, rest, { stdio: ['ignore', output, output], signal: parts.signal });
  closeSync(output);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('exit', resolve);
  });
  if (code !== 0) {
    const problem = startProblem(log);
    const why = problem === null ? '' : `: ${problem}`;
    const what = `kafka could not make the folder for its data${why}`;
    throw new FirnError('DEVCLUSTER-START', { what, where: log });
  }
  writeFileSync(mark, '');
}

/** Kafka Connect. */
export function connectServer(parts: ClusterParts): ServerPlan {
  const { settings } = parts;
  return {
    name: 'connect',
    version: `${VERSIONS.kafka}, Debezium ${VERSIONS.debeziumMysql} and ${VERSIONS.debeziumMariadb} (MariaDB)`,
    stage: 2,
    ports: [portOf(settings, 'connect')],
    graceMs: 10_000,
    prepare: async () => {
      const folder = await ensureJars(parts, KAFKA_JARS);
      const plugins = join(folder, CONNECTORS_FOLDER);
      const config = writeProperties(parts, 'connect', workerConfig(parts, plugins));
      const command = javaCommand(parts, {
        name: 'connect',
        jars: join(folder, JARS_FOLDER),
        main: 'org.apache.kafka.connect.cli.ConnectDistributed',
        words: [config],
      });
      return {
        command,
        // All of it: connectors take passwords from there.
        environment: parts.environment,
        workFolder: configFolder(parts),
      };
    },
    isReady: () => answersHttp(parts, addressesOf(settings).connect, '/connectors'),
  };
}

function workerConfig({ settings }: ClusterParts, plugins: string) {
  const { kafka, connect } = addressesOf(settings);
  const json = 'org.apache.kafka.connect.json.JsonConverter';
  const providers = 'org.apache.kafka.common.config.provider';
  return {
    'bootstrap.servers': kafka,
    'group.id': 'connect',
    listeners: connect,
    'rest.advertised.host.name': '127.0.0.1',
    'plugin.path': plugins,
    'plugin.discovery': 'service_load',
    'key.converter': json,
    'value.converter': json,
    'key.converter.schemas.enable': false,
    'value.converter.schemas.enable': false,
    'config.storage.topic': 'connect-configs',
    'config.storage.replication.factor': 1,
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': 1,
    'offset.storage.partitions': 1,
    'status.storage.topic': 'connect-status',
    'status.storage.replication.factor': 1,
    'status.storage.partitions': 1,
    // How far the connector has come is known so often.
    'offset.flush.interval.ms': 1000,
    'config.providers': 'env,dir',
    'config.providers.env.class': `${providers}.EnvVarConfigProvider`,
    'config.providers.dir.class': `${providers}.DirectoryConfigProvider`,
    // A worker that was killed is missed within seconds, and its tasks are not kept for it.
    'session.timeout.ms': 6000,
    'heartbeat.interval.ms': 2000,
    'scheduled.rebalance.max.delay.ms': 0,
    'producer.compression.type': 'lz4',
    'producer.linger.ms': 20,
    'producer.batch.size': 262_144,
    'producer.max.request.size': RECORD_BYTES_MAX,
  };
}
