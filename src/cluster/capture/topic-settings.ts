/**
 * The topics of an epoch and their settings. Firn makes them itself: a topic that came to be by
 * itself would have other partitions. Records leave them by age alone (no compaction, no
 * transactions), so that a gap in a partition's offsets is only ever a record without a row.
 */
import { heartbeatTopic, schemaHistoryTopic } from '../cluster-names.ts';
import type { ClusterPlan } from '../cluster-plan.ts';

/** A topic as it is asked for. */
export interface TopicSettings {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly config: Readonly<Record<string, string>>;
}

/** Topics of a plan: one per table, and what the connector needs beside them. */
export function topicSettings({ cluster, name, tables }: ClusterPlan): readonly TopicSettings[] {
  const { partitions, replicas, retentionMs } = cluster.kafka;
  const lasting = {
    'cleanup.policy': 'delete',
    'min.insync.replicas': String(Math.max(1, replicas - 1)),
  };
  const aged = { ...lasting, 'retention.ms': String(retentionMs), 'retention.bytes': '-1' };
  const forEver = { ...lasting, 'retention.ms': '-1', 'retention.bytes': '-1' };
  const single = { partitions: 1, replicas };
  return [
    ...tables.map(({ topic }) => ({ name: topic, partitions, replicas, config: aged })),
    { name, ...single, config: forEver },
    { name: schemaHistoryTopic(name), ...single, config: forEver },
    { name: heartbeatTopic(name), ...single, config: aged },
  ];
}
