/**
 * Firn's own reader on a real database and a real Kafka: where it goes on after it died at each
 * place that matters, and what it writes a second time.
 */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaAdmin } from '../../src/kafka/kafka-admin.ts';
import { KafkaProducer } from '../../src/kafka/kafka-producer.ts';
import type { NewRecord } from '../../src/kafka/kafka-producer.ts';
import { present } from '../../src/kernel/assert.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { ChangeFeed } from '../../src/pipeline/cluster/feed/change-feed.ts';
import type { FeedParts } from '../../src/pipeline/cluster/feed/change-feed.ts';
import { placeRecord, readFeedPlace } from '../../src/pipeline/cluster/feed/feed-places.ts';
import type { SourceMark } from '../../src/ports/source.ts';
import { ledgerState } from '../support/lake-fixture.ts';
import { SqliteWorld } from '../support/sqlite-world.ts';
import {
  SKIP_WITHOUT_KAFKA as skip,
  kafkaParts,
  openAdmin,
  openReader,
  ownTopic,
} from './kafka-broker.ts';

const SHAPE = { partitions: 2, replicas: 1, settings: {} } as const;

type Name = TableSchema['table'];

/** A database with two tables, their topics, and ledgers that stand where a test puts them. */
class FeedWorld {
  readonly name: string;
  readonly admin: KafkaAdmin;
  readonly source = new SqliteWorld({
    schema: 'CREATE TABLE a(id INTEGER PRIMARY KEY, v); CREATE TABLE b(id INTEGER PRIMARY KEY, v)',
  });
  /** Places of the ledgers on main. */
  readonly ledgers = new Map<string, SourceMark>();
  readonly halted: string[] = [];
  /** Ids of the topics that the ledgers have offsets of. */
  readonly begun = new Set<string>();
  tables: readonly TableSchema[] = [];
  readonly #t: TestContext;

  private constructor(t: TestContext) {
    this.#t = t;
    this.name = ownTopic(t);
    t.after(() => this.source.close());
    this.admin = openAdmin(t);
  }

  static async open(t: TestContext): Promise<FeedWorld> {
    const world = new FeedWorld(t);
    const { tables, mark } = await world.source.prepare();
    world.tables = tables;
    for (const { table } of tables) world.ledgers.set(table.table, mark);
    const names = [world.topic('a'), world.topic('b'), world.topic('places')];
    await world.admin.create(names.map((name) => ({ ...SHAPE, name })));
    await world.begin('a');
    await world.begin('b');
    return world;
  }

  topic(table: string): string {
    return `${this.name}.${table}`;
  }

  /** A job has begun to read a table's topic. */
  async begin(table: string): Promise<void> {
    const { topicId } = await this.admin.offsets(this.topic(table));
    this.begun.add(topicId);
  }

  /** Makes a topic anew. */
  async renew(table: string): Promise<void> {
    await this.admin.remove([this.topic(table)]);
    await this.admin.create([{ ...SHAPE, name: this.topic(table) }]);
  }

  async remove(): Promise<void> {
    await this.admin.remove([this.topic('a'), this.topic('b'), this.topic('places')]);
  }

  /** Runs a feed up to the journal's end; `cut` sees what is sent, and may throw. */
  async feed(cut: (records: readonly NewRecord[]) => void = () => undefined): Promise<SourceMark> {
    const producer = new KafkaProducer(kafkaParts());
    const { completeTo: until } = await this.source.source.highMark(1);
    const feed = new ChangeFeed(this.#parts(producer, cut));
    const end = new AbortController();
    const reading = feed.run(end.signal);
    let hasFailed = false;
    reading.catch(() => {
      hasFailed = true;
    });
    try {
      for (;;) {
        const place = await (await feed.newest())?.mark();
        if (hasFailed) await reading;
        if (place !== undefined && place.completeTo.seq >= until.seq) return place;
        await sleep(5);
      }
    } finally {
      end.abort();
      await Promise.allSettled([reading]);
      await producer.close();
    }
  }

  /** What a feed asks of its pipeline and its run, and no more. */
  #parts(producer: KafkaProducer, cut: (records: readonly NewRecord[]) => void): FeedParts {
    const { source } = this.source;
    const offsets = new Map([...this.begun].map((id) => [id, [0n, 0n]]));
    const cluster = { offsets, published: null };
    const parts = {
      pipeline: { source, metrics: { add: () => undefined } },
      run: {
        epoch: 1,
        isWaitedFor: false,
        schemas: { resolve: this.source.registry.resolve },
        tables: new Map(this.tables.map(({ table }) => [`app.${table.table}`, this.#table(table)])),
        table: (name: Name) => this.#table(name),
        inStream: (job: () => Promise<void>) => job(),
        stage: {
          table: ({ table }: Name) => ({
            state: { ...ledgerState(0n), ...this.ledgers.get(table), cluster },
          }),
        },
      },
      services: { kafka: this.admin, records: openReader(this.#t) },
      producer: {
        send: async (records: readonly NewRecord[]) => {
          cut(records);
          await producer.send(records);
        },
      },
      plan: {
        name: this.name,
        tables: this.tables.map((schema) => ({ schema, topic: this.topic(schema.table.table) })),
      },
      onSchema: async () => undefined,
    };
    return parts as unknown as FeedParts;
  }

  #table({ table }: Name): unknown {
    const isHalted = this.halted.includes(table);
    return { name: `app.${table}`, drop: null, halt: isHalted ? { scope: 'capture' } : null };
  }

  /** Values of a table's topic. */
  async written(table: string): Promise<readonly string[]> {
    const topic = this.topic(table);
    const { topicId, latest } = await this.admin.offsets(topic);
    const values: string[] = [];
    for (const [partition, to] of latest.entries()) {
      const place = { topic, topicId, partition, offset: 0n, to };
      for await (const records of to > 0n ? openReader(this.#t).read(place) : []) {
        for (const { value } of records) values.push(new TextDecoder().decode(value ?? undefined));
      }
    }
    return values;
  }

  /** How many records both tables have. */
  async sizes(): Promise<readonly number[]> {
    return [(await this.written('a')).length, (await this.written('b')).length];
  }
}

/** How often each of the values is there. */
function counts(values: readonly string[]): readonly number[] {
  return [...Map.groupBy(values, (value) => value).values()].map(({ length }) => length);
}

/** Whether a record stores how far the topics have everything. */
function isPlace({ topic, key }: NewRecord): boolean {
  return (
    topic.endsWith('.places') && !new TextDecoder().decode(key ?? undefined).endsWith(':announced')
  );
}

const WORK = `
  INSERT INTO a VALUES (1, 'x'), (2, 9223372036854775807), (3, 1.5);
  UPDATE a SET id = 30 WHERE id = 3; DELETE FROM a WHERE id = 2;
  INSERT INTO b VALUES (1, NULL);`;

async function killed(t: TestContext): Promise<void> {
  const world = await FeedWorld.open(t);
  world.source.exec(WORK);
  const dies = (records: readonly NewRecord[]): void => {
    if (records.some(isPlace)) throw new Error('killed');
  };
  await rejects(world.feed(dies), /killed/);
  deepEqual(await world.sizes(), [6, 1]);
  const place = await world.feed();
  deepEqual(counts(await world.written('a')), [2, 2, 2, 2, 2, 2], 'the same texts');
  // From here on the place is stored: nothing is written again.
  deepEqual((await world.feed()).completeTo, place.completeTo);
  deepEqual(await world.sizes(), [12, 2]);
  await world.remove();
}

async function restored(t: TestContext): Promise<void> {
  const world = await FeedWorld.open(t);
  world.source.exec(`INSERT INTO a VALUES (1, 'x')`);
  await world.feed();
  world.source.exec(`INSERT INTO a VALUES (2, 'backed up'); PRAGMA wal_checkpoint(TRUNCATE)`);
  copyFileSync(world.source.path, `${world.source.path}.copy`);
  world.source.exec(`INSERT INTO a VALUES (3, 'lost'), (4, 'lost')`);
  const { completeTo } = await world.source.source.highMark(1);
  const dies = (records: readonly NewRecord[]): void => {
    if (records.some(isPlace)) throw new Error('killed');
  };
  await rejects(world.feed(dies), /killed/);
  deepEqual(await world.sizes(), [4, 0]);
  await world.source.source.close();
  world.source.writer.close();
  copyFileSync(`${world.source.path}.copy`, world.source.path);
  world.source.writer.open();
  const source = await world.source.reopen();
  // Others get the sequences that are in Kafka already.
  world.source.exec(`INSERT INTO a VALUES (3, 'other'), (4, 'other'), (5, 'other')`);
  const services = { kafka: world.admin, records: openReader(t) };
  const place = await readFeedPlace(services, world.name);
  deepEqual([place?.completeTo, place?.topicIds.size], [completeTo, 0]);
  const { position } = present(place, 'a place');
  equal((await source.verifyPosition(position)).kind, 'broken');
  await world.remove();
}

async function notBegun(t: TestContext): Promise<void> {
  const world = await FeedWorld.open(t);
  world.source.exec(WORK);
  await world.feed();
  world.begun.clear();
  await world.begin('b');
  await world.feed();
  deepEqual(await world.sizes(), [12, 1]);
  await world.remove();
}

async function arrivesLate(t: TestContext): Promise<void> {
  const world = await FeedWorld.open(t);
  world.source.exec(`INSERT INTO a VALUES (1, 'x')`);
  const late: NewRecord[] = [];
  await world.feed((records) => {
    late.push(...records);
  });
  world.source.exec(`INSERT INTO a VALUES (2, 'y')`);
  await world.feed();
  equal((await world.written('a')).length, 2);
  // What a killed reader had under way arrives behind all that its successor wrote.
  const successor = new KafkaProducer(kafkaParts());
  await successor.send(late);
  await successor.close();
  await world.feed();
  deepEqual(new Set(counts(await world.written('a'))), new Set([1, 2]), 'a repeat, and no more');
  await world.remove();
}

async function halted(t: TestContext): Promise<void> {
  const world = await FeedWorld.open(t);
  world.halted.push('a');
  world.source.exec(WORK);
  await world.feed();
  deepEqual(await world.sizes(), [0, 1]);
  world.halted.pop();
  await world.feed();
  deepEqual(await world.sizes(), [6, 1], 'the other one has everything');
  await world.feed();
  deepEqual(await world.sizes(), [6, 1]);
  await world.remove();
}

async function anew(t: TestContext): Promise<void> {
  const world = await FeedWorld.open(t);
  world.source.exec(WORK);
  const place = await world.feed();
  await world.renew('a');
  await world.feed();
  deepEqual(await world.sizes(), [6, 1]);
  // Where the ledgers on main have everything, nothing is read again, whatever Kafka lost.
  for (const table of world.ledgers.keys()) world.ledgers.set(table, place);
  await world.renew('places');
  await world.renew('b');
  await world.feed();
  deepEqual(await world.sizes(), [6, 0]);
  await world.remove();
}

async function ofAnother(t: TestContext): Promise<void> {
  const world = await FeedWorld.open(t);
  world.source.exec(`INSERT INTO a VALUES (1, 'x')`);
  const end = await world.source.source.highMark(1);
  const offsets = [await world.admin.offsets(world.topic('a'))];
  const topicIds = new Set(offsets.map(({ topicId }) => topicId));
  const position = { ...end.position, sourceId: 'sqlite:other' };
  const producer = new KafkaProducer(kafkaParts());
  await producer.send([placeRecord(world.name, { ...end, position, topicIds })]);
  const completeTo = { ...end.completeTo, epoch: 2 };
  await producer.send([placeRecord(world.name, { ...end, completeTo, topicIds })]);
  await producer.close();
  await world.feed();
  deepEqual(await world.sizes(), [1, 0]);
  await world.remove();
}

suite('own reader', { concurrency: 3, skip }, () => {
  test('killed before its place was stored it writes the same again (spec: E26, E27)', killed);
  test('what a restored database lost had been announced (spec: E27)', restored);
  test('what no job has begun to read is written again (spec: E27)', notBegun);
  test('what arrives late says nothing new (spec: E27)', arrivesLate);
  test('a halted table goes on where its ledger is, alone (spec: E27)', halted);
  test('of a topic that was made anew the ledger decides (spec: E27)', anew);
  test('a place of another database or epoch is none (spec: E27)', ofAnother);
});
