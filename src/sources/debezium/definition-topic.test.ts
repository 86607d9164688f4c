/** What a connector's own topic tells of tables; its records as Debezium 3.6 writes them. */
import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { FetchedRecords } from '../../kafka/kafka-reader.ts';
import { DefinitionTopic } from './definition-topic.ts';

const PLACE = { topic: 'shop', topicId: 'id', partition: 0, offset: 0n };

/** Records of statements, each with its place in the log. */
function records(...statements: readonly (readonly [pos: number, ddl: string])[]): FetchedRecords {
  return {
    place: PLACE,
    records: statements.map(([pos, ddl], index) => {
      const source = { file: 'binlog.000001', pos, snapshot: 'false' };
      const text = JSON.stringify({ source, databaseName: 'shop', ddl });
      const value = new TextEncoder().encode(text);
      return { offset: BigInt(index), key: null, value, timestampMs: 0n, headers: [] };
    }),
    nextOffset: BigInt(statements.length),
    endOffset: BigInt(statements.length),
    partitions: 1,
  };
}

const CAPTURED = ['orders', 'items'].map((table) => ({ namespace: 'shop', table }));

function topicOf(onSwap: 'halt' | 'bootstrap' = 'halt'): DefinitionTopic {
  const rule = { pattern: 'shop.*', exclude: [], rename: {}, columns: {}, onDrop: 'halt' } as const;
  return new DefinitionTopic({
    topic: 'shop',
    place: { topicId: 'id', offset: 0n },
    after: 2n ** 40n,
    tables: CAPTURED,
    rules: [rule],
    flavour: 'mysql',
    onSwap,
  });
}

/** Everything that was told, in words. */
function told(topic: DefinitionTopic): readonly string[] {
  return topic.upTo(2n ** 41n, CAPTURED).map((one) => {
    if (one.kind === 'appeared') return `appeared ${one.table.table}`;
    const { table, error, recovery } = one.cut.effect;
    return `${table.table} ${error.code} ${recovery}`;
  });
}

test('the renames of one statement are one swap, and tables of one DROP go together (spec: D6)', () => {
  const swap = records(
    [70, 'RENAME TABLE orders TO _orders_del'],
    [70, 'RENAME TABLE _orders_gho TO orders'],
  );
  for (const onSwap of ['halt', 'bootstrap'] as const) {
    const topic = topicOf(onSwap);
    topic.take(swap, 'binlog');
    const recovery = onSwap === 'halt' ? 'operator' : 'bootstrap';
    deepEqual(told(topic), [`orders SOURCE-TABLE-SWAPPED ${recovery}`, 'appeared _orders_del']);
  }
  const topic = topicOf();
  topic.take(
    records([70, 'DROP TABLE `shop`.`orders`'], [70, 'DROP TABLE `shop`.`items`']),
    'binlog',
  );
  // Sent again after a crash.
  topic.take(
    records([70, 'DROP TABLE `shop`.`orders`'], [70, 'DROP TABLE `shop`.`items`']),
    'binlog',
  );
  deepEqual(told(topic), [
    'orders SOURCE-TABLE-MISSING operator',
    'items SOURCE-TABLE-MISSING operator',
  ]);
});

test('however many statements concern no captured table, none of them is held (spec: D6)', () => {
  const topic = topicOf();
  const others = Array.from({ length: 10_001 }, (_, index) => {
    const ddl = [
      'ALTER TABLE other.t ADD c INT',
      'TRUNCATE orders',
      'CREATE TABLE other.u (i INT)',
    ];
    return [index + 1, ddl[index % 3] ?? ''] as const;
  });
  topic.take(
    records(...others, [20_000, 'DROP TABLE orders'], [20_001, 'CREATE TABLE n (i INT)']),
    'binlog',
  );
  deepEqual(topic.firstUnused(), { topicId: 'id', offset: 10_001n });
  deepEqual(told(topic), ['orders SOURCE-TABLE-MISSING operator', 'appeared n']);
});
