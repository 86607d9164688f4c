/**
 * The obvious way from changes to a table: sort them, apply them one by one. Every merge must give
 * the same rows (docs/spec/merge.md M1); nothing here knows files, windows or earlier merges.
 */
import { REREAD_ROW, compareMarks, compareSequences } from '../../src/model/change-sequence.ts';
import type { ChangeSequence, SequenceMark } from '../../src/model/change-sequence.ts';
import type { ChangeOp } from '../../src/model/change-batch.ts';

/** A row as text, column by column. */
export type TextRow = readonly (string | null)[];

/** One change of one table, as its ledger row says it. */
export interface FoldedChange extends ChangeSequence {
  readonly op: ChangeOp;
  /** Key columns as text that no two keys share; of a truncate: nothing. */
  readonly key: string;
  /** After image; columns that are missing at the end are NULL. */
  readonly values: TextRow;
  /** When the change came into the ledger: decides between re-reads of equal sequence. */
  readonly arrival: bigint;
}

/** Text of a key that no two keys share. */
export function keyText(key: TextRow): string {
  return JSON.stringify(key);
}

/** Rows by key after all changes up to `upTo`, in the order of their sequences. */
export function foldEvents(
  changes: Iterable<FoldedChange>,
  upTo: SequenceMark,
): Map<string, TextRow> {
  const counted = [...changes].filter((change) => compareMarks(change, upTo) <= 0);
  // A late re-read takes the place of its low mark, so every newer change and truncate overrules it
  // (spec: M9); of two with one place the one that arrived later counts (spec: O11).
  counted.sort((left, right) => {
    const order = compareSequences(left, right);
    if (order !== 0 || left.row !== REREAD_ROW) return order;
    return left.arrival < right.arrival ? -1 : 1;
  });
  const rows = new Map<string, TextRow>();
  for (const { op, key, values } of counted) {
    if (op === 't') rows.clear();
    else if (op === 'd') rows.delete(key);
    else rows.set(key, values);
  }
  return rows;
}

/** Rows as sorted text, `width` columns wide, for comparing two tables. */
export function tableText(rows: Iterable<TextRow>, width: number): readonly string[] {
  const text: string[] = [];
  for (const row of rows) {
    text.push(JSON.stringify(Array.from({ length: width }, (_, index) => row[index] ?? null)));
  }
  return text.sort();
}
