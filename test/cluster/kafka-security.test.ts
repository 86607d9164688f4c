/** A broker behind TLS and a login: who comes in, who does not, and that no word holds a secret. */
import { deepEqual, doesNotMatch, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaAddress, KafkaParts } from '../../src/kafka/kafka-address.ts';
import { KafkaAdmin } from '../../src/kafka/kafka-admin.ts';
import { KafkaProducer } from '../../src/kafka/kafka-producer.ts';
import { KafkaReader } from '../../src/kafka/kafka-reader.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { skipWithoutCluster } from './support/dev-cluster.ts';
import { startSecureKafka } from './support/secure-kafka.ts';

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

function partsOf(address: KafkaAddress): KafkaParts {
  // A broker that has just begun is asked for its first producer for a while.
  const retryPolicy = { attemptsMax: 50, pauseMs: 100, pauseMsMax: 200 };
  return { address, clock: systemClock, random: systemRandom, deadlineMs: 5000, retryPolicy };
}

/** Makes a topic, writes to it and reads it back. */
async function roundTrip(address: KafkaAddress, topic: string): Promise<void> {
  const parts = partsOf(address);
  const [admin, producer, reader] = [
    new KafkaAdmin(parts),
    new KafkaProducer(parts),
    new KafkaReader(parts),
  ];
  try {
    await admin.create([{ name: topic, partitions: 1, replicas: 1, settings: {} }]);
    await producer.send([{ topic, partition: 0, key: null, value: Buffer.from(topic) }]);
    const { topicId, latest } = await admin.offsets(topic);
    const place = { topic, topicId, partition: 0, offset: 0n, to: present(latest[0], 'an end') };
    const found: string[] = [];
    for await (const records of reader.read(place)) {
      for (const { value } of records) found.push(Buffer.from(value ?? []).toString());
    }
    deepEqual(found, [topic]);
  } finally {
    await Promise.all([admin.close(), producer.close(), reader.close()]);
  }
}

async function find(address: KafkaAddress): Promise<void> {
  const admin = new KafkaAdmin(partsOf(address));
  try {
    await admin.find(['none']);
  } finally {
    await admin.close();
  }
}

test('Kafka over TLS with a login', { skip: skipWithoutCluster() }, async (t) => {
  const kafka = await startSecureKafka(t);
  for (const mechanism of MECHANISMS) {
    await t.test(`${mechanism} comes in`, () => roundTrip(kafka.address(mechanism), mechanism));
  }
  const good = kafka.address('SCRAM-SHA-512');
  const sasl = present(good.sasl, 'a login');
  const { bootstrapServers } = good;
  const refused: Readonly<Record<string, KafkaAddress>> = {
    'a wrong password': { ...good, sasl: { ...sasl, password: 'canary-of-another' } },
    'a wrong password, PLAIN': {
      ...kafka.address('PLAIN'),
      sasl: { ...sasl, mechanism: 'PLAIN', password: 'canary' },
    },
    'another authority': { ...good, tls: { ca: kafka.otherCa } },
    'the authorities of Node.js': { ...good, tls: { ca: null } },
    'a login without TLS': { bootstrapServers, sasl },
    'a name that is not in the certificate': {
      ...good,
      bootstrapServers: bootstrapServers.replace('localhost', '127.0.0.1'),
    },
  };
  for (const [what, address] of Object.entries(refused)) {
    await t.test(`${what} does not`, async () => {
      await rejects(find(address), (error) => {
        ok(isFirnError(error, 'KAFKA-LOGIN'), String(error));
        doesNotMatch(`${error.message} ${String(error.cause)}`, /canary/);
        return true;
      });
    });
  }
});
