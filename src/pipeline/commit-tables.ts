/** All commits of a pipeline go through here: one queue per table, one commit loop. */
import { currentSchema } from '../iceberg/table-metadata.ts';
import { assert } from '../kernel/assert.ts';
import type { CommitRequest, CommitResult, PublishRequest } from '../lake/commit-request.ts';
import { removeExpiredFiles } from '../lake/cleanup-files.ts';
import { commitTables, publishBranch } from '../lake/commit-table.ts';
import { ledgerTable, stateCommit } from '../ledger/ledger-table.ts';
import type { LedgerTable } from '../ledger/ledger-table.ts';
import type { TableSchema } from '../model/table-schema.ts';
import { evolvedSchema } from '../schema/schema-change.ts';
import type { PipelineParts } from './pipeline-parts.ts';

/** Commits to one or several tables; one result per request, in order. */
export async function commitToTables(
  parts: PipelineParts,
  requests: readonly CommitRequest[],
): Promise<readonly CommitResult[]> {
  const results = await commitTables(parts.lake, requests);
  for (const result of results) if (result.kind === 'committed') await cleanUp(parts, result);
  return results;
}

/** Publishes a branch, and removes the files of history that went with it. */
export async function publishTable(
  parts: PipelineParts,
  request: PublishRequest,
): Promise<CommitResult> {
  const result = await publishBranch(parts.lake, request);
  if (result.kind === 'committed') await cleanUp(parts, result);
  return result;
}

/**
 * Removes the files of history that a commit took out; what cannot be removed is an orphan later.
 */
async function cleanUp(
  parts: PipelineParts,
  result: Extract<CommitResult, { kind: 'committed' }>,
): Promise<void> {
  const { table, expired } = result;
  const { tableUuid } = table.metadata;
  await removeExpiredFiles(parts.lake, { identifier: table.identifier, tableUuid, expired });
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

/** Gives a ledger the columns of a schema, in a commit without rows where it lacks some. */
export async function evolveLedger(
  parts: PipelineParts,
  ledger: LedgerTable,
  schema: TableSchema,
): Promise<LedgerTable> {
  const { metadata } = ledger;
  const evolved = evolvedSchema({ ...metadata, schema: currentSchema(metadata) }, schema);
  if (evolved === null) return { ...ledger, schema };
  const result = await commitToTable(parts, stateCommit(ledger, ledger.state, evolved));
  if (result.kind === 'halted') throw result.error;
  assert(result.kind === 'committed', 'a schema is appended, never planned again');
  return ledgerTable(schema, result.table, ledger.state);
}
