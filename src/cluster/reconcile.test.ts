/** Cases of reconciling that end with a person: what is somebody else's, what cannot be mended. */
import { deepEqual, doesNotMatch, equal, match, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { describeAction, planReconcile } from './reconcile-plan.ts';
import {
  NOTHING_APPLIED,
  appliedFromJson,
  appliedToJson,
  fingerprintOf,
} from './reconcile-record.ts';
import type { AppliedCluster } from './reconcile-record.ts';
import type { ActualCapture, ActualConnector, DesiredCapture } from './reconcile-state.ts';

const NAME = 'firn.shop.1';
const TOPIC = `${NAME}.shop.orders`;
const HISTORY = `${NAME}.schema-history`;
const TABLE = { namespace: 'shop', table: 'orders' };
const CONFIG = { 'topic.prefix': NAME };
const TOLD = { resumes: false, restarts: true };

const desired: DesiredCapture = {
  name: NAME,
  topics: [
    { name: TOPIC, partitions: 4, replicas: 1, config: { 'retention.ms': '1000' } },
    { name: HISTORY, partitions: 1, replicas: 1, config: {} },
  ],
  tables: new Map([[TOPIC, TABLE]]),
  config: CONFIG,
};

const connector: ActualConnector = {
  config: { ...CONFIG, name: NAME },
  state: 'RUNNING',
  tasks: [{ state: 'RUNNING', failure: null }],
};

const actual: ActualCapture = {
  topics: new Map([
    [TOPIC, { id: 'a', partitions: 4, config: { 'retention.ms': '1000', other: 'x' } }],
    [HISTORY, { id: 'b', partitions: 1, config: {} }],
  ]),
  connector,
  offsets: [{}],
};

const applied: AppliedCluster = {
  topics: new Map([
    [TOPIC, { id: 'a', partitions: 4, isLeft: false }],
    [HISTORY, { id: 'b', partitions: 1, isLeft: false }],
  ]),
  connectors: new Map([
    [NAME, { fingerprint: fingerprintOf(CONFIG), hasRun: true, offsets: [{}] }],
  ]),
};

function found(now: Partial<ActualCapture>, record = applied, options = TOLD): readonly string[] {
  const plan = planReconcile(desired, record, { ...actual, ...now }, options);
  return [
    ...plan.actions.map(describeAction),
    ...plan.findings.map(({ severity, code }) => `${severity} ${code}`),
    ...plan.lost.map(({ table }) => `lost ${table.table}`),
    ...plan.grown.map((topic) => `grown ${topic}`),
  ];
}

const withTopic = (name: string, topic: { id: string; partitions?: number } | null) => {
  const topics = new Map(actual.topics);
  if (topic === null) topics.delete(name);
  else topics.set(name, { partitions: 4, config: { 'retention.ms': '1000' }, ...topic });
  return { topics };
};

test('what is as asked needs nothing', () => {
  deepEqual(found({}), []);
});

test('without tables nothing is told: to a connector no table means every one', () => {
  const none = { ...desired, tables: new Map() };
  const plan = planReconcile(none, NOTHING_APPLIED, { ...actual, connector: null }, TOLD);
  deepEqual(plan.actions, []);
});

test('what has our name and is not on record is left alone (spec: E11)', () => {
  deepEqual(found({ topics: new Map() }, NOTHING_APPLIED), [
    `make topic ${TOPIC} with 4 partitions`,
    `make topic ${HISTORY} with 1 partition`,
    'error CLUSTER-NAME-TAKEN',
  ]);
  deepEqual(found({ connector: null }, NOTHING_APPLIED), [
    'error CLUSTER-NAME-TAKEN',
    'error CLUSTER-NAME-TAKEN',
  ]);
});

test('a topic is known by its id, not its name (spec: E12)', () => {
  deepEqual(found(withTopic(TOPIC, { id: 'other' })), [
    'warning cluster-topic-lost',
    'lost orders',
  ]);
  deepEqual(found(withTopic(TOPIC, null)), [
    `make topic ${TOPIC} with 4 partitions`,
    'warning cluster-topic-lost',
    'lost orders',
  ]);
  // What Debezium cannot go on without is not made up.
  deepEqual(found(withTopic(HISTORY, null)), ['error CLUSTER-HISTORY-LOST']);
  deepEqual(found(withTopic(HISTORY, { id: 'other' })), ['error CLUSTER-HISTORY-LOST']);
});

test('a partition more is a named state, and other numbers stay as they are', () => {
  deepEqual(found(withTopic(TOPIC, { id: 'a', partitions: 5 })), [
    'warning cluster-partitions-added',
    `grown ${TOPIC}`,
  ]);
  const grown = new Map(applied.topics).set(TOPIC, { id: 'a', partitions: 5, isLeft: false });
  const record = { ...applied, topics: grown };
  deepEqual(found(withTopic(TOPIC, { id: 'a', partitions: 5 }), record), [
    'warning cluster-partitions',
  ]);
});

test('who stops a connector has a reason: it runs again when a person says so', () => {
  const paused = { connector: { ...connector, state: 'PAUSED', tasks: [] } };
  deepEqual(found(paused), ['error connect-paused']);
  deepEqual(found(paused, applied, { ...TOLD, resumes: true }), [
    `start connector ${NAME}`,
    'warning connect-paused',
  ]);
});

test('what failed is started again when it is time', () => {
  const tasks = [{ state: 'FAILED', failure: 'org.x.Y' }];
  const failed = { connector: { ...connector, tasks } };
  deepEqual(found(failed), [`restart what failed of connector ${NAME}`, 'error connect-failed']);
  deepEqual(found(failed, applied, { ...TOLD, restarts: false }), ['error connect-failed']);
});

test('a connector of an earlier epoch is stopped, not removed', () => {
  const former = { fingerprint: '', hasRun: true, offsets: null };
  const connectors = new Map(applied.connectors).set('firn.shop.0', former);
  deepEqual(found({}, { ...applied, connectors }), [
    'stop connector firn.shop.0 of an earlier epoch',
  ]);
});

test('no value of an option is told or stored (spec: E4)', () => {
  const config = { ...connector.config, 'database.password': 'canary' };
  const plan = planReconcile(
    desired,
    applied,
    { ...actual, connector: { ...connector, config } },
    TOLD,
  );
  equal(plan.findings[0]?.code, 'connect-drift');
  match(plan.findings[0]?.message ?? '', /database\.password/);
  doesNotMatch(JSON.stringify(plan.findings) + appliedToJson(applied), /canary/);
});

test('a damaged record is refused, never taken for none', () => {
  const text = appliedToJson(applied);
  deepEqual(appliedFromJson(text, 'here'), applied);
  for (const damaged of ['', '[]', '{"version":1}', text.replace('"a"', '7')]) {
    throws(() => appliedFromJson(damaged, 'here'), { code: 'PIPELINE-STATE-INVALID' });
  }
});
