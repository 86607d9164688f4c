/**
 * The options of `cluster`: where Kafka, Connect, Flink and Spark are, and what Firn asks of them.
 * They may stay in the file when the engine is the embedded one. No secret is among them but by
 * reference, and no address may carry one.
 */
import type { Section, ValueType } from './option.ts';

const DAY_MS = 86_400_000;

/** An address of a service; a name or password inside it would end up in files and logs. */
const HTTP_ADDRESS = {
  kind: 'text',
  pattern: /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#@]*)?$/,
  patternText: 'an address http://host:port or https://host:port, without a user in it',
} as const satisfies ValueType;

const HOST_AND_PORT = '(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}';

const kafka = {
  bootstrapServers: {
    type: {
      kind: 'text',
      pattern: new RegExp(`^${HOST_AND_PORT}(?:,${HOST_AND_PORT})*$`),
      patternText: 'host:port, several with commas between them',
    },
    text: 'Brokers of Kafka, as Connect, Flink and this program reach them.',
    since: '0.1',
  },
  partitions: {
    type: { kind: 'integer', min: 1, max: 1024 },
    default: 4,
    text: 'Partitions of each table’s topic. Changes are spread over them by key.',
    since: '0.1',
  },
  replicas: {
    type: { kind: 'integer', min: 1, max: 16 },
    default: 3,
    text: 'Brokers that keep a copy of each topic. A cluster of one broker needs 1.',
    since: '0.1',
  },
  retention: {
    type: { kind: 'duration', minMs: 3_600_000, maxMs: 3650 * DAY_MS },
    default: '7d',
    text: 'How long changes stay in the topics: for so long may Flink stand still.',
    since: '0.1',
  },
} as const satisfies Section;

const connect = {
  url: {
    type: HTTP_ADDRESS,
    text: 'REST interface of Kafka Connect.',
    since: '0.1',
  },
  connector: {
    type: { kind: 'choice', values: ['mysql', 'mariadb'] },
    default: 'mysql',
    text: 'Debezium’s connector for the source. `firn check` names the other one where it is needed.',
    since: '0.1',
  },
  passwordReference: {
    type: {
      kind: 'text',
      pattern: /^\$\{[A-Za-z0-9_-]+:[^{}$\s]+\}$/,
      patternText: 'the reference of a config provider, such as ${env:SHOP_PASSWORD}',
    },
    default: null,
    text: 'How the Connect workers find the source’s password: a reference of one of their config providers. Left out: the one that `source.password` means, from the environment (`${env:NAME}`) or a file (`${dir:FOLDER:FILE}`).',
    since: '0.1',
  },
} as const satisfies Section;

const flink = {
  gateway: {
    type: HTTP_ADDRESS,
    text: 'REST interface of Flink’s SQL Gateway.',
    since: '0.1',
  },
  jobManager: {
    type: HTTP_ADDRESS,
    text: 'REST interface of Flink’s JobManager.',
    since: '0.1',
  },
  parallelism: {
    type: { kind: 'integer', min: 1, max: 1024 },
    default: 1,
    text: 'Parallel tasks of the job that writes the ledgers.',
    since: '0.1',
  },
} as const satisfies Section;

const spark = {
  address: {
    type: {
      kind: 'text',
      pattern: new RegExp(`^${HOST_AND_PORT}$`),
      patternText: 'host:port',
    },
    text: 'Server of Spark Connect.',
    since: '0.1',
  },
  tls: {
    type: { kind: 'choice', values: ['verify', 'off'] },
    default: 'verify',
    text: '`verify`: encrypted, and the server’s certificate and name are checked. `off`: everything can be read on the way, for loopback and tunnels.',
    since: '0.1',
  },
  token: {
    type: { kind: 'secret' },
    default: null,
    text: 'Where the token is kept that the server asks for. Sent only over TLS. Left out: none.',
    since: '0.1',
  },
  passwordVariable: {
    type: {
      kind: 'text',
      pattern: /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
      patternText: 'the name of an environment variable, such as SHOP_PASSWORD',
    },
    default: null,
    text: 'Environment variable of Spark’s driver and executors with the source’s password, for `cluster.bootstrap: spark`. Left out: the one of `source.password: {env: NAME}`.',
    since: '0.1',
  },
} as const satisfies Section;

/** Options of the cluster. */
export const CLUSTER_OPTIONS = {
  kafka: {
    type: { kind: 'section', options: kafka },
    text: 'The event log between source and ledgers.',
    since: '0.1',
  },
  connect: {
    type: { kind: 'section', options: connect },
    default: null,
    text: 'Kafka Connect, which runs Debezium. Needed with a source of type mysql; a SQLite database is read by this program itself.',
    since: '0.1',
  },
  flink: {
    type: { kind: 'section', options: flink },
    text: 'Flink, which writes the ledgers.',
    since: '0.1',
  },
  spark: {
    type: { kind: 'section', options: spark },
    text: 'Spark, which merges ledgers into bases.',
    since: '0.1',
  },
  bootstrap: {
    type: { kind: 'choice', values: ['firn', 'spark'] },
    default: 'firn',
    text: 'Who reads the rows that are there at first. `firn`: this program. `spark`: a job of Spark that reads the source by JDBC, for tables that one machine reads for days; a table with a column that Spark would not read exactly as Firn does is refused by name.',
    since: '0.1',
  },
  reconcileInterval: {
    type: { kind: 'duration', minMs: 1000, maxMs: 3_600_000 },
    default: '1m',
    text: 'How often `firn run` looks whether the services still have what this file asks for, and mends what differs.',
    since: '0.1',
  },
  catalogUri: {
    type: HTTP_ADDRESS,
    default: null,
    text: 'The lake’s REST catalog, as Flink and Spark reach it without a token. Left out: both have a catalog of the name `lake.catalog.name` set up by whoever runs them, with its credentials.',
    since: '0.1',
  },
} as const satisfies Section;
