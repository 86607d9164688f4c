/**
 * Whether the columns of captured tables are still those that the job was told. Asked after the
 * branches were looked at: a row that is there by then was made before the source answered, so
 * where the columns are the same no row lacks one (docs/spec/cluster.md E18). Asked after each new
 * statement of the log, too: of a table that is gone, no statement but its DROP came since.
 */
import { FirnError } from '../../../kernel/firn-error.ts';
import { compareMarks } from '../../../model/change-sequence.ts';
import type { SequenceMark } from '../../../model/change-sequence.ts';
import type { SourceTable } from '../../../model/source-event.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import { isCapturing } from '../../captured-table.ts';
import type { CapturedTable } from '../../captured-table.ts';
import { changeSchema } from '../../capture/change-schema.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import { absentError, mayRetire } from '../../dropped-tables.ts';
import { haltsTable } from '../../state/halts.ts';

/** What looking at the source found. */
export interface SourceChanges {
  /** Names of tables whose columns are as they were. */
  readonly same: ReadonlySet<string>;
  /** Some table has other columns now: the job must start anew. */
  readonly isChanged: boolean;
}

/**
 * Whether a table that the source does not show was dropped with the columns that it is known by.
 * One whose DROP was not read yet is opened again, to be read up to it.
 *
 * @throws {FirnError} SOURCE-TABLE-MISSING where the file says that this halts it
 */
function isProvenGone(parts: PipelineParts, run: RunState, table: CapturedTable): boolean {
  if (!mayRetire(parts.config, table)) throw absentError(table);
  if (table.drop === null && !table.isAbsent) run.restart.abort();
  return table.drop !== null;
}

/** A table that is there again: behind its DROP it is another one, which is loaded. */
async function openAgain(parts: PipelineParts, run: RunState, table: CapturedTable): Promise<void> {
  if (table.drop === null) {
    run.restart.abort();
    return;
  }
  const what = 'The table was dropped and created again';
  const error = new FirnError('SOURCE-TABLE-REBUILT', { what, where: table.name });
  await haltCapture(parts, run, { table, error, recovery: 'bootstrap' });
}

/** What was found at earlier looks. */
export interface EarlierLooks {
  /**
   * Tables with columns that their lake tables cannot take, and the place in the log before which a
   * statement must say why: a table that took the name of a dropped one looks the same.
   */
  readonly unexplained: Map<string, SequenceMark>;
  /** Every statement before it was judged; `null`: none was. */
  readonly judgedTo: SequenceMark | null;
}

/** Looks at the source; tables with more columns get them in the lake, others halt. */
export async function lookForChanges(
  parts: PipelineParts,
  run: RunState,
  earlier: EarlierLooks,
): Promise<SourceChanges> {
  const found = await parts.source.discover();
  const byName = new Map(found.map((source) => [formatTableName(source.table), source]));
  const same = new Set<string>();
  let isChanged = false;
  for (const table of run.tables.values()) {
    if (!isCapturing(table)) continue;
    try {
      const verdict = await judgeTable(parts, run, {
        table,
        source: byName.get(table.name) ?? null,
      });
      if (verdict === 'same') same.add(table.name);
      if (verdict === 'changed') isChanged = true;
      earlier.unexplained.delete(table.name);
    } catch (error) {
      if (!(error instanceof FirnError) || !haltsTable(error)) throw error;
      if (await mayBeExplained(parts, run, { table, error, earlier })) continue;
      await haltCapture(parts, run, { table, error, recovery: 'operator' });
      isChanged = true;
    }
  }
  return { same, isChanged };
}

/**
 * What became of a table; `unknown`: its rows wait.
 *
 * @throws {FirnError} SOURCE-TABLE-MISSING, LEDGER-SCHEMA-INCOMPATIBLE, and what a commit throws
 */
async function judgeTable(
  parts: PipelineParts,
  run: RunState,
  { table, source }: { readonly table: CapturedTable; readonly source: SourceTable | null },
): Promise<'same' | 'changed' | 'unknown'> {
  if (source === null) return isProvenGone(parts, run, table) ? 'same' : 'unknown';
  if (table.drop !== null || table.isAbsent) {
    await openAgain(parts, run, table);
    return 'changed';
  }
  const schema = await run.schemas.resolve(source);
  if (schema.version === table.schema.version) return 'same';
  await changeSchema(parts, run, { table, schema });
  return 'changed';
}

/** Whether a statement that is still to be read may say that the table is another one now. */
async function mayBeExplained(
  { config, source }: PipelineParts,
  { epoch }: RunState,
  seen: {
    readonly table: CapturedTable;
    readonly error: FirnError;
    readonly earlier: EarlierLooks;
  },
): Promise<boolean> {
  const { table, error, earlier } = seen;
  const { unexplained, judgedTo } = earlier;
  if (error.code !== 'LEDGER-SCHEMA-INCOMPATIBLE' || !mayRetire(config, table)) return false;
  const until = unexplained.get(table.name);
  if (until !== undefined) return judgedTo === null || compareMarks(judgedTo, until) < 0;
  unexplained.set(table.name, (await source.highMark(epoch)).completeTo);
  return true;
}
