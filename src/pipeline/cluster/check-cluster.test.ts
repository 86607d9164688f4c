/** What `check` finds at services that answer, that lack something, and that are not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCase } from '../../../tools/cluster-cases.ts';
import { hurriedClock } from '../../../test/support/hurried-clock.ts';
import { startGrpc } from '../../../test/support/stub-grpc.ts';
import { startStub } from '../../../test/support/stub-service.ts';
import { connectorConfig } from '../../cluster/capture/connector-config.ts';
import { encodeMessage } from '../../engines/cluster/spark/protobuf.ts';
import { seededRandom } from '../../kernel/random.ts';
import { checkCluster } from './check-cluster.ts';

const CASE = {
  flavour: 'mysql',
  tables: [
    { name: ['shop', 'orders'], columns: { id: 'int(11) not null' }, key: ['id'] },
    { name: ['shop', 'places'], columns: { id: 'int(11) not null', at: 'point' }, key: ['id'] },
  ],
} as const;

/** What the services have. */
interface Services {
  readonly connectors: readonly string[];
  readonly isSparkThere: boolean;
  /** Options of the connector that are set otherwise; absent: there is no connector. */
  readonly drift?: Readonly<Record<string, string>>;
  readonly jobs?: readonly string[];
}

async function findings(services: Services): Promise<readonly string[]> {
  const { connectors, isSparkThere, drift, jobs = [] } = services;
  let options: Readonly<Record<string, string>> = {};
  const http = await startStub(({ path }) => {
    if (path.endsWith('/config') && path.startsWith('/connectors/')) {
      return drift === undefined ? { status: 404 } : { status: 200, json: options };
    }
    if (path.endsWith('/status')) {
      const tasks = [{ id: 0, state: 'FAILED', trace: 'a.b.Broken: canary' }];
      return { status: 200, json: { connector: { state: 'RUNNING' }, tasks } };
    }
    if (path === '/jobs/overview') {
      const running = jobs.map((name, jid) => ({ jid: `${jid}`, name, state: 'RUNNING' }));
      return { status: 200, json: { jobs: running } };
    }
    if (path === '/') return { status: 200, json: { version: '4.3.1' } };
    if (path === '/connector-plugins') {
      return { status: 200, json: connectors.map((name) => ({ class: name })) };
    }
    if (path === '/info') return { status: 200, json: { version: '1.20.0' } };
    return { status: 200, json: { 'flink-version': '2.1.1' } };
  });
  const version = encodeMessage([[8, [[1, '4.0.1']]]]);
  const spark = await startGrpc(() => ({ messages: [version], end: { status: 0 } }));
  if (!isSparkThere) await spark.close();
  const cluster =
    `cluster: {kafka: {bootstrapServers: "a:9092"}, connect: {url: "${http.url}"},` +
    ` flink: {gateway: "${http.url}", jobManager: "${http.url}"},` +
    ` spark: {address: "${spark.address}", tls: off}}`;
  const plan = planCase({ ...CASE, lines: { cluster } });
  options = { ...connectorConfig(plan), name: plan.name, ...drift };
  const parts = { config: plan.config, clock: hurriedClock(50), random: seededRandom(1) };
  try {
    const found = await checkCluster(parts, plan);
    assert.doesNotMatch(found.map(({ message }) => message).join(), /canary/);
    return found.map(({ severity, code, table }) => {
      return `${severity} ${code}${table === null ? '' : ` ${table.table}`}`;
    });
  } finally {
    await http.close();
    if (isSparkThere) await spark.close();
  }
}

const MYSQL = ['io.debezium.connector.mysql.MySqlConnector'];

test('services are named with what they lack, tables with what cannot be carried', async () => {
  assert.deepEqual(await findings({ connectors: MYSQL, isSparkThere: true }), [
    'ok connect',
    'warning flink-gateway',
    'ok flink-jobs',
    'ok spark',
    'error cluster-table places',
  ]);
  assert.deepEqual(await findings({ connectors: ['other'], isSparkThere: false }), [
    'ok connect',
    'error connect-plugin',
    'warning flink-gateway',
    'ok flink-jobs',
    'error CLUSTER-UNREACHABLE',
    'error cluster-table places',
  ]);
});

test('a connector that was changed or has failed, and a job that runs twice, are named', async () => {
  const there = { connectors: MYSQL, isSparkThere: true } as const;
  const failed = 'error connect-failed';
  const others = [
    'warning flink-gateway',
    'ok flink-jobs',
    'ok spark',
    'error cluster-table places',
  ];
  assert.deepEqual(await findings({ ...there, drift: {} }), ['ok connect', failed, ...others]);
  const drift = { 'snapshot.mode': 'canary', 'some.option': 'canary' };
  assert.deepEqual(await findings({ ...there, drift, jobs: ['firn.shop.1', 'other'] }), [
    'ok connect',
    'warning connect-drift',
    failed,
    ...others,
  ]);
  const twice = await findings({ ...there, jobs: ['firn.shop.1', 'firn.shop.1'] });
  assert.ok(twice.includes('error flink-jobs'));
});
