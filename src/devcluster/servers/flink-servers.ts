/**
 * Flink's session cluster: JobManager, one TaskManager, and the SQL Gateway, all with one
 * configuration. They are started by their classes, so the TaskManager is told every size of memory
 * that its script would compute.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addressesOf } from '../cluster-parts.ts';
import type { ClusterParts, ServerPlan } from '../cluster-parts.ts';
import { portOf, replaceFile } from '../cluster-settings.ts';
import type { JavaServer } from '../cluster-settings.ts';
import { JARS_FOLDER } from '../maven-project.ts';
import { ensureJars } from '../part-cache.ts';
import { answersHttp } from '../ready-checks.ts';
import type { Launch } from '../server-process.ts';
import { FLINK_JARS, VERSIONS } from '../version-table.ts';
import { javaCommand, opened } from './java-command.ts';
import { lakeEnvironment } from './lake-servers.ts';

/** Jobs that run at once, each with one slot. */
const SLOTS = 8;
const FRAMEWORK_HEAP_MIB = 128;

const BASE = ['lang', 'net', 'io', 'nio', 'lang.reflect', 'text', 'time', 'util'];
const OPENED = [
  ...opened('java.rmi', ['sun.rmi.registry'], 'exports'),
  ...opened('java.security.jgss', ['sun.security.krb5'], 'exports'),
  ...opened(
    'jdk.compiler',
    ['api', 'file', 'parser', 'tree', 'util'].map((name) => `com.sun.tools.javac.${name}`),
    'exports',
  ),
  ...opened('java.base', [
    ...BASE.map((name) => `java.${name}`),
    'java.util.concurrent',
    'java.util.concurrent.atomic',
    'java.util.concurrent.locks',
    'sun.nio.ch',
  ]),
];

/** What the three share, besides what each is. */
function flinkServer(parts: ClusterParts, own: OwnParts): ServerPlan {
  const { name, main, ports, stage, isReady, options = [], words = () => [] } = own;
  return {
    name,
    version: VERSIONS.flink,
    stage,
    ports,
    graceMs: 10_000,
    prepare: async (instance): Promise<Launch> => {
      const jars = join(await ensureJars(parts, FLINK_JARS), JARS_FOLDER);
      const config = writeConfig(parts);
      const command = javaCommand(parts, {
        name,
        jars,
        main,
        options: ['-XX:MaxMetaspaceSize=256m', ...options, ...OPENED],
        words: words({ config, instance }),
      });
      const environment = {
        ...parts.environment,
        ...lakeEnvironment(parts),
        FLINK_CONF_DIR: config,
        FLINK_LIB_DIR: jars,
      };
      return { command, environment, workFolder: flinkFolder(parts) };
    },
    isReady,
  };
}

interface OwnParts extends Pick<ServerPlan, 'ports' | 'stage' | 'isReady'> {
  readonly name: JavaServer;
  readonly main: string;
  readonly options?: readonly string[];
  readonly words?: (told: { readonly config: string; readonly instance: string }) => string[];
}

/** What works seldom and briefly is better compiled quickly than well. */
const BRIEFLY = ['-XX:TieredStopAtLevel=1'];

/** The JobManager. Jobs do not outlive it: whoever submitted them does so again. */
export function jobManagerServer(parts: ClusterParts): ServerPlan {
  const { settings } = parts;
  return flinkServer(parts, {
    name: 'jobmanager',
    main: 'org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint',
    stage: 1,
    ports: (['jobManager', 'jobManagerRpc', 'blobServer'] as const).map((port) =>
      portOf(settings, port),
    ),
    options: BRIEFLY,
    words: ({ config }) => ['--configDir', config],
    isReady: () => answersHttp(parts, addressesOf(settings).jobManager, '/overview'),
  });
}

/** The TaskManager; the JobManager knows this start of it by its instance. */
export function taskManagerServer(parts: ClusterParts): ServerPlan {
  const { jobManager } = addressesOf(parts.settings);
  return flinkServer(parts, {
    name: 'taskmanager',
    main: 'org.apache.flink.runtime.taskexecutor.TaskManagerRunner',
    stage: 2,
    // It calls, and is called at ports that it tells the JobManager.
    ports: [],
    options: ['-XX:MaxDirectMemorySize=384m'],
    words: ({ config, instance }) => [
      '--configDir',
      config,
      '-D',
      `taskmanager.resource-id=${instance}`,
    ],
    // Right after a crash the JobManager still counts the slots of the one before.
    isReady: ({ instance }) => answersHttp(parts, jobManager, `/taskmanagers/${instance}`),
  });
}

/** The SQL Gateway. */
export function gatewayServer(parts: ClusterParts): ServerPlan {
  const { settings } = parts;
  return flinkServer(parts, {
    name: 'gateway',
    main: 'org.apache.flink.table.gateway.SqlGateway',
    stage: 2,
    ports: [portOf(settings, 'gateway')],
    options: BRIEFLY,
    isReady: () => answersHttp(parts, addressesOf(settings).gateway, '/info'),
  });
}

function flinkFolder({ settings }: ClusterParts): string {
  return join(settings.folder, 'flink');
}

/** Writes `config.yaml`; gives its folder. */
function writeConfig(parts: ClusterParts): string {
  const folder = flinkFolder(parts);
  const config = join(folder, 'conf');
  for (const name of ['conf', 'tmp', 'checkpoints', 'savepoints']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const lines = Object.entries(configuration(parts)).map(([key, value]) => `${key}: ${value}`);
  replaceFile(join(config, 'config.yaml'), `${lines.join('\n')}\n`);
  return config;
}

function configuration(parts: ClusterParts): Readonly<Record<string, string | number>> {
  const { settings } = parts;
  const folder = flinkFolder(parts);
  const loopback = '127.0.0.1';
  return {
    'jobmanager.rpc.address': loopback,
    'jobmanager.rpc.port': portOf(settings, 'jobManagerRpc'),
    'jobmanager.bind-host': loopback,
    // Text to Flink: it may be a range.
    'blob.server.port': `"${portOf(settings, 'blobServer')}"`,
    'rest.address': loopback,
    'rest.bind-address': loopback,
    'rest.port': portOf(settings, 'jobManager'),
    // By itself three seconds: so late it tells of a checkpoint.
    'web.refresh-interval': '250 ms',
    'taskmanager.host': loopback,
    'taskmanager.bind-host': loopback,
    'taskmanager.numberOfTaskSlots': SLOTS,
    'taskmanager.cpu.cores': SLOTS,
    'taskmanager.memory.framework.heap.size': `${FRAMEWORK_HEAP_MIB}m`,
    'taskmanager.memory.framework.off-heap.size': '128m',
    'taskmanager.memory.task.heap.size': `${settings.heapMib.taskmanager - FRAMEWORK_HEAP_MIB}m`,
    'taskmanager.memory.task.off-heap.size': '128m',
    // Without any, a query in batch mode dies again and again.
    'taskmanager.memory.managed.size': '128m',
    'taskmanager.memory.network.min': '64m',
    'taskmanager.memory.network.max': '64m',
    'taskmanager.memory.jvm-metaspace.size': '256m',
    'taskmanager.memory.jvm-overhead.min': '192m',
    'taskmanager.memory.jvm-overhead.max': '192m',
    'parallelism.default': 1,
    'io.tmp.dirs': join(folder, 'tmp'),
    'web.tmpdir': join(folder, 'tmp'),
    'execution.checkpointing.dir': `file://${join(folder, 'checkpoints')}`,
    'execution.checkpointing.savepoint-dir': `file://${join(folder, 'savepoints')}`,
    'execution.checkpointing.interval': '5s',
    'state.backend.type': 'hashmap',
    'restart-strategy.type': 'fixed-delay',
    'restart-strategy.fixed-delay.attempts': 1000,
    'restart-strategy.fixed-delay.delay': '1s',
    // A TaskManager that was killed is missed within seconds; by default it takes 50.
    'heartbeat.interval': 1000,
    'heartbeat.timeout': 8000,
    'slot.request.timeout': 120_000,
    'sql-gateway.endpoint.rest.address': loopback,
    'sql-gateway.endpoint.rest.bind-address': loopback,
    'sql-gateway.endpoint.rest.port': portOf(settings, 'gateway'),
    // Sessions that a killed client left behind.
    'sql-gateway.session.idle-timeout': '10 min',
  };
}
