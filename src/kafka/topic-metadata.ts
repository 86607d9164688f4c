/**
 * What the brokers say of topics: ids, who leads which partition, and where its records begin and
 * end. Read anew each time.
 */
import { listOffsetsV7 } from '@platformatic/kafka';
import { present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { Broker, KafkaBrokers } from './kafka-brokers.ts';
import { KAFKA_CODE, throwUnlessOk } from './kafka-failure.ts';

/** A topic as the brokers tell it. */
export interface TopicMetadata {
  /** UUID as text. */
  readonly topicId: string;
  /** Node and term of each partition's leader, by number; node -1: it has none just now. */
  readonly leaders: readonly { readonly node: number; readonly epoch: number }[];
  /** Copies of each partition; the fewest that one of them has. */
  readonly replicas: number;
}

/** Topics that exist, by name, and the brokers, by node. */
export interface FoundTopics {
  readonly found: ReadonlyMap<string, TopicMetadata>;
  readonly brokers: ReadonlyMap<number, Broker>;
}

/** Reads topics; those that do not exist are not in the answer. */
export async function readTopics(
  brokers: KafkaBrokers,
  names: readonly string[],
): Promise<FoundTopics> {
  const { topics, brokers: nodes } = await brokers.metadata(names);
  const found = new Map<string, TopicMetadata>();
  for (const { name, errorCode, topicId, partitions } of topics) {
    if (errorCode === KAFKA_CODE.unknownTopic || typeof name !== 'string') continue;
    throwUnlessOk(errorCode, `Reading about the topic ${name}`, brokers.where);
    const sorted = partitions.toSorted((left, right) => left.partitionIndex - right.partitionIndex);
    found.set(name, {
      topicId,
      leaders: sorted.map(({ leaderId, leaderEpoch }) => ({ node: leaderId, epoch: leaderEpoch })),
      replicas: Math.min(...sorted.map(({ replicaNodes }) => replicaNodes.length)),
    });
  }
  return {
    found,
    brokers: new Map(nodes.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
  };
}

/**
 * Who leads a partition.
 *
 * @throws {FirnError} KAFKA-UNREACHABLE where nobody does just now
 */
export function leaderOf(
  { leaders }: TopicMetadata,
  brokers: FoundTopics['brokers'],
  place: { readonly topic: string; readonly partition: number },
): { readonly broker: Broker; readonly epoch: number } {
  const leader = leaders[place.partition];
  const broker = brokers.get(leader?.node ?? -1);
  if (leader !== undefined && broker !== undefined) return { broker, epoch: leader.epoch };
  const what = 'The partition has no leader just now';
  throw new FirnError('KAFKA-UNREACHABLE', { what, where: `${place.topic}-${place.partition}` });
}

/** Which end of a partition: its first record, or the high watermark. */
const END = { earliest: -2n, latest: -1n } as const;

const READ_UNCOMMITTED = 0;

/** One end of each partition of all these topics: by name, and by number of the partition. */
export async function readEnds(
  brokers: KafkaBrokers,
  located: FoundTopics,
  end: keyof typeof END,
): Promise<ReadonlyMap<string, readonly bigint[]>> {
  const asked = [...located.found].flatMap(([name, topic]) =>
    topic.leaders.map((_, partition) => {
      const { broker, epoch } = leaderOf(topic, located.brokers, { topic: name, partition });
      return { name, broker, partition, epoch };
    }),
  );
  const ends = new Map([...located.found.keys()].map((name) => [name, new Map<number, bigint>()]));
  for (const [broker, led] of Map.groupBy(asked, (one) => one.broker)) {
    const request = [...Map.groupBy(led, ({ name }) => name)].map(([name, own]) => ({
      name,
      partitions: own.map(({ partition, epoch }) => {
        return { partitionIndex: partition, currentLeaderEpoch: epoch, timestamp: END[end] };
      }),
    }));
    const { topics } = await brokers.ask(broker, (connection) =>
      listOffsetsV7.api.async(connection, -1, READ_UNCOMMITTED, request),
    );
    for (const { name, partitions } of topics) {
      for (const { partitionIndex, errorCode, offset } of partitions) {
        throwUnlessOk(errorCode, `Reading the ends of the topic ${name}`, brokers.where);
        ends.get(name)?.set(partitionIndex, offset);
      }
    }
  }
  return new Map(
    [...located.found].map(([name, { leaders }]) => {
      const own = ends.get(name);
      return [name, leaders.map((_, index) => present(own?.get(index), 'the end of a partition'))];
    }),
  );
}
