/**
 * Records put at the ends of partitions, each once as long as one producer lives: a request that is
 * sent again, because its answer was lost or came too late, carries the same sequence numbers, and
 * the broker keeps the first. What was sent and not answered when a producer ends may be there or
 * not; whoever goes on after it sends it again.
 */
import { NumericMap, initProducerIdV4, murmur2, produceV11 } from '@platformatic/kafka';
import { assert } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { KafkaParts } from './kafka-address.ts';
import { KafkaBrokers } from './kafka-brokers.ts';
import type { Broker } from './kafka-brokers.ts';
import { KAFKA_CODE, brokerError, throwUnlessOk } from './kafka-failure.ts';
import { leaderOf, readTopics } from './topic-metadata.ts';

/** A record to be. */
export interface NewRecord {
  readonly topic: string;
  readonly partition: number;
  /** `null`: it has none. */
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
}

/** Bytes of one batch; a single record may be larger and goes alone. */
const BATCH_BYTES_MAX = 512 * 1024;

/** Bytes of the batches that are on their way at once. */
const ROUND_BYTES_MAX = 4 * 1024 * 1024;

/** What a record costs beside key and value, at most. */
const RECORD_OVERHEAD_BYTES = 64;

/** Every copy that keeps up has the record before it is acknowledged. */
const ALL_COPIES = -1;

/** Sequence numbers have 31 bits and begin again. */
const SEQUENCE_END = 2 ** 31;

/** The partition in which Kafka's own clients put a key. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

/** Records of one partition that go together. */
interface Batch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly NewRecord[];
  readonly bytes: number;
  /** Number of its first record in its partition, by this producer. */
  readonly sequence: number;
}

/** A producer. One {@link send} at a time. */
export class KafkaProducer {
  readonly #brokers: KafkaBrokers;
  readonly #clock: KafkaParts['clock'];
  readonly #sequences = new Map<string, number>();
  #id: { readonly producerId: bigint; readonly producerEpoch: number } | null = null;
  #isSending = false;

  constructor(parts: KafkaParts) {
    this.#brokers = new KafkaBrokers(parts);
    this.#clock = parts.clock;
  }

  /**
   * Sends records, those of one partition in their order; returns when all copies that keep up have
   * all of them. After a failure the producer is of no use any more.
   *
   * @throws {FirnError} KAFKA-UNREACHABLE, KAFKA-TOPIC-MISSING, KAFKA-DENIED, KAFKA-REFUSED
   */
  async send(records: readonly NewRecord[]): Promise<void> {
    assert(!this.#isSending, 'a producer sends one thing at a time, and none after a failure');
    this.#isSending = true;
    let waiting = this.#batches(records);
    while (waiting.length > 0) {
      const round = firstOfEach(waiting);
      await this.#deliver(round);
      const done = new Set(round);
      waiting = waiting.filter((batch) => !done.has(batch));
    }
    this.#isSending = false;
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#brokers.close();
  }

  #batches(records: readonly NewRecord[]): readonly Batch[] {
    const batches: Batch[] = [];
    for (const [place, own] of Map.groupBy(records, placeOf)) {
      let group: NewRecord[] = [];
      let bytes = 0;
      const close = (): void => {
        const [first] = group;
        if (first === undefined) return;
        const { topic, partition } = first;
        const sequence = this.#sequences.get(place) ?? 0;
        this.#sequences.set(place, (sequence + group.length) % SEQUENCE_END);
        batches.push({ topic, partition, records: group, bytes, sequence });
        group = [];
        bytes = 0;
      };
      for (const record of own) {
        const size = record.value.length + (record.key?.length ?? 0) + RECORD_OVERHEAD_BYTES;
        if (bytes + size > BATCH_BYTES_MAX) close();
        group.push(record);
        bytes += size;
      }
      close();
    }
    return batches;
  }

  /** Sends batches of different partitions until each one is acknowledged. */
  async #deliver(round: readonly Batch[]): Promise<void> {
    const left = new Set(round);
    await this.#brokers.retrying(async () => {
      const id = (this.#id ??= await this.#newId());
      const names = [...new Set([...left].map(({ topic }) => topic))];
      const { found, brokers } = await readTopics(this.#brokers, names);
      const led = [...left].map((batch) => {
        const topic = found.get(batch.topic);
        if (topic === undefined) throw this.#failure(KAFKA_CODE.unknownTopic, batch);
        return { batch, broker: leaderOf(topic, brokers, batch).broker };
      });
      const sent = [...Map.groupBy(led, ({ broker }) => broker)].map(([broker, own]) => {
        const batches = own.map(({ batch }) => batch);
        return this.#ask(broker, batches, id).then((failure) => {
          for (const batch of failure.done) left.delete(batch);
          return failure.error;
        });
      });
      const settled = await Promise.allSettled(sent);
      for (const one of settled) {
        if (one.status === 'rejected') throw one.reason;
        if (one.value !== null) throw one.value;
      }
    });
  }

  /** One request: what was acknowledged, and why the rest was not. */
  async #ask(
    broker: Broker,
    batches: readonly Batch[],
    id: { readonly producerId: bigint; readonly producerEpoch: number },
  ): Promise<{ readonly done: readonly Batch[]; readonly error: FirnError | null }> {
    const timestamp = BigInt(Math.trunc(this.#clock.nowMs()));
    const sequences = new NumericMap();
    for (const batch of batches) {
      sequences.set(`${batch.topic}:${batch.partition}`, batch.sequence);
    }
    const messages = batches.flatMap(({ records }) => {
      return records.map(({ topic, partition, key, value }) => ({
        topic,
        partition,
        timestamp,
        value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
        ...(key === null ? {} : { key: Buffer.from(key.buffer, key.byteOffset, key.byteLength) }),
      }));
    });
    const { deadlineMs } = this.#brokers;
    const answer = await this.#brokers.ask(broker, (connection) =>
      produceV11.api.async(connection, ALL_COPIES, deadlineMs, messages, { ...id, sequences }),
    );
    const byPlace = new Map(batches.map((batch) => [placeOf(batch), batch]));
    const done: Batch[] = [];
    let error: FirnError | null = null;
    for (const { name, partitionResponses } of typeof answer === 'boolean'
      ? []
      : answer.responses) {
      for (const { index, errorCode } of partitionResponses) {
        const batch = byPlace.get(placeOf({ topic: name, partition: index }));
        if (batch === undefined) continue;
        byPlace.delete(placeOf(batch));
        // It is there: an earlier request of it arrived.
        if (errorCode === 0 || errorCode === KAFKA_CODE.duplicateSequence) done.push(batch);
        else if (errorCode === KAFKA_CODE.unknownTopic) {
          // It was found just now: the next attempt's metadata says whether it is gone.
          const what = 'The leader of a partition does not have it at the moment';
          error ??= new FirnError('KAFKA-UNREACHABLE', { what, where: placeOf(batch) });
        } else error ??= this.#failure(errorCode, batch);
      }
    }
    const [silent] = byPlace.values();
    if (silent !== undefined) {
      const where = placeOf(silent);
      const what = 'The broker said nothing of a partition that was written to';
      error ??= new FirnError('KAFKA-UNREACHABLE', { what, where });
    }
    return { done, error };
  }

  #failure(code: number, batch: Batch): FirnError {
    const where = placeOf(batch);
    if (!FORGOTTEN.has(code)) return brokerError(code, 'Writing records', where);
    // Another producer, which begins at the last place that is stored, knows better.
    const what = `The broker does not know what was written last (error ${code})`;
    return new FirnError('KAFKA-UNREACHABLE', { what, where });
  }

  async #newId(): Promise<{ readonly producerId: bigint; readonly producerEpoch: number }> {
    const { errorCode, producerId, producerEpoch } = await this.#brokers.ask(null, (connection) =>
      initProducerIdV4.api.async(connection, null, 0, -1n, -1),
    );
    throwUnlessOk(errorCode, 'Asking for the id of a producer', this.#brokers.where);
    return { producerId, producerEpoch };
  }
}

/** Out of order, of an old epoch, unknown: Kafka protocol guide, errors 45, 47 and 59. */
const FORGOTTEN: ReadonlySet<number> = new Set([45, 47, 59]);

function placeOf({ topic, partition }: Pick<Batch, 'topic' | 'partition'>): string {
  return `${topic}-${partition}`;
}

/** The first batch of each partition, as many as may be on their way at once. */
function firstOfEach(batches: readonly Batch[]): readonly Batch[] {
  const places = new Set<string>();
  let bytes = 0;
  return batches.filter((batch) => {
    const place = placeOf(batch);
    const fits = places.size === 0 || bytes + batch.bytes <= ROUND_BYTES_MAX;
    if (places.has(place) || !fits) return false;
    places.add(place);
    bytes += batch.bytes;
    return true;
  });
}
