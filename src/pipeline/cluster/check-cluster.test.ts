/** What `check` finds at services that answer, that lack something, and that are not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCase } from '../../../tools/cluster-cases.ts';
import { hurriedClock } from '../../../test/support/hurried-clock.ts';
import { startGrpc } from '../../../test/support/stub-grpc.ts';
import { startStub } from '../../../test/support/stub-service.ts';
import type { ClusterPlan } from '../../cluster/cluster-plan.ts';
import { encodeMessage } from '../../engines/cluster/spark/protobuf.ts';
import { seededRandom } from '../../kernel/random.ts';
import { checkCluster } from './check-cluster.ts';
import { ledgerJobName } from './ledgers/ledger-jobs.ts';

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
  readonly jobs?: readonly string[];
  readonly refreshMs?: number;
}

async function findings(services: Services): Promise<readonly string[]> {
  const { connectors, isSparkThere, jobs = [], refreshMs = 250 } = services;
  const http = await startStub(({ path }) => {
    if (path === '/jobs/overview') {
      const running = jobs.map((name, jid) => ({ jid: `${jid}`, name, state: 'RUNNING' }));
      return { status: 200, json: { jobs: running } };
    }
    if (path === '/') return { status: 200, json: { version: '4.3.1' } };
    if (path === '/connector-plugins') {
      return { status: 200, json: connectors.map((name) => ({ class: name })) };
    }
    if (path === '/info') return { status: 200, json: { version: '1.20.0' } };
    return { status: 200, json: { 'flink-version': '2.1.1', 'refresh-interval': refreshMs } };
  });
  const version = encodeMessage([[8, [[1, '4.0.1']]]]);
  const spark = await startGrpc(() => ({ messages: [version], end: { status: 0 } }));
  if (!isSparkThere) await spark.close();
  const cluster =
    `cluster: {kafka: {bootstrapServers: "127.0.0.1:1"}, connect: {url: "${http.url}"},` +
    ` flink: {gateway: "${http.url}", jobManager: "${http.url}"},` +
    ` spark: {address: "${spark.address}", tls: off}}`;
  const plan = planCase({ ...CASE, lines: { cluster } });
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
    'error KAFKA-UNREACHABLE',
    'ok connect',
    'warning flink-gateway',
    'ok flink-jobs',
    'ok spark',
    'error CLUSTER-TABLE places',
  ]);
  assert.deepEqual(await findings({ connectors: ['other'], isSparkThere: false }), [
    'error KAFKA-UNREACHABLE',
    'ok connect',
    'error connect-plugin',
    'warning flink-gateway',
    'ok flink-jobs',
    'error CLUSTER-UNREACHABLE',
    'error CLUSTER-TABLE places',
  ]);
});

test('a pipeline whose job runs twice is named', async () => {
  const there = { connectors: MYSQL, isSparkThere: true } as const;
  const plan = planCase(CASE);
  const job = (plan: ClusterPlan, index: number): string => {
    const branch = `firn_ledger_0190a0b0-0000-7000-8000-00000000000${index}`;
    return ledgerJobName(plan, { branch, logName: 'binlog', partitions: () => 1 });
  };
  const mine = job(plan, 1);
  const others = ['other', job({ ...plan, name: `${plan.name}0` }, 2)];
  const once = await findings({ ...there, jobs: [mine, ...others] });
  assert.ok(once.includes('ok flink-jobs') && !once.includes('warning flink-jobs'));
  const twice = await findings({ ...there, jobs: [mine, ...others, job(plan, 3)] });
  assert.ok(twice.includes('warning flink-jobs'));
});

test('a JobManager that tells late of checkpoints is named', async () => {
  const there = { connectors: MYSQL, isSparkThere: true } as const;
  const late = await findings({ ...there, refreshMs: 3000 });
  assert.ok(late.includes('warning flink-refresh') && late.includes('ok flink-jobs'));
});
