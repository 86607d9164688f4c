/**
 * Brings what the job wrote on its branches to main: looks, proves that source and schema are still
 * those that the rows were made with, judges, commits. Rows and the offsets they come from are in
 * one commit, so that whatever is cut off, main has each record once (docs/spec/cluster.md E16).
 * Dead letters are committed before their ledger: a process that dies in between leaves them named
 * twice at most, never not at all.
 */
import { writeTarget } from '../../../base/base-table.ts';
import { assert, present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { inParallel, valueOf } from '../../../kernel/in-parallel.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import type { CommitRequest, CommitResult } from '../../../lake/commit-request.ts';
import type { LedgerState } from '../../../lake/table-state.ts';
import { stateCommit } from '../../../ledger/ledger-table.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { sameOffsets } from '../../../ledger/publish-plan.ts';
import type { PublishRefusal } from '../../../ledger/publish-plan.ts';
import { laterMark } from '../../../model/change-sequence.ts';
import type { SequenceMark } from '../../../model/change-sequence.ts';
import type { SourceMark } from '../../../ports/source.ts';
import type { CapturedTable } from '../../captured-table.ts';
import { commitToTables } from '../../commit-tables.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import { haltsTable } from '../../state/halts.ts';
import type { LedgerServices } from './ledger-services.ts';
import { judgeWork, lookAtBranch } from './judge-branch.ts';
import { TROUBLED_MS_MAX } from './ledger-jobs.ts';
import { lostError } from './missing-records.ts';
import type { OpenRecords } from './missing-records.ts';
import { refuseBehindDrop } from './retire-dropped.ts';
import { advanced, isLongBranch, placed } from './state-after.ts';
import type { BranchTable, Judgement, NewWork, Publishable } from './judge-branch.ts';

/** A table whose branches are published. */
export interface PublishedTable {
  readonly captured: CapturedTable;
  readonly topicName: string;
  /** Its dead letters as of their last commit. */
  letters: LedgerTable;
}

/** What a publisher works with. */
export interface PublisherParts {
  readonly pipeline: PipelineParts;
  readonly services: Pick<LedgerServices, 'kafka' | 'records'>;
  readonly run: RunState;
  /** The newest place that a table with these offsets is complete to; `null`: none is known. */
  readonly completeTo: (topicId: string, next: readonly bigint[]) => SourceMark | null;
  /**
   * Names of tables whose rows may be published: source and columns are still what they were after
   * the branches were looked at.
   */
  readonly proven: (tables: readonly CapturedTable[]) => Promise<ReadonlySet<string>>;
}

/** How to go about it. */
export interface PublishOptions {
  /** The job has ended: what cannot be published now is read again by the next one. */
  readonly isTail: boolean;
  /**
   * Offsets that the job is known to have passed, by table; a record below that left no row is
   * looked for.
   */
  readonly passed: ReadonlyMap<string, readonly bigint[]>;
}

/** What a round did. */
export interface PublishReport {
  readonly tables: readonly string[];
  /** Tables whose branch is not there, or has rows of an older schema: the job must start anew. */
  readonly outdated: readonly string[];
  /** There is more to set aside than was done in this round. */
  readonly isCut: boolean;
}

/**
 * A record without a row is waited for so long: its dead letter comes with a commit of its own, and
 * Flink may have to bring the job up again between the two.
 */
const WAIT_MS = 2 * TROUBLED_MS_MAX;

/** What a branch is refused for, and not its table. */
const REFUSALS: ReadonlySet<string> = new Set<PublishRefusal['code']>([
  'LEDGER-BRANCH-CHANGED',
  'LEDGER-RECORDS-REPEATED',
  'LEDGER-TOPIC-CHANGED',
]);

/** Tables that are looked at beside one another: a look loads the ledger and its dead letters. */
const LOOKS_AT_ONCE = 8;

/** A table with what was found of it. */
interface Found {
  readonly table: PublishedTable;
  readonly ledger: LedgerTable;
  readonly work: NewWork;
}

/** A table that is committed to. */
interface Ready extends Found {
  readonly judged: Publishable;
}

/** Publishes the ledgers of one run. */
export class LedgerPublisher {
  readonly #parts: PublisherParts;
  /** The record that a table waits for, and the monotonic time since when. */
  readonly #waiting = new Map<string, { readonly record: string; readonly sinceMs: number }>();

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** One round over all tables. */
  async publish(
    tables: readonly PublishedTable[],
    options: PublishOptions,
  ): Promise<PublishReport> {
    // The next job reads again what this one left no row of.
    if (options.isTail) this.#waiting.clear();
    const outdated: string[] = [];
    const found: Found[] = [];
    const looks = await inParallel(tables, LOOKS_AT_ONCE, (table) => this.#look(table, options));
    for (const [index, table] of tables.entries()) {
      // One after the other: what a look found may stop its table.
      const look = present(looks[index], 'a look at a table');
      const one = await this.#taking(table, options, () => valueOf(look));
      if (one === 'gone') outdated.push(table.captured.name);
      else if (one !== null) found.push(one);
    }
    if (found.length === 0) return { tables: [], outdated, isCut: false };
    const proven = await this.#parts.proven(found.map(({ table }) => table.captured));
    const ready: Ready[] = [];
    for (const one of found.filter(({ table }) => proven.has(table.captured.name))) {
      const judged = await this.#taking(one.table, options, () => this.#judge(one, options));
      if (judged?.kind === 'stale') outdated.push(one.table.captured.name);
      else if (judged?.kind === 'publish') ready.push({ ...one, judged });
    }
    const committed = await this.#commit(ready);
    const isCut = ready.some(({ judged }) => judged.letters === null);
    return { tables: committed, outdated, isCut };
  }

  /** Work of a table that is new; `null`: there is none. */
  async #look(table: PublishedTable, { passed }: PublishOptions): Promise<Found | 'gone' | null> {
    const ledger = this.#parts.run.stage.table(table.captured.schema.table);
    if (ledger === null) return null;
    const work = await lookAtBranch(this.#parts.pipeline, branchTable(table, ledger));
    if (work === 'gone') return work;
    const isLong = isLongBranch(work.rows) || isLongBranch(work.letters);
    const isNew = isLong || work.rows.files.length + work.letters.files.length > 0;
    return isNew || passed.has(table.captured.name) ? { table, ledger, work } : null;
  }

  async #judge(
    { table, ledger, work }: Found,
    { isTail, passed }: PublishOptions,
  ): Promise<Judgement | null> {
    const { pipeline, services, run } = this.#parts;
    const { name } = table.captured;
    const ends = passed.get(name) ?? null;
    const parts = { pipeline, services, epoch: run.epoch };
    const judged = await judgeWork(parts, branchTable(table, ledger), { work, ends });
    if (judged.kind !== 'waiting') this.#waiting.delete(name);
    if (judged.kind === 'waiting') {
      if (isTail || !this.#hasWaited(table, judged.record)) return null;
      throw lostError(judged.record, { topic: table.topicName, table: name });
    }
    if (judged.kind === 'publish') refuseBehindDrop(table.captured, judged);
    if (judged.kind !== 'refused') return judged;
    throw new FirnError(judged.code, { what: judged.what, where: name });
  }

  /** Whether a table has waited for this very record long enough. */
  #hasWaited({ captured: { name } }: PublishedTable, { partition, first }: OpenRecords): boolean {
    const nowMs = this.#parts.pipeline.clock.monotonicMs();
    const record = `${partition}:${first}`;
    const before = this.#waiting.get(name);
    const sinceMs = before?.record === record ? before.sinceMs : nowMs;
    this.#waiting.set(name, { record, sinceMs });
    return nowMs - sinceMs >= WAIT_MS;
  }

  /**
   * Looks at a branch or judges it. What stops the table makes main forget the branch: it would
   * stop the table again each time that somebody resumes it, or loads it again. What a branch that
   * nobody writes any more is refused for is only said: its records are read again.
   */
  async #taking<T>(
    table: PublishedTable,
    { isTail }: PublishOptions,
    work: () => Promise<T> | T,
  ): Promise<T | null> {
    const { pipeline, run } = this.#parts;
    const { name, schema } = table.captured;
    return this.#halting(table, async () => {
      try {
        return await work();
      } catch (error) {
        if (!haltsTable(error)) throw error;
        if (isTail && REFUSALS.has(error.code)) {
          const text = `Left on its branch, of ${name}: ${error.what}.`;
          pipeline.onEvent({ kind: 'note', text });
          return null;
        }
        const ledger = run.stage.table(schema.table);
        if (ledger !== null) await this.#abandon(ledger);
        throw error;
      }
    });
  }

  /** Main forgets the branch: whoever resumes the table gets a new one, from where main ends. */
  async #abandon(ledger: LedgerTable): Promise<void> {
    const { offsets } = present(ledger.state.cluster, 'the place of a ledger');
    const state = { ...ledger.state, cluster: { offsets, published: null } };
    await this.#send([stateCommit(ledger, state, null)]);
  }

  /** Commits to dead letters first, then to ledgers; gives the names of ledgers that moved. */
  async #commit(ready: readonly Ready[]): Promise<readonly string[]> {
    const aside = ready.filter(({ judged: { letters, unread } }) => {
      const count = (letters?.files.length ?? 0) + unread.length;
      return count > 0 || (letters !== null && isLongBranch(letters));
    });
    const { source } = this.#parts.pipeline;
    const madeBefore = aside.length > 0 ? await source.highMark(this.#parts.run.epoch) : null;
    const letterRequests = await Promise.all(
      aside.map((one) => this.#lettersRequest(one, present(madeBefore, 'a mark').completeTo)),
    );
    const letterResults = await this.#send(letterRequests);
    const failed = new Set<Ready>();
    for (const [index, one] of aside.entries()) {
      const done = await this.#settle(one, {
        before: one.table.letters,
        request: present(letterRequests[index], 'a request'),
        result: present(letterResults[index], 'a result'),
      });
      if (done === null) failed.add(one);
      else {
        this.#tellAside(one, done);
        one.table.letters = done;
      }
    }
    const rest = ready.filter((one) => !failed.has(one) && isProgress(one));
    const requests = rest.map((one) => this.#ledgerRequest(one));
    const results = await this.#send(requests);
    const moved: Ready[] = [];
    for (const [index, one] of rest.entries()) {
      const done = await this.#settle(one, {
        before: one.ledger,
        request: present(requests[index], 'a request'),
        result: present(results[index], 'a result'),
      });
      if (done === null) continue;
      this.#parts.run.stage.replace(done);
      this.#parts.run.hasCommitted = true;
      one.table.captured.unmerged = true;
      moved.push(one);
    }
    this.#tell(moved);
    return moved.map(({ table }) => table.captured.name);
  }

  async #send(requests: readonly CommitRequest[]): Promise<readonly CommitResult[]> {
    return requests.length === 0 ? [] : commitToTables(this.#parts.pipeline, requests);
  }

  /** The table after its commit; `null`: it halted. */
  async #settle(
    one: Ready,
    commit: {
      readonly before: LedgerTable;
      readonly request: CommitRequest;
      readonly result: CommitResult;
    },
  ): Promise<LedgerTable | null> {
    const { before, request, result } = commit;
    const { state } = request;
    if (result.kind === 'committed' && state.kind === 'ledger') {
      const { metadata } = result.table;
      return { ...before, metadata, headId: result.snapshotId, state };
    }
    return this.#halting(one.table, () => {
      assert(result.kind === 'halted', 'an append is rebased, never planned again');
      throw result.error;
    });
  }

  /** `madeBefore`: all letters are of changes before it. */
  async #lettersRequest(
    { table, work, judged }: Ready,
    madeBefore: SequenceMark,
  ): Promise<CommitRequest> {
    const { letters } = table;
    const { state } = letters;
    const { name } = judged.topic;
    const epoch = String(this.#parts.run.epoch);
    const own = await this.#parts.pipeline.engine.writeRows({
      target: writeTarget(work.lettersTable.metadata),
      rows: judged.unread.map(({ partition, offset, reason }) => {
        return [name, String(partition), String(offset), epoch, null, null, reason];
      }),
    });
    const added = [...(judged.letters?.files ?? []).map(({ file }) => file), ...own];
    const count = added.reduce((sum, file) => sum + file.recordCount, 0n);
    const place = judged.letters === null ? {} : placed(state, null, judged.letters.sequence);
    const completeTo = laterMark(madeBefore, state.completeTo);
    const after = { ...state, completeTo, events: state.events + count, ...place };
    return { ...stateCommit(letters, after, null), added };
  }

  #ledgerRequest({ table, ledger, work, judged }: Ready): CommitRequest {
    const { state } = ledger;
    const { topic, next, rows } = judged;
    const offsets = new Map([[topic.topicId, next]]);
    const isEnding = table.captured.drop !== null;
    const mark = isEnding ? null : this.#parts.completeTo(topic.topicId, next);
    const sequence = rows === null ? null : { epoch: this.#parts.run.epoch, seq: rows.seq };
    const after: LedgerState = {
      ...state,
      ...advanced(state, mark),
      ...placed(state, offsets, work.rows.sequence),
      ...(sequence === null ? {} : { sequence: laterMark(sequence, state.sequence ?? sequence) }),
      schemaVersion: Math.max(state.schemaVersion, ledger.schema.version),
      events: state.events + (rows?.count ?? 0n),
    };
    return { ...stateCommit(ledger, after, null), added: work.rows.files.map(({ file }) => file) };
  }

  #tellAside({ table, judged }: Ready, after: LedgerTable): void {
    const count = after.state.events - table.letters.state.events;
    if (count === 0n) return;
    const aside = `${after.identifier.namespace}.${after.identifier.name}`;
    const text = `${judged.topic.name}: records that cannot be read were set aside in ${aside}: ${count}.`;
    this.#parts.pipeline.onEvent({ kind: 'note', text });
  }

  #tell(moved: readonly Ready[]): void {
    const { pipeline, run } = this.#parts;
    const withRows = moved.flatMap(({ table, judged }) => {
      const { rows } = judged;
      return rows === null ? [] : [{ table: table.captured.name, rows }];
    });
    if (withRows.length === 0) return;
    const latest = withRows.reduce(
      (top, { rows }) => (rows.commitTsUs > top ? rows.commitTsUs : top),
      0n,
    );
    const lagMs = pipeline.clock.nowMs() - toSafeNumber(latest / 1000n);
    run.commitTsUs = latest;
    for (const { table, rows } of withRows) {
      pipeline.metrics.add('firn_ledger_rows_total', { table }, toSafeNumber(rows.count));
      pipeline.metrics.set('firn_ledger_lag_seconds', { table }, Math.max(0, lagMs) / 1000);
    }
    const tables = withRows.map(({ table, rows }) => ({ table, rows: toSafeNumber(rows.count) }));
    const [first] = moved;
    const stage = first === undefined ? null : run.stage.table(first.ledger.schema.table);
    const completeTo = run.completeTo ?? present(stage, 'a ledger').state.completeTo;
    pipeline.onEvent({ kind: 'committed', tables, completeTo, lagMs });
  }

  async #halting<T>(table: PublishedTable, work: () => Promise<T> | T): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (!haltsTable(error)) throw error;
      const { pipeline, run } = this.#parts;
      const { captured } = table;
      await haltCapture(pipeline, run, { table: captured, error, recovery: 'operator' });
      return null;
    }
  }
}

function branchTable(table: PublishedTable, ledger: LedgerTable): BranchTable {
  return { ledger, letters: table.letters, topicName: table.topicName };
}

/** Whether a commit to the ledger says anything new. */
function isProgress({ ledger, work, judged }: Ready): boolean {
  const isWhole = judged.letters !== null;
  if (judged.rows !== null || (isWhole && isLongBranch(work.rows))) return true;
  const before = ledger.state.cluster?.offsets.get(judged.topic.topicId) ?? [];
  return !sameOffsets(before, judged.next);
}
