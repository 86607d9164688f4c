/**
 * Retires tables that were dropped in the source where the pipeline file says that this halts
 * nothing (docs/spec/cluster.md E21). Kafka has each change before a DROP when the connector has
 * stored a place behind it; a ledger that has come to the ends of its topic as they were then is
 * complete to the DROP, and is never said to be complete beyond.
 */
import { present } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { stateCommit } from '../../../ledger/ledger-table.ts';
import { compareMarks, laterMark } from '../../../model/change-sequence.ts';
import type { SourceMark } from '../../../ports/source.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { CapturedTable } from '../../captured-table.ts';
import { commitToTable } from '../../commit-tables.ts';
import { droppedTables, retire } from '../../dropped-tables.ts';
import { storeHalts } from '../../open-tables.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import type { Publishable } from './judge-branch.ts';

/**
 * Retires the tables that have come to their DROP; whether there were any. `placeOf`: the place
 * that a ledger is complete to, `null`: none is known.
 */
export async function retireDropped(
  parts: PipelineParts,
  run: RunState,
  placeOf: (ledger: LedgerTable) => SourceMark | null,
): Promise<boolean> {
  let isAny = false;
  for (const table of droppedTables(run)) {
    const ledger = run.stage.table(table.schema.table);
    const mark = ledger === null ? null : placeOf(ledger);
    const upTo = present(table.drop?.upTo, 'the place of a DROP');
    if (ledger === null || mark === null || compareMarks(mark.completeTo, upTo) < 0) continue;
    retire(parts, table, upTo);
    await storeHalts(parts, [...run.tables.values()]);
    await commitEnd(parts, run, { table, ledger });
    isAny = true;
  }
  return isAny;
}

/** Its position stays: what comes behind it is never read on from there. */
async function commitEnd(
  parts: PipelineParts,
  run: RunState,
  { table, ledger }: { readonly table: CapturedTable; readonly ledger: LedgerTable },
): Promise<void> {
  const upTo = present(table.drop?.upTo, 'the place of a DROP');
  const state = { ...ledger.state, completeTo: laterMark(ledger.state.completeTo, upTo) };
  const result = await commitToTable(parts, stateCommit(ledger, state, null));
  if (result.kind === 'halted') {
    const { error } = result;
    if (error.disposition !== 'halt-table') throw error;
    return haltCapture(parts, run, { table, error, recovery: 'operator' });
  }
  await run.stage.remove(table.schema.table);
  run.settleWaiters();
  table.unmerged = true;
  const { what } = present(table.halt, 'why a table retired');
  parts.onEvent({ kind: 'note', text: `${table.schema.table.table}: ${what}.` });
}

/**
 * The source did not show the table after these rows were made, and yet some came after its DROP:
 * it was there a second time, with rows and columns that nobody can ask for any more.
 *
 * @throws {FirnError} SOURCE-TABLE-MISSING
 */
export function refuseBehindDrop({ name, drop }: CapturedTable, { rows }: Publishable): void {
  const upTo = drop?.upTo ?? null;
  if (upTo === null || rows === null || rows.seq <= upTo.seq) return;
  const what = 'The table was dropped, created again and dropped once more';
  const remedy = 'Create the table again, or take it out of the pipeline file: its copy stays.';
  throw new FirnError('SOURCE-TABLE-MISSING', { what, where: name, remedy });
}
