/**
 * The topics of an epoch and their settings. Firn makes them itself: a topic that came to be by
 * itself would have other partitions. Records leave them by age alone (no compaction, no
 * transactions), so that a gap in a partition's offsets is only ever a record without a row.
 */
import { heartbeatTopic, placesTopic, schemaHistoryTopic } from '../cluster-names.ts';
import type { ClusterPlan } from '../cluster-plan.ts';
import { FEED_BATCH_BYTES_MAX } from './change-envelope.ts';

/** A topic as it is asked for. */
export interface TopicSettings {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly config: Readonly<Record<string, string>>;
}

/** Of a topic that is read for its last record alone. */
const NEWEST_ONLY = { 'cleanup.policy': 'compact', 'segment.ms': '3600000' };

/** Topics of a plan: one per table, and what the connector or the feed needs beside them. */
export function topicSettings(plan: ClusterPlan): readonly TopicSettings[] {
  const { cluster, name, source, tables } = plan;
  const { partitions, replicas, retentionMs } = cluster.kafka;
  const lasting = {
    'cleanup.policy': 'delete',
    'min.insync.replicas': String(Math.max(1, replicas - 1)),
  };
  const aged = { ...lasting, 'retention.ms': String(retentionMs), 'retention.bytes': '-1' };
  const forEver = { ...lasting, 'retention.ms': '-1', 'retention.bytes': '-1' };
  const single = { partitions: 1, replicas };
  if (source.type === 'sqlite') {
    const config = { ...aged, 'max.message.bytes': String(FEED_BATCH_BYTES_MAX) };
    return [
      ...tables.map(({ topic }) => ({ name: topic, partitions, replicas, config })),
      { name: placesTopic(name), ...single, config: { ...lasting, ...NEWEST_ONLY } },
    ];
  }
  return [
    ...tables.map(({ topic }) => ({ name: topic, partitions, replicas, config: aged })),
    { name, ...single, config: forEver },
    { name: schemaHistoryTopic(name), ...single, config: forEver },
    { name: heartbeatTopic(name), ...single, config: aged },
  ];
}
