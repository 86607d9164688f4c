/**
 * Firn's own reader in the place of a connector: reads the source as the embedded engine does and
 * writes each change into its table's topic, as an envelope. It goes on behind the furthest place
 * of which it is certain that the topics, or the ledgers on main, have everything before it; so
 * what was written when a process died may be written again, and nothing is left out. What is
 * written again is the same record, known by its identity (docs/spec/cluster.md E26, E27).
 */
import { envelopesOf } from '../../../cluster/capture/change-envelope.ts';
import type { ClusterPlan, ClusterTable } from '../../../cluster/cluster-plan.ts';
import { partitionOf } from '../../../kafka/kafka-producer.ts';
import type { KafkaProducer, NewRecord } from '../../../kafka/kafka-producer.ts';
import { present, unreachable } from '../../../kernel/assert.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import type { ChangeBatch } from '../../../model/change-batch.ts';
import { compareMarks, formatMark } from '../../../model/change-sequence.ts';
import type { SourceEvent } from '../../../model/source-event.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import type { TableName, TableSchema } from '../../../model/table-schema.ts';
import type { SourceMark } from '../../../ports/source.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { CaptureHalt } from '../../capture/halt-capture.ts';
import { isCapturing } from '../../captured-table.ts';
import { mayRetire, takeDrop } from '../../dropped-tables.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import { haltsTable } from '../../state/halts.ts';
import type { CapturePlace } from '../ledgers/capture-place.ts';
import type { LedgerServices } from '../ledgers/ledger-services.ts';
import { placeRecord, readFeedPlace } from './feed-places.ts';
import type { FeedPlace } from './feed-places.ts';

/** What a feed works with. */
export interface FeedParts {
  readonly pipeline: PipelineParts;
  readonly run: RunState;
  readonly services: Pick<LedgerServices, 'kafka' | 'records'>;
  readonly producer: Pick<KafkaProducer, 'send'>;
  /** Of the tables that are captured. */
  readonly plan: ClusterPlan;
  /** Gives a table's ledger more columns; called by the task that commits to ledgers. */
  readonly onSchema: (schema: TableSchema) => Promise<void>;
}

/** A table and its topic. */
interface FedTable {
  readonly table: ClusterTable;
  readonly topicId: string;
  readonly partitions: number;
  /** Everything of it up to here is in its topic or its ledger. */
  readonly start: SourceMark;
  /** Whether its topic has every change that was read. */
  isWhole: boolean;
}

type HaltEvent = Extract<SourceEvent, { kind: 'table-halted' }>;

/** Records that are sent together. */
const SEND_RECORDS_MAX = 4096;
const SEND_BYTES_MAX = 8 * 1024 * 1024;

/** The feed of one run. */
export class ChangeFeed implements CapturePlace {
  readonly #parts: FeedParts;
  readonly #tables = new Map<string, FedTable>();
  /** DROPs that were read since the last border between transactions. */
  readonly #dropped: HaltEvent[] = [];
  #place: SourceMark | null = null;
  /** A stored place covers every sequence up to here: a source that loses one is found out. */
  #announced = -1n;

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  async newest(): ReturnType<CapturePlace['newest']> {
    const place = this.#place;
    if (place === null) return null;
    return { key: formatMark(place.completeTo), mark: async () => place };
  }

  async logName(): Promise<string> {
    return '';
  }

  /** Reads and writes until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { pipeline, run, plan } = this.#parts;
    const from = await this.#begin();
    if (from === null) return;
    const events = pipeline.source.stream({
      tables: plan.tables.map(({ schema }) => schema),
      from: from.position,
      epoch: run.epoch,
      resolveSchema: (table) => run.schemas.resolve(table),
      beforeImages: false,
      signal,
      once: false,
    });
    for await (const event of events) {
      // A halt that was not stored any more is met again: no place behind it may be stored.
      if (signal.aborted) return;
      await this.#take(event, signal);
    }
  }

  /** Finds where to begin; `null`: there is nothing to read. */
  async #begin(): Promise<SourceMark | null> {
    const { pipeline, run, services, plan } = this.#parts;
    const stored = await readFeedPlace(services, plan.name, ({ topicIds }) => topicIds.size > 0);
    const { sourceId } = await pipeline.source.identify();
    const isOurs = stored?.position.sourceId === sourceId && stored.completeTo.epoch === run.epoch;
    const topics = await services.kafka.find(plan.tables.map(({ topic }) => topic));
    let from: SourceMark | null = null;
    for (const table of plan.tables) {
      const ledger = run.stage.table(table.schema.table);
      if (ledger === null) continue;
      const topic = topics.get(table.topic);
      if (topic === undefined) {
        // The next look makes it again.
        const what = `The topic ${table.topic} is not there`;
        throw new FirnError('CLUSTER-UNREACHABLE', { what, where: plan.name });
      }
      const { position, completeTo, cluster } = ledger.state;
      // Where no job has begun with the topic, its records may be gone before they are read.
      const isBegun = cluster?.offsets.has(topic.topicId) === true;
      const isFed = isOurs && isBegun && stored.topicIds.has(topic.topicId);
      const isFurther = isFed && compareMarks(stored.completeTo, completeTo) > 0;
      const start = isFurther ? stored : { position, completeTo };
      if (from === null || compareMarks(start.completeTo, from.completeTo) < 0) from = start;
      const name = formatTableName(table.schema.table);
      this.#tables.set(name, { table, ...topic, start, isWhole: true });
    }
    this.#place = from;
    return from;
  }

  async #take(event: SourceEvent, signal: AbortSignal): Promise<void> {
    switch (event.kind) {
      case 'changes':
        return this.#write(event.batch, signal);
      case 'transaction-end':
      case 'heartbeat':
        return this.#reached(event);
      case 'table-halted':
        return this.#halted(event, signal);
      case 'schema-changed':
        return this.#inStream(() => this.#parts.onSchema(event.schema), signal);
      case 'table-appeared':
        // Tables are looked for beside.
        return;
      default:
        return unreachable(event);
    }
  }

  async #write(batch: ChangeBatch, signal: AbortSignal): Promise<void> {
    const { pipeline, run, plan } = this.#parts;
    const name = formatTableName(batch.schema.table);
    const captured = run.tables.get(name);
    const fed = this.#tables.get(name);
    if (fed === undefined || captured === undefined) return;
    if (!isCapturing(captured)) {
      fed.isWhole = false;
      return;
    }
    pipeline.metrics.add('firn_source_changes_total', { table: name }, batch.rowCount);
    await this.#announce(batch.seq[batch.rowCount - 1] ?? -1n);
    const { table, partitions, start } = fed;
    const origin = { connector: pipeline.source.kind, name: plan.name };
    let records: NewRecord[] = [];
    let bytes = 0;
    try {
      for (const { seq, key, value } of envelopesOf(batch, origin, start.completeTo.seq)) {
        // Order is in the sequences: rows without a key may lie anywhere.
        const partition =
          key === null ? toSafeNumber(seq % BigInt(partitions)) : partitionOf(key, partitions);
        records.push({ topic: table.topic, partition, key, value });
        bytes += value.length;
        if (records.length < SEND_RECORDS_MAX && bytes < SEND_BYTES_MAX) continue;
        await this.#send(records);
        [records, bytes] = [[], 0];
      }
      await this.#send(records);
    } catch (error) {
      if (!haltsTable(error)) throw error;
      await this.#halt({ table: captured, error, recovery: 'operator' }, signal);
    }
  }

  /**
   * Stores where the source's log ends before something up to there is written, in a place that
   * counts for no topic: what a restored source has lost of it is then found out by its place.
   */
  async #announce(seq: bigint): Promise<void> {
    if (seq <= this.#announced) return;
    const { pipeline, plan, run } = this.#parts;
    const mark = await pipeline.source.highMark(run.epoch);
    if (mark.completeTo.seq < seq) {
      const what = 'The log ends before a change that was read from it';
      throw new FirnError('SOURCE-POSITION-BROKEN', { what, where: plan.name });
    }
    await this.#send([placeRecord(plan.name, { ...mark, topicIds: new Set() })]);
    this.#announced = mark.completeTo.seq;
  }

  /** A topic that is gone is made again, and its table loaded again, when tables are opened. */
  async #send(records: readonly NewRecord[]): Promise<void> {
    try {
      await this.#parts.producer.send(records);
    } catch (error) {
      if (!isFirnError(error, 'KAFKA-TOPIC-MISSING')) throw error;
      const { what } = error;
      const where = this.#parts.plan.name;
      throw new FirnError('CLUSTER-UNREACHABLE', { what, where, cause: error });
    }
  }

  /** Everything up to here was acknowledged: that is stored, and then it counts. */
  async #reached({ position, completeTo }: SourceMark): Promise<void> {
    const place = this.#place;
    if (place !== null && compareMarks(completeTo, place.completeTo) <= 0) return;
    const { pipeline, plan, run } = this.#parts;
    for (const event of this.#dropped.splice(0)) {
      const table = run.table(event.table);
      // Before the place counts: no ledger is said to be complete beyond a DROP.
      if (table !== null) takeDrop(pipeline, table, { ...event, upTo: completeTo });
    }
    const whole = [...this.#tables.values()].filter(({ isWhole }) => isWhole);
    const topicIds = new Set(whole.map(({ topicId }) => topicId));
    const reached: FeedPlace = { position, completeTo, topicIds };
    await this.#send([placeRecord(plan.name, reached)]);
    this.#place = reached;
    if (run.isWaitedFor) run.wake();
  }

  async #halted(event: HaltEvent, signal: AbortSignal): Promise<void> {
    const { run } = this.#parts;
    const table = run.table(event.table);
    const fed = this.#tables.get(formatTableName(event.table));
    if (fed !== undefined && event.completeFrom === null) fed.isWhole = false;
    if (table === null || !isCapturing(table) || this.#isRepaired(event)) return;
    // What comes behind its DROP is of another table of the name, which is opened by itself.
    if (table.drop !== null || this.#isDropped(event.table)) return;
    if (event.removal !== undefined && mayRetire(this.#parts.pipeline.config, table)) {
      this.#dropped.push(event);
      return;
    }
    const { error, recovery } = event;
    await this.#halt({ table, error, recovery }, signal);
  }

  /** Whether the table's ledger starts again where the source says it is complete again. */
  #isRepaired({ table, completeFrom }: HaltEvent): boolean {
    const ledger = this.#parts.run.stage.table(table);
    if (ledger === null || completeFrom === null) return false;
    return compareMarks(ledger.state.completeTo, completeFrom) >= 0;
  }

  async #halt(halt: CaptureHalt, signal: AbortSignal): Promise<void> {
    const { pipeline, run } = this.#parts;
    present(this.#tables.get(halt.table.name), 'a table that is fed').isWhole = false;
    await this.#inStream(() => haltCapture(pipeline, run, halt), signal);
  }

  #isDropped({ namespace, table }: TableName): boolean {
    return this.#dropped.some((one) => {
      return one.table.namespace === namespace && one.table.table === table;
    });
  }

  /** Runs `job` between two looks of the task that commits to ledgers, unless that has ended. */
  async #inStream(job: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([this.#parts.run.inStream(job), ended]);
  }
}
