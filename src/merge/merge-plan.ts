/**
 * Decides what one merge looks at (docs/spec/merge.md). Pure: state in, a plan out.
 * A plan never moves a watermark back and never takes a row beyond a gap.
 */
import { compareMarks, formatMark } from '../model/change-sequence.ts';
import type { SequenceMark } from '../model/change-sequence.ts';

/** What a merge must know of its ledger. */
export interface LedgerView {
  readonly uuid: string;
  readonly lastSequenceNumber: bigint;
  /** Everything up to here is in the files. */
  readonly completeTo: SequenceMark;
  /** Rows at or below this may be gone by retention; `null`: none was ever removed. */
  readonly retainedFrom: SequenceMark | null;
  /** The ledger lacks history before this mark; it is complete again from it. */
  readonly gap: SequenceMark | null;
}

/** What a merge must know of the base ref it writes. */
export interface BaseView {
  readonly ledgerUuid: string;
  readonly ledgerSeen: bigint;
  readonly watermark: SequenceMark;
  /** The ref is a bootstrap branch that no merge has been made on yet. */
  readonly firstReplay: boolean;
}

/** What `MergeRules` of the engine's contract hold; stated here so that the plan stays pure. */
export interface PlannedRules {
  readonly from: SequenceMark;
  readonly to: SequenceMark;
  readonly rereadsAfter: bigint;
}

/** What to do. */
export type MergePlan =
  /** Nothing to do, or nothing that may be done. */
  | { readonly kind: 'idle'; readonly reason: 'nothing-new' | 'gap' }
  | {
      readonly kind: 'merge';
      /**
       * Rows count in live ledger files with a data sequence number above this; older ones are only
       * for comparing late re-reads with.
       */
      readonly windowAbove: bigint;
      readonly rules: PlannedRules;
      /** The base's `firn.ledger-seen` afterwards. */
      readonly ledgerSeen: bigint;
    }
  /** The ledger cannot bring this base further; the remedy is a bootstrap. */
  | {
      readonly kind: 'halt';
      readonly code: 'MERGE-HISTORY-EXPIRED' | 'MERGE-LEDGER-BEHIND';
      readonly what: string;
    };

/** Plans the merge of what `ledger` holds beyond `base`. */
export function planMerge(ledger: LedgerView, base: BaseView): MergePlan {
  const { watermark } = base;
  if (ledger.retainedFrom !== null && compareMarks(ledger.retainedFrom, watermark) > 0) {
    const from = formatMark(ledger.retainedFrom);
    const what = `The ledger reaches back to ${from}, the base needs ${formatMark(watermark)}.`;
    return { kind: 'halt', code: 'MERGE-HISTORY-EXPIRED', what };
  }
  if (compareMarks(ledger.completeTo, watermark) < 0) {
    const to = formatMark(ledger.completeTo);
    const what = `The ledger is complete to ${to}, the base is at ${formatMark(watermark)}.`;
    return { kind: 'halt', code: 'MERGE-LEDGER-BEHIND', what };
  }
  if (ledger.gap !== null && compareMarks(watermark, ledger.gap) < 0) {
    return { kind: 'idle', reason: 'gap' };
  }
  const foreign = ledger.uuid !== base.ledgerUuid || ledger.lastSequenceNumber < base.ledgerSeen;
  const seen = foreign ? WHOLE_LEDGER : base.ledgerSeen;
  const moved = ledger.lastSequenceNumber > seen || compareMarks(ledger.completeTo, watermark) > 0;
  if (!moved && !base.firstReplay) return { kind: 'idle', reason: 'nothing-new' };
  return {
    kind: 'merge',
    windowAbove: base.firstReplay ? WHOLE_LEDGER : seen,
    rules: { from: watermark, to: ledger.completeTo, rereadsAfter: seen },
    ledgerSeen: ledger.lastSequenceNumber,
  };
}

/** Below every data sequence number. */
const WHOLE_LEDGER = -1n;
