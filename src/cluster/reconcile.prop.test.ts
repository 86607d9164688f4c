/**
 * Reconciling over a model of Kafka and Connect: whatever is there and wherever the process dies,
 * the rounds end at what is asked for, and nothing of anybody else is touched.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonValue } from '../kernel/lossless-json.ts';
import { planReconcile } from './reconcile-plan.ts';
import {
  NOTHING_APPLIED,
  appliedFromJson,
  appliedToJson,
  intendedRecord,
  observedRecord,
  withoutStopped,
} from './reconcile-record.ts';
import type { AppliedCluster } from './reconcile-record.ts';
import type {
  ActualConnector,
  ActualTopic,
  ClusterAction,
  DesiredCapture,
} from './reconcile-state.ts';

const NAME = 'firn.shop.1';
const ROUNDS_MAX = 12;

function desiredOf(tables: readonly string[], retention = '1000'): DesiredCapture {
  const single = { partitions: 1, replicas: 1, config: { 'cleanup.policy': 'delete' } };
  const topics = tables.map((table) => {
    const config = { 'cleanup.policy': 'delete', 'retention.ms': retention };
    return { name: `${NAME}.shop.${table}`, partitions: 4, replicas: 1, config };
  });
  return {
    name: NAME,
    topics: [...topics, { name: `${NAME}.schema-history`, ...single }],
    tables: new Map(tables.map((table) => [`${NAME}.shop.${table}`, { namespace: 'shop', table }])),
    config: { 'topic.prefix': NAME, 'table.include.list': tables.join() },
  };
}

const RUNNING: ActualConnector['tasks'] = [{ state: 'RUNNING', failure: null }];

/** Kafka and Connect, as far as reconciling sees them. */
class ModelCluster {
  readonly topics = new Map<string, ActualTopic>();
  connector: ActualConnector | null = null;
  offsets: JsonValue = null;
  /** What the connector captured when it began, or went on. */
  place = 0;
  #ids = 0;

  make(name: string, partitions: number, config: ActualTopic['config']): void {
    this.topics.set(name, { id: `id-${++this.#ids}`, partitions, config });
  }

  /** What Connect does by itself. */
  settle(): void {
    if (this.connector?.state !== 'RUNNING') return;
    this.connector = { ...this.connector, tasks: RUNNING };
    this.offsets ??= [{ place: ++this.place }];
  }

  do(action: ClusterAction): void {
    switch (action.kind) {
      case 'create-topic': {
        const { name, partitions, config } = action.topic;
        if (!this.topics.has(name)) this.make(name, partitions, config);
        return;
      }
      case 'set-topic': {
        const topic = this.topics.get(action.name);
        ok(topic !== undefined);
        this.topics.set(action.name, { ...topic, config: { ...topic.config, ...action.config } });
        return;
      }
      case 'put-connector':
        this.connector = {
          config: { ...action.config, name: action.name },
          state: 'STOPPED',
          tasks: [],
        };
        return;
      case 'restore-place':
        ok(this.connector !== null);
        this.connector = { ...this.connector, state: 'STOPPED', tasks: [] };
        this.offsets = action.offsets;
        return;
      default:
        ok(this.connector !== null);
        this.connector = {
          ...this.connector,
          state: action.kind === 'stop-connector' ? 'STOPPED' : 'RUNNING',
          tasks: [],
        };
    }
  }
}

interface Lived {
  record: AppliedCluster;
  readonly lost: string[];
  readonly codes: string[];
}

/** One round; dies after `steps` of its steps. Returns whether there was nothing to do. */
function round(world: ModelCluster, desired: DesiredCapture, lived: Lived, steps: number): boolean {
  const { topics, connector, offsets } = world;
  const actual = { topics, connector, offsets };
  const options = { resumes: false, restarts: true };
  const { actions, findings, lost } = planReconcile(desired, lived.record, actual, options);
  lived.codes.push(...findings.map(({ code }) => code));
  let left = steps;
  const dies = (): boolean => left-- <= 0;
  if (dies()) return false;
  lived.lost.push(...lost.map(({ table }) => table.table));
  if (dies()) return false;
  const intended = intendedRecord(observedRecord(desired, lived.record, actual), actions);
  lived.record = appliedFromJson(appliedToJson(intended), 'here');
  for (const action of actions) {
    if (dies()) return false;
    world.do(action);
  }
  if (dies()) return false;
  lived.record = withoutStopped(lived.record, actions);
  world.settle();
  return actions.length === 0;
}

function live(
  world: ModelCluster,
  desired: DesiredCapture,
  lived: Lived,
  deaths: readonly number[] = [],
): void {
  for (const steps of deaths) round(world, desired, lived, steps);
  for (let count = 1; !round(world, desired, lived, 100); count++) {
    ok(count < ROUNDS_MAX, 'the rounds come to an end');
  }
}

function expectAsAsked(world: ModelCluster, desired: DesiredCapture): void {
  for (const { name, config } of desired.topics) {
    deepEqual(world.topics.get(name)?.config, config, name);
  }
  deepEqual(world.connector?.config, { ...desired.config, name: NAME });
  equal(world.connector?.state, 'RUNNING');
  ok(world.offsets !== null);
}

const born = (): Lived => ({ record: NOTHING_APPLIED, lost: [], codes: [] });
const someTables = fc.subarray(['orders', 'items', 'pairs'], { minLength: 1 });
const someDeaths = fc.array(fc.nat(7), { maxLength: 6 });

test('rounds end at what is asked for, wherever the process dies (spec: E10, E11, E14)', () => {
  fc.assert(
    fc.property(someTables, someTables, someDeaths, someDeaths, (first, second, early, late) => {
      const world = new ModelCluster();
      const lived = born();
      live(world, desiredOf(first), lived, early);
      expectAsAsked(world, desiredOf(first));
      const ids = new Map([...world.topics].map(([name, { id }]) => [name, id]));
      live(world, desiredOf(second, '2000'), lived, late);
      expectAsAsked(world, desiredOf(second, '2000'));
      // Nothing was removed or made anew, and nothing was taken for a loss.
      for (const [name, id] of ids) equal(world.topics.get(name)?.id, id);
      deepEqual(lived.lost, []);
      // A table that was left out and comes back lacks what changed meanwhile.
      live(world, desiredOf(first), lived, early);
      const back = first.filter((table) => !second.includes(table));
      deepEqual(new Set(lived.lost), new Set(back));
    }),
    { numRuns: 60 },
  );
});

type Harm = (world: ModelCluster, topic: string) => void;

/** What somebody does by hand, and the finding that tells it. */
const HARMS: Readonly<Record<string, Harm>> = {
  'cluster-topic-drift': (world, topic) => {
    const found = world.topics.get(topic);
    ok(found !== undefined);
    world.topics.set(topic, { ...found, config: { ...found.config, 'retention.ms': '1' } });
  },
  'cluster-partitions-added': (world, topic) => {
    const found = world.topics.get(topic);
    ok(found !== undefined);
    world.topics.set(topic, { ...found, partitions: 9 });
  },
  'connect-drift': (world) => {
    ok(world.connector !== null);
    world.connector = { ...world.connector, config: { name: NAME, 'database.password': 'secret' } };
  },
  'cluster-connector-gone': (world) => {
    world.connector = null;
  },
  'cluster-place-lost': (world) => {
    world.offsets = null;
  },
  'connect-failed': (world) => {
    ok(world.connector !== null);
    world.connector = { ...world.connector, tasks: [{ state: 'FAILED', failure: 'a.B' }] };
  },
  'cluster-topic-lost': (world, topic) => world.topics.delete(topic),
};

test('what somebody does by hand is told, and mended (spec: E10, E12, E13)', () => {
  fc.assert(
    fc.property(
      someTables,
      fc.constantFrom(...Object.keys(HARMS)),
      someDeaths,
      (names, code, d) => {
        const world = new ModelCluster();
        const lived = born();
        const desired = desiredOf(names);
        live(world, desired, lived);
        round(world, desired, lived, 100);
        const place = world.offsets;
        lived.codes.length = 0;
        HARMS[code]?.(world, `${NAME}.shop.${names[0]}`);
        live(world, desired, lived, d);
        ok(lived.codes.includes(code), lived.codes.join());
        expectAsAsked(world, desired);
        deepEqual(world.offsets, place, 'the place in the source is the one before');
        deepEqual(
          new Set(lived.lost),
          new Set(code === 'cluster-topic-lost' ? names.slice(0, 1) : []),
        );
      },
    ),
    { numRuns: 60 },
  );
});
