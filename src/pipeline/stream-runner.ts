/**
 * From the source's events to committed ledgers: the only task that reads the stream. A commit is
 * made only where the source says that a transaction ended; the floor is written and the source's
 * log acknowledged only after it.
 */
import type { LedgerTable } from '../ledger/ledger-table.ts';
import { floorToJson } from '../ledger/floor.ts';
import type { CommitPoint } from '../ledger/ledger-stage.ts';
import { present, unreachable } from '../kernel/assert.ts';
import type { FirnError } from '../kernel/firn-error.ts';
import { toSafeNumber } from '../kernel/integers.ts';
import { compareMarks } from '../model/change-sequence.ts';
import type { ChangeBatch } from '../model/change-batch.ts';
import type { SourceEvent } from '../model/source-event.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { CapturedTable } from './captured-table.ts';
import { isCapturing } from './captured-table.ts';
import {
  absentError,
  droppedTables,
  isUnread,
  retire,
  takeDrop,
  undroppedTables,
} from './dropped-tables.ts';
import { acknowledgeSource, isFarBehind } from './capture/acknowledge-source.ts';
import { changeSchema } from './capture/change-schema.ts';
import { haltCapture } from './capture/halt-capture.ts';
import { haltsTable } from './state/halts.ts';
import { storeHalts } from './open-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import type { RunState, StreamPass } from './run-state.ts';

/** Why a timer ends early. Without a reason of its own an abort makes an error, with a stack. */
const WOKEN = 'woken';

/** The floor is written this often while nothing happens. */
const FLOOR_INTERVAL_MS = 60_000;

/** Reads the stream until it ends, committing on the way. */
export async function runStream(
  parts: PipelineParts,
  run: RunState,
  pass: StreamPass,
): Promise<void> {
  const runner = new StreamRunner(parts, run);
  await runner.run(pass);
}

type HaltEvent = Extract<SourceEvent, { kind: 'table-halted' }>;

type Wakeup = { readonly kind: 'event'; readonly next: IteratorResult<SourceEvent> } | 'due';

class StreamRunner {
  readonly #parts: PipelineParts;
  readonly #run: RunState;
  /** The last border between transactions, when nothing has been taken since; else `null`. */
  #point: CommitPoint | null = null;
  #floorPoint: CommitPoint | null = null;
  #nextCommitMs: number;
  #nextFloorMs: number;

  constructor(parts: PipelineParts, run: RunState) {
    this.#parts = parts;
    this.#run = run;
    const now = parts.clock.monotonicMs();
    // The first commit after a start is made at the first border (docs/spec/ledger.md L16).
    this.#nextCommitMs = now;
    this.#nextFloorMs = now;
  }

  async run(pass: StreamPass): Promise<void> {
    const { source, config } = this.#parts;
    const events = source.stream({
      tables: [...this.#run.tables.values()].filter(isCapturing).map((table) => table.schema),
      from: pass.from,
      own: pass.own,
      epoch: this.#run.epoch,
      resolveSchema: (table) => this.#run.schemas.resolve(table),
      beforeImages: config.ledger.beforeImages === 'full',
      signal: pass.signal,
      once: pass.once,
    });
    const iterator = events[Symbol.asyncIterator]();
    try {
      let next = iterator.next();
      for (;;) {
        const wakeup = await this.#waitFor(next);
        if (wakeup !== 'due') {
          if (wakeup.next.done === true) break;
          await this.#take(wakeup.next.value);
          next = iterator.next();
        }
        await this.#run.runJobs();
        await this.#commitIfDue();
      }
      if (this.#point !== null) await this.#commit(this.#point);
    } finally {
      await this.#run.stage.discard();
      await iterator.return?.();
    }
  }

  /** The next event, or `due` when a commit or somebody who waits needs attention first. */
  async #waitFor(next: Promise<IteratorResult<SourceEvent>>): Promise<Wakeup> {
    const event = next.then((result): Wakeup => ({ kind: 'event', next: result }));
    if (this.#point === null) return event;
    const now = this.#parts.clock.monotonicMs();
    const dueMs = this.#run.stage.pendingRows() > 0 ? this.#nextCommitMs : this.#nextFloorMs;
    const timer = new AbortController();
    try {
      const sleeping = this.#run.sleep(this.#parts.clock, Math.max(0, dueMs - now), timer);
      return await Promise.race([event, sleeping.then((): Wakeup => 'due')]);
    } finally {
      timer.abort(WOKEN);
    }
  }

  async #take(event: SourceEvent): Promise<void> {
    switch (event.kind) {
      case 'changes': {
        this.#point = null;
        const table = this.#run.table(event.batch.schema.table);
        this.#count(event.batch);
        if (table === null || !isCapturing(table) || table.drop !== null) return;
        await this.#haltingOn(table, () => this.#run.stage.append(event.batch));
        return;
      }
      case 'schema-changed':
        return this.#changeSchema(event.schema);
      case 'transaction-end':
      case 'heartbeat': {
        const { position, completeTo } = event;
        const commitTsUs = event.kind === 'heartbeat' ? null : event.commitTsUs;
        this.#point = { position, completeTo, commitTsUs };
        return;
      }
      case 'table-halted': {
        const table = this.#run.table(event.table);
        if (table === null || !this.#isNews(table, event)) return;
        if (takeDrop(this.#parts, table, { ...event, upTo: null })) {
          // It retires where the log was read past its DROP.
          this.#point = null;
          return;
        }
        await this.#halt(table, event.error, event.recovery);
        return;
      }
      case 'table-appeared':
        return this.#lookForTables();
      default:
        return unreachable(event);
    }
  }

  /** Opens all tables again where the source has one that was not there when that was done last. */
  async #lookForTables(): Promise<void> {
    const { restart } = this.#run;
    if (restart.signal.aborted) return;
    const found = await this.#parts.source.discover();
    const names = found.map(({ table }) => formatTableName(table));
    const added = names.filter((name) => isUnread(this.#run, name));
    if (added.length === 0) return;
    this.#parts.onEvent({ kind: 'note', text: `New in the source: ${added.join(', ')}.` });
    restart.abort();
  }

  /**
   * Whether a halt says something new. The first reason stands: a table that stopped tells nothing
   * more, unless another one took the place of a dropped one and can be loaded.
   */
  #isNews(table: CapturedTable, event: Extract<SourceEvent, { kind: 'table-halted' }>): boolean {
    if (isCapturing(table)) return table.drop === null && !this.#isRepaired(event);
    return table.halt?.code === 'SOURCE-TABLE-MISSING' && event.recovery === 'bootstrap';
  }

  /** Whether the table's ledger starts again where the source says it is complete again. */
  #isRepaired(event: HaltEvent): boolean {
    const ledger = this.#run.stage.table(event.table);
    if (ledger === null || event.completeFrom === null) return false;
    return compareMarks(ledger.state.completeTo, event.completeFrom) >= 0;
  }

  #count(batch: ChangeBatch): void {
    const table = formatTableName(batch.schema.table);
    this.#parts.metrics.add('firn_source_changes_total', { table }, batch.rowCount);
  }

  async #commitIfDue(): Promise<void> {
    const point = this.#point;
    if (point === null) return;
    if (droppedTables(this.#run).length > 0) return this.#commit(point);
    for (const table of undroppedTables(this.#run, point.completeTo)) {
      await this.#halt(table, absentError(table), 'operator');
    }
    const now = this.#parts.clock.monotonicMs();
    const pending = this.#run.stage.pendingRows() > 0;
    // Who waits for a point far ahead is not helped by a commit for each transaction before it.
    const awaited = this.#run.isAwaited(point.completeTo);
    if ((pending && now >= this.#nextCommitMs) || awaited) return this.#commit(point);
    if (pending) return;
    this.#reached(point);
    if (now < this.#nextFloorMs) return;
    if (this.#idleLedgers(point).length > 0) return this.#commit(point);
    await this.#writeFloor(point);
  }

  async #commit(point: CommitPoint): Promise<void> {
    const { clock, metrics, config } = this.#parts;
    const startMs = clock.monotonicMs();
    const retiring = droppedTables(this.#run);
    for (const table of retiring) retire(this.#parts, table, point.completeTo);
    if (retiring.length > 0) await this.#storeHalts();
    const including = new Set([
      ...this.#run.awaitedTables(),
      ...this.#idleLedgers(point),
      ...retiring.map(({ name }) => name),
    ]);
    const report = await this.#run.stage.flush(point, including);
    for (const { table, error } of report.halted) {
      // Another writer, an unknown outcome: that is not about one table.
      if (error.disposition !== 'halt-table') throw error;
      const captured = present(this.#run.table(table.schema.table), 'a committed table');
      await this.#halt(captured, error, 'operator');
    }
    for (const table of retiring) await this.#tellRetired(table);
    if (report.committed.length > 0) {
      metrics.observe('firn_ledger_commit_seconds', {}, (clock.monotonicMs() - startMs) / 1000);
      this.#tellCommitted(point, report.committed);
    }
    this.#reached(point);
    this.#nextCommitMs = clock.monotonicMs() + config.ledger.commitIntervalMs;
    if (report.committed.length > 0 || this.#floorPoint === null) await this.#writeFloor(point);
    this.#run.settleWaiters();
  }

  #reached(point: CommitPoint): void {
    this.#run.completeTo = point.completeTo;
    this.#run.position = point.position;
  }

  #tellCommitted(
    point: CommitPoint,
    committed: readonly { readonly table: LedgerTable; readonly rows: number }[],
  ): void {
    const tables = committed.map(({ table, rows }) => ({
      table: formatTableName(table.schema.table),
      rows,
    }));
    for (const { table, rows } of tables) {
      this.#parts.metrics.add('firn_ledger_rows_total', { table }, rows);
      const captured = this.#run.tables.get(table);
      if (captured !== undefined) captured.unmerged = true;
    }
    const { commitTsUs } = point;
    if (commitTsUs !== null) this.#run.commitTsUs = commitTsUs;
    const lagMs =
      commitTsUs === null ? null : this.#parts.clock.nowMs() - toSafeNumber(commitTsUs / 1000n);
    for (const { table } of tables) {
      if (lagMs === null) break;
      this.#parts.metrics.set('firn_ledger_lag_seconds', { table }, Math.max(0, lagMs) / 1000);
    }
    const { completeTo } = point;
    const withRows = tables.filter((entry) => entry.rows > 0);
    if (withRows.length === 0) return;
    this.#parts.onEvent({ kind: 'committed', tables: withRows, completeTo, lagMs });
  }

  /** Ledgers without changes whose own position lies far back. */
  #idleLedgers({ completeTo }: CommitPoint): readonly string[] {
    return this.#run.stage.tables().flatMap((ledger) => {
      const isFar = isFarBehind(this.#parts, ledger, completeTo);
      return isFar ? [formatTableName(ledger.schema.table)] : [];
    });
  }

  /** Writes the floor, then lets the source forget what every ledger holds. */
  async #writeFloor(point: CommitPoint): Promise<void> {
    const { state, clock } = this.#parts;
    const ledgers = new Map(
      this.#run.stage.tables().map((ledger) => [ledger.metadata.tableUuid, ledger.headId]),
    );
    const { position, completeTo } = point;
    await state.write('floor.json', floorToJson({ position, completeTo, ledgers }));
    this.#floorPoint = point;
    this.#nextFloorMs = clock.monotonicMs() + FLOOR_INTERVAL_MS;
    await acknowledgeSource(this.#parts, this.#run);
  }

  async #changeSchema(schema: TableSchema): Promise<void> {
    const table = this.#run.table(schema.table);
    if (table === null || table.drop !== null) return;
    await this.#haltingOn(table, () => changeSchema(this.#parts, this.#run, { table, schema }));
  }

  async #haltingOn(table: CapturedTable, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!haltsTable(error)) throw error;
      await this.#halt(table, error, 'operator');
    }
  }

  #halt(table: CapturedTable, error: FirnError, recovery: 'bootstrap' | 'operator'): Promise<void> {
    return haltCapture(this.#parts, this.#run, { table, error, recovery });
  }

  async #tellRetired(table: CapturedTable): Promise<void> {
    const { halt, schema } = table;
    if (halt?.scope !== 'retired') return;
    await this.#run.stage.remove(schema.table);
    this.#run.settleWaiters();
    table.unmerged = true;
    this.#parts.onEvent({ kind: 'note', text: `${schema.table.table}: ${halt.what}.` });
  }

  #storeHalts(): Promise<void> {
    return storeHalts(this.#parts, [...this.#run.tables.values()]);
  }
}
