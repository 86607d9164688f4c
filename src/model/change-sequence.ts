/**
 * The total order of the changes of one source partition, and marks in that order. Reading the log
 * again gives every change the same sequence. Order is only ever decided here, never by clocks and
 * never by comparing source positions.
 */

/** `(epoch, seq, row)`: place of one change of one table. */
export interface ChangeSequence {
  /** Rises when the source's own order starts again. 31 bits. */
  readonly epoch: number;
  /** The source's own order, 63 bits. */
  readonly seq: bigint;
  /**
   * `2 * index + (0 for a delete, 1 for anything else)`, the index counting this table's rows at
   * this `seq`; {@link REREAD_ROW} for a row read from the source after the fact. 31 bits.
   */
  readonly row: number;
}

/**
 * `(epoch, seq)`: everything at or below it is there. Complete-to of a ledger, watermark of a base.
 */
export interface SequenceMark {
  readonly epoch: number;
  readonly seq: bigint;
}

/** `row` of a re-read: after every logged change of the same `seq`. */
export const REREAD_ROW = 2 ** 31 - 1;

/** Below every mark of every source. */
export const MARK_ZERO: SequenceMark = { epoch: 0, seq: 0n };

/** Negative, zero or positive as `left` is before, at or after `right`. */
export function compareMarks(left: SequenceMark, right: SequenceMark): number {
  if (left.epoch !== right.epoch) return left.epoch - right.epoch;
  return left.seq < right.seq ? -1 : left.seq > right.seq ? 1 : 0;
}

/** Negative, zero or positive as `left` is before, at or after `right`. */
export function compareSequences(left: ChangeSequence, right: ChangeSequence): number {
  return compareMarks(left, right) || left.row - right.row;
}

/** The later of two marks. */
export function laterMark(left: SequenceMark, right: SequenceMark): SequenceMark {
  return compareMarks(left, right) >= 0 ? left : right;
}

/** `epoch:seq`, the form used in snapshot summaries and state files. */
export function formatMark(mark: SequenceMark): string {
  return `${mark.epoch}:${mark.seq}`;
}

/** Reads {@link formatMark}'s text; `null` when it is not one. */
export function parseMark(text: string): SequenceMark | null {
  const match = /^(\d{1,10}):(\d{1,19})$/.exec(text);
  if (match === null) return null;
  return { epoch: Number.parseInt(match[1] ?? '', 10), seq: BigInt(match[2] ?? '') };
}
