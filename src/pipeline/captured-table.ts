/** One source table as a running pipeline holds it. Changed only by the pipeline's own tasks. */
import type { BootstrapProgress } from '../lake/table-state.ts';
import type { SourceTable } from '../model/source-event.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { TableIdentifier } from '../ports/catalog.ts';
import type { Halt } from './state/halts.ts';

/** A bootstrap on its way. */
export interface RunningBootstrap {
  readonly progress: BootstrapProgress;
  /** Rows that were there when this process took it up, for the rate. */
  readonly rowsAtStart: number;
  readonly startedMs: number;
}

/** What the pipeline knows of a table. */
export interface CapturedTable {
  readonly name: string;
  schema: TableSchema;
  readonly source: SourceTable;
  /** `null`: ledger only. */
  base: { readonly identifier: TableIdentifier; readonly tableUuid: string } | null;
  /** The base waits for a bootstrap: it was never published, or history is missing. */
  needsBootstrap: boolean;
  bootstrap: RunningBootstrap | null;
  halt: Halt | null;
  /** The ledger has commits that no merge has looked at. */
  unmerged: boolean;
  /** Monotonic time of the last merge; `null` before the first. */
  mergedAtMs: number | null;
}

/** Whether changes of the table are read into its ledger. */
export function isCapturing(table: CapturedTable): boolean {
  return table.halt === null || table.halt.scope !== 'capture';
}

/** A table that was just opened. */
export function capturedTable(
  opened: Pick<CapturedTable, 'schema' | 'source' | 'base' | 'needsBootstrap' | 'halt'>,
): CapturedTable {
  return {
    ...opened,
    name: formatTableName(opened.schema.table),
    bootstrap: null,
    unmerged: true,
    mergedAtMs: null,
  };
}
