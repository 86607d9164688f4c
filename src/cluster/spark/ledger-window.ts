/**
 * Which part of a ledger a merge on a cluster reads (docs/spec/merge.md M4, M9). A cluster's ledger
 * holds rows above its complete-to, so a file may hold rows for several merges: the window is a
 * range of the order, and the files' bounds say what may lie in it. Pure; in doubt it reads.
 */
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import { findColumn } from '../../iceberg/iceberg-schema.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import { decodeBound } from '../../iceberg/single-value.ts';
import { present } from '../../kernel/assert.ts';
import type { PlannedRules } from '../../merge/merge-plan.ts';
import { MARK_ZERO, compareMarks } from '../../model/change-sequence.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';
import type { LateRows } from './merge-run.ts';

/** What a merge reads of its ledger. */
export interface LedgerWindow {
  /** No file can hold a row that counts. */
  readonly isEmpty: boolean;
  /** Rows at or below the watermark that may count; `null`: there can be none. */
  readonly late: LateRows | null;
}

/** What decides it. */
export interface WindowRequest {
  /** The ledger's current one. */
  readonly schema: IcebergSchema;
  readonly rules: PlannedRules;
  /** Of the base. */
  readonly lowMark: SequenceMark;
  /** Of a bootstrap branch: its rows are younger than any re-read in files that it saw. */
  readonly firstReplay: boolean;
}

/** The window over the live files of a ledger. */
export function ledgerWindow(files: readonly ScanFile[], request: WindowRequest): LedgerWindow {
  const { rules, firstReplay, lowMark, schema } = request;
  const { from, to, rereadsAfter } = rules;
  const known = files.map(({ file, dataSequenceNumber }) => {
    return { ...rangeOf(file, schema), file, isNew: dataSequenceNumber > rereadsAfter };
  });
  const above = known.filter(({ low, high }) => {
    return (high === null || compareMarks(high, from) > 0) && compareMarks(low, to) <= 0;
  });
  const below = known.filter(({ isNew, low }) => isNew && compareMarks(low, from) <= 0);
  const isEmpty = above.length === 0 && below.length === 0;
  const hasOldRereads = firstReplay && above.some(({ isNew }) => !isNew);
  if (isEmpty || (below.length === 0 && !hasOldRereads)) return { isEmpty, late: null };
  const lowest = below.reduce((mark: SequenceMark, { low }) => {
    return compareMarks(low, mark) < 0 ? low : mark;
  }, from);
  const newFiles = known.filter(({ isNew }) => isNew).map(({ file }) => file.filePath);
  // What a ledger held that no merge of this base has seen is not told from repeats.
  const changesCount = !firstReplay && rereadsAfter >= 0n;
  return { isEmpty, late: { lowest, newFiles, lowMark, changesCount } };
}

/** Marks around all rows of a file; `high` is `null` where there may be any. */
function rangeOf(
  file: DataFile,
  schema: IcebergSchema,
): { readonly low: SequenceMark; readonly high: SequenceMark | null } {
  const bound = (bounds: DataFile['lowerBounds'], name: string): number | bigint | null => {
    const { id, type } = present(findColumn(schema, name), `a ledger's ${name}`);
    const bytes = bounds?.get(id);
    const value = bytes === undefined ? null : decodeBound(type, bytes);
    return typeof value === 'number' || typeof value === 'bigint' ? value : null;
  };
  const mark = (bounds: DataFile['lowerBounds']): SequenceMark | null => {
    const [epoch, seq] = [bound(bounds, '_firn_epoch'), bound(bounds, '_firn_seq')];
    return typeof epoch === 'number' && seq !== null ? { epoch, seq: BigInt(seq) } : null;
  };
  // Bounds of two columns: no row is below both lowest, none above both highest.
  return { low: mark(file.lowerBounds) ?? MARK_ZERO, high: mark(file.upperBounds) };
}
