/**
 * One topic as it is asked for, on record and in Kafka. A topic is known by its id: one that was
 * made anew under the same name holds none of what the old one did. A topic that is gone or new is
 * made again, and its table loaded again; one that is not on record is somebody else's.
 */
import type { TableName } from '../model/table-schema.ts';
import type { Finding } from '../ports/source.ts';
import type { TopicSettings } from './capture/topic-settings.ts';
import { schemaHistoryTopic } from './cluster-names.ts';
import { error, warning } from './reconcile-finding.ts';
import type { AppliedTopic } from './reconcile-record.ts';
import type { ActualTopic, ClusterAction, DesiredCapture, LostTopic } from './reconcile-state.ts';

/** What is to be done and said about one topic. */
export interface TopicDifference {
  readonly actions: readonly ClusterAction[];
  readonly findings: readonly Finding[];
  readonly lost: readonly LostTopic[];
  readonly grown: readonly string[];
  /** The connector must not be told anything. */
  readonly isBlocking: boolean;
}

const SAME: TopicDifference = {
  actions: [],
  findings: [],
  lost: [],
  grown: [],
  isBlocking: false,
};

/** A topic on record and in Kafka; `null`: not there. */
export interface TopicSides {
  readonly known: AppliedTopic | null;
  readonly actual: ActualTopic | null;
}

/** Compares one topic. */
export function topicDifference(
  desired: DesiredCapture,
  topic: TopicSettings,
  { known, actual }: TopicSides,
): TopicDifference {
  const { name } = topic;
  const table = desired.tables.get(name) ?? null;
  if (actual === null) {
    const create = { kind: 'create-topic', topic } as const;
    if (known === null || known.id === null) return { ...SAME, actions: [create] };
    if (name === schemaHistoryTopic(desired.name)) return historyLost(name, 'is gone');
    const what = `Topic ${name} is gone from Kafka, and the changes in it that were not in the ledger yet.`;
    return { ...lostDifference(table, what), actions: [create] };
  }
  if (known === null) {
    const message = `Kafka has a topic ${name} that this pipeline has not made: another lake has a pipeline of this name, or this lake was begun anew.`;
    const fix = `kafka-topics.sh --delete --topic ${name}   # once nobody needs what is in it`;
    return { ...SAME, isBlocking: true, findings: [error('CLUSTER-NAME-TAKEN', message, fix)] };
  }
  const set = settingsDifference(topic, actual);
  const actions: readonly ClusterAction[] =
    set === null ? [] : [{ kind: 'set-topic', name, config: set }];
  if (known.id !== null && known.id !== actual.id) {
    if (name === schemaHistoryTopic(desired.name)) return historyLost(name, 'was made anew');
    const what = `Topic ${name} was made anew: the changes in the old one that were not in the ledger yet are gone.`;
    return { ...lostDifference(table, what), actions };
  }
  if (known.isLeft && table !== null) {
    const what = `The table was left out of the pipeline for a while: what changed meanwhile is not in topic ${name}.`;
    return { ...lostDifference(table, what), actions };
  }
  const drift = set === null || known.id === null ? [] : [driftOf(name, set)];
  const isGrown = known.id !== null && actual.partitions > known.partitions;
  return {
    ...SAME,
    actions,
    grown: isGrown ? [name] : [],
    findings: [...drift, ...partitionFindings(topic, actual, isGrown)],
  };
}

function lostDifference(table: TableName | null, what: string): TopicDifference {
  const lost = table === null ? [] : [{ table, what }];
  const message = table === null ? what : `${what} The table is loaded again.`;
  return { ...SAME, lost, findings: [{ ...warning('cluster-topic-lost', message), table }] };
}

/** Without its history Debezium cannot tell which columns a change of earlier times had. */
function historyLost(name: string, how: string): TopicDifference {
  const message = `Topic ${name} ${how}: Debezium’s record of the tables’ columns is lost, and its connector cannot go on.`;
  const fix =
    'Put the topic back from a backup, or give the pipeline another name: it begins anew.';
  return { ...SAME, isBlocking: true, findings: [error('CLUSTER-HISTORY-LOST', message, fix)] };
}

function settingsDifference(
  { config }: TopicSettings,
  actual: ActualTopic,
): Readonly<Record<string, string>> | null {
  const differing = Object.entries(config).filter(([key, value]) => actual.config[key] !== value);
  return differing.length === 0 ? null : Object.fromEntries(differing);
}

function driftOf(name: string, set: Readonly<Record<string, string>>): Finding {
  const keys = Object.keys(set).toSorted().join(', ');
  const message = `Topic ${name} is set otherwise than the pipeline file says: ${keys}`;
  return warning('cluster-topic-drift', message);
}

function partitionFindings(
  { name, partitions }: TopicSettings,
  actual: ActualTopic,
  isGrown: boolean,
): readonly Finding[] {
  if (isGrown) {
    const message = `Topic ${name} was given partitions: it has ${actual.partitions} now. They are read from their beginning; a change’s place in the source decides its order, so nothing is lost or turned round.`;
    return [warning('cluster-partitions-added', message)];
  }
  if (actual.partitions === partitions) return [];
  const message = `Topic ${name} has ${actual.partitions} partitions, and the pipeline file asks for ${partitions}: a topic that is there keeps its own`;
  const fix =
    actual.partitions < partitions
      ? `kafka-topics.sh --alter --topic ${name} --partitions ${partitions}`
      : null;
  return [{ ...warning('cluster-partitions', message), fix }];
}
