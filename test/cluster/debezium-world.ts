/**
 * A database, a Debezium connector of its own on the Connect that the environment names, and both
 * sources over the same history: the topics, and the server's log as Firn reads it itself. All of
 * it is gone after the test.
 */
import type { TestContext } from 'node:test';
import { deleteRecordsV2 } from '@platformatic/kafka';
import mysql from 'mysql2/promise';
import type { TableRule } from '../../src/config/pipeline-config.ts';
import { connectorClass } from '../../src/cluster/capture/connector-config.ts';
import { ConnectClient } from '../../src/engines/cluster/connect-client.ts';
import { KafkaAdmin } from '../../src/kafka/kafka-admin.ts';
import { KafkaBrokers } from '../../src/kafka/kafka-brokers.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { SourceEvent } from '../../src/model/source-event.ts';
import type { SourcePosition } from '../../src/model/source-position.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import type { ConnectorService } from '../../src/sources/debezium/debezium-connector.ts';
import { createDebeziumSource } from '../../src/sources/debezium/source.ts';
import type { MysqlChangeSource } from '../../src/sources/mysql/source.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { openTestSource } from '../live/support/mysql-world.ts';
import type { TestRegistry } from '../support/source-events.ts';
import { kafkaParts } from './kafka-broker.ts';

const {
  FIRN_KAFKA_BOOTSTRAP: kafka = '',
  FIRN_CONNECT_URL: url = '',
  FIRN_MYSQL_URL = '',
  FIRN_MARIADB_URL = '',
  FIRN_REQUIRE = '',
} = process.env;

/** The servers, by flavour. */
const SERVERS: Readonly<Record<ServerFlavour, string>> = {
  mysql: FIRN_MYSQL_URL,
  mariadb: FIRN_MARIADB_URL,
};

/** Why tests of Debezium’s topics do not run; `false`: they run. */
export const SKIP_WITHOUT_DEBEZIUM: string | false =
  FIRN_REQUIRE.split(',').includes('cluster') ||
  [kafka, url, ...Object.values(SERVERS)].every((at) => at !== '')
    ? false
    : 'FIRN_KAFKA_BOOTSTRAP, FIRN_CONNECT_URL, FIRN_MYSQL_URL or FIRN_MARIADB_URL names no service';

/** How long a connector may take to begin. */
const BEGIN_MS_MAX = 60_000;
const RESTARTS_MAX = 3;
/** Until a task that is started again says so. */
const RESTART_MS = 2000;

let worlds = 0;

/** A database with its topics. */
export interface DebeziumWorld {
  /** Name of the database, the connector and the first part of its topics. */
  readonly name: string;
  readonly admin: KafkaAdmin;
  readonly connect: ConnectClient;
  readonly connector: string;
  /** Address of the database server. */
  readonly server: URL;
  /** The source over the topics. */
  readonly source: ChangeSource;
  /** Firn's own reader of the log. */
  readonly database: MysqlChangeSource;
  topicOf(table: string): string;
  /** Statements as root, in the database. */
  run(...statements: readonly string[]): Promise<void>;
  /** Removes the records of a topic that stand before an offset; left out: all. */
  expire(topic: string, before?: bigint): Promise<void>;
  /** Waits until the connector has stored a place. */
  begun(): Promise<void>;
  /** Opens a source over the topics once more, as a restart does; parts as a test bends them. */
  reopen(bent?: BentParts): ChangeSource;
}

/** What a source asks besides Kafka. */
export interface BentParts {
  readonly service?: ConnectorService;
  readonly database?: (database: MysqlChangeSource) => MysqlChangeSource;
}

/** What a test changes of a world. */
export interface WorldSettings {
  /** The server and its connector; left out: MySQL. */
  readonly flavour?: ServerFlavour;
  /** Statements before the connector begins: its tables. */
  readonly tables: readonly string[];
  /** Options of the connector that differ. */
  readonly options?: Readonly<Record<string, string>>;
  /** Names of the tables whose topics are made. */
  readonly topics: readonly string[];
}

/** Makes a world. */
export async function openDebeziumWorld(
  t: TestContext,
  settings: WorldSettings,
): Promise<DebeziumWorld> {
  const number = ++worlds;
  const server = new URL(SERVERS[settings.flavour ?? 'mysql']);
  const name = `firn_dbz_${process.pid.toString(36)}_${number}_${performance.now().toFixed(0)}`;
  const connection = await mysql.createConnection({ uri: server.href, multipleStatements: false });
  await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  await connection.query(`USE ${name}`);
  const run = async (...statements: readonly string[]): Promise<void> => {
    for (const sql of statements) await connection.query(sql);
  };
  await run(...settings.tables);
  const admin = new KafkaAdmin(kafkaParts());
  const connect = new ConnectClient({ url, clock: systemClock, random: systemRandom });
  const topicOf = (table: string): string => `${name}.${name}.${table}`;
  const topics = [name, `${name}.history`, `__debezium-heartbeat.${name}`];
  topics.push(...settings.topics.map(topicOf));
  await admin.create(topics.map((topic) => ({ name: topic, ...SINGLE })));
  const opened: ChangeSource[] = [];
  const open = ({ service = connect, database = (one) => one }: BentParts = {}): ChangeSource => {
    const source = openSource(server, {
      name,
      service,
      database: database(openDatabase(server, name)),
    });
    opened.push(source);
    return source;
  };
  const world: DebeziumWorld = {
    name,
    admin,
    connect,
    connector: name,
    server,
    source: open(),
    database: openDatabase(server, name),
    topicOf,
    run,
    expire: async (topic, before) => {
      const { latest } = await admin.offsets(topic);
      await expire(topic, before ?? latest[0] ?? 0n);
    },
    begun: () => waitForPlace(connect, name),
    reopen: open,
  };
  t.after(async () => {
    await connect.remove(name);
    for (const source of opened) await source.close();
    await admin.remove(topics);
    await admin.close();
    connect.close();
    await connection.query(`DROP DATABASE ${name}`);
    await connection.end();
  });
  await connect.put(name, connectorOptions({ name, number, server }, settings));
  await world.begun();
  return world;
}

async function expire(name: string, offset: bigint): Promise<void> {
  const brokers = new KafkaBrokers(kafkaParts());
  const partitions = [{ partitionIndex: 0, offset }];
  await brokers.ask(null, (connection) =>
    deleteRecordsV2.api.async(connection, [{ name, partitions }], 5000),
  );
  await brokers.close();
}

const SINGLE = { partitions: 1, replicas: 1, settings: {} } as const;

/** A connection without TLS, in the words of each connector. */
const PLAIN = {
  mysql: { 'database.ssl.mode': 'disabled', 'driver.allowPublicKeyRetrieval': 'true' },
  mariadb: { 'database.ssl.mode': 'disable' },
} as const;

function connectorOptions(
  {
    name,
    number,
    server,
  }: { readonly name: string; readonly number: number; readonly server: URL },
  { flavour = 'mysql', options }: WorldSettings,
): Record<string, string> {
  const { hostname, port, username, password } = server;
  return {
    'connector.class': connectorClass(flavour),
    'tasks.max': '1',
    'database.hostname': hostname,
    'database.port': port,
    'database.user': username,
    'database.password': password,
    'database.server.id': String(1_500_000_000 + (process.pid % 100_000) * 1000 + number),
    ...PLAIN[flavour],
    'topic.prefix': name,
    'database.include.list': name,
    'snapshot.mode': 'no_data',
    'schema.history.internal.kafka.bootstrap.servers': kafka,
    'schema.history.internal.kafka.topic': `${name}.history`,
    'heartbeat.interval.ms': '300',
    'connect.keep.alive.interval.ms': '2000',
    'poll.interval.ms': '50',
    'skipped.operations': 'none',
    'event.converting.failure.handling.mode': 'fail',
    'enable.time.adjuster': 'false',
    ...options,
  };
}

function rulesOf(name: string): readonly TableRule[] {
  const [columns, exclude, rename, onDrop] = [{}, [], {}, 'halt'] as const;
  return [{ pattern: `${name}.*`, exclude, rename, columns, onDrop }];
}

function openDatabase(server: URL, name: string): MysqlChangeSource {
  const { hostname: host, port, username: user, password } = server;
  const tls = { kind: 'off' } as const;
  const address = { host, port: Number.parseInt(port, 10), user, password, tls };
  return openTestSource({ port: address.port, database: name, address });
}

function openSource(
  server: URL,
  parts: {
    readonly name: string;
    readonly service: ConnectorService;
    readonly database: MysqlChangeSource;
  },
): ChangeSource {
  const { name, service, database } = parts;
  const { hostname, port } = server;
  return createDebeziumSource({
    kafka: async () => kafkaParts().address,
    connector: { service, name, server: `${hostname}:${port}` },
    database,
    label: name,
    tables: rulesOf(name),
    namespace: name,
    onSwap: 'halt',
    clock: systemClock,
    random: systemRandom,
  });
}

/**
 * A connector that begins reads the tables of all databases, and fails when one is dropped
 * meanwhile, as other tests do with theirs: it is started again, as Firn does with its own.
 */
async function waitForPlace(connect: ConnectClient, name: string): Promise<void> {
  let restarts = 0;
  for (const end = performance.now() + BEGIN_MS_MAX; performance.now() < end;) {
    const status = await connect.status(name);
    const failed = status?.tasks.find(({ state }) => state === 'FAILED');
    if (failed !== undefined) {
      if (restarts++ === RESTARTS_MAX) throw new Error(`the connector failed: ${failed.failure}`);
      await connect.restartFailed(name);
      await systemClock.sleep(RESTART_MS);
      continue;
    }
    const [first] = status === null ? [] : await connect.offsets(name);
    const offset = first?.offset ?? null;
    if (offset !== null && !('snapshot' in offset) && status?.tasks[0]?.state === 'RUNNING') return;
    await systemClock.sleep(200);
  }
  throw new Error('the connector stored no place');
}

/** Reads a source to its present end. */
export async function readToEnd(
  source: ChangeSource,
  request: {
    readonly tables: readonly TableSchema[];
    readonly from: SourcePosition;
    readonly registry: TestRegistry;
    readonly own?: ReadonlyMap<string, SourcePosition>;
  },
): Promise<readonly SourceEvent[]> {
  const events: SourceEvent[] = [];
  const stream = source.stream({
    tables: request.tables,
    from: request.from,
    own: request.own ?? new Map(),
    epoch: 1,
    resolveSchema: request.registry.resolve,
    beforeImages: false,
    signal: AbortSignal.timeout(90_000),
    once: true,
  });
  for await (const event of stream) events.push(event);
  return events;
}
