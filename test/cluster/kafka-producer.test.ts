/**
 * Producing on a real broker: every record once and in order, also where answers are lost on the
 * way, and each key where Kafka's own clients put it.
 */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Connection } from '@platformatic/kafka';
import { KafkaProducer, partitionOf } from '../../src/kafka/kafka-producer.ts';
import type { NewRecord } from '../../src/kafka/kafka-producer.ts';
import {
  SKIP_WITHOUT_KAFKA as skip,
  kafkaParts,
  openAdmin,
  openReader,
  ownTopic,
} from './kafka-broker.ts';

const encoder = new TextEncoder();

function record(topic: string, partition: number, text: string): NewRecord {
  return { topic, partition, key: encoder.encode(`k${text}`), value: encoder.encode(text) };
}

const PRODUCE = 0;

/** The next `count` answers to what was written come to nobody: the broker has done it. */
function loseAnswers(t: TestContext, count: number): () => number {
  let left = count;
  const send: Connection['send'] = Reflect.get(Connection.prototype, 'send');
  const lossy = function lossy(this: Connection, ...args: unknown[]): unknown {
    const answer = args.at(-1);
    if (args[0] === PRODUCE && left > 0 && typeof answer === 'function') {
      left -= 1;
      args[args.length - 1] = () => Reflect.apply(answer, null, [new Error('lost')]) as unknown;
    }
    return Reflect.apply(send, this, args);
  };
  t.mock.method(Connection.prototype, 'send', lossy as Connection['send']);
  return () => left;
}

test('a record sent again after a lost answer is there once', { skip }, async (t) => {
  const admin = openAdmin(t);
  const topic = ownTopic(t);
  await admin.create([{ name: topic, partitions: 2, replicas: 1, settings: {} }]);
  const producer = new KafkaProducer(kafkaParts());
  t.after(() => producer.close());
  const large = 'x'.repeat(700_000);
  const left = loseAnswers(t, 3);
  await producer.send([record(topic, 0, 'a'), record(topic, 1, 'b'), record(topic, 0, large)]);
  await producer.send([record(topic, 0, 'c')]);
  equal(left(), 0);
  const { topicId, latest } = await admin.offsets(topic);
  deepEqual(latest, [3n, 1n]);
  const found: string[] = [];
  const place = { topic, topicId, partition: 0, offset: 0n, to: 3n };
  for await (const records of openReader(t).read(place)) {
    for (const { value } of records) found.push(new TextDecoder().decode(value ?? undefined));
  }
  deepEqual(found, ['a', large, 'c']);
});

test('keys lie where the clients of Kafka put them', () => {
  // Kafka's own murmur2, as its tests have it.
  const places = 2 ** 30;
  equal(partitionOf(encoder.encode('21'), places), (-973_932_308 & 0x7fffffff) % places);
  equal(partitionOf(encoder.encode('foobar'), places), (-790_332_482 & 0x7fffffff) % places);
});

test('a topic that is not there is said by name', { skip }, async (t) => {
  const retryPolicy = { attemptsMax: 1, pauseMs: 1, pauseMsMax: 1 };
  const producer = new KafkaProducer(kafkaParts({ retryPolicy }));
  t.after(() => producer.close());
  await rejects(producer.send([record('firn-test-none', 0, 'a')]), { code: 'KAFKA-TOPIC-MISSING' });
});
