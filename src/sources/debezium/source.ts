/**
 * The source `debezium`: changes from the topics of a Debezium connector for MySQL or MariaDB,
 * everything else from the database behind it (docs/spec/source-debezium.md). The offsets that were
 * read are in the ledgers' commits; no consumer group is joined and nothing is written to Kafka,
 * Connect or the database.
 */
import type { TableRule } from '../../config/pipeline-config.ts';
import { KafkaAdmin } from '../../kafka/kafka-admin.ts';
import type { KafkaAddress } from '../../kafka/kafka-address.ts';
import { KafkaReader } from '../../kafka/kafka-reader.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import type { Random } from '../../kernel/random.ts';
import { compareMarks } from '../../model/change-sequence.ts';
import { carriedCounts } from '../../model/hidden-changes.ts';
import type { SourceEvent, SourceTable } from '../../model/source-event.ts';
import type { SourcePosition } from '../../model/source-position.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableName, TableSchema } from '../../model/table-schema.ts';
import type {
  ChangeSource,
  Finding,
  PositionVerdict,
  SourceLag,
  SourceMark,
  WholeTable,
} from '../../ports/source.ts';
import { missedTables, topicOf } from './connector-modes.ts';
import type { ConnectorModes } from './connector-modes.ts';
import { DebeziumConnector } from './debezium-connector.ts';
import type { ConnectorAddress } from './debezium-connector.ts';
import { fieldReading } from './field-decoder.ts';
import { otherHistory } from './history-proof.ts';
import { formatPlaces, newerPlaces, olderPlaces, parsePlaces } from './topic-places.ts';
import type { TopicPlace, TopicPlaces } from './topic-places.ts';
import { streamTopics } from './topic-stream.ts';
import type { ServerSource } from './barrier-watch.ts';

/** How the source is opened. */
export interface DebeziumSourceOptions {
  readonly kafka: () => Promise<KafkaAddress>;
  readonly connector: ConnectorAddress;
  /** The database that the connector reads; closed with this source. */
  readonly database: ServerSource;
  /** For people. */
  readonly label: string;
  readonly tables: readonly TableRule[];
  /** The pipeline's name. */
  readonly namespace: string;
  /** What happens to a table whose place another one took. */
  readonly onSwap: 'halt' | 'bootstrap';
  readonly clock: Clock;
  readonly random: Random;
}

/** Low marks that are taken until one has passed what is in the topics, and the pauses. */
const LOW = { attemptsMax: 100, pauseMs: 100 } as const;

/** Longest text of a position. */
const TOKEN_LENGTH_MAX = 64 * 1024;

/** A source over one connector. Nothing is connected before it is used. */
export function createDebeziumSource(options: DebeziumSourceOptions): ChangeSource {
  return new DebeziumSource(options);
}

interface Clients {
  readonly admin: KafkaAdmin;
  readonly reader: KafkaReader;
}

class DebeziumSource implements ChangeSource {
  readonly kind = 'debezium';
  readonly delivery = 'push';
  readonly keepsLog = 'by-retention';
  readonly #options: DebeziumSourceOptions;
  readonly #sourceId: string;
  readonly #connector: DebeziumConnector;
  #clients: Promise<Clients> | null = null;

  constructor(options: DebeziumSourceOptions) {
    this.#options = options;
    this.#sourceId = `debezium:${options.namespace}`;
    this.#connector = new DebeziumConnector(options.connector);
  }

  async discover(): Promise<readonly SourceTable[]> {
    const modes = await this.#connector.modes();
    const found = await this.#options.database.discover();
    return found.filter((table) => refusal(table, modes) === null);
  }

  async check(): Promise<readonly Finding[]> {
    const found = [...(await this.#options.database.check())];
    const { modes, obstacles } = await this.#connector.judge();
    for (const message of obstacles) found.push(finding('error', 'connector', message));
    if (modes === null) return found;
    for (const message of modes.hints) found.push(finding('warning', 'connector', message));
    const tables = await this.#options.database.discover();
    for (const name of missedTables(
      modes,
      tables.map(({ table }) => table),
    )) {
      found.push(finding('error', 'connector-table', `The connector does not read ${name}.`));
    }
    for (const table of tables) {
      const message = refusal(table, modes);
      if (message !== null) {
        found.push({
          ...finding('error', 'SOURCE-TABLE-UNSUPPORTED', message),
          table: table.table,
        });
      }
    }
    found.push(...(await this.#checkTopics(modes, tables)));
    return [...found, ...(await this.#checkServer())];
  }

  async identify(): ReturnType<ChangeSource['identify']> {
    return { sourceId: this.#sourceId, label: this.#options.label };
  }

  prepare(tables: readonly TableSchema[]): Promise<void> {
    return this.#options.database.prepare(tables);
  }

  /**
   * A place in the topics and a low mark of the database that has passed it: what stands in the
   * topics before the place was in the log before, so a mark at or after the log's end of then is
   * behind all of it. Everything above the mark is in the topics after the place.
   */
  async lowMark(epoch: number): Promise<SourceMark> {
    const { database, clock } = this.#options;
    // Before the mark: what happens beside it is taken for new.
    const carried = carriedCounts(await database.hiddenChanges(), clock.nowMs());
    // A connector that has not begun would pass over what is between.
    await this.#connector.place();
    const topics = await this.#ends();
    const passed = (await database.highMark(epoch)).completeTo;
    for (let attempt = 1; ; attempt++) {
      const low = await database.lowMark(epoch);
      if (compareMarks(low.completeTo, passed) >= 0) {
        const { completeTo, position } = low;
        const places = { seq: completeTo.seq, history: position.token, carried, topics };
        return { completeTo, position: this.#position(places) };
      }
      if (attempt >= LOW.attemptsMax) {
        const what = 'The database does not show yet what is in its log already';
        throw new FirnError('SOURCE-UNREACHABLE', { what, where: this.#options.label });
      }
      await clock.sleep(LOW.pauseMs);
    }
  }

  async highMark(epoch: number): Promise<SourceMark> {
    return this.#outside(await this.#options.database.highMark(epoch));
  }

  bootstrap(
    request: Parameters<ChangeSource['bootstrap']>[0],
  ): ReturnType<ChangeSource['bootstrap']> {
    return this.#options.database.bootstrap({ ...request, low: this.#inDatabase(request.low) });
  }

  border(request: Parameters<ChangeSource['border']>[0]): Promise<string | null> {
    return this.#options.database.border({ ...request, low: this.#inDatabase(request.low) });
  }

  async readAll(request: Parameters<ChangeSource['readAll']>[0]): Promise<WholeTable> {
    const { low, high, batches } = await this.#options.database.readAll(request);
    return { low: this.#outside(low), high: this.#outside(high), batches };
  }

  readKeys(request: Parameters<ChangeSource['readKeys']>[0]): ReturnType<ChangeSource['readKeys']> {
    return this.#options.database.readKeys(request);
  }

  async *stream(request: Parameters<ChangeSource['stream']>[0]): AsyncGenerator<SourceEvent> {
    const { clock, tables: rules, database, onSwap } = this.#options;
    const from = placesOf(request.from ?? (await this.lowMark(request.epoch)).position);
    const own = new Map<string, TopicPlaces>();
    for (const [name, position] of request.own ?? []) own.set(name, placesOf(position));
    const clients = await this.#open();
    const parts = { ...clients, connector: this.#connector, database, clock, rules, onSwap };
    yield* streamTopics({ ...parts, sourceId: this.#sourceId }, request, { from, own });
  }

  async acknowledge(): Promise<void> {
    // Kafka forgets by its own retention.
  }

  oldest(left: SourcePosition, right: SourcePosition): SourcePosition {
    return this.#combined(left, right, olderPlaces);
  }

  newest(left: SourcePosition, right: SourcePosition): SourcePosition {
    return this.#combined(left, right, newerPlaces);
  }

  /** Of the database's history; a topic that lost records is the matter of its table alone. */
  async verifyPosition({ token, sourceId }: SourcePosition): Promise<PositionVerdict> {
    const places = parsePlaces(token);
    if (places === null) {
      return { kind: 'broken', reason: 'The position is not one of this kind of source.' };
    }
    const { database } = this.#options;
    const reason = await otherHistory(database, { sourceId, token: places.history });
    return reason === null ? { kind: 'valid' } : { kind: 'broken', reason };
  }

  async lag({ token }: SourcePosition): Promise<SourceLag | null> {
    const places = parsePlaces(token);
    if (places === null) return null;
    const { admin } = await this.#open();
    let changes = 0n;
    for (const [topic, place] of places.topics) {
      try {
        const { topicId, latest } = await admin.offsets(topic);
        if (place !== null && topicId !== place.topicId) return { changes: null };
        changes += (latest[0] ?? 0n) - (place?.offset ?? 0n);
      } catch (error) {
        // A topic that is not there has nothing to read.
        if (!isFirnError(error, 'KAFKA-TOPIC-MISSING')) throw error;
      }
    }
    return { changes };
  }

  async uninstallPlan(): Promise<readonly string[]> {
    return [];
  }

  async uninstall(): Promise<void> {
    // Nothing was put anywhere.
  }

  async close(): Promise<void> {
    const clients = this.#clients;
    this.#clients = null;
    if (clients !== null) {
      const { admin, reader } = await clients;
      await admin.close();
      await reader.close();
    }
    await this.#options.database.close();
  }

  /** The place in the database's own log that goes with one of ours. */
  #inDatabase(position: SourcePosition | null = null): SourcePosition | null {
    if (position === null) return null;
    return { ...position, token: parsePlaces(position.token)?.history ?? position.token };
  }

  #open(): Promise<Clients> {
    const { kafka, clock, random } = this.#options;
    this.#clients ??= kafka().then((address) => {
      const parts = { address, clock, random };
      return { admin: new KafkaAdmin(parts), reader: new KafkaReader(parts) };
    });
    return this.#clients;
  }

  /** Where the topics of all tables end now. */
  async #ends(): Promise<ReadonlyMap<string, TopicPlace | null>> {
    const { prefix } = await this.#connector.modes();
    const tables = await this.#options.database.discover();
    const { admin } = await this.#open();
    const ends = new Map<string, TopicPlace | null>();
    const names = new Set([prefix, ...tables.map(({ table }) => topicOf(prefix, table))]);
    const found = await admin.find([...names]);
    for (const topic of names) {
      const isThere = found.has(topic);
      const end = isThere ? await admin.offsets(topic) : null;
      ends.set(topic, end === null ? null : { topicId: end.topicId, offset: end.latest[0] ?? 0n });
    }
    return ends;
  }

  #position(places: TopicPlaces): SourcePosition {
    const token = formatPlaces(places);
    if (token.length > TOKEN_LENGTH_MAX) {
      const what = `${places.topics.size} topics are more than one position can hold`;
      throw new FirnError('SOURCE-TABLE-UNSUPPORTED', { what, where: this.#options.label });
    }
    return { sourceId: this.#sourceId, partition: 'main', token };
  }

  /** A mark of the database that nothing is read from: it has no place in any topic. */
  #outside({ position, completeTo }: SourceMark): SourceMark {
    const { seq } = completeTo;
    const places = { seq, history: position.token, carried: null, topics: new Map() };
    return { completeTo, position: this.#position(places) };
  }

  #combined(
    left: SourcePosition,
    right: SourcePosition,
    combine: (left: TopicPlaces, right: TopicPlaces) => TopicPlaces,
  ): SourcePosition {
    const [first, second] = [parsePlaces(left.token), parsePlaces(right.token)];
    if (first === null || second === null) return left;
    return this.#position(combine(first, second));
  }

  /** What Debezium carries wrongly; names that only catalogs in Java mix up are no matter here. */
  async #checkServer(): Promise<readonly Finding[]> {
    const options = { readsRows: true, instead: 'source.type: mysql' };
    const found = await this.#options.database.checkDebezium(options);
    return found.filter(({ code }) => code !== 'CLUSTER-TABLE');
  }

  async #checkTopics(
    { prefix }: ConnectorModes,
    tables: readonly SourceTable[],
  ): Promise<readonly Finding[]> {
    const { admin } = await this.#open();
    const byTopic = new Map<string, TableName>(
      tables.map(({ table }) => [topicOf(prefix, table), table]),
    );
    const found = await admin.find([...byTopic.keys()]);
    const findings: Finding[] = [];
    for (const [topic, table] of byTopic) {
      const partitions = found.get(topic)?.partitions ?? 1;
      if (partitions === 1) continue;
      const message = `The topic ${topic} has ${partitions} partitions: changes are in order within one alone.`;
      findings.push({ ...finding('error', 'SOURCE-TOPIC-PARTITIONS', message), table });
    }
    return findings;
  }
}

function placesOf({ token }: SourcePosition): TopicPlaces {
  const places = parsePlaces(token);
  if (places !== null) return places;
  const what = 'The saved position is not one of this kind of source';
  throw new FirnError('SOURCE-POSITION-BROKEN', { what });
}

function finding(severity: Finding['severity'], code: string, message: string): Finding {
  return { severity, code, table: null, message, fix: null };
}

/** Why a table cannot be read out of envelopes, as a sentence; `null`: it can. */
function refusal({ table, columns }: SourceTable, { values }: ConnectorModes): string | null {
  for (const column of columns) {
    const reading = fieldReading(column, values);
    if (reading.kind === 'read') continue;
    return `Column ${column.sourceName} of ${formatTableName(table)} ${reading.reason}.`;
  }
  return null;
}
