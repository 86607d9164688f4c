/** All commits of a pipeline go through here: one queue per table, one commit loop. */
import { assert } from '../kernel/assert.ts';
import type { CommitRequest, CommitResult } from '../lake/commit-request.ts';
import { commitTables } from '../lake/commit-table.ts';
import type { PipelineParts } from './pipeline-parts.ts';

/** Commits to one or several tables; one result per request, in order. */
export async function commitToTables(
  parts: PipelineParts,
  requests: readonly CommitRequest[],
): Promise<readonly CommitResult[]> {
  return commitTables(parts.lake, requests);
}

/** Commits to one table. */
export async function commitToTable(
  parts: PipelineParts,
  request: CommitRequest,
): Promise<CommitResult> {
  const [result] = await commitToTables(parts, [request]);
  assert(result !== undefined, 'one result per request');
  return result;
}
