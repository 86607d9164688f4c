/**
 * A branch of a base on which Spark works for Firn, and the session in which it does: listed as
 * ours before it is made, written by one statement, published or taken away. No name is used twice,
 * so what a statement does whose answer was lost can never be taken for another's work.
 */
import { headOf } from '../../../base/base-table.ts';
import { SNAPSHOT_PROPERTY } from '../../../cluster/spark/merge-job.ts';
import type { SparkSession } from '../../../engines/cluster/spark/spark-session.ts';
import { ancestors, findRef } from '../../../iceberg/snapshot.ts';
import type { Snapshot } from '../../../iceberg/snapshot.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import { uuidV7 } from '../../../kernel/identifiers.ts';
import { createBranch, removeRef } from '../../../lake/commit-table.ts';
import type { CommitResult, PublishRequest } from '../../../lake/commit-request.ts';
import type { LakeContext } from '../../../lake/lake-context.ts';
import { stampOf, stateKeys } from '../../../lake/table-state.ts';
import type { BaseState } from '../../../lake/table-state.ts';
import type { LoadedTable } from '../../../ports/catalog.ts';
import { disownBranches, ownBranches, ownedBranches } from '../../state/branch-list.ts';
import type { StateFolder } from '../../state/state-folder.ts';
import type { WrittenSnapshot } from './spark-work.ts';

/** What Firn asks of a session. */
export type StatementSession = Pick<SparkSession, 'configure' | 'execute' | 'query' | 'close'>;

/** What work on a branch needs. */
export interface SparkBranchParts {
  readonly context: LakeContext;
  readonly state: StateFolder;
  /** Name of the lake's catalog at Spark. */
  readonly catalogName: string;
  /** A session of its own for each merge, not connected yet. */
  readonly openSession: () => StatementSession;
  /** What is set in each, in order. */
  readonly settings: readonly (readonly [key: string, value: string])[];
  readonly publish: (request: PublishRequest) => Promise<CommitResult>;
}

/** One piece of work. */
export interface BranchJob {
  readonly branch: string;
  /** Branch that is brought to the work's end: `main`, or that of a bootstrap. */
  readonly ref: string;
  readonly base: LoadedTable;
  /**
   * State of the base after it, in the work's snapshot; `null`: what Spark writes has no keys of
   * Firn's, and is judged like what others write.
   */
  readonly state: BaseState | null;
}

/** One branch, until closed. */
export class SparkBranch {
  readonly #parts: SparkBranchParts;
  readonly #job: BranchJob;
  readonly #commitId: string;
  /** Head of the ref that the work was planned on. */
  readonly #head: bigint;
  #session: StatementSession | null = null;
  #isListed = false;

  constructor(parts: SparkBranchParts, job: BranchJob) {
    this.#parts = parts;
    this.#job = job;
    this.#commitId = uuidV7(parts.context.clock, parts.context.random);
    this.#head = present(headOf(job.base.metadata, job.ref), 'the head of a base with state');
  }

  /** The session, with everything set that goes into the work's snapshot. */
  async session(): Promise<StatementSession> {
    if (this.#session !== null) return this.#session;
    const { context, openSession, settings } = this.#parts;
    const { pipeline, writer } = context;
    const { state } = this.#job;
    const stamp = { pipeline, writer, commitId: this.#commitId };
    const keys = state === null ? {} : stateKeys(stamp, state);
    this.#session = openSession();
    await this.#session.configure([
      ...settings,
      ...Object.entries(keys).map(([key, value]) => [`${SNAPSHOT_PROPERTY}${key}`, value] as const),
    ]);
    return this.#session;
  }

  /**
   * Lists the branch as ours and makes it.
   *
   * @throws FirnError MERGE-BASE-MOVED, and what a commit throws
   */
  async make(): Promise<void> {
    const { base, branch } = this.#job;
    const { identifier, metadata } = base;
    const { tableUuid } = metadata;
    this.#isListed = true;
    await ownBranches(this.#parts.state, [branch]);
    const request = { identifier, tableUuid, branch, snapshotId: this.#head };
    const made = await createBranch(this.#parts.context, request);
    if (made.kind === 'halted') throw made.error;
    if (made.kind === 'replan') throw this.#moved('The branch was there before it was made.');
  }

  /**
   * Makes the branch and has one statement write to it. A statement that failed or whose answer was
   * lost has been carried out all the same if its snapshot is there.
   *
   * @throws FirnError CLUSTER-…, MERGE-BASE-MOVED, MERGE-BRANCH-WRONG, and what a commit throws
   */
  async write(statement: string): Promise<WrittenSnapshot> {
    const session = await this.session();
    await this.make();
    let failure: FirnError | null = null;
    try {
      await session.execute(statement);
    } catch (error) {
      if (!isFirnError(error)) throw error;
      failure = error;
    }
    const now = await this.load();
    const snapshot = this.#written(now);
    if (snapshot !== null) return { base: now, snapshot };
    const what = `Spark says that it has written to branch ${this.#job.branch}, which is as it was.`;
    throw failure ?? new FirnError('MERGE-BRANCH-WRONG', { what, where: this.#where() });
  }

  /** The base as it is now. */
  async load(): Promise<LoadedTable> {
    const { identifier, metadata } = this.#job.base;
    const now = await this.#parts.context.catalog.loadTable(identifier);
    if (now?.metadata.tableUuid === metadata.tableUuid) return now;
    const code = now === null ? 'CATALOG-TABLE-GONE' : 'CATALOG-TABLE-REPLACED';
    const what = 'the base went while Spark worked on it';
    throw new FirnError(code, { what, where: this.#where() });
  }

  /**
   * Moves the ref to the branch's head, which must be where it is expected.
   *
   * @throws FirnError MERGE-BASE-MOVED, and what a commit throws
   */
  async publish(branchHead: bigint): Promise<LoadedTable> {
    const { base, branch, ref } = this.#job;
    const result = await this.#parts.publish({
      identifier: base.identifier,
      tableUuid: base.metadata.tableUuid,
      branch,
      branchHead,
      mainHead: this.#head,
      keepOldAs: null,
      ref,
    });
    if (result.kind === 'halted') throw result.error;
    if (result.kind === 'replan') throw this.#moved('The base changed while Spark worked on it.');
    return result.table;
  }

  /** Ends the session and takes the branch away, where it can be; otherwise a later merge does. */
  async close(): Promise<void> {
    await this.#session?.close();
    if (!this.#isListed) return;
    try {
      await removeBranch(this.#parts, this.#job.base, this.#job.branch);
    } catch (error) {
      // The list still has it.
      if (!isFirnError(error)) throw error;
    }
  }

  /** The work's snapshot; `null`: the branch is where it began. */
  #written({ metadata }: LoadedTable): Snapshot | null {
    const { branch } = this.#job;
    const head = findRef(metadata, branch)?.snapshotId ?? null;
    if (head === this.#head) return null;
    const [snapshot] = ancestors(metadata, head);
    const isOurs =
      snapshot !== undefined &&
      stampOf(snapshot)?.commitId === this.#commitId &&
      snapshot.parentSnapshotId === this.#head;
    if (isOurs) return snapshot;
    throw this.#moved(`Branch ${branch} does not hold one snapshot of this merge.`);
  }

  #moved(what: string): FirnError {
    return new FirnError('MERGE-BASE-MOVED', { what, where: this.#where() });
  }

  #where(): string {
    const { namespace, name } = this.#job.base.identifier;
    return `${namespace}.${name}`;
  }
}

/** Takes a branch away and off the list of ours; one that is gone already is no error. */
async function removeBranch(
  parts: Pick<SparkBranchParts, 'context' | 'state'>,
  { identifier }: LoadedTable,
  branch: string,
): Promise<void> {
  const now = await parts.context.catalog.loadTable(identifier);
  const at = now === null ? null : findRef(now.metadata, branch);
  if (now !== null && at !== null) {
    const { tableUuid } = now.metadata;
    const { snapshotId } = at;
    const result = await removeRef(parts.context, {
      identifier,
      tableUuid,
      ref: branch,
      snapshotId,
    });
    if (result.kind !== 'committed') return;
  }
  await disownBranches(parts.state, (name) => name === branch);
}

/** Branches of work that runs as a job on the base, and of first copies, which do not. */
const WORK_BRANCHES = { job: /^firn_(?:merge|compact)_/, copy: /^firn_load_/ } as const;

/**
 * Takes away what is left of work on a base whose process has died. Runs where no other work of its
 * kind can be on its way.
 */
export async function removeDeadBranches(
  parts: Pick<SparkBranchParts, 'context' | 'state'>,
  base: LoadedTable,
  kind: keyof typeof WORK_BRANCHES = 'job',
): Promise<void> {
  const left = Object.keys(base.metadata.refs).filter((name) => WORK_BRANCHES[kind].test(name));
  if (left.length === 0) return;
  const owned = await ownedBranches(parts.state);
  for (const branch of left) if (owned.has(branch)) await removeBranch(parts, base, branch);
}
