/**
 * Records from exact places of exact topics. A place is in a topic by id; reading never begins
 * anywhere else than it was told: what is no longer there, or not yet, is an error by code.
 * No group is joined and nothing is stored in Kafka.
 */
import { fetchV13 } from '@platformatic/kafka';
import { present } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { KafkaParts } from './kafka-address.ts';
import { KafkaBrokers } from './kafka-brokers.ts';
import type { Broker } from './kafka-brokers.ts';
import { KAFKA_CODE, brokerError, throwUnlessOk } from './kafka-failure.ts';
import { recordsOf } from './record-batches.ts';
import type { KafkaRecord } from './record-batches.ts';
import { leaderOf, readEnds, readTopics } from './topic-metadata.ts';

/** Where to read next. */
export interface PartitionPlace {
  readonly topic: string;
  /** UUID as text: the topic must be this one. */
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
}

/** What was read at a place. */
export interface FetchedRecords {
  readonly place: PartitionPlace;
  readonly records: readonly KafkaRecord[];
  /** Where to read next; offsets in between may have no record. */
  readonly nextOffset: bigint;
  /** Records below it can be read: open transactions end it. */
  readonly endOffset: bigint;
  /** Partitions that the topic has now. */
  readonly partitions: number;
}

/** A place at which nothing can be read any more, and why. */
export interface UnreadPlace {
  readonly place: PartitionPlace;
  /** KAFKA-TOPIC-MISSING, KAFKA-OFFSETS-GONE, KAFKA-OFFSETS-AHEAD */
  readonly error: FirnError;
}

/** Bounds of one request. */
export interface FetchBounds {
  /** How long the brokers may wait for a record where there is none. */
  readonly waitMs: number;
  /** Bytes of all places; a single batch may be larger and comes alone. */
  readonly bytesMax: number;
}

/** A stretch of one partition, to read once. */
export interface ReadRequest extends PartitionPlace {
  /** Up to here, exclusive. */
  readonly to: bigint;
  readonly signal?: AbortSignal;
}

const READ_COMMITTED = 1;
const PARTITION_BYTES_MAX = 1024 * 1024;
const READ_BOUNDS: FetchBounds = { waitMs: 500, bytesMax: 4 * 1024 * 1024 };

/** Answers without a record, before the end, after which reading is given up. */
const EMPTY_MAX = 60;

/** A topic is looked for so often: a broker may not have heard of it yet. */
const LOOK = { attemptsMax: 3, pauseMs: 500 } as const;

/** A place with its leader. */
interface LedPlace {
  readonly place: PartitionPlace;
  readonly broker: Broker;
  readonly epoch: number;
  readonly partitions: number;
}

/** A reader of topics. */
export class KafkaReader {
  readonly #brokers: KafkaBrokers;
  readonly #clock: KafkaParts['clock'];

  constructor(parts: KafkaParts) {
    this.#brokers = new KafkaBrokers(parts);
    this.#clock = parts.clock;
  }

  /**
   * Reads once at each place, in any order. No two places may be in one partition.
   *
   * @throws {FirnError} KAFKA-TOPIC-MISSING, KAFKA-OFFSETS-GONE, KAFKA-OFFSETS-AHEAD
   */
  async fetch(
    places: readonly PartitionPlace[],
    bounds: FetchBounds,
  ): Promise<readonly FetchedRecords[]> {
    const outcomes = await this.fetchEach(places, bounds);
    return outcomes.map((outcome) => {
      if ('error' in outcome) throw outcome.error;
      return outcome;
    });
  }

  /**
   * Like {@link fetch}; a place at which nothing can be read any more has its error in the answer,
   * and the others are read.
   */
  fetchEach(
    places: readonly PartitionPlace[],
    bounds: FetchBounds,
  ): Promise<readonly (FetchedRecords | UnreadPlace)[]> {
    return this.#brokers.retrying(async () => {
      const { led, unread } = await this.#locate(places);
      const answers = [...Map.groupBy(led, ({ broker }) => broker)].map(([broker, own]) =>
        this.#ask(broker, own, bounds),
      );
      return [...unread, ...(await Promise.all(answers)).flat()];
    });
  }

  /**
   * Reads a stretch of a partition to its end, in order.
   *
   * @throws {FirnError} as {@link fetch}; KAFKA-UNREACHABLE where records do not come
   */
  async *read(request: ReadRequest): AsyncGenerator<readonly KafkaRecord[]> {
    const { to, signal, ...start } = request;
    const isOver = (): boolean => signal?.aborted === true;
    let offset = start.offset;
    let empty = 0;
    while (offset < to && !isOver()) {
      const [got] = await this.fetch([{ ...start, offset }], READ_BOUNDS);
      const { records, nextOffset } = present(got, 'what was read at a place');
      empty = nextOffset === offset ? empty + 1 : 0;
      if (empty > EMPTY_MAX) {
        const what = `No records come from offset ${offset} on, before ${to}`;
        const where = `${start.topic}-${start.partition}`;
        throw new FirnError('KAFKA-UNREACHABLE', { what, where });
      }
      offset = nextOffset;
      const own = records.filter((record) => record.offset < to);
      if (own.length > 0) yield own;
    }
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#brokers.close();
  }

  async #locate(
    places: readonly PartitionPlace[],
  ): Promise<{ readonly led: readonly LedPlace[]; readonly unread: readonly UnreadPlace[] }> {
    const names = [...new Set(places.map(({ topic }) => topic))];
    for (let attempt = 1; ; attempt++) {
      const { found, brokers } = await readTopics(this.#brokers, names);
      const isThere = ({ topic, topicId, partition }: PartitionPlace): boolean => {
        const now = found.get(topic);
        return now?.topicId === topicId && partition < now.leaders.length;
      };
      if (places.every(isThere) || attempt >= LOOK.attemptsMax) {
        const led = places.filter(isThere).map((place) => {
          const topic = present(found.get(place.topic), 'a topic that was found');
          const { broker, epoch } = leaderOf(topic, brokers, place);
          return { place, broker, epoch, partitions: topic.leaders.length };
        });
        const unread = places
          .filter((place) => !isThere(place))
          .map((place) => ({ place, error: missingError(place, found.get(place.topic)) }));
        return { led, unread };
      }
      await this.#clock.sleep(LOOK.pauseMs);
    }
  }

  async #ask(
    broker: Broker,
    led: readonly LedPlace[],
    { waitMs, bytesMax }: FetchBounds,
  ): Promise<readonly (FetchedRecords | UnreadPlace)[]> {
    const topics = [...Map.groupBy(led, ({ place }) => place.topicId)].map(([topicId, own]) => ({
      topicId,
      partitions: own.map(({ place, epoch }) => ({
        partition: place.partition,
        currentLeaderEpoch: epoch,
        fetchOffset: place.offset,
        lastFetchedEpoch: -1,
        partitionMaxBytes: Math.min(bytesMax, PARTITION_BYTES_MAX),
      })),
    }));
    const answer = await this.#brokers.ask(broker, (connection) =>
      fetchV13.api.async(
        connection,
        waitMs,
        1,
        bytesMax,
        READ_COMMITTED,
        0,
        WITHOUT_SESSION,
        topics,
        [],
        '',
      ),
    );
    throwUnlessOk(answer.errorCode, 'Reading records', this.#brokers.where);
    const byPlace = new Map(
      answer.responses.flatMap(({ topicId, partitions }) =>
        partitions.map((partition) => [`${topicId}/${partition.partitionIndex}`, partition]),
      ),
    );
    const fetched: (FetchedRecords | UnreadPlace)[] = [];
    for (const one of led) {
      const found = byPlace.get(`${one.place.topicId}/${one.place.partition}`);
      const got = present(found, 'the answer for a place');
      if (got.errorCode === KAFKA_CODE.offsetOutOfRange) {
        fetched.push({ place: one.place, error: await this.#rangeError(one.place) });
      } else {
        fetched.push(fetchedAt(one, got));
      }
    }
    return fetched;
  }

  /**
   * Why there is no record at a place: the broker that refused it does not say. What passes by
   * itself is thrown.
   */
  async #rangeError({ topic, topicId, partition, offset }: PartitionPlace): Promise<FirnError> {
    const where = `${topic}-${partition}`;
    const located = await readTopics(this.#brokers, [topic]);
    const now = located.found.get(topic);
    const wanted = `Records from offset ${offset} on were wanted`;
    const passing = new FirnError('KAFKA-UNREACHABLE', { what: `${wanted} and refused`, where });
    // Made anew meanwhile: the next attempt sees it.
    if (now?.topicId !== topicId) throw passing;
    const earliest = await readEnds(this.#brokers, located, 'earliest');
    const latest = await readEnds(this.#brokers, located, 'latest');
    const start = earliest.get(topic)?.[partition] ?? 0n;
    const end = latest.get(topic)?.[partition] ?? 0n;
    if (offset < start) {
      const what = `${wanted}, and the log begins at ${start}: ${start - offset} are gone`;
      return new FirnError('KAFKA-OFFSETS-GONE', { what, where });
    }
    if (offset <= end) throw passing;
    const what = `${wanted}, and the log ends at ${end}`;
    return new FirnError('KAFKA-OFFSETS-AHEAD', { what, where });
  }
}

/** Epoch of a request that belongs to no session of requests. */
const WITHOUT_SESSION = -1;

function fetchedAt(
  { place, partitions }: LedPlace,
  got: fetchV13.FetchResponsePartition,
): FetchedRecords {
  const where = `${place.topic}-${place.partition}`;
  if (got.errorCode === KAFKA_CODE.unknownTopicId) {
    // The brokers have just said that it is there: not all of them know it yet.
    throw new FirnError('KAFKA-UNREACHABLE', { what: 'The broker does not know the topic', where });
  }
  throwUnlessOk(got.errorCode, 'Reading records', where);
  const { records, next } = recordsOf(got.records ?? [], {
    from: place.offset,
    aborted: got.abortedTransactions ?? [],
  });
  return { place, records, nextOffset: next, endOffset: got.lastStableOffset, partitions };
}

function missingError(
  { topic, topicId, partition }: PartitionPlace,
  now: { readonly topicId: string; readonly leaders: readonly unknown[] } | undefined,
): FirnError {
  const where = `${topic}-${partition}`;
  if (now === undefined) return brokerError(KAFKA_CODE.unknownTopic, 'Reading records', where);
  const what =
    now.topicId === topicId
      ? `The topic has ${now.leaders.length} partitions`
      : `The topic ${topicId} was read, and another one stands under its name: ${now.topicId}`;
  return new FirnError('KAFKA-TOPIC-MISSING', { what, where });
}
