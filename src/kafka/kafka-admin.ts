/**
 * What Kafka has: topics with their ids and settings, the ends of their partitions, the places of
 * groups; and making, setting and removing topics. A topic is known by its id: one that was deleted
 * and made anew under the same name is another one.
 *
 * Everything is asked again after a failure that passes, and what was asked for is then looked at:
 * a topic that is there as wanted was made, whoever's answer got lost.
 */
import {
  createTopicsV7,
  deleteTopicsV6,
  describeConfigsV4,
  findCoordinatorV4,
  incrementalAlterConfigsV1,
  offsetFetchV8,
} from '@platformatic/kafka';
import { present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { KafkaParts } from './kafka-address.ts';
import { KafkaBrokers } from './kafka-brokers.ts';
import type { Broker } from './kafka-brokers.ts';
import { KAFKA_CODE, brokerError, throwUnlessOk } from './kafka-failure.ts';
import { readEnds, readTopics } from './topic-metadata.ts';
import type { FoundTopics, TopicMetadata } from './topic-metadata.ts';

/** A topic as it is. */
export interface KafkaTopic {
  /** UUID as text. */
  readonly topicId: string;
  readonly partitions: number;
  /** Copies of each partition; the fewest that one of them has. */
  readonly replicas: number;
  /** Every setting that is in force, defaults of the brokers too. */
  readonly settings: ReadonlyMap<string, string>;
}

/** A topic as it is asked for. */
export interface TopicRequest {
  readonly name: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** First and next offset of each partition, by number. */
export interface TopicOffsets {
  readonly topicId: string;
  readonly earliest: readonly bigint[];
  /** High watermarks: records of open transactions are below them. */
  readonly latest: readonly bigint[];
}

/** The brokers as a whole. */
export interface KafkaBrokerSettings {
  readonly count: number;
  readonly settings: ReadonlyMap<string, string>;
}

/** What Kafka keeps for a group: per partition the next offset, or `null` where it has none. */
export type GroupOffsets = ReadonlyMap<string, readonly (bigint | null)[]>;

const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;
const GROUP_KEY = 0;
const SET = 0;

/** How often it is looked whether a change has come about, and the pauses between. */
const SETTLE = { attemptsMax: 60, pauseMs: 250 } as const;

/** A client of Kafka's topics and groups. */
export class KafkaAdmin {
  readonly #brokers: KafkaBrokers;
  readonly #clock: KafkaParts['clock'];

  constructor(parts: KafkaParts) {
    this.#brokers = new KafkaBrokers(parts);
    this.#clock = parts.clock;
  }

  /** Topics by name; those that do not exist are not in the map. */
  async describe(topics: readonly string[]): Promise<ReadonlyMap<string, KafkaTopic>> {
    if (topics.length === 0) return new Map();
    return this.#brokers.retrying(async () => {
      const { found } = await readTopics(this.#brokers, topics);
      const settings = await this.#settings([...found.keys()]);
      const described = new Map<string, KafkaTopic>();
      for (const [name, { topicId, leaders, replicas }] of found) {
        const own = settings.get(name);
        // Without settings it was deleted between the two answers.
        if (own === undefined) continue;
        described.set(name, { topicId, partitions: leaders.length, replicas, settings: own });
      }
      return described;
    });
  }

  /** Ids and counts of partitions by name; topics that do not exist are not in the map. */
  async find(
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly topicId: string; readonly partitions: number }>> {
    if (topics.length === 0) return new Map();
    const { found } = await this.#brokers.retrying(() => readTopics(this.#brokers, topics));
    return new Map(
      [...found].map(([name, { topicId, leaders }]) => {
        return [name, { topicId, partitions: leaders.length }] as const;
      }),
    );
  }

  /**
   * Makes topics, and waits until they can be used. One that is there with the same numbers is
   * fine, whatever its settings are.
   *
   * @throws {FirnError} KAFKA-TOPIC-SHAPE where one has other numbers
   */
  async create(requests: readonly TopicRequest[]): Promise<void> {
    if (requests.length === 0) return;
    const made = await this.#brokers.retrying(() => this.#create(requests));
    const names = requests.map(({ name }) => name);
    const { found } = await this.#settled(names, 'does not come up', (now) =>
      names.every((name) => isReady(now.found.get(name), made.get(name))),
    );
    for (const request of requests) checkShape(request, found);
  }

  /** Gives settings of a topic these values; others stay as they are. */
  async setSettings(topic: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const configs = Object.entries(settings).map(([name, value]) => {
      return { name, configOperation: SET, value } as const;
    });
    if (configs.length === 0) return;
    const resource = { resourceType: TOPIC_RESOURCE, resourceName: topic, configs } as const;
    await this.#brokers.retrying(async () => {
      const { responses } = await this.#brokers.ask(null, (connection) =>
        incrementalAlterConfigsV1.api.async(connection, [resource], false),
      );
      for (const { errorCode } of responses) {
        throwUnlessOk(errorCode, `Setting options of the topic ${topic}`, this.#brokers.where);
      }
    });
  }

  /**
   * Removes topics with all their records; those that do not exist are fine. A topic that is made
   * under such a name while this runs stays.
   */
  async remove(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    const { found } = await this.#brokers.retrying(() => readTopics(this.#brokers, topics));
    await this.#brokers.retrying(async () => {
      const ids = [...found.values()].map(({ topicId }) => topicId);
      if (ids.length === 0) return;
      const { responses } = await this.#brokers.ask(null, (connection) =>
        deleteTopicsV6.api.async(connection, ids.map(byId), this.#brokers.deadlineMs),
      );
      for (const { errorCode, topicId } of responses) {
        if (errorCode === KAFKA_CODE.unknownTopicId) continue;
        throwUnlessOk(errorCode, `Removing the topic ${topicId}`, this.#brokers.where);
      }
    });
    await this.#settled(topics, 'does not go away', (now) =>
      topics.every((name) => isOther(now.found.get(name), found.get(name))),
    );
  }

  /**
   * The ends of a topic's partitions.
   *
   * @throws {FirnError} KAFKA-TOPIC-MISSING
   */
  async offsets(topic: string): Promise<TopicOffsets> {
    const found = (await this.ends([topic])).get(topic);
    if (found !== undefined) return found;
    throw brokerError(KAFKA_CODE.unknownTopic, `Looking for the topic ${topic}`, this.where);
  }

  /**
   * The ends of all partitions of several topics, by name: everything that was acknowledged before
   * the call is below. All ends of a topic are of one topic: if it was made anew meanwhile they are
   * read again. Topics that do not exist are not in the map.
   */
  async ends(topics: readonly string[]): Promise<ReadonlyMap<string, TopicOffsets>> {
    if (topics.length === 0) return new Map();
    return this.#brokers.retrying(async () => {
      const located = await readTopics(this.#brokers, topics);
      const earliest = await readEnds(this.#brokers, located, 'earliest');
      const latest = await readEnds(this.#brokers, located, 'latest');
      const after = await readTopics(this.#brokers, topics);
      return new Map(
        [...located.found].map(([name, topic]) => {
          if (isOther(after.found.get(name), topic)) {
            const what = `The topic ${name} was made anew while it was looked at`;
            throw new FirnError('KAFKA-UNREACHABLE', { what, where: this.where });
          }
          const ends = {
            earliest: present(earliest.get(name), 'the ends of a topic'),
            latest: present(latest.get(name), 'the ends of a topic'),
          };
          return [name, { topicId: topic.topicId, ...ends }] as const;
        }),
      );
    });
  }

  /** Next offsets that a group has stored, of each topic that exists. */
  groupOffsets(group: string, topics: readonly string[]): Promise<GroupOffsets> {
    return this.#brokers.retrying(async () => {
      const { found } = await readTopics(this.#brokers, topics);
      const wanted = [...found].map(([name, { leaders }]) => {
        return { name, partitionIndexes: leaders.map((_, partition) => partition) };
      });
      if (wanted.length === 0) return new Map<string, readonly (bigint | null)[]>();
      const coordinator = await this.#coordinator(group);
      const request = { groupId: group, memberId: null, memberEpoch: -1, topics: wanted };
      const { groups } = await this.#brokers.ask(coordinator, (connection) =>
        offsetFetchV8.api.async(connection, [request], true),
      );
      const what = `Reading the offsets of the group ${group}`;
      const offsets = new Map<string, readonly (bigint | null)[]>();
      for (const { errorCode, topics: answered } of groups) {
        throwUnlessOk(errorCode, what, this.#brokers.where);
        for (const { name, partitions } of answered) {
          const next = found.get(name)?.leaders.map((): bigint | null => null) ?? [];
          for (const { partitionIndex, committedOffset, errorCode: code } of partitions) {
            throwUnlessOk(code, what, this.#brokers.where);
            if (committedOffset >= 0n) next[partitionIndex] = committedOffset;
          }
          offsets.set(name, next);
        }
      }
      return offsets;
    });
  }

  /** How many brokers there are, and what one of them is set to, as far as it is no secret. */
  brokers(): Promise<KafkaBrokerSettings> {
    return this.#brokers.retrying(async () => {
      const { brokers } = await readTopics(this.#brokers, []);
      const [[node, broker] = []] = brokers;
      if (node === undefined || broker === undefined) {
        throw new FirnError('KAFKA-ANSWER', { what: 'There is no broker', where: this.where });
      }
      const resource = { resourceType: BROKER_RESOURCE, resourceName: String(node) } as const;
      const { results } = await this.#brokers.ask(broker, (connection) =>
        describeConfigsV4.api.async(connection, [resource], false, false),
      );
      const settings = new Map<string, string>();
      for (const { errorCode, configs } of results) {
        throwUnlessOk(errorCode, 'Reading the settings of a broker', this.where);
        for (const { name, value } of configs) if (isText(value)) settings.set(name, value);
      }
      return { count: brokers.size, settings };
    });
  }

  /** For messages: the addresses in the pipeline file. */
  get where(): string {
    return this.#brokers.where;
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#brokers.close();
  }

  /** Ids of the topics that were made; those that were there are not in the map. */
  async #create(requests: readonly TopicRequest[]): Promise<ReadonlyMap<string, string>> {
    const { found } = await readTopics(
      this.#brokers,
      requests.map(({ name }) => name),
    );
    const missing = requests.filter(({ name }) => !found.has(name));
    if (missing.length === 0) return new Map();
    const topics = missing.map(({ name, partitions, replicas, settings }) => ({
      name,
      numPartitions: partitions,
      replicationFactor: replicas,
      assignments: [],
      configs: Object.entries(settings).map(([key, value]) => ({ name: key, value })),
    }));
    const answer = await this.#brokers.ask(null, (connection) =>
      createTopicsV7.api.async(connection, topics, this.#brokers.deadlineMs, false),
    );
    const made = new Map<string, string>();
    for (const { name, errorCode, topicId } of answer.topics) {
      if (errorCode === KAFKA_CODE.topicExists) continue;
      throwUnlessOk(errorCode, `Making the topic ${name}`, this.#brokers.where);
      made.set(name, topicId);
    }
    return made;
  }

  /** The brokers learn of a change of topics one after the other. */
  async #settled(
    names: readonly string[],
    trouble: string,
    isSettled: (now: FoundTopics) => boolean,
  ): Promise<FoundTopics> {
    for (let attempt = 1; ; attempt++) {
      const now = await this.#brokers.retrying(() => readTopics(this.#brokers, names));
      if (isSettled(now)) return now;
      if (attempt >= SETTLE.attemptsMax) {
        const what = `One of the topics ${names.slice(0, 3).join(', ')} ${trouble}`;
        throw new FirnError('KAFKA-UNREACHABLE', { what, where: this.#brokers.where });
      }
      await this.#clock.sleep(SETTLE.pauseMs);
    }
  }

  async #settings(
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    if (topics.length === 0) return new Map();
    const resources = topics.map((resourceName) => {
      return { resourceType: TOPIC_RESOURCE, resourceName } as const;
    });
    const { results } = await this.#brokers.ask(null, (connection) =>
      describeConfigsV4.api.async(connection, resources, false, false),
    );
    const settings = new Map<string, ReadonlyMap<string, string>>();
    for (const { errorCode, resourceName, configs } of results) {
      if (errorCode === KAFKA_CODE.unknownTopic) continue;
      throwUnlessOk(
        errorCode,
        `Reading the options of the topic ${resourceName}`,
        this.#brokers.where,
      );
      settings.set(
        resourceName,
        new Map(
          configs.flatMap(({ name, value }) => (isText(value) ? [[name, value] as const] : [])),
        ),
      );
    }
    return settings;
  }

  async #coordinator(group: string): Promise<Broker> {
    const { coordinators } = await this.#brokers.ask(null, (connection) =>
      findCoordinatorV4.api.async(connection, GROUP_KEY, [group]),
    );
    const what = `Looking for who keeps the group ${group}`;
    for (const { errorCode } of coordinators) {
      throwUnlessOk(errorCode, what, this.#brokers.where);
    }
    const [coordinator] = coordinators;
    if (coordinator === undefined) {
      throw new FirnError('KAFKA-ANSWER', { what: `${what}: nobody`, where: this.#brokers.where });
    }
    return coordinator;
  }
}

/** Values that are secret come as nothing. */
function isText(value: string | null | undefined): value is string {
  return typeof value === 'string';
}

/** Whether a topic can be used; one that was made must be that one. */
function isReady(topic: TopicMetadata | undefined, madeId: string | undefined): boolean {
  if (topic === undefined || topic.leaders.length === 0) return false;
  if (madeId !== undefined && topic.topicId !== madeId) return false;
  return topic.leaders.every(({ node }) => node >= 0);
}

/** Whether a topic is gone: there is none, or another one under its name. */
function isOther(now: TopicMetadata | undefined, before: TopicMetadata | undefined): boolean {
  return now === undefined || now.topicId !== before?.topicId;
}

function checkShape(
  { name, partitions, replicas }: TopicRequest,
  found: FoundTopics['found'],
): void {
  const topic = present(found.get(name), 'a topic that came up');
  if (topic.leaders.length === partitions && topic.replicas === replicas) return;
  throw new FirnError('KAFKA-TOPIC-SHAPE', {
    what: `The topic has ${topic.leaders.length} partitions in ${topic.replicas} copies, not ${partitions} in ${replicas}`,
    where: name,
  });
}

/** A topic to remove: by its id alone, so that another one of its name stays. */
function byId(topicId: string): { readonly name: string; readonly topicId: string } {
  // The package has no type for the protocol's null; it writes what it is given.
  return { name: null as unknown as string, topicId };
}
