/** Envelopes: what they say, and what is said of those that say nothing. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { connectorModes, missedTables, topicOf } from './connector-modes.ts';
import { readDefinition, readRecord } from './envelope.ts';

const CONTEXT = { namespace: 'shop', table: 'items', logName: 'binlog' };
const SOURCE = {
  snapshot: 'false',
  db: 'shop',
  table: 'items',
  ts_ms: 7,
  gtid: 'g:1',
  file: 'binlog.000002',
  pos: 154,
  row: 3,
};

function bytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** What a record becomes, with parts of its envelope and of its source block changed. */
function kindOf(envelope: object, source: object = {}): string {
  const whole = { op: 'c', before: null, after: { id: 1 }, ...envelope };
  const record = readRecord(bytes({ ...whole, source: { ...SOURCE, ...source } }), CONTEXT);
  return record.kind === 'unreadable' ? record.reason : record.kind;
}

test('the place in the log is the identity (spec: D1)', () => {
  const envelope = { op: 'd', before: { id: 1 }, after: null, source: SOURCE };
  const change = {
    kind: 'change',
    op: 'd',
    seq: 2n * 2n ** 40n + 154n,
    row: 6,
    tx: 'g:1',
    commitTsUs: 7000n,
    image: { id: 1 },
  };
  deepEqual(readRecord(bytes(envelope), CONTEXT), change);
  deepEqual(readRecord(bytes({ schema: {}, payload: envelope }), CONTEXT), change);
});

test('a record that is no change of the table says so (spec: D7)', () => {
  equal(kindOf({}), 'change');
  equal(kindOf({ op: 'r' }), 'nothing');
  equal(kindOf({ op: 'r' }, { snapshot: 'incremental' }), 'nothing');
  equal(kindOf({ op: 'r' }, { snapshot: 'first' }), 'snapshot');
  equal(kindOf({ op: 'x' }), 'It has no operation that is known.');
  equal(kindOf({ after: null }), 'It has no row.');
  equal(kindOf({}, { table: 'others' }), 'It is of another table.');
  equal(kindOf({}, { file: 'mysql-bin.000002' }), 'It is from another log.');
  for (const place of [{ pos: -1 }, { pos: 2 ** 41 }, { file: 'binlog' }, { row: 1.5 }]) {
    equal(kindOf({}, place), 'It has no place in the log.');
  }
  equal(readRecord(null, CONTEXT).kind, 'nothing');
  for (const text of ['', '[]', 'null', '{"op":"c"}', '\xff']) {
    equal(readRecord(Buffer.from(text, 'latin1'), CONTEXT).kind, 'unreadable', text);
  }
  const ddl = { source: SOURCE, databaseName: 'shop', ddl: 'DROP TABLE items' };
  equal(readDefinition(bytes(ddl), 'binlog').kind, 'statement');
  equal(readDefinition(bytes(ddl), 'other').kind, 'unreadable');
  const begun = { ...ddl, source: { ...SOURCE, snapshot: 'true' } };
  equal(readDefinition(bytes(begun), 'binlog').kind, 'snapshot');
});

const OPTIONS = {
  'connector.class': 'io.debezium.connector.mysql.MySqlConnector',
  'topic.prefix': 'p',
  'skipped.operations': 'none',
  'event.converting.failure.handling.mode': 'fail',
  'enable.time.adjuster': 'false',
  'heartbeat.interval.ms': '1000',
};

test('options that lose something are named (spec: D8)', () => {
  const named = (change: Record<string, string>): readonly string[] =>
    connectorModes({ ...OPTIONS, ...change })?.obstacles.map((text) => text.split(' ')[0] ?? '') ??
    [];
  deepEqual(named({}), []);
  deepEqual(named({ 'column.include.list': 'shop.items.id' }), []);
  for (const [name, value] of Object.entries({
    'skipped.operations': 't',
    'decimal.handling.mode': 'double',
    'time.precision.mode': 'connect',
    transforms: 'unwrap',
    'column.mask.with.8.chars': 'shop.items.v',
    'value.converter': 'io.confluent.connect.avro.AvroConverter',
    'heartbeat.interval.ms': '0',
    'event.processing.failure.handling.mode': 'warn',
  })) {
    deepEqual(named({ [name]: value }), [name]);
  }
  equal(connectorModes({ ...OPTIONS, 'connector.class': 'org.example.Other' }), null);
});

test('tables that a connector does not read are named (spec: D8)', () => {
  const tables = ['items', 'Odd.Name', 'others'].map((table) => ({ namespace: 'shop', table }));
  const missed = (options: Record<string, string>): readonly string[] => {
    const modes = connectorModes({ ...OPTIONS, ...options });
    return modes === null ? [] : missedTables(modes, tables);
  };
  deepEqual(missed({}), []);
  deepEqual(missed({ 'table.include.list': String.raw`shop\.items,shop\.Odd\x{2e}Name` }), [
    'shop.others',
  ]);
  deepEqual(missed({ 'table.exclude.list': 'shop[.]o.*s' }), ['shop.others']);
  deepEqual(missed({ 'database.include.list': 'sho' }).length, 3);
  equal(topicOf('p', { namespace: 'shop', table: 'a b/é' }), 'p.shop.a_b__');
});
