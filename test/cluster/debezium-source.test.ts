/**
 * The source over Debezium's topics, on a real Kafka, Connect and MySQL: the same changes by the
 * same identities as Firn's own reader of the log, each once, and a name for everything that would
 * lose one.
 */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { suite, test } from 'node:test';
import { ProduceAcks, Producer, createPartitionsV3 } from '@platformatic/kafka';
import { KafkaBrokers } from '../../src/kafka/kafka-brokers.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { compareMarks } from '../../src/model/change-sequence.ts';
import type { SourceEvent } from '../../src/model/source-event.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import type { ConnectorService } from '../../src/sources/debezium/debezium-connector.ts';
import type { SourceMark } from '../../src/ports/source.ts';
import { TestRegistry, changesOf, ofKind } from '../support/source-events.ts';
import { SKIP_WITHOUT_DEBEZIUM, openDebeziumWorld, readToEnd } from './debezium-world.ts';
import type { DebeziumWorld, WorldSettings } from './debezium-world.ts';
import { kafkaParts } from './kafka-broker.ts';

const skip = SKIP_WITHOUT_DEBEZIUM;

const ITEMS: WorldSettings = {
  tables: [
    'CREATE TABLE items (id BIGINT PRIMARY KEY, v BIGINT, note VARCHAR(100))',
    'CREATE TABLE others (id BIGINT PRIMARY KEY, v BIGINT)',
  ],
  topics: ['items', 'others'],
};

interface Started {
  readonly world: DebeziumWorld;
  readonly registry: TestRegistry;
  readonly tables: readonly TableSchema[];
  /** Marks of both sources, taken before anything is written. */
  readonly mark: SourceMark;
  readonly logMark: SourceMark;
}

async function start(t: TestContext, settings: WorldSettings = ITEMS): Promise<Started> {
  const world = await openDebeziumWorld(t, settings);
  const registry = new TestRegistry();
  const tables = await registry.discover(world.source);
  const logMark = await world.database.lowMark(1);
  const mark = await world.source.lowMark(1);
  return { world, registry, tables, mark, logMark };
}

/** Identity and content of each change. */
function texts(events: readonly SourceEvent[]): readonly string[] {
  return changesOf(events).map(({ table, op, seq, row, values }) => {
    const cells = Object.entries(values).map(([name, value]) => `${name}=${String(value)}`);
    return `${table} ${op} ${seq}/${row} ${cells.join(' ')}`;
  });
}

function sorted(list: readonly string[]): readonly string[] {
  return list.toSorted();
}

/** What both sources give of the same history. */
async function bothRead({ world, registry, tables, mark, logMark }: Started): Promise<{
  readonly topics: readonly SourceEvent[];
  readonly log: readonly SourceEvent[];
}> {
  const log = await readToEnd(world.database, { tables, from: logMark.position, registry });
  const from = mark.position;
  const topics = await readToEnd(world.source, { tables, from, registry });
  return { topics, log };
}

async function stopped(world: DebeziumWorld): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const status = await world.connect.status(world.connector);
    if (status?.state === 'STOPPED' && status.tasks.length === 0) return;
    await systemClock.sleep(100);
  }
  throw new Error('the connector does not stop');
}

/** The halt of `items`; the other table is read on. */
async function haltOf({ world, registry, tables, mark }: Started): Promise<{
  readonly code: string | undefined;
  readonly what: string;
}> {
  await world.run(`INSERT INTO others VALUES (${Math.trunc(performance.now())}, 1)`);
  const events = await readToEnd(world.reopen(), { tables, from: mark.position, registry });
  ok(texts(events).some((text) => text.startsWith('others c')));
  const halts = ofKind(events, 'table-halted');
  equal(halts.length, 1);
  equal(halts[0]?.table.table, 'items');
  return { code: halts[0]?.error.code, what: halts[0]?.error.what ?? '' };
}

/** Each has a database, topics and a connector of its own. */
const TESTS: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  'changes are those of the log, by the same identities (spec: D1, D4)': async (t) => {
    const started = await start(t);
    const { world } = started;
    await world.run(
      "INSERT INTO items VALUES (1, 10, 'a'), (2, 20, NULL), (3, 30, 'c')",
      'START TRANSACTION',
      'UPDATE items SET v = v + 1',
      'INSERT INTO others VALUES (1, 1)',
      'UPDATE items SET id = 7 WHERE id = 2',
      'DELETE FROM items WHERE id = 1',
      'COMMIT',
      'TRUNCATE TABLE others',
      'INSERT INTO others VALUES (2, 2)',
    );
    const { topics, log } = await bothRead(started);
    equal(texts(log).length, 12);
    deepEqual(sorted(texts(topics)), sorted(texts(log)));
    // Every border is at or above all that came before it, and never goes back.
    let reached = { epoch: 1, seq: -1n };
    let highest = -1n;
    for (const event of topics) {
      if (event.kind === 'changes') highest = event.batch.seq.at(-1) ?? highest;
      if (event.kind !== 'transaction-end' && event.kind !== 'heartbeat') continue;
      ok(event.completeTo.seq >= highest);
      ok(compareMarks(event.completeTo, reached) >= 0);
      reached = event.completeTo;
    }
  },

  'going on from a border repeats and skips nothing (spec: D2)': async (t) => {
    const { world, registry, tables, mark } = await start(t);
    const all: string[] = [];
    let from = mark.position;
    for (let round = 0; round < 4; round++) {
      await world.run(`INSERT INTO items VALUES (${round}, 1, 'x'), (${round + 100}, 2, 'y')`);
      const events = await readToEnd(world.reopen(), { tables, from, registry });
      all.push(...texts(events));
      const border = events.findLast(
        (event) => event.kind === 'transaction-end' || event.kind === 'heartbeat',
      );
      if (border !== undefined) from = border.position;
      equal((await world.source.verifyPosition(from)).kind, 'valid');
    }
    equal(all.length, 8);
    const again = await readToEnd(world.source, { tables, from: mark.position, registry });
    deepEqual(sorted(texts(again)), sorted(all));
  },

  'what a connector sends again is given out once (spec: D5)': async (t) => {
    const { world, registry, tables, mark } = await start(t);
    const before = await world.connect.offsets(world.connector);
    await world.run("INSERT INTO items VALUES (1, 1, 'a')", 'UPDATE items SET v = 2 WHERE id = 1');
    const once = await readToEnd(world.source, { tables, from: mark.position, registry });
    const { latest } = await world.admin.offsets(world.topicOf('items'));
    // As after a crash that lost the stored place.
    await world.connect.stop(world.connector);
    await stopped(world);
    await world.connect.setOffsets(world.connector, before);
    await world.connect.resume(world.connector);
    await world.begun();
    await world.run('UPDATE items SET v = 3 WHERE id = 1');
    const events = await readToEnd(world.source, { tables, from: mark.position, registry });
    const after = (await world.admin.offsets(world.topicOf('items'))).latest;
    ok((after[0] ?? 0n) >= (latest[0] ?? 0n) + 3n, 'the changes came again');
    equal(texts(events).length, 3);
    deepEqual(texts(events).slice(0, 2), texts(once));
  },

  'nothing passes a place that Connect has not stored (spec: D3)': async (t) => {
    const { world, registry, tables, mark } = await start(t);
    const { connect } = world;
    const frozen = await connect.offsets(world.connector);
    let isFrozen = true;
    const service: ConnectorService = {
      config: (name) => connect.config(name),
      status: (name) => connect.status(name),
      offsets: async (name) => (isFrozen ? frozen : connect.offsets(name)),
    };
    const source = world.reopen({ service });
    await world.run('INSERT INTO items VALUES (1, 1, NULL)', 'INSERT INTO others VALUES (1, 1)');
    // The topics have them.
    await readToEnd(world.source, { tables, from: mark.position, registry });
    const ended = new AbortController();
    const events: SourceEvent[] = [];
    const reading = (async (): Promise<void> => {
      const stream = source.stream({
        tables,
        from: mark.position,
        epoch: 1,
        resolveSchema: registry.resolve,
        beforeImages: false,
        signal: ended.signal,
        once: false,
      });
      for await (const event of stream) {
        events.push(event);
        if (changesOf(events).length === 2) ended.abort();
      }
    })();
    const borders = (): readonly SourceMark[] => ofKind(events, 'heartbeat');
    for (let waits = 0; borders().length < 3; waits++) {
      ok(waits < 300, 'borders come');
      await systemClock.sleep(100);
    }
    deepEqual(texts(events), []);
    // The position stays before what is held back: going on from it gives all of it.
    const position = borders().at(-1)?.position ?? mark.position;
    const again = await readToEnd(world.source, { tables, from: position, registry });
    equal(texts(again).length, 2);
    isFrozen = false;
    await reading;
    deepEqual(sorted(texts(events)), sorted(texts(again)));
  },

  'a change below a border is no change that was seen: its table stops (spec: D3)': async (t) => {
    const { world, registry, tables, mark } = await start(t);
    const { connect, connector } = world;
    await connect.stop(connector);
    await stopped(world);
    await world.run("INSERT INTO items VALUES (1, 1, 'late')", 'INSERT INTO others VALUES (1, 1)');
    // A Connect that tells of more than it has sent.
    const [stored] = await connect.offsets(connector);
    const { completeTo } = await world.database.highMark(1);
    const pos = Number.parseInt(`${completeTo.seq % 2n ** 40n}`, 10) + 1;
    const offset = { ...stored?.offset, pos };
    const service: ConnectorService = {
      config: (name) => connect.config(name),
      status: async () => ({ state: 'RUNNING', tasks: [{ state: 'RUNNING', failure: null }] }),
      offsets: async () => [{ offset }],
    };
    const source = world.reopen({ service });
    const ended = new AbortController();
    const events: SourceEvent[] = [];
    const stream = source.stream({
      tables,
      from: mark.position,
      epoch: 1,
      resolveSchema: registry.resolve,
      beforeImages: false,
      signal: AbortSignal.any([ended.signal, AbortSignal.timeout(60_000)]),
      once: false,
    });
    let isResumed = false;
    for await (const event of stream) {
      events.push(event);
      const isBorder = event.kind === 'heartbeat' && event.completeTo.seq >= completeTo.seq;
      if (isBorder && !isResumed) await connect.resume(connector);
      if (isBorder) isResumed = true;
      if (ofKind(events, 'table-halted').length === 2) ended.abort();
    }
    deepEqual(
      sorted(
        ofKind(events, 'table-halted').map(({ table, error, recovery }) => {
          return `${table.table} ${error.code} ${recovery}`;
        }),
      ),
      ['items SOURCE-CAPTURE-BEGAN bootstrap', 'others SOURCE-CAPTURE-BEGAN bootstrap'],
    );
  },

  'a connector that began anew stops every table (spec: D7)': async (t) => {
    const { world, registry, tables, mark } = await start(t);
    const { connect, connector } = world;
    await connect.stop(connector);
    await stopped(world);
    // It loses its place, and what is written now.
    const lost = (await connect.offsets(connector)).map(({ partition }) => {
      return { partition, offset: null };
    });
    await connect.setOffsets(connector, lost);
    await world.run("INSERT INTO items VALUES (1, 1, 'lost')");
    await connect.resume(connector);
    await world.begun();
    const halts = async (): Promise<readonly string[]> => {
      const events = await readToEnd(world.reopen(), { tables, from: mark.position, registry });
      return ofKind(events, 'table-halted').map(({ table, error, recovery }) => {
        return `${table.table} ${error.code} ${recovery}`;
      });
    };
    deepEqual(sorted(await halts()), [
      'items SOURCE-CAPTURE-BEGAN bootstrap',
      'others SOURCE-CAPTURE-BEGAN bootstrap',
    ]);
    // Nor are they whole without the statements between.
    await world.expire(world.name);
    deepEqual(sorted(await halts()), [
      'items KAFKA-OFFSETS-GONE bootstrap',
      'others KAFKA-OFFSETS-GONE bootstrap',
    ]);
  },

  'columns come and tables go, each by name (spec: D6)': async (t) => {
    const third = 'CREATE TABLE third (id BIGINT PRIMARY KEY, v BIGINT)';
    const started = await start(t, { ...ITEMS, tables: [...ITEMS.tables, third] });
    const { world } = started;
    await world.run(
      'INSERT INTO items VALUES (1, 1, NULL)',
      'ALTER TABLE items ADD COLUMN extra VARCHAR(10)',
      "INSERT INTO items VALUES (2, 2, NULL, 'new')",
      'INSERT INTO others VALUES (1, 1)',
      // One statement, and a record for each of its tables.
      'DROP TABLE third, others',
      'CREATE TABLE others (id BIGINT PRIMARY KEY, v BIGINT)',
      "INSERT INTO items VALUES (3, 3, NULL, 'later')",
    );
    const { topics, log } = await bothRead(started);
    deepEqual(sorted(texts(topics)), sorted(texts(log)));
    equal(ofKind(topics, 'schema-changed').length, 1);
    const halts = ofKind(topics, 'table-halted').map(({ table, error, removal }) => {
      return `${table.table} ${error.code} ${removal}`;
    });
    deepEqual(halts.toSorted(), [
      'others SOURCE-TABLE-MISSING table',
      'third SOURCE-TABLE-MISSING table',
    ]);
    // One that was loaded again has passed its DROP, wherever the other tables are.
    const { position } = await world.source.lowMark(1);
    const own = new Map([[`${world.name}.others`, position]]);
    await world.run('INSERT INTO others VALUES (2, 2)');
    const from = started.mark.position;
    const again = await readToEnd(world.source, { ...started, from, own });
    deepEqual(
      ofKind(again, 'table-halted').map(({ table }) => table.table),
      ['third'],
    );
    ok(texts(again).some((text) => text.startsWith('others c')));
  },

  'what is gone from a topic stops its table and states the gap (spec: D7)': async (t) => {
    const started = await start(t);
    const { world } = started;
    await world.run("INSERT INTO items VALUES (1, 1, 'a'), (2, 2, 'b')");
    await readToEnd(world.source, { ...started, from: started.mark.position });
    const brokers = new KafkaBrokers(kafkaParts());
    t.after(() => brokers.close());
    const name = world.topicOf('items');
    await world.expire(name, 1n);
    const gone = await haltOf(started);
    equal(gone.code, 'KAFKA-OFFSETS-GONE');
    match(gone.what, /begins at 1: 1 are gone/);
    const topics = [{ name, count: 2, assignments: null }];
    const grown = await brokers.ask(null, (connection) =>
      createPartitionsV3.api.async(connection, topics, 5000, false),
    );
    deepEqual(
      grown.results.map(({ errorCode }) => errorCode),
      [0],
    );
    const mark = await world.source.lowMark(1);
    equal((await haltOf({ ...started, mark })).code, 'SOURCE-TOPIC-PARTITIONS');
    await world.admin.remove([name]);
    await world.admin.create([{ name, partitions: 1, replicas: 1, settings: {} }]);
    const anew = await haltOf({ ...started, mark });
    equal(anew.code, 'KAFKA-TOPIC-MISSING');
    match(anew.what, /another one stands under its name/);
  },

  'a record that is no change stops its table (spec: D7)': async (t) => {
    const started = await start(t);
    const { world } = started;
    const producer = new Producer({
      clientId: 'test',
      bootstrapBrokers: [kafkaParts().address.bootstrapServers],
    });
    t.after(() => producer.close());
    const value = Buffer.from('this is no JSON');
    const messages = [{ topic: world.topicOf('items'), value }];
    await producer.send({ messages, acks: ProduceAcks.ALL });
    const { code, what } = await haltOf(started);
    equal(code, 'SOURCE-RECORD-UNREADABLE');
    match(what, /offset 0 of .* It is no JSON object\./);
  },

  'a connector that would lose something is refused by name (spec: D8)': async (t) => {
    const { world, registry, tables, mark } = await start(t);
    const config = await world.connect.config(world.connector);
    await world.connect.put(world.connector, {
      ...config,
      'skipped.operations': 't',
      'schema.history.internal.store.only.captured.tables.ddl': 'true',
      'schema.history.internal.store.only.captured.databases.ddl': 'true',
      'table.include.list': `${world.name}.items`,
    });
    const findings = await world.source.check();
    const errors = findings.filter(({ severity }) => severity === 'error');
    match(errors.map(({ message }) => message).join(), /skipped\.operations is t; it must be none/);
    match(errors.map(({ message }) => message).join(), /does not read .*others/);
    match(
      errors.map(({ message }) => message).join(),
      /captured\.tables\.ddl is true; it must be false/,
    );
    match(errors.map(({ message }) => message).join(), /captured\.databases\.ddl is true/);
    const reading = readToEnd(world.reopen(), { tables, from: mark.position, registry });
    await rejects(reading, { code: 'SOURCE-CONNECTOR' });
  },
};

// Side by side: most of it is waiting.
suite('source', { concurrency: 3 }, () => {
  for (const [name, run] of Object.entries(TESTS)) test(name, { skip }, run);
});
