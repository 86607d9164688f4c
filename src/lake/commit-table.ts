/**
 * The only way to change tables of the lake (docs/spec/commit.md C1 to C12). Each function takes
 * the tables' queues, and answers per table what came of it. A call that throws has left the
 * outcome open: whoever goes on reads the state from the tables first.
 */
import type { CommitJob } from './commit-job.ts';
import { createBranchJob, publishJob, removeRefJob, snapshotJob } from './commit-job.ts';
import { runCommitJobs } from './commit-loop.ts';
import type {
  CommitRequest,
  CommitResult,
  CreateBranchRequest,
  PublishRequest,
  RemoveRefRequest,
} from './commit-request.ts';
import { present } from '../kernel/assert.ts';
import type { LakeContext } from './lake-context.ts';

/**
 * Adds a snapshot to each table: all in one transaction where the catalog can. A table that cannot
 * be committed to does not hold up the others. Results are in the order of the requests.
 */
export function commitTables(
  context: LakeContext,
  requests: readonly CommitRequest[],
): Promise<readonly CommitResult[]> {
  return inTurn(
    context,
    requests.map((request) => snapshotJob(context, request)),
  );
}

/** Moves main to a branch's head; `replan` when either head is no longer where it was. */
export async function publishBranch(
  context: LakeContext,
  request: PublishRequest,
): Promise<CommitResult> {
  const results = await inTurn(context, [publishJob(context, request)]);
  return present(results[0], 'the result of a publish');
}

/** Makes a branch; `replan` when its name is taken or the snapshot is gone. */
export async function createBranch(
  context: LakeContext,
  request: CreateBranchRequest,
): Promise<CommitResult> {
  const results = await inTurn(context, [createBranchJob(request)]);
  return present(results[0], 'the result of making a branch');
}

/** Takes a branch or tag away; `replan` when it is no longer where it was. */
export async function removeRef(
  context: LakeContext,
  request: RemoveRefRequest,
): Promise<CommitResult> {
  const results = await inTurn(context, [removeRefJob(request)]);
  return present(results[0], 'the result of removing a ref');
}

function inTurn(
  context: LakeContext,
  jobs: readonly CommitJob[],
): Promise<readonly CommitResult[]> {
  const uuids = jobs.map((job) => job.tableUuid);
  return context.queues.turn(uuids, () => runCommitJobs(context, jobs));
}
