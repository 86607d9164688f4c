/**
 * Says how far ledgers are complete when no rows say it: the place that all of them have reached
 * becomes the run's and the floor's; a ledger that somebody waits for, that has rows above its own
 * place, or that has been idle for long gets a commit without rows.
 */
import { findSnapshot } from '../../../iceberg/snapshot.ts';
import { present } from '../../../kernel/assert.ts';
import { floorToJson } from '../../../ledger/floor.ts';
import { stateCommit } from '../../../ledger/ledger-table.ts';
import type { LedgerTable } from '../../../ledger/ledger-table.ts';
import { compareMarks } from '../../../model/change-sequence.ts';
import type { SequenceMark } from '../../../model/change-sequence.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import type { SourceMark } from '../../../ports/source.ts';
import { commitToTables } from '../../commit-tables.ts';
import { absentError, undroppedTables } from '../../dropped-tables.ts';
import { acknowledgeSource, isFarBehind } from '../../capture/acknowledge-source.ts';
import { haltCapture } from '../../capture/halt-capture.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import type { RunState } from '../../run-state.ts';
import type { BarrierWatch } from './barrier-watch.ts';
import { advanced } from './state-after.ts';

/** A ledger without changes gets a commit of its own after this time. */
const IDLE_MS_MAX = 60 * 60 * 1000;

/** Rows above a ledger's own place wait so long for the next rows to say that they are complete. */
const OPEN_MS_MAX = 5000;

/** Connect stores places about once a minute by default: records since may be on no ledger yet. */
const PLACE_MS_MAX = 60_000;

/** What is asked for beside what waiters ask. */
export interface Completing {
  readonly barriers: BarrierWatch;
  /** Ledgers are brought here by commits of their own; `null`: nothing is asked. */
  readonly until: SequenceMark | null;
}

/** One look at all ledgers of a run. */
export async function completeLedgers(
  parts: PipelineParts,
  run: RunState,
  { barriers, until }: Completing,
): Promise<void> {
  const tables = run.stage.tables();
  const common = barriers.common(tables);
  const due = tables.flatMap((table) => {
    const captured = run.table(table.schema.table);
    // The place of a DROP is the last. Statements before the DROP of a table that is gone, or was
    // just found to be, are judged together with it: no place passes them.
    if (captured?.drop !== null || captured.isAbsent || run.restart.signal.aborted) return [];
    const mark = barriers.placeOf(table);
    if (mark === null || compareMarks(mark.completeTo, table.state.completeTo) <= 0) return [];
    return isDue(parts, run, { table, mark, until }) ? [{ table, mark }] : [];
  });
  await commitPlaces(parts, run, due);
  if (common !== null && isAhead(run, common)) {
    run.completeTo = common.completeTo;
    run.position = common.position;
    await writeFloor(parts, run, common);
    if (parts.source.keepsLog === 'until-acknowledged') await acknowledgeSource(parts, run);
  }
  await haltUndropped(parts, run, barriers.judgedTo);
  if (common !== null && barriers.isNewest(common)) {
    run.completeAtMs = parts.clock.monotonicMs() - PLACE_MS_MAX;
  }
  // What was published with rows may be what somebody waits for, too.
  run.settleWaiters();
}

/** Not where all ledgers are: rows of a table that is gone wait for its DROP. */
async function haltUndropped(
  parts: PipelineParts,
  run: RunState,
  judgedTo: SequenceMark | null,
): Promise<void> {
  for (const table of judgedTo === null ? [] : undroppedTables(run, judgedTo)) {
    const error = absentError(table);
    await haltCapture(parts, run, { table, error, recovery: 'operator' });
  }
}

function isAhead({ completeTo }: RunState, common: SourceMark): boolean {
  return completeTo === null || compareMarks(common.completeTo, completeTo) > 0;
}

function isDue(
  parts: PipelineParts,
  run: RunState,
  one: {
    readonly table: LedgerTable;
    readonly mark: SourceMark;
    readonly until: SequenceMark | null;
  },
): boolean {
  const { table, mark, until } = one;
  const { completeTo, sequence } = table.state;
  const isAwaited =
    run.awaitedTables().has(formatTableName(table.schema.table)) && run.isAwaited(mark.completeTo);
  const isAsked =
    until !== null &&
    compareMarks(completeTo, until) < 0 &&
    compareMarks(mark.completeTo, until) >= 0;
  if (isAwaited || isAsked || isFarBehind(parts, table, mark.completeTo)) return true;
  const isOpen = sequence !== null && compareMarks(sequence, completeTo) > 0;
  return ageMs(table, parts.clock.nowMs()) > (isOpen ? OPEN_MS_MAX : IDLE_MS_MAX);
}

/** Time since the ledger's last commit of ours. */
function ageMs({ metadata, headId }: LedgerTable, nowMs: number): number {
  const head = headId === null ? null : findSnapshot(metadata, headId);
  return head === null ? 0 : nowMs - head.timestampMs;
}

async function commitPlaces(
  parts: PipelineParts,
  run: RunState,
  due: readonly { readonly table: LedgerTable; readonly mark: SourceMark }[],
): Promise<void> {
  if (due.length === 0) return;
  const states = due.map(({ table, mark }) => ({ ...table.state, ...advanced(table.state, mark) }));
  const requests = due.map(({ table }, index) => {
    return stateCommit(table, present(states[index], 'a state'), null);
  });
  const results = await commitToTables(parts, requests);
  for (const [index, { table }] of due.entries()) {
    const result = present(results[index], 'the result of a request');
    const captured = present(run.table(table.schema.table), 'a captured table');
    if (result.kind === 'committed') {
      const { metadata } = result.table;
      const state = present(states[index], 'a state');
      run.stage.replace({ ...table, metadata, headId: result.snapshotId, state });
      run.hasCommitted = true;
      captured.unmerged = true;
    } else if (result.kind === 'halted') {
      const { error } = result;
      if (error.disposition !== 'halt-table') throw error;
      await haltCapture(parts, run, { table: captured, error, recovery: 'operator' });
    }
  }
}

async function writeFloor(
  { state }: PipelineParts,
  run: RunState,
  { position, completeTo }: SourceMark,
): Promise<void> {
  const ledgers = new Map(
    run.stage.tables().map((ledger) => [ledger.metadata.tableUuid, ledger.headId]),
  );
  await state.write('floor.json', floorToJson({ position, completeTo, ledgers }));
}
