/** Topics, their ends and the offsets of groups, on a real broker. */
import { deepEqual, equal, match, notEqual, rejects } from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Consumer, Producer, ProduceAcks } from '@platformatic/kafka';
import { KafkaAdmin } from '../../src/kafka/kafka-admin.ts';
import { SKIP_WITHOUT_KAFKA, kafkaParts, openAdmin, ownTopic } from './kafka-broker.ts';

const skip = SKIP_WITHOUT_KAFKA;
const SINGLE = { partitions: 1, replicas: 1, settings: {} } as const;

test('a topic is made once, as it was asked for, and set', { skip }, async (t) => {
  const admin = openAdmin(t);
  const name = ownTopic(t);
  equal((await admin.describe([name])).size, 0);
  const request = { name, partitions: 3, replicas: 1, settings: { 'retention.ms': '7200000' } };
  await admin.create([request]);
  await admin.create([request]);
  const made = (await admin.describe([name, `${name}-other`])).get(name);
  match(made?.topicId ?? '', /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/);
  deepEqual([made?.partitions, made?.replicas], [3, 1]);
  equal(made?.settings.get('retention.ms'), '7200000');
  equal(made?.settings.get('cleanup.policy'), 'delete');
  await admin.setSettings(name, { 'retention.ms': '3600000', 'cleanup.policy': 'compact' });
  const set = (await admin.describe([name])).get(name)?.settings;
  equal(set?.get('retention.ms'), '3600000');
  equal(set?.get('cleanup.policy'), 'compact');
  await rejects(admin.create([{ ...request, partitions: 4 }]), { code: 'KAFKA-TOPIC-SHAPE' });
  await rejects(admin.setSettings(name, { 'no.such.setting': '1' }), { code: 'KAFKA-REFUSED' });
  await rejects(admin.create([{ ...request, name: 'not a name' }]), { code: 'KAFKA-REFUSED' });
});

test('a topic that is made anew has another id', { skip }, async (t) => {
  const admin = openAdmin(t);
  const name = ownTopic(t);
  await admin.create([{ name, ...SINGLE }]);
  const before = await admin.offsets(name);
  await admin.remove([name, `${name}-other`]);
  equal((await admin.describe([name])).size, 0);
  await rejects(admin.offsets(name), { code: 'KAFKA-TOPIC-MISSING' });
  await admin.create([{ name, ...SINGLE }]);
  notEqual((await admin.offsets(name)).topicId, before.topicId);
});

test('the ends of all partitions, and the offsets of a group', { skip }, async (t) => {
  const admin = openAdmin(t);
  const name = ownTopic(t);
  const group = `${name}-group`;
  await admin.create([{ name, ...SINGLE, partitions: 2 }]);
  deepEqual(
    await admin.groupOffsets(group, [name, `${name}-other`]),
    new Map([[name, [null, null]]]),
  );
  const options = { clientId: 'test', bootstrapBrokers: [kafkaParts().address.bootstrapServers] };
  // Whose repeats the broker knows.
  const producer = new Producer({ ...options, idempotent: true });
  t.after(() => producer.close());
  const messages = [0, 1, 1].map((partition) => {
    return { topic: name, partition, value: Buffer.from('x') };
  });
  await producer.send({ messages, acks: ProduceAcks.ALL });
  const { earliest, latest } = await admin.offsets(name);
  deepEqual(
    [earliest, latest],
    [
      [0n, 0n],
      [1n, 2n],
    ],
  );
  const other = ownTopic(t);
  await admin.create([{ name: other, ...SINGLE, partitions: 3 }]);
  deepEqual(
    await admin.ends([name, other, `${name}-none`]),
    new Map([
      [name, await admin.offsets(name)],
      [other, await admin.offsets(other)],
    ]),
  );
  deepEqual((await admin.ends([name, other])).get(other)?.latest, [0n, 0n, 0n]);
  const consumer = new Consumer({ ...options, groupId: group });
  t.after(() => consumer.close(true));
  await consumer.joinGroup({});
  await consumer.commit({ offsets: [{ topic: name, partition: 1, offset: 2n, leaderEpoch: 0 }] });
  deepEqual((await admin.groupOffsets(group, [name])).get(name), [null, 2n]);
});

test('a broker that is not there, is silent, or is none', async (t) => {
  const fast = { deadlineMs: 300, retryPolicy: { attemptsMax: 2, pauseMs: 1, pauseMsMax: 1 } };
  const ask = async (port: number): Promise<unknown> => {
    const address = { bootstrapServers: `127.0.0.1:${port}` };
    const admin = new KafkaAdmin({ ...kafkaParts(fast), address });
    try {
      return await admin.describe(['any']);
    } finally {
      await admin.close();
    }
  };
  await rejects(ask(1), { code: 'KAFKA-UNREACHABLE', message: /ECONNREFUSED/ });
  const silent = createServer();
  const other = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\nserver: something else altogether\r\n\r\n');
  });
  for (const server of [silent, other]) {
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await rejects(ask((server.address() as AddressInfo).port), { code: 'KAFKA-UNREACHABLE' });
  }
});
