/** What `check` finds at services that answer, that lack something, and that are not there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planCase } from '../../../tools/cluster-cases.ts';
import { hurriedClock } from '../../../test/support/hurried-clock.ts';
import { startGrpc } from '../../../test/support/stub-grpc.ts';
import { startStub } from '../../../test/support/stub-service.ts';
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

async function findings(
  connectors: readonly string[],
  isSparkThere: boolean,
): Promise<readonly string[]> {
  const http = await startStub(({ path }) => {
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
  const parts = { config: plan.config, clock: hurriedClock(50), random: seededRandom(1) };
  try {
    const found = await checkCluster(parts, plan);
    return found.map(({ severity, code, table }) => {
      return `${severity} ${code}${table === null ? '' : ` ${table.table}`}`;
    });
  } finally {
    await http.close();
    if (isSparkThere) await spark.close();
  }
}

test('services are named with what they lack, tables with what cannot be carried', async () => {
  assert.deepEqual(await findings(['io.debezium.connector.mysql.MySqlConnector'], true), [
    'ok connect',
    'warning flink-gateway',
    'ok flink-jobs',
    'ok spark',
    'error cluster-table places',
  ]);
  assert.deepEqual(await findings(['other'], false), [
    'ok connect',
    'error connect-plugin',
    'warning flink-gateway',
    'ok flink-jobs',
    'error CLUSTER-UNREACHABLE',
    'error cluster-table places',
  ]);
});
