/** What both engines do when capture of one table stops. */
import type { FirnError } from '../../kernel/firn-error.ts';
import type { CapturedTable } from '../captured-table.ts';
import { storeHalts } from '../open-tables.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { RunState } from '../run-state.ts';
import { haltOf } from '../state/halts.ts';

/** Which table stops, and why. */
export interface CaptureHalt {
  readonly table: CapturedTable;
  readonly error: FirnError;
  readonly recovery: 'bootstrap' | 'operator';
}

/** Stops capture of a table; the others go on. */
export async function haltCapture(
  parts: PipelineParts,
  run: RunState,
  { table, error, recovery }: CaptureHalt,
): Promise<void> {
  const sinceMs = parts.clock.nowMs();
  table.halt = haltOf(error, { scope: 'capture', recovery, sinceMs });
  table.drop = null;
  await run.stage.remove(table.schema.table);
  run.settleWaiters();
  await storeHalts(parts, [...run.tables.values()]);
  parts.metrics.set('firn_table_halted', { table: table.name }, 1);
  parts.onEvent({ kind: 'halted', table: table.name, halt: table.halt });
  // Opening all tables again gives the halted one a new start and a bootstrap.
  if (recovery === 'bootstrap') run.restart.abort();
}
