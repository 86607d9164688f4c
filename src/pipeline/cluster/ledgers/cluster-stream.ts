/**
 * From the topics to committed ledgers: the task that stands where the embedded engine reads the
 * source's log. Flink writes; Firn sees to it that exactly one job does, publishes what it wrote,
 * and says how far every ledger is complete. Nothing here outlives the run: a new one finds branch,
 * offsets and job from what main's states and the job's name say (docs/spec/cluster.md E15 to E18).
 */
import type { ClusterPlan } from '../../../cluster/cluster-plan.ts';
import { KafkaProducer } from '../../../kafka/kafka-producer.ts';
import { KafkaReader } from '../../../kafka/kafka-reader.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { reaches } from '../../../ledger/publish-plan.ts';
import { compareMarks } from '../../../model/change-sequence.ts';
import type { SequenceMark } from '../../../model/change-sequence.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import type { TableSchema } from '../../../model/table-schema.ts';
import type { SourceMark } from '../../../ports/source.ts';
import type { CapturedTable } from '../../captured-table.ts';
import { isCapturing } from '../../captured-table.ts';
import { changeSchema } from '../../capture/change-schema.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState, StreamPass } from '../../run-state.ts';
import { haltsTable } from '../../state/halts.ts';
import { planRun } from '../capture-plan.ts';
import { ChangeFeed } from '../feed/change-feed.ts';
import { BarrierWatch } from './barrier-watch.ts';
import { connectorPlace } from './capture-place.ts';
import type { CapturePlace } from './capture-place.ts';
import { completeLedgers } from './complete-ledgers.ts';
import { JobKeeper } from './job-keeper.ts';
import { ensureDeadLetters } from './ledger-branches.ts';
import { LedgerPublisher } from './ledger-publisher.ts';
import type { PublishOptions, PublishedTable } from './ledger-publisher.ts';
import type { LedgerServices } from './ledger-services.ts';
import { retireDropped } from './retire-dropped.ts';
import { NO_CHECKPOINTS, settledMs, withCheckpoint } from './seen-checkpoints.ts';
import { settleLetters } from './settle-letters.ts';
import { StatementWatch } from './statement-watch.ts';
import { lookForChanges } from './source-changes.ts';

/** Ticks per commit interval: a checkpoint is seen soon after it is made. */
const TICKS = 20;
const TICK_MS_MIN = 200;
const TICK_MS_MAX = 2000;

/** The connector's place is asked for this often. */
const BARRIER_MS = 1000;

/** Looks at the branches after a checkpoint: Flink commits a moment later, one table at a time. */
const LOOKS = 8;

/** Without a checkpoint the branches are looked at this often. */
const IDLE_LOOK_MS = 15_000;

/** Where there are dead letters, the base is asked this often whether it was loaded again. */
const SETTLE_MS = 5000;

/** Runs the ledgers of a cluster until the pass is over. */
export async function runClusterStream(
  parts: PipelineParts,
  run: RunState,
  pass: StreamPass,
): Promise<void> {
  const { clock, random, config } = parts;
  const cluster = present(config.cluster, 'the services of a cluster pipeline');
  const address = { bootstrapServers: cluster.kafka.bootstrapServers };
  const records = new KafkaReader({ address, clock, random });
  const producer = new KafkaProducer({ address, clock, random });
  try {
    const services = { ...(await parts.services.of(cluster)), records };
    await streamBeside(producer, { parts, run, pass, services });
  } finally {
    await Promise.all([records.close(), producer.close()]);
  }
}

/** Runs the feed, where Firn itself reads the source, as long as the stream of ledgers. */
async function streamBeside(producer: KafkaProducer, given: StreamParts): Promise<void> {
  const { pass } = given;
  const stop = new AbortController();
  const signal = AbortSignal.any([pass.signal, stop.signal]);
  const stream = new ClusterStream({ ...given, pass: { ...pass, signal } }, producer);
  const stopping = (): void => stop.abort();
  const reading = stream.feed?.run(signal) ?? Promise.resolve();
  // Without its reader a ledger stands still.
  reading.catch(stopping);
  const tasks = [reading, stream.run().finally(stopping)];
  for (const settled of await Promise.allSettled(tasks)) {
    if (settled.status === 'rejected') throw settled.reason;
  }
}

interface StreamParts {
  readonly parts: PipelineParts;
  readonly run: RunState;
  readonly pass: StreamPass;
  readonly services: LedgerServices;
}

class ClusterStream {
  readonly #parts: PipelineParts;
  readonly #run: RunState;
  readonly #pass: StreamPass;
  readonly #services: LedgerServices;
  readonly #publisher: LedgerPublisher;
  readonly #barriers: BarrierWatch;
  readonly #keeper: JobKeeper;
  readonly #tables = new Map<string, PublishedTable>();
  readonly #unexplained = new Map<string, SequenceMark>();
  #checkpoints = NO_CHECKPOINTS;
  #looks = 0;
  #nextLookMs = 0;
  #nextBarrierMs = 0;
  #nextSettleMs = 0;

  /** Reads the source beside this task; `null`: a connector does. */
  readonly feed: ChangeFeed | null;

  constructor({ parts, run, pass, services }: StreamParts, producer: KafkaProducer) {
    this.#parts = parts;
    this.#run = run;
    this.#pass = pass;
    this.#services = services;
    const shared = { pipeline: parts, services, run };
    const plan = this.#plan();
    this.feed = plan.source.type === 'mysql' ? null : this.#ownReader(plan, producer);
    const capture = this.feed ?? this.#connector(plan);
    this.#barriers = new BarrierWatch({ ...shared, capture, from: pass.from });
    this.#publisher = new LedgerPublisher({
      ...shared,
      completeTo: (topicId, next) => this.#barriers.completeTo(topicId, next),
      proven: () => this.#provenTables(),
    });
    this.#keeper = new JobKeeper({
      ...shared,
      capture,
      signal: pass.signal,
      plan: () => this.#plan(),
      tables: this.#tables,
      publishTail: async () => {
        await this.#publish({ isTail: true, passed: new Map() });
      },
    });
  }

  #ownReader(plan: ClusterPlan, producer: KafkaProducer): ChangeFeed {
    const [pipeline, run, services] = [this.#parts, this.#run, this.#services];
    const onSchema = (schema: TableSchema): Promise<void> => this.#takeSchema(schema);
    return new ChangeFeed({ pipeline, run, services, producer, plan, onSchema });
  }

  #connector({ name: connector }: ClusterPlan): CapturePlace {
    const [pipeline, run, services] = [this.#parts, this.#run, this.#services];
    const statements = new StatementWatch({ pipeline, services, run, connector });
    return connectorPlace({
      connect: present(services.connect, 'the client of Connect'),
      connector,
      source: pipeline.source,
      epoch: run.epoch,
      judgeStatements: async () => {
        // Columns that came with a statement are known before a ledger is said to be behind it.
        if (await statements.look()) await this.#provenTables();
      },
    });
  }

  /** Columns that came in the source: known before a ledger is said to be behind them. */
  async #takeSchema(schema: TableSchema): Promise<void> {
    const table = this.#run.table(schema.table);
    if (table === null || !isCapturing(table) || table.schema.version >= schema.version) return;
    try {
      await changeSchema(this.#parts, this.#run, { table, schema });
    } catch (error) {
      if (!haltsTable(error)) throw error;
      await haltCapture(this.#parts, this.#run, { table, error, recovery: 'operator' });
    }
    this.#keeper.retire('the tables of the source changed');
  }

  async run(): Promise<void> {
    const { signal, once } = this.#pass;
    // While a bootstrap needs the stream, another pass follows this one.
    const isLast = once && !this.#run.isHeld;
    const { source } = this.#parts;
    const until = once ? (await source.highMark(this.#run.epoch)).completeTo : null;
    await this.#openTables();
    await this.#settleLetters();
    await this.#keeper.begin();
    while (!signal.aborted && !this.#run.restart.signal.aborted) {
      await this.#tick(until);
      await this.#run.runJobs();
      if (until !== null && this.#isComplete(until)) break;
      await this.#pause();
    }
    if (!signal.aborted) await this.#settleLetters();
    if (isLast && !signal.aborted) await this.#keeper.end();
  }

  async #tick(until: SequenceMark | null): Promise<void> {
    const { clock } = this.#parts;
    if (this.#capturing().length === 0) return this.#keeper.rest();
    const newest = await this.#keeper.watch();
    const checkpoints = withCheckpoint(this.#checkpoints, newest, clock.monotonicMs());
    if (checkpoints !== this.#checkpoints) this.#looks = LOOKS;
    this.#checkpoints = checkpoints;
    if (clock.monotonicMs() >= this.#nextBarrierMs) {
      await this.#barriers.take(this.#capturing().map(({ topicName }) => topicName));
      this.#nextBarrierMs = clock.monotonicMs() + BARRIER_MS;
    }
    const isIdle = clock.monotonicMs() >= this.#nextLookMs;
    if (isIdle) await this.#keeper.endOthers();
    if (clock.monotonicMs() >= this.#nextSettleMs) await this.#settleLetters();
    if (this.#looks > 0 || isIdle) {
      this.#looks -= 1;
      this.#nextLookMs = clock.monotonicMs() + IDLE_LOOK_MS;
      await this.#publish({ isTail: false, passed: await this.#passedOffsets() });
    }
    const placeOf = (ledger: LedgerTable): SourceMark | null => this.#barriers.placeOf(ledger);
    if (await retireDropped(this.#parts, this.#run, placeOf)) {
      this.#keeper.retire('a table was dropped in the source');
    }
    await completeLedgers(this.#parts, this.#run, { barriers: this.#barriers, until });
  }

  async #settleLetters(): Promise<void> {
    this.#nextSettleMs = this.#parts.clock.monotonicMs() + SETTLE_MS;
    for (const table of this.#capturing()) {
      const ledger = this.#run.stage.table(table.captured.schema.table);
      if (ledger !== null) await settleLetters(this.#parts, table, ledger);
    }
  }

  async #publish(options: PublishOptions): Promise<void> {
    const report = await this.#publisher.publish(this.#capturing(), options);
    if (report.tables.length > 0) this.#keeper.succeeded();
    if (report.isCut) this.#looks = LOOKS;
    if (report.outdated.length === 0 || options.isTail) return;
    this.#keeper.retire('a branch is gone, or has rows of an older schema');
  }

  /** Ends of topics that the job has passed a while ago, of tables that have not come to them. */
  async #passedOffsets(): Promise<ReadonlyMap<string, readonly bigint[]>> {
    // The job has completed two checkpoints since the ends were read.
    const beforeMs = settledMs(this.#checkpoints);
    const late = this.#capturing().flatMap(({ captured, topicName }) => {
      const ledger = this.#run.stage.table(captured.schema.table);
      const ends = ledger === null ? null : this.#barriers.overdue(ledger, beforeMs);
      return ends === null ? [] : [{ name: captured.name, topicName, ends }];
    });
    if (late.length === 0) return new Map();
    const topics = late.map(({ topicName }) => topicName);
    const group = await this.#services.kafka.groupOffsets(this.#plan().name, topics);
    const passed = late.flatMap(({ name, topicName, ends }) => {
      const read = (group.get(topicName) ?? []).map((offset) => offset ?? 0n);
      return reaches(read, ends) ? [[name, ends] as const] : [];
    });
    return new Map(passed);
  }

  /** Tables whose rows may be published; the job starts anew where columns changed. */
  async #provenTables(): Promise<ReadonlySet<string>> {
    if (!(await this.#barriers.isSameSource())) return new Set();
    const earlier = { unexplained: this.#unexplained, judgedTo: this.#barriers.judgedTo };
    const { same, isChanged } = await lookForChanges(this.#parts, this.#run, earlier);
    if (isChanged) this.#keeper.retire('the tables of the source changed');
    return same;
  }

  #plan(): ClusterPlan {
    const { tables, epoch } = this.#run;
    return planRun(this.#parts.config, epoch, [...tables.values()].filter(isCapturing));
  }

  #capturing(): readonly PublishedTable[] {
    return [...this.#tables.values()].filter(({ captured }) => isCapturing(captured));
  }

  /** The tables of the plan; one that the cluster cannot carry halts. */
  async #openTables(): Promise<void> {
    const plan = this.#plan();
    for (const { table, reason: what } of plan.refused) {
      const captured = present(this.#run.table(table), 'a captured table');
      const where = formatTableName(table);
      const error = new FirnError('CLUSTER-TABLE-REFUSED', { what, where });
      await haltCapture(this.#parts, this.#run, { table: captured, error, recovery: 'operator' });
    }
    for (const table of plan.tables) {
      const captured = present(this.#run.table(table.schema.table), 'a captured table');
      const ledger = this.#run.stage.table(table.schema.table);
      if (ledger === null) continue;
      const letters = await ensureDeadLetters(this.#parts, table, ledger);
      this.#tables.set(captured.name, { captured, topicName: table.topic, letters });
    }
  }

  /** Whether everything up to `mark` is in every ledger, by its own commit. */
  #isComplete(mark: SequenceMark): boolean {
    return this.#capturing().every(({ captured }) => this.#hasReached(captured, mark));
  }

  #hasReached({ schema }: CapturedTable, mark: SequenceMark): boolean {
    const ledger = this.#run.stage.table(schema.table);
    return ledger === null || compareMarks(ledger.state.completeTo, mark) >= 0;
  }

  async #pause(): Promise<void> {
    const { clock, config } = this.#parts;
    const sleeper = new AbortController();
    const stop = (): void => sleeper.abort();
    const { signal } = this.#pass;
    signal.addEventListener('abort', stop, { once: true });
    const ms = Math.trunc(config.ledger.commitIntervalMs / TICKS);
    const tickMs = Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, ms));
    if (!signal.aborted) await this.#run.sleep(clock, tickMs, sleeper);
    signal.removeEventListener('abort', stop);
  }
}
