/**
 * One merge of a ledger into its base by Spark (docs/spec/merge.md M24 to M27): Firn plans it like
 * the embedded engine's, Spark reads the ledger and writes to a branch that only this merge has,
 * Firn checks what came and moves the base there in one commit. Runs as a job on the base.
 *
 * Spark is told once. Whatever becomes of a statement whose answer was lost, it lands on a branch
 * that nobody reads; the branch tells whether the merge is there whole. Only then it is published.
 */
import { bucketingOf, headOf } from '../../../base/base-table.ts';
import {
  NO_FILES,
  commitMerge,
  mergedState,
  preparedMerge,
  whereOf,
} from '../../../base/merge-base.ts';
import type { MergeOutcome, MergeRequest, PreparedMerge } from '../../../base/merge-base.ts';
import { ledgerWindow } from '../../../cluster/spark/ledger-window.ts';
import { mergeStatement, replaceStatement } from '../../../cluster/spark/merge-job.ts';
import type { MergeRun } from '../../../cluster/spark/merge-run.ts';
import type { MergeSubject } from '../../../cluster/spark/merge-subject.ts';
import { MAIN_BRANCH } from '../../../iceberg/snapshot.ts';
import { currentSchema } from '../../../iceberg/table-metadata.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { uuidV7 } from '../../../kernel/identifiers.ts';
import type { CommitRequest, CommitResult } from '../../../lake/commit-request.ts';
import { scanFiles } from '../../../lake/scan-files.ts';
import { ledgerIdentifier } from '../../../ledger/ledger-table.ts';
import { compareMarks } from '../../../model/change-sequence.ts';
import { keyColumns } from '../../../model/table-schema.ts';
import { checkBucket, countChanges, surveyWindow } from './spark-changes.ts';
import type { ChangeCounts } from './spark-changes.ts';
import { countWork } from './spark-work.ts';
import { SparkBranch, removeDeadBranches } from './spark-branch.ts';
import type { SparkBranchParts } from './spark-branch.ts';

/** What merges on Spark work with. */
export interface SparkMergeParts extends SparkBranchParts {
  readonly commit: (request: CommitRequest) => Promise<CommitResult>;
}

/** Prefix of the branches of merges; a UUIDv7 follows, so no name is used twice. */
const MERGE_BRANCH_PREFIX = 'firn_merge_';

/**
 * Merges what the ledger holds beyond the base, as `mergeBase` does.
 *
 * @throws FirnError what `mergeBase` throws, MERGE-BRANCH-WRONG, MERGE-LATE-TRUNCATE, and CLUSTER-…
 *   for what Spark did not do: nothing of it is in the base then
 */
export async function mergeOnSpark(
  parts: SparkMergeParts,
  request: MergeRequest,
): Promise<MergeOutcome> {
  await removeDeadBranches(parts, request.base);
  const prepared = await preparedMerge(parts.context, request);
  if (prepared.kind === 'idle') return prepared;
  const { metadata } = request.ledger;
  const window = ledgerWindow(await scanFiles(parts.context, { metadata, ref: MAIN_BRANCH }), {
    schema: currentSchema(metadata),
    rules: prepared.plan.rules,
    lowMark: prepared.state.lowMark,
    firstReplay: prepared.state.bootstrap?.firstReplay === true,
  });
  if (window.isEmpty) return commitNothing(parts, prepared, NO_CHANGES);
  const { from, to } = prepared.plan.rules;
  const run: MergeRun = {
    branch: `${MERGE_BRANCH_PREFIX}${uuidV7(parts.context.clock, parts.context.random)}`,
    ledgerSnapshot: present(headOf(metadata, MAIN_BRANCH), 'the head of a ledger with state'),
    from,
    to,
    late: window.late,
    truncate: null,
    buckets: null,
  };
  const branch = new SparkBranch(parts, {
    branch: run.branch,
    ref: request.ref,
    base: request.base,
    state: mergedState(prepared),
  });
  try {
    return await mergeRows(parts, prepared, {
      run,
      branch,
      subject: mergeSubjectOf(parts, request),
    });
  } finally {
    await branch.close();
  }
}

/** Names of tables and columns as they are now. */
export function mergeSubjectOf(
  { catalogName }: Pick<SparkMergeParts, 'catalogName'>,
  { schema, base }: Pick<MergeRequest, 'schema' | 'base'>,
): MergeSubject {
  const columns = schema.columns.map(({ name }) => name);
  return {
    catalogName,
    ledger: ledgerIdentifier(schema),
    base: base.identifier,
    columns,
    keys: keyColumns(schema).map(({ name }) => name),
    formerColumns: currentSchema(base.metadata)
      .fields.map(({ name }) => name)
      .filter((name) => !columns.includes(name)),
    bucketing: bucketingOf(base.metadata, schema),
  };
}

const NO_CHANGES: ChangeCounts = {
  events: 0,
  upserts: 0,
  deletes: 0,
  buckets: [],
  truncate: null,
};

interface Work {
  readonly run: MergeRun;
  readonly subject: MergeSubject;
  readonly branch: SparkBranch;
}

async function mergeRows(
  parts: SparkMergeParts,
  prepared: PreparedMerge,
  work: Work,
): Promise<MergeOutcome> {
  const { subject, branch } = work;
  const where = whereOf(prepared.request);
  const session = await branch.session();
  const survey = await surveyWindow(session, { subject, run: work.run, where });
  const found: MergeRun = { ...work.run, truncate: survey.truncate };
  const counts = await countChanges(session, { subject, run: found, survey });
  const { truncate } = counts;
  const replaces = truncate !== null && compareMarks(truncate, prepared.plan.rules.from) > 0;
  if (counts.upserts + counts.deletes === 0 && !replaces) {
    return commitNothing(parts, prepared, counts);
  }
  const isEverywhere = counts.buckets.length >= subject.bucketing.count;
  const run: MergeRun = { ...found, buckets: isEverywhere ? null : counts.buckets };
  const statement = replaces ? replaceStatement(subject, run) : mergeStatement(subject, run);
  const written = await branch.write(statement);
  const done = await countWork(parts.context, written);
  const rowsDeleted = counts.upserts - done.rowsMore;
  // A table that is set to copy on write has other rows of a file written with those that change.
  const isCopied = !replaces && done.dataFilesRemoved > 0;
  const isWhole = isCopied || done.rowsAdded === counts.upserts;
  const isBounded = replaces
    ? done.dataFilesKept === 0
    : rowsDeleted >= 0 && rowsDeleted <= counts.upserts + counts.deletes;
  if (!isWhole || !isBounded) {
    const what = `${counts.upserts} rows were to be written and ${counts.deletes} keys to go; ${done.rowsAdded} rows were written and ${rowsDeleted} went.`;
    throw new FirnError('MERGE-COUNT-MISMATCH', { what, where });
  }
  await checkBucket(session, { subject, run, counts, random: parts.context.random, where });
  const base = await branch.publish(written.snapshot.snapshotId);
  return {
    kind: 'merged',
    base,
    report: {
      window: summaryOf(counts, replaces),
      rowsInserted: counts.upserts,
      // Below 0 where a delete for a whole partition went whose rows cannot be counted.
      rowsDeleted: Math.max(0, rowsDeleted),
      filesAdded: done.filesAdded,
      filesRemoved: done.filesRemoved,
      bytesWritten: done.bytesWritten,
    },
  };
}

/** The base stays as it is, but for its watermark. */
async function commitNothing(
  parts: SparkMergeParts,
  prepared: PreparedMerge,
  counts: ChangeCounts,
): Promise<MergeOutcome> {
  const summary = summaryOf(counts, false);
  return commitMerge(parts, prepared, { files: NO_FILES, summary });
}

function summaryOf(
  counts: ChangeCounts,
  truncated: boolean,
): Extract<MergeOutcome, { kind: 'merged' }>['report']['window'] {
  const { events, upserts, deletes, buckets } = counts;
  const keys = upserts + deletes;
  // Which rows were repeats is not counted: the engine reads past them.
  return { events, repeats: 0, overruled: 0, keys, truncated, buckets, keyBounds: null };
}
