/**
 * The tables that a ledger job writes, and the branches it writes them on. A branch is listed as
 * ours, then written into the state of main, then made at that very snapshot: whatever of it is
 * there after a crash, main says up to which file a branch was looked at, and an unknown branch is
 * nobody's (docs/spec/cluster.md E18).
 */
import type { ClusterTable } from '../../../cluster/cluster-plan.ts';
import { MAIN_BRANCH } from '../../../iceberg/snapshot.ts';
import { present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { uuidV7, uuidV7TimeMs } from '../../../kernel/identifiers.ts';
import { NO_PLACE } from '../../../model/cluster-place.ts';
import type { CommitResult } from '../../../lake/commit-request.ts';
import { createBranch, removeRef } from '../../../lake/commit-table.ts';
import { ORPHAN_AGE_MS } from '../../../lake/orphan-files.ts';
import type { LedgerState } from '../../../lake/table-state.ts';
import {
  ensureOwnTable,
  ledgerStateOf,
  ledgerTable,
  newLedgerState,
  stateCommit,
} from '../../../ledger/ledger-table.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { commitToTables } from '../../commit-tables.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import { ownBranches } from '../../state/branch-list.ts';
import { LEDGER_BRANCH_PREFIX } from './ledger-jobs.ts';

/** The dead letters of a table as the catalog has them; made where they are missing. */
export async function ensureDeadLetters(
  parts: PipelineParts,
  table: ClusterTable,
  ledger: LedgerTable,
): Promise<LedgerTable> {
  const found = await ensureOwnTable(parts.lake, table.deadLetters);
  const { sourceId, position, completeTo } = ledger.state;
  const start = { sourceId, position, completeTo, cluster: NO_PLACE };
  return ledgerTable(table.schema, found, ledgerStateOf(found) ?? newLedgerState(start));
}

/** A table, and the state that it gets with its new branch. */
export interface OpeningTable {
  readonly table: LedgerTable;
  readonly offsets: ReadonlyMap<string, readonly bigint[]>;
}

/** What came of opening a branch on several tables. */
export type OpenedBranch =
  | {
      readonly kind: 'opened';
      readonly branch: string;
      /** The tables as they are then, in the order they were given. */
      readonly tables: readonly LedgerTable[];
    }
  /** Some tables cannot be committed to, by their place in the order: the branch is given up. */
  | { readonly kind: 'refused'; readonly refusals: ReadonlyMap<number, FirnError> };

/** Opens a new branch, the same for all tables. */
export async function openBranch(
  parts: PipelineParts,
  tables: readonly OpeningTable[],
): Promise<OpenedBranch> {
  const branch = LEDGER_BRANCH_PREFIX + uuidV7(parts.clock, parts.random);
  await ownBranches(parts.state, [branch]);
  const requests = tables.map(({ table, offsets }) => {
    // Every file that main has by now is at or below: the next ones are the job's.
    const sequence = table.metadata.lastSequenceNumber;
    const cluster = { offsets, published: { branch, sequence } };
    const state: LedgerState = { ...table.state, cluster };
    return { ...stateCommit(table, state, null), state };
  });
  const results = await commitToTables(parts, requests);
  const opened: LedgerTable[] = [];
  const refusals = new Map<number, FirnError>();
  for (const [index, { table }] of tables.entries()) {
    const result = present(results[index], 'the result of a request');
    const made = result.kind === 'committed' ? await createHere(parts, branch, result) : result;
    if (made.kind === 'halted') refusals.set(index, made.error);
    if (result.kind === 'replan' || made.kind === 'replan') throw moved(table);
    if (result.kind !== 'committed' || made.kind !== 'committed') continue;
    const { state } = present(requests[index], 'a request');
    const { metadata } = made.table;
    opened.push({ ...table, metadata, headId: result.snapshotId, state });
  }
  if (refusals.size > 0) return { kind: 'refused', refusals };
  for (const table of opened) await dropOldBranches(parts, table);
  return { kind: 'opened', branch, tables: opened };
}

/** Makes the branch at the snapshot that has told of it. */
function createHere(
  { lake }: PipelineParts,
  branch: string,
  { table, snapshotId }: Extract<CommitResult, { kind: 'committed' }>,
): Promise<CommitResult> {
  const { identifier, metadata } = table;
  return createBranch(lake, { identifier, tableUuid: metadata.tableUuid, branch, snapshotId });
}

/** Takes away branches of jobs that ended long ago; what a cut off one left goes another time. */
async function dropOldBranches(
  parts: PipelineParts,
  { identifier, metadata, state }: LedgerTable,
): Promise<void> {
  const { tableUuid } = metadata;
  const current = state.cluster?.published?.branch;
  for (const [ref, { snapshotId }] of Object.entries(metadata.refs)) {
    if (!ref.startsWith(LEDGER_BRANCH_PREFIX) || ref === current) continue;
    const madeMs = uuidV7TimeMs(ref.slice(LEDGER_BRANCH_PREFIX.length));
    if (madeMs === null || parts.clock.nowMs() - madeMs < ORPHAN_AGE_MS) continue;
    await removeRef(parts.lake, { identifier, tableUuid, ref, snapshotId });
  }
}

function moved({ identifier }: LedgerTable): FirnError {
  return new FirnError('CATALOG-COMMIT-LATE', {
    what: `${MAIN_BRANCH} moved while a branch was made`,
    where: `${identifier.namespace}.${identifier.name}`,
  });
}
