/**
 * The stream of changes out of a connector's topics. Records say where each change stands in the
 * log, and nothing in them says that all changes up to some place have come: that is Connect's word
 * (docs/spec/source-debezium.md D3). A barrier is its stored place, read first, and then the end of
 * each topic; once all topics were read up to there, everything below the place has been delivered,
 * if the database's log still is the one that the places are of. Changes at or above a barrier wait
 * in memory, at most one answer of the broker for each topic.
 */
import { chooseTable } from '../../config/table-choice.ts';
import type { TableRule } from '../../config/pipeline-config.ts';
import type { KafkaAdmin } from '../../kafka/kafka-admin.ts';
import type { FetchedRecords, KafkaReader } from '../../kafka/kafka-reader.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import type { SourceEvent } from '../../model/source-event.ts';
import { formatTableName, keyColumns } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { StreamRequest } from '../../ports/source.ts';
import { topicOf } from './connector-modes.ts';
import type { ConnectorModes } from './connector-modes.ts';
import { BarrierWatch } from './barrier-watch.ts';
import type { Barrier, BarrierParts } from './barrier-watch.ts';
import { DefinitionTopic } from './definition-topic.ts';
import { readRecord } from './envelope.ts';
import { formatPlaces, isReadTo } from './topic-places.ts';
import {
  halted,
  lateError,
  lostError,
  notCarriedError,
  recoveryOf,
  snapshotError,
  unreadableError,
} from './table-halts.ts';
import type { StreamStart, TopicPlaces } from './topic-places.ts';
import { TopicTable } from './topic-table.ts';

/** What streaming needs from the source. */
export interface TopicStreamParts extends BarrierParts {
  readonly admin: KafkaAdmin;
  readonly reader: KafkaReader;
  readonly rules: readonly TableRule[];
  readonly onSwap: 'halt' | 'bootstrap';
}

type Outcome = FetchedRecords | { readonly error: FirnError };

/** How long brokers wait for records, and bytes of one answer. */
const FETCH = { waitMs: 250, bytesMax: 8 * 1024 * 1024 } as const;

/** Streams changes until the request's signal, or the end of what was there with `once`. */
export async function* streamTopics(
  parts: TopicStreamParts,
  request: StreamRequest,
  start: StreamStart,
): AsyncGenerator<SourceEvent> {
  yield* new TopicStream(parts, request, start).run();
}

class TopicStream {
  readonly #parts: TopicStreamParts;
  readonly #request: StreamRequest;
  readonly #from: TopicPlaces;
  readonly #own: StreamStart['own'];
  #tables: TopicTable[] = [];
  #definitions: DefinitionTopic | null = null;
  #modes: ConnectorModes | null = null;
  #barrier: Barrier | null = null;
  readonly #watch: BarrierWatch;
  #seq: bigint;
  #target: bigint | null = null;
  #logName = '';
  #commitTsUs: bigint | null = null;

  constructor(parts: TopicStreamParts, request: StreamRequest, { from, own }: StreamStart) {
    this.#parts = parts;
    this.#request = request;
    this.#from = from;
    this.#own = own;
    this.#seq = from.seq;
    this.#watch = new BarrierWatch(parts, { ...from, epoch: request.epoch });
  }

  async *run(): AsyncGenerator<SourceEvent> {
    const { signal, once, epoch } = this.#request;
    if (once) this.#target = (await this.#parts.database.highMark(epoch)).completeTo.seq;
    yield* await this.#start();
    if (!once) yield this.#border();
    while (!signal.aborted) {
      await this.#findBarrier();
      yield* await this.#read();
      yield* await this.#release();
      if (!this.#isComplete()) continue;
      yield* await this.#pass();
      if (this.#target !== null && this.#seq >= this.#target) return;
    }
  }

  /** Opens the tables; gives those that cannot be read. */
  async #start(): Promise<readonly SourceEvent[]> {
    const { connector, rules, onSwap } = this.#parts;
    const modes = await connector.modes();
    this.#modes = modes;
    this.#logName = await this.#watch.begin();
    this.#definitions = new DefinitionTopic({
      topic: modes.prefix,
      place: this.#from.topics.get(modes.prefix) ?? null,
      after: this.#from.seq,
      tables: this.#request.tables.map(({ table }) => table),
      rules,
      flavour: modes.flavour,
      onSwap,
    });
    const events: SourceEvent[] = [];
    const topics = Map.groupBy(this.#request.tables, ({ table }) => topicOf(modes.prefix, table));
    for (const schema of this.#request.tables) {
      const topic = topicOf(modes.prefix, schema.table);
      const opened = this.#open(schema, topic, topics.get(topic)?.length ?? 0);
      if (opened instanceof TopicTable) this.#tables.push(opened);
      else events.push(halted(schema, opened));
    }
    return events;
  }

  #open(schema: TableSchema, topic: string, sharing: number): TopicTable | FirnError {
    const modes = this.#modes;
    const where = formatTableName(schema.table);
    const { rules } = this.#parts;
    // Another table's place may be before what is gone from this one's topic.
    const { seq: after, topics } = this.#own.get(where) ?? this.#from;
    const place = topics.get(topic);
    if (modes?.captures(schema.table) !== true) {
      const what = 'The connector does not read the table';
      return new FirnError('SOURCE-CAPTURE-ENDED', { what, where });
    }
    if (sharing > 1) {
      const what = `Another captured table has the same topic ${topic}`;
      return new FirnError('SOURCE-TABLE-UNSUPPORTED', { what, where });
    }
    if (place === undefined) {
      const what = 'The saved position has no place in the topic of the table';
      return new FirnError('SOURCE-CAPTURE-BEGAN', { what, where });
    }
    const choice = chooseTable(rules, where);
    const onMisfit = (column: string): 'halt' | 'null' =>
      choice?.onMisfit(column) === 'null' ? 'null' : 'halt';
    const start = { schema, topic, place, after };
    try {
      return new TopicTable({ modes: modes.values, epoch: this.#request.epoch, onMisfit }, start);
    } catch (error) {
      if (isFirnError(error, 'SOURCE-TABLE-UNSUPPORTED')) return error;
      throw error;
    }
  }

  /** Takes a barrier when one is due: what the topics have from then on must be read. */
  async #findBarrier(): Promise<void> {
    if (this.#barrier !== null) return;
    this.#barrier = await this.#watch.next(this.#seq);
    if (this.#barrier === null) return;
    const definitions = this.#definitions === null ? [] : [this.#definitions];
    const sources = [...this.#live(), ...definitions];
    // After the place: everything before it is below these ends.
    const ends = await this.#parts.admin.ends(sources.map(({ topic }) => topic));
    for (const one of sources) one.readTo = ends.get(one.topic)?.latest[0] ?? null;
  }

  #live(): readonly TopicTable[] {
    return this.#tables.filter(({ isHalted }) => !isHalted);
  }

  /** Reads what the topics have; of those with changes that wait, nothing. */
  async #read(): Promise<readonly SourceEvent[]> {
    const { clock } = this.#parts;
    const open = this.#live().filter(({ held }) => held.length === 0);
    await this.#findTopics(open);
    const sources = [...open, ...(this.#definitions === null ? [] : [this.#definitions])];
    const places = sources.flatMap(({ topic, place }) => {
      return place === null ? [] : [{ topic, ...place, partition: 0 }];
    });
    if (places.length === 0) {
      await clock.sleep(FETCH.waitMs, this.#request.signal);
      return [];
    }
    const isBehind = open.some((table) => table.readTo !== null && !isReadTo(table));
    const waitMs = isBehind ? 0 : FETCH.waitMs;
    const outcomes = await this.#parts.reader.fetchEach(places, { ...FETCH, waitMs });
    const events: SourceEvent[] = [];
    for (const outcome of outcomes) {
      const { topic } = outcome.place;
      const table = open.find((one) => one.topic === topic);
      if (table === undefined) {
        events.push(...this.#takeDefinitions(topic, outcome));
      } else {
        events.push(...this.#take(table, outcome));
      }
    }
    return events;
  }

  /** Statements that are gone, or a connector that began anew: no table's changes are whole. */
  #takeDefinitions(topic: string, outcome: Outcome): readonly SourceEvent[] {
    const live = this.#live();
    if ('error' in outcome) {
      this.#definitions?.lose();
      return live.flatMap((one) => this.#halt(one, lostError(one, outcome.error), 'bootstrap'));
    }
    const offset = this.#definitions?.take(outcome, this.#logName) ?? null;
    if (offset === null) return [];
    return live.flatMap((table) => this.#halt(table, snapshotError(table, { topic, offset })));
  }

  /** Looks for topics that were not there yet. */
  async #findTopics(open: readonly TopicTable[]): Promise<void> {
    const absent = open.filter(({ place }) => place === null);
    const definitions = this.#definitions?.place === null ? [this.#definitions] : [];
    const wanted = [...absent, ...definitions];
    if (wanted.length === 0) return;
    const found = await this.#parts.admin.find(wanted.map(({ topic }) => topic));
    for (const one of wanted) {
      const now = found.get(one.topic);
      if (now === undefined) one.readTo ??= 0n;
      else one.place = { topicId: now.topicId, offset: 0n };
    }
  }

  #take(table: TopicTable, outcome: Outcome): readonly SourceEvent[] {
    if ('error' in outcome) return this.#halt(table, lostError(table, outcome.error));
    if (outcome.partitions > 1) {
      const what = `The topic ${table.topic} has ${outcome.partitions} partitions`;
      const error = new FirnError('SOURCE-TOPIC-PARTITIONS', { what, where: table.name });
      return this.#halt(table, error);
    }
    const { namespace, table: name } = table.schema.table;
    const context = { namespace, table: name, logName: this.#logName };
    for (const { offset, value } of outcome.records) {
      const record = readRecord(value, context);
      switch (record.kind) {
        case 'change':
          if (record.seq <= this.#seq && table.isNew(record)) {
            return this.#halt(table, lateError(table, offset));
          }
          table.hold({ change: record, offset });
          break;
        case 'snapshot':
          return this.#halt(table, snapshotError(table, { topic: table.topic, offset }));
        case 'unreadable':
          return this.#halt(table, unreadableError(table, { offset, reason: record.reason }));
        default:
      }
    }
    table.place = { topicId: outcome.place.topicId, offset: outcome.nextOffset };
    if (this.#barrier !== null) table.readTo ??= outcome.endOffset;
    return [];
  }

  #halt(
    table: TopicTable,
    error: FirnError,
    recovery: 'bootstrap' | 'operator' = recoveryOf(error),
  ): readonly SourceEvent[] {
    table.isHalted = true;
    table.held.length = 0;
    const batch = table.cut();
    const event = halted(table.schema, error, recovery);
    return batch === null ? [event] : [{ kind: 'changes', batch }, event];
  }

  /** Gives out what lies at or below the barrier. */
  async #release(): Promise<readonly SourceEvent[]> {
    const barrier = this.#barrier;
    const definitions = this.#definitions;
    if (barrier === null || definitions === null || !isReadTo(definitions)) return [];
    const events: SourceEvent[] = [];
    const live = this.#live();
    const captured = live.map(({ schema }) => schema.table);
    for (const told of definitions.upTo(barrier.seq, captured)) {
      if (told.kind === 'appeared') events.push({ kind: 'table-appeared', table: told.table });
      else {
        const name = formatTableName(told.cut.effect.table);
        const table = live.find((one) => one.name === name);
        // What came before the table was loaded again was before its rows, too.
        if (table !== undefined && told.cut.seq > table.after) table.cuts.push(told.cut);
      }
    }
    for (const table of live) events.push(...(await this.#releaseTable(table, barrier.seq)));
    return events;
  }

  async #releaseTable(table: TopicTable, upTo: bigint): Promise<readonly SourceEvent[]> {
    const events: SourceEvent[] = [];
    while (!table.isHalted) {
      const [cut] = table.cuts;
      const limit = cut !== undefined && cut.seq <= upTo ? cut.seq : upTo;
      const count = table.held.findIndex(({ change }) => change.seq > limit);
      const ready = table.held.splice(0, count < 0 ? table.held.length : count);
      try {
        for (const { change } of ready) events.push(...(await this.#give(table, change)));
      } catch (error) {
        if (!isFirnError(error) || error.disposition !== 'halt-table') throw error;
        events.push(...this.#halt(table, error));
        break;
      }
      // A statement comes into force behind every row before it.
      if (cut === undefined || limit !== cut.seq) break;
      if (table.held.length === 0 && !isReadTo(table)) break;
      const { error, recovery, removal } = cut.effect;
      const stopped = this.#halt(table, error, recovery);
      events.push(
        ...stopped.map((event) =>
          event.kind === 'table-halted' && removal !== undefined ? { ...event, removal } : event,
        ),
      );
    }
    return events;
  }

  async #give(
    table: TopicTable,
    change: Parameters<TopicTable['append']>[0],
  ): Promise<readonly SourceEvent[]> {
    const events: SourceEvent[] = [];
    const added = table.newFields(change.image);
    if (added.length > 0) events.push(...(await this.#extend(table, added)));
    this.#commitTsUs = change.commitTsUs;
    const isFull = table.append(change);
    const batch = isFull ? table.cut() : null;
    if (batch !== null) events.push({ kind: 'changes', batch });
    return events;
  }

  /** New columns: those that the database has too, and that are captured, become the schema's. */
  async #extend(table: TopicTable, added: readonly string[]): Promise<readonly SourceEvent[]> {
    const { database, rules } = this.#parts;
    const { schema, name } = table;
    const choice = chooseTable(rules, name);
    const isAsked = added.some((column) => choice?.isExcluded(column) === false);
    const tables = isAsked ? await database.discover() : [];
    const found = tables.find((one) => formatTableName(one.table) === name);
    const columns = (found?.columns ?? []).filter(({ sourceName }) => added.includes(sourceName));
    for (const column of added) {
      if (!columns.some(({ sourceName }) => sourceName === column)) table.ignored.add(column);
    }
    if (found === undefined || columns.length === 0) return [];
    const batch = table.cut();
    table.schema = await this.#request.resolveSchema({
      ...found,
      columns: [...schema.columns, ...columns].map(({ sourceName, type, sourceType }) => {
        return { sourceName, type, sourceType };
      }),
      keyColumns: keyColumns(schema).map(({ sourceName }) => sourceName),
    });
    const changed: SourceEvent = { kind: 'schema-changed', schema: table.schema };
    return batch === null ? [changed] : [{ kind: 'changes', batch }, changed];
  }

  /** Whether every topic has been read as far as the barrier needs it. */
  #isComplete(): boolean {
    if (this.#barrier === null || this.#definitions === null) return false;
    if (!isReadTo(this.#definitions)) return false;
    // What waits is behind the barrier, and so is everything after it in its topic.
    return this.#live().every((table) => table.held.length > 0 || isReadTo(table));
  }

  /** The barrier was reached: proves the history and that all was carried, and tells the border. */
  async #pass(): Promise<readonly SourceEvent[]> {
    const barrier = this.#barrier;
    if (barrier === null) return [];
    await this.#watch.prove(barrier);
    const hidden = await this.#watch.findHidden();
    this.#barrier = null;
    this.#seq = barrier.seq;
    const events: SourceEvent[] = [];
    for (const table of this.#live()) {
      if (hidden !== null) events.push(...this.#halt(table, notCarriedError(table, hidden)));
      const batch = table.cut();
      if (batch !== null) events.push({ kind: 'changes', batch });
    }
    return [...events, this.#border()];
  }

  #border(): SourceEvent {
    const topics = new Map(this.#from.topics);
    const definitions = this.#definitions;
    if (definitions !== null) topics.set(definitions.topic, definitions.firstUnused());
    for (const { topic, place, held } of this.#live()) {
      const [first] = held;
      const next =
        place === null || first === undefined ? place : { ...place, offset: first.offset };
      topics.set(topic, next);
    }
    const { history, carried } = this.#watch;
    const token = formatPlaces({ seq: this.#seq, history, carried, topics });
    const position = { sourceId: this.#parts.sourceId, partition: 'main', token };
    const completeTo = { epoch: this.#request.epoch, seq: this.#seq };
    const commitTsUs = this.#commitTsUs;
    this.#commitTsUs = null;
    if (commitTsUs === null) return { kind: 'heartbeat', position, completeTo };
    return { kind: 'transaction-end', position, completeTo, commitTsUs };
  }
}
