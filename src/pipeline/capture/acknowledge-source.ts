/** What a source may forget, and how a ledger that never changes does not keep it from that. */
import { compareMarks } from '../../model/change-sequence.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';
import type { LedgerTable } from '../../ledger/ledger-table.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { RunState } from '../run-state.ts';

/** A ledger without changes gets a commit of its own after this time, while others have some. */
const IDLE_MS_MAX = 60 * 60 * 1000;

/** The same after this many changes of others, by the source's own count. */
const IDLE_CHANGES_MAX = 200_000n;

/**
 * Lets the source forget what every ledger holds by its own commit: the floor alone must not decide
 * that, because losing it may cost time only (docs/spec/ledger.md L11).
 */
export async function acknowledgeSource(parts: PipelineParts, run: RunState): Promise<void> {
  const { source } = parts;
  // A halted table may be resumed from where it stopped, so its part of the log is kept.
  const halted = [...run.tables.values()].some(({ halt }) => halt?.scope === 'capture');
  const [first, ...others] = run.stage.tables().map((ledger) => ledger.state.position);
  if (halted || first === undefined) return;
  await source.acknowledge(others.reduce((left, right) => source.oldest(left, right), first));
}

/**
 * Whether a ledger's own position lies so far behind `completeTo` that it gets a commit without
 * rows: sooner where the source keeps its log for it, and only there its sequence counts changes.
 */
export function isFarBehind(
  { clock, source }: Pick<PipelineParts, 'clock' | 'source'>,
  { state, metadata }: Pick<LedgerTable, 'state' | 'metadata'>,
  completeTo: SequenceMark,
): boolean {
  if (compareMarks(state.completeTo, completeTo) >= 0) return false;
  const isKept = source.keepsLog === 'until-acknowledged';
  const isOld = clock.nowMs() - metadata.lastUpdatedMs > IDLE_MS_MAX;
  return isOld || (isKept && completeTo.seq - state.completeTo.seq > IDLE_CHANGES_MAX);
}
