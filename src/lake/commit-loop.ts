/**
 * The commit loop (docs/spec/commit.md C2 to C12). Each round prepares every table that is not
 * decided on its present state and sends them together. `conflict` changed nothing: the next round
 * judges each table anew. `unknown` may have changed something: the tables are read, and what is
 * not there is sent again exactly as it was. Files of an attempt are removed only when no answer
 * was ever missing for it. Every count is bounded.
 */
import type { Snapshot } from '../iceberg/snapshot.ts';
import { findRef, findSnapshot, hasOnlyGrown } from '../iceberg/snapshot.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { assert, present, unreachable } from '../kernel/assert.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import { defaultRetryPolicy, retry } from '../kernel/retry.ts';
import type { LoadedTable, TableCommit, TableIdentifier } from '../ports/catalog.ts';
import type { CommitJob, PreparedChange } from './commit-job.ts';
import type { CommitResult, ExpiredHistory } from './commit-request.ts';
import { judgeCommit } from './commit-verdict.ts';
import type { LakeContext } from './lake-context.ts';

/** Rounds after conflicts: each one means that somebody else changed one of the tables. */
const ROUNDS_MAX = 10;

/** Times one commit is sent while the catalog does not answer. */
const SENDS_MAX = 5;

const PAUSE_MS = 50;
const PAUSE_MS_MAX = 5000;

/** A job prepared on one state of its table. */
interface Attempt {
  readonly job: CommitJob;
  readonly before: LoadedTable;
  readonly head: bigint | null;
  readonly change: PreparedChange;
}

/** Where one job stands. */
interface Progress {
  readonly job: CommitJob;
  attempt: Attempt | null;
  /** An answer is missing for some attempt: none of their files may be removed. */
  uncertain: boolean;
  result: CommitResult | null;
}

/** Makes the changes and says what came of each, in the order of `jobs`. */
export async function runCommitJobs(
  context: LakeContext,
  jobs: readonly CommitJob[],
): Promise<readonly CommitResult[]> {
  const all = jobs.map((job): Progress => {
    return { job, attempt: null, uncertain: false, result: null };
  });
  for (let round = 1; round <= ROUNDS_MAX; round++) {
    for (const progress of open(all)) await prepareJob(context, progress);
    const ready = open(all);
    if (ready.length === 0) break;
    const groups = context.catalog.commitsAtomically ? [ready] : ready.map((one) => [one]);
    for (const group of groups) await send(context, group);
    if (open(all).length === 0) break;
    await pause(context, round);
  }
  for (const progress of open(all)) {
    const code = progress.uncertain ? 'CATALOG-COMMIT-UNKNOWN' : 'CATALOG-COMMIT-CONFLICTS';
    await settle(context, progress, halted(progress.job, code, `${ROUNDS_MAX} rounds were lost`));
  }
  return all.map(({ result }) => present(result, 'the result of a commit'));
}

function open(all: readonly Progress[]): readonly Progress[] {
  return all.filter(({ result }) => result === null);
}

function nameOf(identifier: TableIdentifier): string {
  return `${identifier.namespace}.${identifier.name}`;
}

function halted(job: CommitJob, code: HaltCode, what: string, cause?: unknown): CommitResult {
  const { identifier } = job;
  const error = new FirnError(code, { what, where: nameOf(identifier), cause });
  return { kind: 'halted', identifier, error };
}

type HaltCode =
  | 'CATALOG-TABLE-GONE'
  | 'CATALOG-TABLE-REPLACED'
  | 'CATALOG-PARENT-LOST'
  | 'CATALOG-SCHEMA-MOVED'
  | 'CATALOG-COMMIT-CONFLICTS'
  | 'CATALOG-COMMIT-LATE'
  | 'CATALOG-COMMIT-UNKNOWN'
  | 'CATALOG-COMMIT-LOST'
  | 'LEDGER-LATE-COMMIT'
  | 'LEDGER-OTHER-WRITER';

/** Decides a job. What was prepared for it in vain is removed, unless it may yet be committed. */
async function settle(
  context: LakeContext,
  progress: Progress,
  result: CommitResult,
): Promise<void> {
  progress.result = result;
  if (result.kind === 'committed') context.queues.unanswered.delete(progress.job.tableUuid);
  else await abandon(context, progress);
}

/** Gives up the present attempt. */
async function abandon(context: LakeContext, progress: Progress): Promise<void> {
  const { attempt } = progress;
  progress.attempt = null;
  if (attempt === null || progress.uncertain) return;
  for (const location of attempt.change.newFiles) {
    try {
      await context.store.remove(location);
    } catch {
      // It costs space only; orphan removal finds it.
    }
  }
}

function loadTable(context: LakeContext, identifier: TableIdentifier): Promise<LoadedTable | null> {
  return retry(context, defaultRetryPolicy, () => context.catalog.loadTable(identifier));
}

/** Judges a job against its table as it is now, and prepares it there or decides it. */
async function prepareJob(context: LakeContext, progress: Progress): Promise<void> {
  const { job } = progress;
  try {
    const table = await loadTable(context, job.identifier);
    const decided = decide(context, progress, table);
    if (decided !== null) {
      await settle(context, progress, decided);
      return;
    }
    assert(table !== null, 'a job without a table is decided');
    // A table that nobody touched was conflict-free: what was prepared for it still holds.
    if (progress.attempt?.before.metadataLocation === table.metadataLocation) return;
    await abandon(context, progress);
    const head = headSnapshot(table.metadata, job.ref);
    const change = await job.prepare(table.metadata, head);
    progress.attempt = { job, before: table, head: head?.snapshotId ?? null, change };
  } catch (error) {
    if (!isFirnError(error)) throw error;
    const { identifier, rebase } = job;
    const again = error.disposition === 'refresh' && rebase === 'never';
    const failed: CommitResult = again
      ? { kind: 'replan', identifier }
      : { kind: 'halted', identifier, error };
    await settle(context, progress, failed);
  }
}

function headSnapshot(metadata: TableMetadata, ref: string): Snapshot | null {
  const id = findRef(metadata, ref)?.snapshotId ?? null;
  return id === null ? null : present(findSnapshot(metadata, id), 'the snapshot of a ref');
}

/** The result of a job that cannot or need not be sent; `null` when it is to be. */
function decide(
  context: LakeContext,
  progress: Progress,
  table: LoadedTable | null,
): CommitResult | null {
  const { job } = progress;
  const { identifier } = job;
  if (table === null) return halted(job, 'CATALOG-TABLE-GONE', 'the table was dropped');
  const { metadata } = table;
  if (metadata.tableUuid !== job.tableUuid) {
    return halted(job, 'CATALOG-TABLE-REPLACED', `its uuid is ${metadata.tableUuid}`);
  }
  const verdict = judgeCommit(metadata, job, context.writer);
  const isOpen = verdict.kind === 'landed' || verdict.kind === 'unmoved';
  // The head it asserts is not the ref's any more, so it can never be applied.
  if (job.isShared === true && !isOpen) return { kind: 'replan', identifier };
  switch (verdict.kind) {
    case 'landed':
      return committed(progress, table, verdict.snapshotId);
    case 'other-writer': {
      const what = `snapshot ${verdict.snapshotId} was made by process ${verdict.writer}`;
      return halted(job, verdict.isFirst ? 'LEDGER-LATE-COMMIT' : 'LEDGER-OTHER-WRITER', what);
    }
    case 'own-commit': {
      const { commitId } = verdict;
      const mayBeLate = context.queues.unanswered.has(job.tableUuid);
      assert(mayBeLate, `commit ${commitId} of this process passed its queue`);
      return halted(job, 'CATALOG-COMMIT-LATE', `commit ${commitId} was applied late`);
    }
    case 'parent-lost':
      return halted(job, 'CATALOG-PARENT-LOST', `${job.ref} does not hold ${job.parentId}`);
    case 'moved':
      if (job.rebase === 'never') return { kind: 'replan', identifier };
      break;
    case 'unmoved':
      break;
    default:
      return unreachable(verdict);
  }
  if (!job.fits(metadata)) return { kind: 'replan', identifier };
  if (job.schemaId === null || job.schemaId === metadata.currentSchemaId) return null;
  if (job.rebase === 'never') return { kind: 'replan', identifier };
  const what = `schema ${metadata.currentSchemaId} came after ${job.schemaId}`;
  return halted(job, 'CATALOG-SCHEMA-MOVED', what);
}

function committed(progress: Progress, table: LoadedTable, snapshotId: bigint): CommitResult {
  const before = progress.attempt?.before.metadata ?? null;
  const expired = before === null ? NOTHING_EXPIRED : expiredBetween(before, table.metadata);
  return { kind: 'committed', table, snapshotId, expired };
}

const NOTHING_EXPIRED: ExpiredHistory = { snapshots: [], metadataFiles: [] };

/** What a table's metadata named before, and no longer does. */
function expiredBetween(before: TableMetadata, after: TableMetadata): ExpiredHistory {
  const grew = hasOnlyGrown(before.snapshots, after.snapshots);
  const ids = new Set(grew ? [] : after.snapshots.map(({ snapshotId }) => snapshotId));
  const files = new Set(after.metadataLog.map((entry) => entry.metadataFile));
  return {
    snapshots: grew ? [] : before.snapshots.filter(({ snapshotId }) => !ids.has(snapshotId)),
    metadataFiles: before.metadataLog
      .map((entry) => entry.metadataFile)
      .filter((file) => !files.has(file)),
  };
}

function attemptOf(progress: Progress): Attempt {
  return present(progress.attempt, 'the attempt of a job that is sent');
}

function commitOf(progress: Progress): TableCommit {
  const { job, change } = attemptOf(progress);
  const { requirements, updates } = change;
  return { identifier: job.identifier, requirements, updates };
}

/**
 * Sends a group until there is an answer. Jobs stay open after a conflict. While there is no
 * answer, the same commit is sent again, which is safe: it asserts the head it was made on, so at
 * most one of the copies can be applied, however late they arrive.
 */
async function send(context: LakeContext, group: readonly Progress[]): Promise<void> {
  let waiting = group;
  let cause: unknown;
  for (let count = 1; count <= SENDS_MAX; count++) {
    const commits = waiting.map(commitOf);
    const outcome = await retry(context, defaultRetryPolicy, () => context.catalog.commit(commits));
    if (outcome.kind === 'conflict') return;
    if (outcome.kind === 'committed') {
      for (const progress of waiting) await confirm(context, progress, outcome.tables);
      return;
    }
    ({ cause } = outcome);
    for (const progress of waiting) {
      progress.uncertain = true;
      context.queues.unanswered.add(progress.job.tableUuid);
    }
    await pause(context, count);
    const found = await lookForCommits(context, waiting);
    if (found === 'unreadable') continue;
    waiting = open(waiting);
    if (found === 'moved' || waiting.length === 0) return;
  }
  const what = `no answer to ${SENDS_MAX} equal commits`;
  for (const progress of open(waiting)) {
    const result = halted(progress.job, 'CATALOG-COMMIT-UNKNOWN', what, cause);
    await settle(context, progress, result);
  }
}

/** Checks that the answer to a commit contains it. */
async function confirm(
  context: LakeContext,
  progress: Progress,
  tables: readonly LoadedTable[],
): Promise<void> {
  const { job } = progress;
  const { namespace, name } = job.identifier;
  const isOurs = ({ identifier }: LoadedTable): boolean =>
    identifier.namespace === namespace && identifier.name === name;
  const table = tables.find(isOurs) ?? null;
  const landed = table === null ? null : job.landed(table.metadata);
  if (table === null || landed === null) {
    progress.uncertain = true;
    const what = 'the answer does not hold the commit';
    await settle(context, progress, halted(job, 'CATALOG-COMMIT-LOST', what));
    return;
  }
  await settle(context, progress, committed(progress, table, landed));
}

/**
 * After a missing answer: decides the jobs whose commit is in its table. `same`: the others are
 * where they were; `moved`: at least one is not, so its commit can never be applied any more.
 */
async function lookForCommits(
  context: LakeContext,
  waiting: readonly Progress[],
): Promise<'same' | 'moved' | 'unreadable'> {
  let answer: 'same' | 'moved' = 'same';
  for (const progress of waiting) {
    const { job, head } = attemptOf(progress);
    let table: LoadedTable | null;
    try {
      table = await loadTable(context, job.identifier);
    } catch (error) {
      // The catalog still does not answer: that is what the count of sends is for.
      if (isFirnError(error) && error.disposition === 'retry') return 'unreadable';
      throw error;
    }
    const metadata = table?.metadata ?? null;
    const landed = metadata?.tableUuid === job.tableUuid ? job.landed(metadata) : null;
    if (table !== null && landed !== null) {
      await settle(context, progress, committed(progress, table, landed));
      continue;
    }
    const now = metadata === null ? null : (findRef(metadata, job.ref)?.snapshotId ?? null);
    if (metadata?.tableUuid !== job.tableUuid || now !== head) answer = 'moved';
  }
  return answer;
}

async function pause(context: LakeContext, count: number): Promise<void> {
  const ceilingMs = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (count - 1));
  const jitter = (context.random.bytes(1)[0] ?? 0) / 255;
  await context.clock.sleep(ceilingMs * (0.5 + jitter / 2));
}
