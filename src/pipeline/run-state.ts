/**
 * What the tasks of one run share: the tables, the ledgers, who waits for what. One run lasts from
 * opening the tables to a stop, a restart or a failure; nothing here outlives it.
 */
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { LedgerStage } from '../ledger/ledger-stage.ts';
import { compareMarks } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import type { SourcePosition } from '../model/source-position.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableName } from '../model/table-schema.ts';
import type { Finding } from '../ports/source.ts';
import { isCapturing } from './captured-table.ts';
import type { CapturedTable } from './captured-table.ts';
import type { SchemaStore } from './state/schema-store.ts';

interface Waiter {
  readonly table: string;
  readonly mark: SequenceMark;
  readonly resolve: () => void;
}

interface StreamJob {
  readonly run: () => Promise<void>;
  readonly reject: (reason: Error) => void;
}

/** How long one pass over the changes of the source lasts. */
export interface StreamPass {
  /** Read after this place; `null`: there is nothing to read. */
  readonly from: SourcePosition | null;
  /** Own places of tables by name; those that are not there are at `from`. */
  readonly own: ReadonlyMap<string, SourcePosition>;
  /** Ends once everything that is in the source now is in the ledgers. */
  readonly once: boolean;
  readonly signal: AbortSignal;
}

/** Shared state of one run. */
export class RunState {
  readonly epoch: number;
  readonly tables: ReadonlyMap<string, CapturedTable>;
  /** Names of all tables that the source had when the run was opened, refused ones too. */
  readonly known: ReadonlySet<string>;
  /** The DROP of an absent table stands in the log up to here; `null`: there is no such table. */
  readonly absentUntil: SequenceMark | null;
  readonly stage: LedgerStage;
  readonly schemas: SchemaStore;
  /** Aborted to end this run and open all tables again. */
  readonly restart: AbortController;
  /** Everything at or below is in every capturing ledger, or was no change of its table. */
  completeTo: SequenceMark | null = null;
  /** The place that {@link completeTo} belongs to. */
  position: SourcePosition | null = null;
  /** What was otherwise than it should be when the cluster was looked at last. */
  findings: readonly Finding[] = [];
  /** Monotonic time: records that are older are on the ledgers; `null`: unknown, or no Kafka. */
  completeAtMs: number | null = null;
  /** Commit time at the source of the newest committed change, microseconds. */
  commitTsUs: bigint | null = null;
  /** Whether a ledger was committed to: a failure after that is the first of its kind. */
  hasCommitted = false;
  readonly #waiters = new Set<Waiter>();
  readonly #jobs: StreamJob[] = [];
  #held = 0;
  #woken = false;
  #sleeper: AbortController | null = null;
  #isOver = false;
  /** What {@link inStream} rejects with once nothing more is done here. */
  readonly over = new FirnError('PIPELINE-REQUEST-FAILED', {
    what: 'The run ended before it was done.',
  });

  constructor(parts: {
    readonly epoch: number;
    readonly tables: readonly CapturedTable[];
    readonly known: ReadonlySet<string>;
    readonly absentUntil: SequenceMark | null;
    readonly stage: LedgerStage;
    readonly schemas: SchemaStore;
    readonly restart: AbortController;
  }) {
    this.restart = parts.restart;
    this.epoch = parts.epoch;
    this.known = parts.known;
    this.absentUntil = parts.absentUntil;
    this.tables = new Map(parts.tables.map((table) => [table.name, table]));
    this.stage = parts.stage;
    this.schemas = parts.schemas;
  }

  table(name: TableName): CapturedTable | null {
    return this.tables.get(formatTableName(name)) ?? null;
  }

  /** Names of tables that somebody waits for: the next commit includes them even without rows. */
  awaitedTables(): ReadonlySet<string> {
    return new Set([...this.#waiters].map((waiter) => waiter.table));
  }

  /** Whether somebody waits for a ledger to come to `mark`, or to something before it. */
  isAwaited(mark: SequenceMark): boolean {
    return [...this.#waiters].some((waiter) => compareMarks(waiter.mark, mark) <= 0);
  }

  /**
   * Resolves once the table's own complete-to, as committed, has reached `mark`, when the table
   * stopped, when `signal` aborts, or when the run is over.
   */
  ledgerReaches(table: CapturedTable, mark: SequenceMark, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted || this.#isOver) return Promise.resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    this.#waiters.add({ table: table.name, mark, resolve });
    this.settleWaiters();
    this.wake();
    return promise;
  }

  /** Lets go of everybody whose mark has been reached. */
  settleWaiters(): void {
    for (const waiter of this.#waiters) {
      const table = this.tables.get(waiter.table);
      const ledger = table === undefined ? null : this.stage.table(table.schema.table);
      const isBehind = ledger === null || compareMarks(ledger.state.completeTo, waiter.mark) < 0;
      // The ledger of a table that stopped is not coming.
      if (isBehind && table !== undefined && isCapturing(table)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /**
   * Runs `job` between two events of the stream, where nothing else changes ledgers. Rejects with
   * {@link over} when the run ends first: a task of the run passes that on, and ends.
   */
  inStream<T>(job: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (this.#isOver) return Promise.reject(this.over);
    this.#jobs.push({ run: () => job().then(resolve, reject), reject });
    this.wake();
    return promise;
  }

  /** Runs what {@link inStream} was given; called by the stream's task alone. */
  async runJobs(): Promise<void> {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) {
      await job.run();
    }
  }

  /** Lets go of everybody who waits for this run, now and from now on: it is over. */
  end(): void {
    this.#isOver = true;
    for (const job of this.#jobs.splice(0)) job.reject(this.over);
    for (const waiter of this.#waiters) waiter.resolve();
    this.#waiters.clear();
  }

  /** Keeps a run that catches up from ending before `task` is done. */
  hold(task: () => Promise<void>): Promise<void> {
    this.#held += 1;
    return task().finally(() => {
      this.#held -= 1;
      this.wake();
    });
  }

  /** Whether somebody still needs the stream. */
  get isHeld(): boolean {
    return this.#held > 0;
  }

  /** Whether somebody waits for what the stream does next. */
  get isWaitedFor(): boolean {
    return this.#waiters.size > 0 || this.#jobs.length > 0;
  }

  /** Makes a sleeping stream look at what is asked of it, now or when it next wants to sleep. */
  wake(): void {
    this.#woken = true;
    this.#sleeper?.abort();
  }

  /** Sleeps until `ms` have passed or somebody wakes; `sleeper` ends it too. */
  async sleep(clock: Clock, ms: number, sleeper: AbortController): Promise<void> {
    this.#sleeper = sleeper;
    if (!this.#woken) await clock.sleep(ms, sleeper.signal);
    this.#woken = false;
  }
}
