/**
 * Looks rows up in their tables after the fact: those that a REPLACE may have removed, and those
 * logged before a new column was seen (docs/spec/order.md, re-reads).
 */
import type { DatabaseSync } from 'node:sqlite';
import { isFirnError } from '../../kernel/firn-error.ts';
import { present } from '../../kernel/assert.ts';
import { isSoundInLog } from './journal-reader.ts';
import type { JournalReader, PendingRow, StreamedTable } from './journal-reader.ts';
import { sameImage, TableRows } from './table-rows.ts';
import type { SqliteRow } from './sqlite-value.ts';

/** Where re-reads stand in the order of changes. */
export interface RereadStamp {
  readonly seq: bigint;
  readonly commitTsUs: bigint;
}

/**
 * Reads every pending row in the transaction that is open on `db` and hands the changes to the
 * reader. `breathe` is called between rows, so that the event loop is not held up.
 */
export async function readPending(
  db: DatabaseSync,
  reader: JournalReader,
  tables: Iterable<StreamedTable>,
  options: { readonly stamp: RereadStamp; readonly breathe: () => Promise<void> | null },
): Promise<void> {
  for (const table of tables) {
    if (table.pending.size === 0) continue;
    const rows = new TableRows(db, present(table.plan, 'the plan of a row that was read'));
    for (const pending of table.pending.values()) {
      readOne({ db, reader, table, rows, pending, stamp: options.stamp });
      const pause = options.breathe();
      if (pause !== null) await pause;
    }
    table.pending.clear();
  }
}

function readOne(part: {
  readonly db: DatabaseSync;
  readonly reader: JournalReader;
  readonly table: StreamedTable;
  readonly rows: TableRows;
  readonly pending: PendingRow;
  readonly stamp: RereadStamp;
}): void {
  const { db, reader, table, rows, pending, stamp } = part;
  const { changes } = table;
  const reading = present(table.reading, 'how to read a row that was read');
  if (changes === null) return;
  const found = rows.find(pending.image);
  const keyless = table.schema.keyColumnIds.length === 0;
  try {
    if (found !== null) {
      // Without a key in the lake only what was asked for, or really vanished, is worth a row.
      if (keyless && !pending.wanted && sameImage(pending.image, found)) return;
      if (!keyless || pending.wanted) {
        const check = (place: number): boolean => rows.isSound(found, place);
        changes.reread('r', { reading, row: found, check, ...stamp });
      } else vanish(pending.image);
    } else if (!keyless || !pending.wanted) vanish(pending.image);
  } catch (error) {
    if (!isFirnError(error, 'SOURCE-VALUE-MISFIT')) throw error;
    reader.halt(table, error);
    return;
  }
  if (changes.isFull) reader.flush(table);

  function vanish(row: SqliteRow): void {
    const check = (place: number): boolean => isSoundInLog(db, pending.logId, place);
    present(changes, 'changes').reread('d', { reading, row, check, ...stamp });
  }
}
