/**
 * Topics and connector on a real Kafka and a real Connect with Debezium: made as asked, mended when
 * somebody changes them, whatever answer gets lost on the way.
 */
import { deepEqual, doesNotMatch, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DesiredCapture } from '../../src/cluster/reconcile-state.ts';
import { present } from '../../src/kernel/assert.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import { inspectCapture, reconcileCapture } from '../../src/pipeline/cluster/reconcile-capture.ts';
import type {
  ReconcileParts,
  ReconcileReport,
} from '../../src/pipeline/cluster/reconcile-capture.ts';
import { SKIP_WITHOUT_CAPTURE, openCapturePlace } from './capture-place.ts';
import type { CapturePlace } from './capture-place.ts';

const skip = SKIP_WITHOUT_CAPTURE;
const TOLD = { resumes: false, restarts: true };
const POLL_MS = 300;
const BEGIN_MS_MAX = 90_000;

interface Ended {
  readonly report: ReconcileReport;
  /** Codes of all rounds. */
  readonly codes: ReadonlySet<string>;
}

/** Rounds until nothing is to be done and the connector runs; rounds whose answer is lost count. */
async function settled(
  parts: ReconcileParts,
  desired: DesiredCapture,
  options = TOLD,
): Promise<Ended> {
  const codes = new Set<string>();
  for (const end = performance.now() + BEGIN_MS_MAX; performance.now() < end;) {
    try {
      const report = await reconcileCapture(parts, desired, options);
      for (const { code } of report.findings) codes.add(code);
      const { connector, offsets } = report.actual;
      const isRunning = connector?.tasks[0]?.state === 'RUNNING';
      const isPaused = codes.has('connect-paused');
      if (report.actions.length === 0 && offsets !== null && (isRunning || isPaused)) {
        return { report, codes };
      }
      if (report.actions.length === 0) await sleep(POLL_MS);
    } catch (error) {
      if (!(error instanceof FirnError) || error.code !== 'CLUSTER-UNREACHABLE') throw error;
    }
  }
  throw new Error(`the connector does not come up: ${[...codes].join()}`);
}

/** A writer of the table orders, and how many of its changes have come to the topic. */
function ordersOf(place: CapturePlace, topic: string) {
  const { kafka } = place.parts.services;
  const records = async (): Promise<bigint> =>
    (await kafka.offsets(topic)).latest.reduce((sum, next) => sum + next, 0n);
  return {
    records,
    insert: (id: number) => place.run(`INSERT INTO orders VALUES (${id}, 'x')`),
    arrives: async (count: bigint): Promise<void> => {
      for (const end = performance.now() + 60_000; performance.now() < end; await sleep(POLL_MS)) {
        if ((await records()) >= count) return;
      }
      throw new Error(`${await records()} of ${count} records came`);
    },
  };
}

function lostTables({ lost }: CapturePlace): readonly string[] {
  return lost.map(({ table }) => table.table);
}

/** Every call is carried out; of those that change something each other's answer is lost. */
function forgetful({ services, ...others }: ReconcileParts): ReconcileParts {
  let calls = 0;
  const wrap = <T extends object>(client: T): T =>
    new Proxy(client, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const isLook = /^(?:describe|config|status|offsets|close)$/.test(String(name));
        return async (...args: readonly unknown[]): Promise<unknown> => {
          const answer: unknown = await Reflect.apply(member, target, args);
          calls += 1;
          if (isLook || calls % 2 === 0) return answer;
          throw new FirnError('CLUSTER-UNREACHABLE', { what: `the answer of ${String(name)}` });
        };
      },
    });
  return {
    ...others,
    services: { kafka: wrap(services.kafka), connect: services.connect && wrap(services.connect) },
  };
}

test('made as asked, though answers get lost (spec: E10, E11)', { skip }, async (t) => {
  const name = `ctl_a_${Date.now().toString(36)}`;
  const place = await openCapturePlace(t, name);
  await place.run('CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20))');
  const desired = await place.desired('orders');
  const planned = await inspectCapture(place.parts, desired, TOLD);
  equal(await place.parts.state.read('cluster.json'), null, 'looking makes nothing');
  equal(planned.actions.length, desired.topics.length + 1);
  const { report } = await settled(forgetful(place.parts), desired);
  for (const topic of desired.topics) {
    const actual = report.actual.topics.get(topic.name);
    equal(actual?.partitions, topic.partitions);
    for (const [key, value] of Object.entries(topic.config)) equal(actual?.config[key], value, key);
  }
  const record = (await place.parts.state.read('cluster.json')) ?? '';
  ok(record.includes(report.actual.topics.get(desired.name)?.id ?? '-'));
  doesNotMatch(record, /database\.hostname/);
  equal(place.lost.length, 0);
  // Somebody else with the name finds it taken, and touches nothing.
  const other = { ...place.parts, state: { ...place.parts.state, read: async () => null } };
  const taken = await inspectCapture(other, desired, TOLD);
  deepEqual(taken.actions, []);
  ok(taken.findings.every(({ code }) => code === 'CLUSTER-NAME-TAKEN'));
});

test(
  'what is changed by hand is set back, at the same place (spec: E10, E12, E13)',
  { skip },
  async (t) => {
    const name = `ctl_b_${Date.now().toString(36)}`;
    const place = await openCapturePlace(t, name);
    const { kafka } = place.parts.services;
    const connect = present(place.parts.services.connect, 'the client of Connect');
    await place.run(
      'CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(20))',
      'CREATE TABLE items (id INT PRIMARY KEY)',
    );
    const desired = await place.desired('orders');
    const topic = `${desired.name}.${name}.orders`;
    await settled(place.parts, desired);
    const { insert, records, arrives } = ordersOf(place, topic);
    await insert(1);
    await arrives(1n);

    await connect.put(desired.name, { ...desired.config, 'skipped.operations': 'd' });
    await kafka.setSettings(topic, { 'retention.ms': '1000000' });
    // The services show a change a moment after they took it.
    const isShown = async (): Promise<boolean> => {
      const options = await connect.config(desired.name);
      const settings = (await kafka.describe([topic])).get(topic)?.settings;
      const isSet = settings?.get('retention.ms') === '1000000';
      return isSet && options?.['skipped.operations'] === 'd';
    };
    while (!(await isShown())) await sleep(POLL_MS);
    const drifted = await settled(place.parts, desired);
    ok(drifted.codes.has('connect-drift') && drifted.codes.has('cluster-topic-drift'));
    equal(drifted.report.actual.connector?.config['skipped.operations'], 'none');
    await insert(2);
    await arrives(2n);

    await connect.stop(desired.name);
    for (let status = await connect.status(desired.name); status?.state !== 'STOPPED';) {
      await sleep(POLL_MS);
      status = await connect.status(desired.name);
    }
    await insert(3);
    const paused = await settled(place.parts, desired);
    ok(paused.codes.has('connect-paused'));
    equal(await records(), 2n, 'who stopped it has a reason');
    await settled(place.parts, desired, { ...TOLD, resumes: true });
    await arrives(3n);

    await connect.remove(desired.name);
    await insert(4);
    const again = await settled(place.parts, desired);
    ok(again.codes.has('cluster-connector-gone'));
    await arrives(4n);

    // A table more: its changes are kept from now on, and nothing of the other's is missed.
    const both = await place.desired('orders', 'items');
    await insert(5);
    await settled(place.parts, both);
    await place.run('INSERT INTO items VALUES (1)');
    await insert(6);
    await arrives(6n);
    for (const end = performance.now() + 60_000; performance.now() < end; await sleep(POLL_MS)) {
      const { latest } = await kafka.offsets(`${desired.name}.${name}.items`);
      if (latest.some((next) => next > 0n)) break;
    }
    equal(place.lost.length, 0);

    await kafka.remove([topic]);
    const gone = await settled(place.parts, both);
    ok(gone.codes.has('cluster-topic-lost'));
    deepEqual(lostTables(place), ['orders']);
    await insert(7);
    await arrives(1n);
  },
);
