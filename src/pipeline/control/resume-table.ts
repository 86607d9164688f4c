/**
 * Letting a halted table go on. A base that was rolled back goes on from the state at its head, as
 * long as the ledger reaches back to it; everything else is only told to try again.
 */
import { MAIN_BRANCH } from '../../iceberg/snapshot.ts';
import { mainCommit } from '../../base/base-table.ts';
import { readStateAtHead } from '../../lake/table-state.ts';
import type { CapturedTable } from '../captured-table.ts';
import { commitToTable } from '../commit-tables.ts';
import type { PipelineParts } from '../pipeline-parts.ts';

/** Takes a table's halt away, and mends what `resume` is the remedy for. */
export async function resumeTable(parts: PipelineParts, table: CapturedTable): Promise<void> {
  const { halt } = table;
  if (halt?.code === 'MERGE-STATE-OFF-CHAIN') await adoptHead(parts, table);
  table.halt = null;
  table.unmerged = true;
}

/** Makes the state at the head of a rolled-back base the one that counts. */
async function adoptHead(parts: PipelineParts, table: CapturedTable): Promise<void> {
  const { namespace, table: name } = table.schema.table;
  const base = await parts.catalog.loadTable({ namespace, name });
  if (base === null) return;
  const state = readStateAtHead(base.metadata, MAIN_BRANCH);
  if (state?.kind !== 'base') return;
  const result = await commitToTable(parts, mainCommit(base, { operation: 'append', state }));
  if (result.kind === 'halted') throw result.error;
}
