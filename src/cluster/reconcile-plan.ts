/**
 * The difference between what a plan asks of Kafka and Connect, what Firn has told them, and what
 * they have: ordered actions, what is to be said, and tables that must not go on. Pure. Carrying
 * out the actions, or any first part of them, and looking again leads to what is asked for.
 *
 * What cannot be undone is never an action: no topic, record, connector or stored place is removed.
 */
import { unreachable } from '../kernel/assert.ts';
import { connectorConfig } from './capture/connector-config.ts';
import { topicSettings } from './capture/topic-settings.ts';
import type { TopicSettings } from './capture/topic-settings.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import { connectorDifference } from './reconcile-connector.ts';
import type { AppliedCluster } from './reconcile-record.ts';
import type {
  ActualCapture,
  ClusterAction,
  ClusterDifference,
  DesiredCapture,
  PutReason,
  ReconcileOptions,
} from './reconcile-state.ts';
import { topicDifference } from './reconcile-topic.ts';

/**
 * What a plan asks for.
 *
 * @throws {FirnError} CLUSTER-SECRET
 */
export function desiredCapture(plan: ClusterPlan): DesiredCapture {
  return {
    name: plan.name,
    topics: topicSettings(plan),
    tables: new Map(plan.tables.map(({ topic, schema }) => [topic, schema.table])),
    config: plan.source.type === 'mysql' ? connectorConfig(plan) : null,
  };
}

const NO_DIFFERENCE: ClusterDifference = { actions: [], findings: [], lost: [], grown: [] };

/** Compares; nothing is done. */
export function planReconcile(
  desired: DesiredCapture,
  applied: AppliedCluster,
  actual: ActualCapture,
  options: ReconcileOptions,
): ClusterDifference {
  // To a connector an empty list of tables means all there are.
  if (desired.tables.size === 0) return NO_DIFFERENCE;
  const topics = desired.topics.map((topic) => {
    const known = applied.topics.get(topic.name) ?? null;
    return topicDifference(desired, topic, {
      known,
      actual: actual.topics.get(topic.name) ?? null,
    });
  });
  // A connector that writes into somebody else's topic, or reads its tables anew, does harm.
  const isBlocked = topics.some(({ isBlocking }) => isBlocking);
  const { config } = desired;
  const connector =
    isBlocked || config === null
      ? { actions: [], findings: [] }
      : connectorDifference({ ...desired, config }, applied, actual, options);
  const former =
    config === null ? [] : [...applied.connectors.keys()].filter((name) => name !== desired.name);
  return {
    actions: [
      ...former.map((name) => ({ kind: 'stop-connector' as const, name })),
      ...topics.flatMap(({ actions }) => actions),
      ...connector.actions,
    ],
    findings: [...topics.flatMap(({ findings }) => findings), ...connector.findings],
    lost: topics.flatMap(({ lost }) => lost),
    grown: topics.flatMap(({ grown }) => grown),
  };
}

/** One line for people. */
export function describeAction(action: ClusterAction): string {
  switch (action.kind) {
    case 'create-topic':
      return madeTopic(action.topic);
    case 'set-topic':
      return `set ${Object.keys(action.config).toSorted().join(', ')} of topic ${action.name}`;
    case 'put-connector':
      return `${PUT_WORDS[action.because]} connector ${action.name}`;
    case 'restore-place':
      return `give connector ${action.name} the last place back that Firn saw`;
    case 'resume-connector':
      return `start connector ${action.name}`;
    case 'restart-connector':
      return `restart what failed of connector ${action.name}`;
    case 'stop-connector':
      return `stop connector ${action.name} of an earlier epoch`;
    default:
      return unreachable(action);
  }
}

const PUT_WORDS: Readonly<Record<PutReason, string>> = {
  new: 'make',
  gone: 'make again',
  changed: 'change',
  drifted: 'set back',
};

function madeTopic({ name, partitions }: TopicSettings): string {
  return `make topic ${name} with ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`;
}
