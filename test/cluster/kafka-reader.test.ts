/** Records from exact places, on a real broker. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { ProduceAcks, Producer, deleteRecordsV2 } from '@platformatic/kafka';
import type { MessageToProduce } from '@platformatic/kafka';
import { KafkaBrokers } from '../../src/kafka/kafka-brokers.ts';
import { SKIP_WITHOUT_KAFKA, kafkaParts, openAdmin, openReader, ownTopic } from './kafka-broker.ts';

const skip = SKIP_WITHOUT_KAFKA;
const SINGLE = { partitions: 1, replicas: 1, settings: {} } as const;
const NOW = { waitMs: 100, bytesMax: 1024 * 1024 } as const;

function openProducer(t: TestContext, more: object = {}): Producer {
  const bootstrapBrokers = [kafkaParts().address.bootstrapServers];
  const producer = new Producer({ clientId: 'test', bootstrapBrokers, ...more });
  t.after(() => producer.close(true));
  return producer;
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString();

test('bytes come as they were sent, nulls too, in every compression', { skip }, async (t) => {
  const admin = openAdmin(t);
  const topic = ownTopic(t);
  await admin.create([{ name: topic, ...SINGLE }]);
  const { topicId } = await admin.offsets(topic);
  const producer = openProducer(t);
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    const messages = [
      { topic, key: Buffer.from('k'), value: Buffer.from([0, 255]), timestamp: 1_234_567n },
      { topic, value: Buffer.alloc(0), headers: new Map([[Buffer.from('h'), Buffer.from('v')]]) },
      { topic, key: Buffer.from('dead') },
    ] as MessageToProduce[];
    await producer.send({ messages, compression, acks: ProduceAcks.ALL });
  }
  const reader = openReader(t);
  const place = { topic, topicId, partition: 0 };
  const records = (await collect(reader.read({ ...place, offset: 0n, to: 15n }))).flat();
  deepEqual(
    records.map(({ offset }) => offset),
    Array.from({ length: 15 }, (_, index) => BigInt(index)),
  );
  for (let at = 0; at < 15; at += 3) {
    const [first, second, third] = records.slice(at, at + 3);
    deepEqual([text(first?.key ?? null), first?.value], ['k', Buffer.from([0, 255])]);
    equal(first?.timestampMs, 1_234_567n);
    deepEqual([second?.key, second?.value], [null, Buffer.alloc(0)]);
    deepEqual(second?.headers, [[Buffer.from('h'), Buffer.from('v')]]);
    deepEqual([text(third?.key ?? null), third?.value], ['dead', null]);
  }
  // From the middle of a batch to the middle of another one.
  const part = (await collect(reader.read({ ...place, offset: 4n, to: 8n }))).flat();
  deepEqual(
    part.map(({ offset }) => offset),
    [4n, 5n, 6n, 7n],
  );
  const [end] = await reader.fetch([{ ...place, offset: 15n }], NOW);
  deepEqual([end?.records, end?.nextOffset, end?.endOffset], [[], 15n, 15n]);
});

test('a batch larger than the bound comes, and many come in turns', { skip }, async (t) => {
  const admin = openAdmin(t);
  const topic = ownTopic(t);
  await admin.create([{ name: topic, ...SINGLE }]);
  const { topicId } = await admin.offsets(topic);
  const producer = openProducer(t);
  for (let index = 0; index < 12; index++) {
    await producer.send({ messages: [{ topic, value: Buffer.alloc(600_000, index) }] });
  }
  const reader = openReader(t);
  const place = { topic, topicId, partition: 0, offset: 0n };
  const [small] = await reader.fetch([place], { waitMs: 100, bytesMax: 1000 });
  equal(small?.records.length, 1);
  const runs = await collect(reader.read({ ...place, to: 12n }));
  equal(runs.flat().length, 12);
  equal(runs.length >= 6, true);
});

test('what a transaction took back is passed over', { skip }, async (t) => {
  const admin = openAdmin(t);
  const topic = ownTopic(t);
  await admin.create([{ name: topic, ...SINGLE }]);
  const { topicId } = await admin.offsets(topic);
  const producer = openProducer(t, { idempotent: true, transactionalId: topic, retries: 3 });
  for (const end of ['commit', 'abort', 'commit'] as const) {
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: [{ topic, value: Buffer.from(end) }] });
    await transaction[end]();
  }
  const { latest } = await admin.offsets(topic);
  const to = latest[0] ?? 0n;
  const reader = openReader(t);
  const runs = await collect(reader.read({ topic, topicId, partition: 0, offset: 0n, to }));
  deepEqual(
    runs.flat().map(({ value }) => text(value)),
    ['commit', 'commit'],
  );
});

test(
  'what is gone, not there yet, or of another topic is never jumped over',
  { skip },
  async (t) => {
    const admin = openAdmin(t);
    const topic = ownTopic(t);
    await admin.create([{ name: topic, ...SINGLE }]);
    const { topicId } = await admin.offsets(topic);
    const producer = openProducer(t);
    const messages = [1, 2, 3].map(() => ({ topic, value: Buffer.from('x') }));
    await producer.send({ messages, acks: ProduceAcks.ALL });
    const reader = openReader(t);
    const place = { topic, topicId, partition: 0 };
    await rejects(reader.fetch([{ ...place, offset: 4n }], NOW), { code: 'KAFKA-OFFSETS-AHEAD' });
    const brokers = new KafkaBrokers(kafkaParts());
    t.after(() => brokers.close());
    const partitions = [{ partitionIndex: 0, offset: 2n }];
    await brokers.ask(null, (connection) =>
      deleteRecordsV2.api.async(connection, [{ name: topic, partitions }], 5000),
    );
    await rejects(collect(reader.read({ ...place, offset: 0n, to: 3n })), {
      code: 'KAFKA-OFFSETS-GONE',
      message: /begins at 2: 2 are gone/,
    });
    equal((await reader.fetch([{ ...place, offset: 2n }], NOW))[0]?.records.length, 1);
    await rejects(reader.fetch([{ ...place, partition: 1, offset: 0n }], NOW), {
      code: 'KAFKA-TOPIC-MISSING',
    });
    await admin.remove([topic]);
    await admin.create([{ name: topic, ...SINGLE }]);
    await rejects(reader.fetch([{ ...place, offset: 0n }], NOW), {
      code: 'KAFKA-TOPIC-MISSING',
      message: /another one stands under its name/,
    });
  },
);
