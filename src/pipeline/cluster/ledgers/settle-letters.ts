/**
 * Takes dead letters away that a copy of their table has settled (docs/spec/cluster.md E22). What
 * is settled is said by the base on main alone, so it may be done at any time, and again.
 */
import { MAIN_BRANCH, refSnapshot } from '../../../iceberg/snapshot.ts';
import { currentSchema } from '../../../iceberg/table-metadata.ts';
import { scanFiles } from '../../../lake/scan-files.ts';
import { readStateAtHead } from '../../../lake/table-state.ts';
import { readDeadLetterRuns } from '../../../ledger/branch-rows.ts';
import { stateCommit } from '../../../ledger/ledger-table.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { settledFiles } from '../../../ledger/settled-letters.ts';
import { commitToTable } from '../../commit-tables.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { PublishedTable } from './ledger-publisher.ts';

/** Settles what can be; `ledger`: that of the table, as of its last commit. */
export async function settleLetters(
  parts: PipelineParts,
  table: PublishedTable,
  ledger: LedgerTable,
): Promise<void> {
  const { letters, captured } = table;
  const head = refSnapshot(letters.metadata, MAIN_BRANCH);
  if (captured.base === null || (head?.summary['total-records'] ?? '0') === '0') return;
  const base = await parts.catalog.loadTable(captured.base.identifier);
  const state = base === null ? null : readStateAtHead(base.metadata, MAIN_BRANCH);
  if (state?.kind !== 'base') return;
  const { metadata } = letters;
  const files = await scanFiles(parts, { metadata, ref: MAIN_BRANCH });
  const { lowMark } = state;
  const madeBefore = letters.state.completeTo;
  const settled = settledFiles({ metadata, files, lowMark, madeBefore });
  if (settled.length === 0 || (await isNeeded(parts, table, { ledger, files }))) return;
  const count = settled.reduce((sum, { file }) => sum + file.recordCount, 0n);
  const result = await commitToTable(parts, {
    ...stateCommit(letters, letters.state, null),
    operation: 'delete',
    removed: settled.map(({ file }) => file),
    rebase: 'never',
  });
  if (result.kind !== 'committed') return;
  table.letters = { ...letters, metadata: result.table.metadata, headId: result.snapshotId };
  const text = `${captured.name} was loaded again: ${count} of its dead letters are settled.`;
  parts.onEvent({ kind: 'note', text });
}

/** Whether the ledger has not passed all letters yet: they account for records that left no row. */
async function isNeeded(
  { engine }: PipelineParts,
  { topicName: topic, letters }: PublishedTable,
  found: { readonly ledger: LedgerTable; readonly files: Awaited<ReturnType<typeof scanFiles>> },
): Promise<boolean> {
  const icebergSchema = currentSchema(letters.metadata);
  const [next = []] = found.ledger.state.cluster?.offsets.values() ?? [];
  const wanted = { topic, next };
  const runs = await readDeadLetterRuns(engine, { icebergSchema, files: found.files }, wanted);
  return runs.length > 0;
}
