/**
 * Sees to it that exactly one Flink job writes the ledgers of a run: goes on with the one that is
 * there, starts one where there is none, ends every other (docs/spec/cluster.md E18). A start ends
 * what runs, has the rest of its branch published, and opens a new branch from where main ends.
 */
import type { ClusterPlan, ClusterTable } from '../../../cluster/cluster-plan.ts';
import { startOffsets } from '../../../cluster/flink/ledger-job.ts';
import { isLiveJob } from '../../../engines/cluster/flink-jobs.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { uuidV7TimeMs } from '../../../kernel/identifiers.ts';
import { ORPHAN_AGE_MS } from '../../../lake/orphan-files.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { CapturedTable } from '../../captured-table.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import { ownedBranches } from '../../state/branch-list.ts';
import { haltsTable } from '../../state/halts.ts';
import type { CapturePlace } from './capture-place.ts';
import { topicNow } from './judge-branch.ts';
import { openBranch } from './ledger-branches.ts';
import type { OpeningTable } from './ledger-branches.ts';
import {
  LEDGER_BRANCH_PREFIX,
  TROUBLED_MS_MAX,
  endLedgerJobs,
  findLedgerJob,
  ledgerJobName,
  startLedgerJob,
} from './ledger-jobs.ts';
import type { JobParts } from './ledger-jobs.ts';
import type { PublishedTable } from './ledger-publisher.ts';
import type { LedgerServices } from './ledger-services.ts';
import { startOf } from './topic-start.ts';

/** What a keeper works with. */
export interface KeeperParts {
  readonly pipeline: PipelineParts;
  readonly run: RunState;
  readonly services: LedgerServices;
  readonly signal: AbortSignal;
  readonly capture: Pick<CapturePlace, 'logName'>;
  /** The plan of the tables as they are captured now. */
  readonly plan: () => ClusterPlan;
  /** Tables by name. */
  readonly tables: ReadonlyMap<string, PublishedTable>;
  /** Publishes what a job that ended left on its branch, as far as it can be. */
  readonly publishTail: () => Promise<void>;
}

/** A job that ends so often, with nothing published in between, is no longer started anew. */
const STARTS_MAX = 5;

/** States of a job that failed and that Flink brings up again. */
const TROUBLED: ReadonlySet<string> = new Set(['FAILING', 'RESTARTING']);

/** The job of one run. */
export class JobKeeper {
  readonly #parts: KeeperParts;
  #job: { readonly id: string; readonly branch: string } | null = null;
  /** Why the job must not go on; `null`: it may. */
  #reason: string | null = null;
  #starts = 0;
  /** Monotonic time since which the job fails and is restarted by Flink; `null`: it runs. */
  #troubledMs: number | null = null;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /** Goes on with the job that runs, when it is the one that would be started now. */
  async begin(): Promise<void> {
    const branch = this.#commonBranch();
    if (branch !== null) {
      const logName = await this.#parts.capture.logName();
      const plan = this.#parts.plan();
      const topics = await this.#parts.services.kafka.find(plan.tables.map(({ topic }) => topic));
      const partitions = (topic: string): number => topics.get(topic)?.partitions ?? 0;
      const name = ledgerJobName(plan, { branch, logName, partitions });
      const found = await findLedgerJob(this.#jobParts(), name);
      if (found !== null) {
        this.#job = { id: found.id, branch };
        return this.endOthers();
      }
    }
    return this.#start();
  }

  /** What was told is out of date: the next look starts the job anew. */
  retire(reason: string): void {
    this.#reason = reason;
  }

  /** The job did what it is for. */
  succeeded(): void {
    this.#starts = 0;
  }

  /**
   * Looks after the job; gives the number of its newest checkpoint, `null` before the first.
   *
   * @throws {FirnError} CLUSTER-JOB-FAILED, and those of the services
   */
  async watch(): Promise<number | null> {
    const { services } = this.#parts;
    if (this.#reason !== null || this.#job === null) {
      await this.#startAnew(this.#reason ?? 'there is none');
      return null;
    }
    const { id } = this.#job;
    const found = await services.jobs.job(id);
    if (found === null || !isLiveJob(found)) {
      const failure = found === null ? null : await services.jobs.failure(id);
      const why = found === null ? 'Flink does not know it any more' : `it is ${found.state}`;
      await this.#startAnew(failure === null ? why : `${why} (${failure})`);
      return null;
    }
    if (this.#isOld(this.#job.branch)) {
      const text = 'The job of the ledgers starts anew: its branch is as old as their retention.';
      this.#parts.pipeline.onEvent({ kind: 'note', text });
      await this.#start();
      return null;
    }
    const nowMs = this.#parts.pipeline.clock.monotonicMs();
    if (!TROUBLED.has(found.state)) this.#troubledMs = null;
    else if (nowMs - (this.#troubledMs ??= nowMs) > TROUBLED_MS_MAX) {
      const failure = (await services.jobs.failure(id)) ?? 'no reason is given';
      await this.#startAnew(`it does not come up again (${failure})`);
      return null;
    }
    return (await services.jobs.checkpoints(id)).latest?.id ?? null;
  }

  /**
   * What retention takes out of a ledger, the branch still holds: it must not last for ever. One
   * that is given up is old enough to be taken away at once.
   */
  #isOld(branch: string): boolean {
    const { clock, config } = this.#parts.pipeline;
    const madeMs = uuidV7TimeMs(branch.slice(LEDGER_BRANCH_PREFIX.length));
    const maxMs = Math.max(ORPHAN_AGE_MS, config.ledger.retentionMs);
    return madeMs !== null && clock.nowMs() - madeMs > maxMs;
  }

  /** Ends every job of ours but the one that is kept: a start may come about late. */
  async endOthers(): Promise<void> {
    const owned = await ownedBranches(this.#parts.pipeline.state);
    const keep = this.#job?.branch;
    await endLedgerJobs(this.#jobParts(), new Set([...owned].filter((one) => one !== keep)));
  }

  /** Leaves nothing running: what is in the topics stays there for the next run. */
  async end(): Promise<void> {
    this.#job = null;
    await this.endOthers();
    await this.#parts.publishTail();
  }

  /** There is no table to write. */
  async rest(): Promise<void> {
    if (this.#job !== null) await this.end();
  }

  async #startAnew(why: string): Promise<void> {
    this.#starts += 1;
    if (this.#starts > STARTS_MAX) {
      const what = `The job that writes the ledgers was started ${STARTS_MAX} times, and ${why}`;
      throw new FirnError('CLUSTER-JOB-FAILED', { what, where: this.#parts.plan().name });
    }
    const text = `The job of the ledgers starts anew: ${why}.`;
    this.#parts.pipeline.onEvent({ kind: 'note', text });
    await this.#start();
  }

  async #start(): Promise<void> {
    await this.end();
    this.#troubledMs = null;
    const { pipeline, run, plan: planNow } = this.#parts;
    // The tail may have shown other columns: told is what is known now.
    this.#reason = null;
    const plan = planNow();
    const starts = new Map<string, readonly bigint[]>();
    const opening: OpeningTable[] = [];
    for (const table of plan.tables) {
      const opened = await this.#opening(table);
      if (opened === null) continue;
      starts.set(table.topic, opened.next);
      opening.push(...opened.tables);
    }
    const carried = plan.tables.filter(({ topic }) => starts.has(topic));
    if (carried.length === 0) return;
    // Where nobody answers no branch is made in vain.
    await this.#parts.services.gateway.version();
    const opened = await openBranch(pipeline, opening);
    if (opened.kind === 'refused') {
      await this.#haltRefused(carried, opened.refusals);
      // The others have a branch that is given up: all tables are opened again, without these.
      run.restart.abort();
      return;
    }
    const { branch } = opened;
    this.#keep(opened.tables);
    const job = { ...plan, tables: carried };
    const logName = await this.#parts.capture.logName();
    const nextOf = (topic: string): readonly bigint[] => {
      return present(starts.get(topic), 'where a topic begins');
    };
    const name = ledgerJobName(job, { branch, logName, partitions: (one) => nextOf(one).length });
    const told = { branch, logName, offsets: (topic: string) => startOffsets(nextOf(topic)) };
    const id = await startLedgerJob(this.#jobParts(), job, { ...told, job: name });
    this.#job = { id, branch };
  }

  /** Halts the tables that cannot have a branch. */
  async #haltRefused(
    carried: readonly ClusterTable[],
    refusals: ReadonlyMap<number, FirnError>,
  ): Promise<void> {
    const { pipeline, run } = this.#parts;
    const errors = new Map<CapturedTable, Error>();
    for (const [at, error] of refusals) {
      // Each ledger is followed by its dead letters.
      const { schema } = present(carried[Math.trunc(at / 2)], 'a table of the job');
      const table = present(run.table(schema.table), 'a captured table');
      if (!errors.has(table)) errors.set(table, error);
    }
    for (const [table, error] of errors) {
      // A commit of an earlier process that arrived late, say, stops no table.
      if (!haltsTable(error)) throw error;
      await haltCapture(pipeline, run, { table, error, recovery: 'operator' });
    }
  }

  /** A table with its dead letters and where its job begins; `null`: it halted. */
  async #opening(table: ClusterTable): Promise<{
    readonly next: readonly bigint[];
    readonly tables: readonly OpeningTable[];
  } | null> {
    const { pipeline, run, services, tables } = this.#parts;
    const captured = present(run.table(table.schema.table), 'a captured table');
    const published = tables.get(captured.name);
    const ledger = run.stage.table(table.schema.table);
    if (ledger === null || published === undefined) return null;
    try {
      const topic = await topicNow(services, table.topic);
      const next = startOf(ledger.state, topic, captured.name);
      const offsets = new Map([[topic.topicId, next]]);
      const aside = { table: published.letters, offsets: new Map<string, readonly bigint[]>() };
      return { next, tables: [{ table: ledger, offsets }, aside] };
    } catch (error) {
      if (!haltsTable(error)) throw error;
      await haltCapture(pipeline, run, { table: captured, error, recovery: 'operator' });
      return null;
    }
  }

  /** Takes over the tables as a commit of their own left them: ledgers and dead letters in turn. */
  #keep(tables: readonly LedgerTable[]): void {
    for (let at = 0; at < tables.length; at += 2) {
      const ledger = present(tables[at], 'a ledger');
      this.#parts.run.stage.replace(ledger);
      const table = this.#parts.tables.get(formatTableName(ledger.schema.table));
      present(table, 'a table').letters = present(tables[at + 1], 'dead letters');
    }
  }

  /** The branch that all tables were published from last; `null`: there is no such. */
  #commonBranch(): string | null {
    const { run, tables } = this.#parts;
    const all = [...tables.values()].flatMap(({ captured, letters }) => {
      const ledger = run.stage.table(captured.schema.table);
      return ledger === null ? [] : [ledger, letters];
    });
    const branches = new Set(all.map(({ state }) => state.cluster?.published?.branch ?? ''));
    const [only] = branches;
    return branches.size === 1 && only !== undefined && only !== '' ? only : null;
  }

  #jobParts(): JobParts {
    const { pipeline, services, signal } = this.#parts;
    return { services, clock: pipeline.clock, signal };
  }
}
