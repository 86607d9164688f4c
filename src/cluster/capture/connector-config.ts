/**
 * Configuration of a Debezium connector (Debezium 3.5 and 3.6, "MySQL connector properties"). Every
 * option that decides what arrives is written out, so that neither the workers' defaults nor a new
 * version change it. What a connector would lose in silence is made to fail. No secret is in it,
 * only the reference under which the workers find it.
 */
import type { SecretReference } from '../../config/secret-reference.ts';
import { assert, present } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { toSafeNumber } from '../../kernel/integers.ts';
import type { TableName } from '../../model/table-schema.ts';
import { schemaHistoryTopic, stableHash } from '../cluster-names.ts';
import type { ClusterPlan, ConnectorSource } from '../cluster-plan.ts';

/** Options of a connector, by name. */
export type ConnectorConfig = Readonly<Record<string, string>>;

/** What the two connectors call things differently. */
const FLAVOURS = {
  mysql: {
    class: 'io.debezium.connector.mysql.MySqlConnector',
    tls: { verify: 'verify_identity', 'verify-ca': 'verify_ca', off: 'disabled' },
    // Without TLS the login fetches the server's key, by which the password is sent encrypted.
    own: { 'driver.allowPublicKeyRetrieval': 'true' },
  },
  mariadb: {
    class: 'io.debezium.connector.mariadb.MariaDbConnector',
    tls: { verify: 'verify-full', 'verify-ca': 'verify-ca', off: 'disable' },
    own: {},
  },
} as const;

/** Class of Debezium's connector for a kind of server. */
export function connectorClass(connector: string): string {
  return FLAVOURS[connector === 'mariadb' ? 'mariadb' : 'mysql'].class;
}

/**
 * The connector of a plan's epoch, of a source that a connector reads.
 *
 * @throws {FirnError} CLUSTER-SECRET
 */
export function connectorConfig(plan: ClusterPlan): ConnectorConfig {
  const { cluster, source, name } = plan;
  assert(source.type === 'mysql', 'a source that a connector reads');
  const { connector, passwordReference } = present(cluster.connect, 'the address of Connect');
  const flavour = FLAVOURS[connector === 'mariadb' ? 'mariadb' : 'mysql'];
  const tables = plan.tables.map(({ schema }) => schema.table);
  const left = plan.tables.flatMap(({ schema, excluded }) => {
    return excluded.map((column) => columnPattern(schema.table, column));
  });
  return {
    'connector.class': connectorClass(connector),
    'tasks.max': '1',
    ...addressOf(source, passwordReference),
    'database.server.id': String(serverIdOf(source, name)),
    'database.ssl.mode':
      flavour.tls[source.tls === 'off' || source.tls === 'verify-ca' ? source.tls : 'verify'],
    ...(source.tls === 'off' ? flavour.own : {}),
    'topic.prefix': name,
    'database.include.list': [...new Set(tables.map(({ namespace }) => exactly(namespace)))].join(
      ',',
    ),
    'table.include.list': tables.map(tablePattern).join(','),
    ...(left.length === 0 ? {} : { 'column.exclude.list': left.join(',') }),
    ...captureOptions(),
    ...historyOptions(plan),
    ...valueOptions(),
    ...converterOptions(),
  };
}

function addressOf(source: ConnectorSource, reference: string | null): ConnectorConfig {
  const password = reference ?? passwordReference(source.password);
  return {
    'database.hostname': source.host,
    'database.port': String(source.port),
    'database.user': source.user,
    ...(password === null ? {} : { 'database.password': password }),
  };
}

/** What is read, and that nothing is skipped. Rows that were there before come by bootstrap. */
function captureOptions(): ConnectorConfig {
  return {
    'snapshot.mode': 'no_data',
    'snapshot.locking.mode': 'none',
    'skipped.operations': 'none',
    'tombstones.on.delete': 'false',
    'provide.transaction.metadata': 'false',
    'include.schema.changes': 'true',
    'heartbeat.interval.ms': '1000',
    // An idle server says that it is there after 0.8 of this, and only then does the connector say
    // how far it has come: without it the end of the last transaction is told after 48 seconds.
    'connect.keep.alive.interval.ms': '10000',
    'event.processing.failure.handling.mode': 'fail',
    'inconsistent.schema.handling.mode': 'fail',
    'max.batch.size': '8192',
    'max.queue.size': '32768',
    'poll.interval.ms': '100',
  };
}

function historyOptions({ cluster, name }: ClusterPlan): ConnectorConfig {
  return {
    'schema.history.internal.kafka.bootstrap.servers': cluster.kafka.bootstrapServers,
    'schema.history.internal.kafka.topic': schemaHistoryTopic(name),
    'schema.history.internal.skip.unparseable.ddl': 'false',
  };
}

/** How values are written: so that every one of them can be had back exactly. */
function valueOptions(): ConnectorConfig {
  return {
    'decimal.handling.mode': 'string',
    'bigint.unsigned.handling.mode': 'long',
    'binary.handling.mode': 'hex',
    'time.precision.mode': 'adaptive_time_microseconds',
    // The default takes the year 0050 for 2050.
    'enable.time.adjuster': 'false',
    // The default writes null in the place of a value that it does not understand.
    'event.converting.failure.handling.mode': 'fail',
    'field.name.adjustment.mode': 'none',
    'schema.name.adjustment.mode': 'none',
  };
}

function converterOptions(): ConnectorConfig {
  const converter = 'org.apache.kafka.connect.json.JsonConverter';
  return {
    'key.converter': converter,
    'key.converter.schemas.enable': 'false',
    'value.converter': converter,
    'value.converter.schemas.enable': 'false',
    'producer.override.acks': 'all',
    'producer.override.enable.idempotence': 'true',
    'producer.override.compression.type': 'lz4',
    'errors.tolerance': 'none',
  };
}

/**
 * How a worker finds the secret that the pipeline file refers to: Kafka's providers
 * `EnvVarConfigProvider` as `env` and `DirectoryConfigProvider` as `dir`.
 */
function passwordReference(secret: SecretReference | null): string | null {
  switch (secret?.kind) {
    case undefined:
      return null;
    case 'env':
      return `\${env:${secret.name}}`;
    case 'file': {
      const at = Math.max(secret.path.lastIndexOf('/'), secret.path.lastIndexOf('\\'));
      const [folder, file] = [secret.path.slice(0, at), secret.path.slice(at + 1)];
      if (!/[{}$:\s]/.test(secret.path)) return `\${dir:${folder}:${file}}`;
      throw unreachableSecret('a path with such characters in it');
    }
    default:
      throw unreachableSecret('the answer of a program');
  }
}

function unreachableSecret(what: string): FirnError {
  return new FirnError('CLUSTER-SECRET', {
    what: `The source’s password is ${what}, which Connect’s workers cannot be told to read.`,
    where: 'source.password',
  });
}

/** Server ids that `auto` may take: above those that people count up to. */
const SERVER_ID_FIRST = 1_000_000_000;
const SERVER_ID_COUNT = 3_000_000_000n;

/** The id under which the connector reads the log: of the file, else made of the epoch's name. */
function serverIdOf(source: ConnectorSource, name: string): number {
  if (source.serverId !== 'auto') return source.serverId;
  return SERVER_ID_FIRST + toSafeNumber(stableHash(name) % SERVER_ID_COUNT);
}

/**
 * A Java regular expression that matches this name alone. Whatever is no letter or digit is written
 * as its code, so that no name holds the comma that separates the patterns.
 */
function exactly(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9_]/gu, (character) => {
    return `\\x{${character.codePointAt(0)?.toString(16) ?? ''}}`;
  });
}

function tablePattern({ namespace, table }: TableName): string {
  return `${exactly(namespace)}\\.${exactly(table)}`;
}

function columnPattern(table: TableName, column: string): string {
  return `${tablePattern(table)}\\.${exactly(column)}`;
}
