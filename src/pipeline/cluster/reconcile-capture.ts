/**
 * Brings topics and connector to what a plan asks for (docs/spec/cluster.md E9 to E14). Each round
 * looks, records what it is about to make, acts, and the next one looks again: whatever answer is
 * lost and wherever the process dies, the next round goes on from what is there.
 */
import { planReconcile } from '../../cluster/reconcile-plan.ts';
import {
  NOTHING_APPLIED,
  appliedFromJson,
  appliedToJson,
  intendedRecord,
  observedRecord,
  withoutStopped,
} from '../../cluster/reconcile-record.ts';
import type { AppliedCluster } from '../../cluster/reconcile-record.ts';
import type {
  ActualCapture,
  ActualTopic,
  ClusterAction,
  ClusterDifference,
  DesiredCapture,
  LostTopic,
  ReconcileOptions,
} from '../../cluster/reconcile-state.ts';
import type { ConnectClient, ConnectorOffset } from '../../engines/cluster/connect-client.ts';
import { present, unreachable } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';
import { createTurns } from '../state/in-turn.ts';
import type { StateFolder } from '../state/state-folder.ts';
import type { ClusterServices } from './cluster-services.ts';
import { placeOf } from './ledgers/connector-place.ts';

/** What reconciling needs. */
export interface ReconcileParts {
  readonly services: Pick<ClusterServices, 'kafka' | 'connect'>;
  readonly state: StateFolder;
  readonly clock: Clock;
  /** Stores that these tables must be loaded again; durable when it returns. */
  readonly onLost: (lost: readonly LostTopic[]) => Promise<void>;
}

/** What a round found and did. */
export interface ReconcileReport extends ClusterDifference {
  readonly actual: ActualCapture;
}

/** How long a connector that is stopped may take to put down its tasks. */
const STOP_MS_MAX = 60_000;
const POLL_MS = 200;

/** Looks, and says what would be done. */
export async function inspectCapture(
  parts: Pick<ReconcileParts, 'services' | 'state'>,
  desired: DesiredCapture,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  const applied = await readApplied(parts.state);
  const actual = await observe(parts.services, desired);
  return { ...planReconcile(desired, applied, actual, options), actual };
}

const inTurn = createTurns<StateFolder>();

/**
 * One round: looks, and does what is to be done. Rounds of one pipeline wait for one another: what
 * looks by itself and what a person asks for would write over each other's record.
 */
export function reconcileCapture(
  parts: ReconcileParts,
  desired: DesiredCapture,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  return inTurn(parts.state, () => reconcileNow(parts, desired, options));
}

async function reconcileNow(
  parts: ReconcileParts,
  desired: DesiredCapture,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  const { services, state } = parts;
  const before = await readApplied(state);
  const actual = await observe(services, desired);
  const difference = planReconcile(desired, before, actual, options);
  const { actions, lost } = difference;
  // The record forgets the old topic here: by then it must be known what was lost with it.
  if (lost.length > 0) await parts.onLost(lost);
  const seen = observedRecord(desired, before, actual);
  const intended = intendedRecord(seen, actions);
  await writeApplied(state, before, intended);
  for (const action of actions) await carryOut(parts, action);
  await writeApplied(state, intended, withoutStopped(intended, actions));
  return { ...difference, actual };
}

/** What the cluster was told, as stored. */
export async function readApplied(state: StateFolder): Promise<AppliedCluster> {
  const text = await state.read('cluster.json');
  return text === null ? NOTHING_APPLIED : appliedFromJson(text, state.locationOf('cluster.json'));
}

async function writeApplied(
  state: StateFolder,
  before: AppliedCluster,
  after: AppliedCluster,
): Promise<void> {
  const text = appliedToJson(after);
  if (text !== appliedToJson(before)) await state.write('cluster.json', text);
}

/** What Kafka and, where there is one, Connect have of what is asked for. */
async function observe(
  { kafka, connect }: ReconcileParts['services'],
  { name, topics }: DesiredCapture,
): Promise<ActualCapture> {
  const [described, config, status, offsets] = await Promise.all([
    kafka.describe(topics.map((topic) => topic.name)),
    connect?.config(name) ?? null,
    connect?.status(name) ?? null,
    connect?.offsets(name) ?? [],
  ]);
  const found = new Map<string, ActualTopic>();
  for (const [topic, { topicId, partitions, settings }] of described) {
    found.set(topic, { id: topicId, partitions, config: Object.fromEntries(settings) });
  }
  // Removed between two answers: it is not there.
  const connector = config === null || status === null ? null : { config, ...status };
  return { topics: found, connector, offsets: storedPlace(offsets) };
}

/** Places as they are stored, when they are of a connector that has begun to read. */
function storedPlace(offsets: readonly ConnectorOffset[]): JsonValue {
  if (placeOf(offsets) === null) return null;
  return offsets.map(({ partition, offset }) => ({ partition, offset }));
}

async function carryOut(parts: ReconcileParts, action: ClusterAction): Promise<void> {
  const { kafka } = parts.services;
  switch (action.kind) {
    case 'create-topic': {
      const { name, partitions, replicas, config } = action.topic;
      return kafka.create([{ name, partitions, replicas, settings: config }]);
    }
    case 'set-topic':
      return kafka.setSettings(action.name, action.config);
    default:
      return tellConnect(parts, action);
  }
}

async function tellConnect(
  parts: ReconcileParts,
  action: Exclude<ClusterAction, { kind: 'create-topic' | 'set-topic' }>,
): Promise<void> {
  const connect = connectOf(parts);
  switch (action.kind) {
    case 'put-connector': {
      const isMade = action.because === 'new' || action.because === 'gone';
      if (isMade && (await connect.createStopped(action.name, action.config)) === 'created') return;
      await stopped(parts, action.name);
      return connect.put(action.name, action.config);
    }
    case 'restore-place':
      await stopped(parts, action.name);
      return connect.setOffsets(action.name, offsetsOf(action.offsets));
    case 'resume-connector':
      return connect.resume(action.name);
    case 'restart-connector':
      return connect.restartFailed(action.name);
    case 'stop-connector':
      return stopped(parts, action.name);
    default:
      return unreachable(action);
  }
}

/**
 * Stops a connector and waits until its tasks are gone: from then on nothing is read, or stored,
 * under the options it had.
 */
async function stopped(parts: ReconcileParts, name: string): Promise<void> {
  const { clock } = parts;
  const connect = connectOf(parts);
  if ((await connect.status(name)) === null) return;
  await connect.stop(name);
  const untilMs = clock.monotonicMs() + STOP_MS_MAX;
  while (!(await isStill(connect, name))) {
    if (clock.monotonicMs() > untilMs) {
      const what = `Connector ${name} was stopped and its tasks do not end`;
      throw new FirnError('CLUSTER-UNREACHABLE', { what, where: name });
    }
    await clock.sleep(POLL_MS);
  }
}

/** Nothing is asked of a Connect that the pipeline file does not name. */
function connectOf({ services }: ReconcileParts): ConnectClient {
  return present(services.connect, 'the client of Connect');
}

async function isStill(connect: ConnectClient, name: string): Promise<boolean> {
  const status = await connect.status(name);
  return status === null || (status.state === 'STOPPED' && status.tasks.length === 0);
}

/** Made by {@link storedPlace} alone. */
function offsetsOf(stored: JsonValue): readonly ConnectorOffset[] {
  return Array.isArray(stored) ? (stored as readonly ConnectorOffset[]) : [];
}
