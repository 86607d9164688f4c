/**
 * The Kafka of the tests: the broker that `FIRN_KAFKA_BOOTSTRAP` names. Each test has topics of its
 * own, which it removes.
 */
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import { KafkaAdmin } from '../../src/kafka/kafka-admin.ts';
import type { KafkaParts } from '../../src/kafka/kafka-address.ts';
import { KafkaReader } from '../../src/kafka/kafka-reader.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';

const { FIRN_KAFKA_BOOTSTRAP: bootstrapServers = '', FIRN_REQUIRE = '' } = process.env;

/** Why tests that need a broker do not run; `false`: they run. */
export const SKIP_WITHOUT_KAFKA: string | false =
  bootstrapServers !== '' || FIRN_REQUIRE.split(',').includes('cluster')
    ? false
    : 'FIRN_KAFKA_BOOTSTRAP names no broker';

/** How the broker is reached. */
export function kafkaParts(change: Partial<KafkaParts> = {}): KafkaParts {
  const address = { bootstrapServers };
  return { address, clock: systemClock, random: systemRandom, deadlineMs: 10_000, ...change };
}

/** A client of topics, closed with the test. */
export function openAdmin(t: TestContext): KafkaAdmin {
  const admin = new KafkaAdmin(kafkaParts());
  t.after(() => admin.close());
  return admin;
}

/** A reader, closed with the test. */
export function openReader(t: TestContext): KafkaReader {
  const reader = new KafkaReader(kafkaParts());
  t.after(() => reader.close());
  return reader;
}

/** A name that no other test has; a topic of it is removed with the test. */
export function ownTopic(t: TestContext): string {
  const name = `firn-test-${randomUUID()}`;
  t.after(async () => {
    const admin = new KafkaAdmin(kafkaParts());
    await admin.remove([name]);
    await admin.close();
  });
  return name;
}
