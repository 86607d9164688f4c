/**
 * What differs from one merge to the next: which rows of the ledger it reads and where it writes.
 * In files for people texts stand for values that are put in later.
 */
import { REREAD_ROW } from '../../model/change-sequence.ts';
import { aboveMark, atOrAboveMark, atOrBelowMark, sparkText } from './spark-text.ts';
import type { MarkText } from './spark-text.ts';

/** The place of a change. */
export type SequenceText = MarkText & { readonly row: number | bigint | string };

/** What may be late, at or below the base's watermark. */
export interface LateRows {
  /** At or below every row that may be late. */
  readonly lowest: MarkText;
  /** Locations of the ledger's files that no merge has seen; a text stands for all of them. */
  readonly newFiles: readonly string[] | string;
  /** Of the base: changes at or below it were in the rows that its bootstrap read. */
  readonly lowMark: MarkText;
  /** Whether changes may be late, or only re-reads. */
  readonly changesCount: boolean;
}

/** One merge. */
export interface MergeRun {
  /** Branch of the base that this merge writes; never used again. */
  readonly branch: string;
  /** Snapshot of the ledger that is read. */
  readonly ledgerSnapshot: bigint | string;
  /** Watermark of the base. */
  readonly from: MarkText;
  /** Watermark that the merge brings. */
  readonly to: MarkText;
  /** `null`: no row can be late. */
  readonly late: LateRows | null;
  /** The newest truncate that was found: earlier changes do not count; `null`: none. */
  readonly truncate: SequenceText | null;
  /** Buckets of all keys that change; `null`: not to be told apart, or all of them. */
  readonly buckets: readonly number[] | string | null;
}

/** Whether a row of the ledger is one that the merge reads. */
export function isRead({ from, to, late }: MergeRun): string {
  const lowest = late === null ? aboveMark(from) : atOrAboveMark(late.lowest);
  return `${lowest} AND ${atOrBelowMark(to)}`;
}

/** Whether a row lies in a file that no merge has seen. */
export function isNew({ newFiles }: LateRows): string {
  if (typeof newFiles === 'string') return `\`_file\` IN (${newFiles})`;
  return newFiles.length === 0 ? 'false' : `\`_file\` IN (${newFiles.map(sparkText).join(', ')})`;
}

/** Whether a row comes after the newest truncate; `null`: there is none. */
export function isAfterTruncate({ truncate }: MergeRun): string | null {
  if (truncate === null) return null;
  const { epoch, seq, row } = truncate;
  return `(${aboveMark(truncate)} OR (\`_firn_epoch\` = ${epoch} AND \`_firn_seq\` = ${seq} AND \`_firn_row\` > ${row}))`;
}

/** A re-read, which has no identity. */
export const IS_REREAD = `\`_firn_row\` = ${REREAD_ROW}`;
