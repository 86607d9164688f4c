/** One source table as a running pipeline holds it. Changed only by the pipeline's own tasks. */
import type { BootstrapProgress } from '../model/bootstrap-progress.ts';
import type { SourceTable } from '../model/source-event.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { TableIdentifier } from '../ports/catalog.ts';
import type { PipelineParts } from './pipeline-parts.ts';
import { haltOf, haltsTable } from './state/halts.ts';
import type { Halt, HaltScope } from './state/halts.ts';

/** A bootstrap on its way. */
export interface RunningBootstrap {
  readonly progress: BootstrapProgress;
  /** Rows that were there when this process took it up, for the rate. */
  readonly rowsAtStart: number;
  readonly startedMs: number;
}

/** The DROP of a table, as the log has it. */
export interface ReadDrop {
  /** Alone, or with its whole database. */
  readonly with: 'table' | 'database';
  readonly what: string;
  /** Its changes end here; `null`: with what was read so far. */
  readonly upTo: SequenceMark | null;
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
  /** Monotonic time at which the last merge began; `null`: none has, or it is to be made again. */
  mergeBegunMs: number | null;
  /** The source has it no more; its log is read up to its DROP. */
  isAbsent: boolean;
  /** Its DROP was read; it retires with the commit that reaches it. `null`: it was not. */
  drop: ReadDrop | null;
}

/** Whether changes of the table are read into its ledger. */
export function isCapturing(table: CapturedTable): boolean {
  return table.halt?.scope !== 'capture' && table.halt?.scope !== 'retired';
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
    mergeBegunMs: null,
    isAbsent: false,
    drop: null,
  };
}

/** Runs `run`; an error that stops one table halts it, and gives `null`. */
export async function haltingOn<T>(
  parts: Pick<PipelineParts, 'clock' | 'onEvent'>,
  subject: { readonly table: CapturedTable; readonly scope: HaltScope },
  run: () => Promise<T>,
): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (!haltsTable(error)) throw error;
    const { table, scope } = subject;
    table.halt = haltOf(error, { scope, recovery: 'operator', sinceMs: parts.clock.nowMs() });
    parts.onEvent({ kind: 'halted', table: table.name, halt: table.halt });
    return null;
  }
}
