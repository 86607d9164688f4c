/**
 * Looks rows up in their tables after the fact: those that a REPLACE may have removed, and those
 * logged before a new column was seen (docs/spec/order.md, re-reads).
 */
import { isUtf8 } from 'node:buffer';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { present } from '../../kernel/assert.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { identityWidth, sameNames } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { isSoundInLog } from './journal-reader.ts';
import type { JournalReader, PendingRow, StreamedTable } from './journal-reader.ts';
import { quoteName } from './sql-text.ts';
import { iterateRows, prepare, rowsOf } from './sqlite-database.ts';
import { sameValue } from './sqlite-value.ts';
import type { SqliteRow, SqliteValue } from './sqlite-value.ts';

/** A column that orders and finds rows, with the collation of the index that keeps it unique. */
interface IdentityColumn {
  readonly name: string;
  readonly collation: string;
}

/** Which rows of a table, in key order. */
export interface RowRange {
  readonly after: SqliteRow | null;
  readonly upTo: SqliteRow | null;
  /** Left out: none. */
  readonly skip?: number;
}

/** Reads rows of one table over one connection. */
export class TableRows {
  readonly #db: DatabaseSync;
  readonly #plan: CapturePlan;
  readonly #identity: readonly IdentityColumn[];
  readonly #width: number;
  #byIdentity: StatementSync | null = null;

  constructor(db: DatabaseSync, plan: CapturePlan) {
    this.#db = db;
    this.#plan = plan;
    this.#identity = identityColumns(plan);
    this.#width = identityWidth(plan);
  }

  /** The row with exactly these identity values, or `null`. */
  find(identity: SqliteRow): SqliteRow | null {
    this.#byIdentity ??= prepare(this.#db, this.#identitySql(this.#imageSql()));
    const rows = rowsOf(this.#byIdentity, ...identity.slice(0, this.#width));
    return rows.find((row) => this.#isSame(row, identity)) ?? null;
  }

  /**
   * Images in key order, in the order the database itself gives them.
   *
   * @param range identities of the row to start behind (`null`: from the first) and of the last one
   *   (`null`: to the end), and how many rows are passed over first
   */
  inOrder(range: RowRange, rowsMax: number): IterableIterator<SqliteRow> {
    const columns = this.#identity.map(({ name, collation }) => `${name} COLLATE ${collation}`);
    const bounds: SqliteValue[] = [];
    const conditions = (['>', '<='] as const).flatMap((operator) => {
      const bound = operator === '>' ? range.after : range.upTo;
      if (bound === null) return [];
      const places = columns.map((_, index) => `?${bounds.length + index + 1}`);
      bounds.push(...bound.slice(0, this.#width));
      return `(${columns.join(', ')}) ${operator} (${places.join(', ')})`;
    });
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    const sql =
      `SELECT ${this.#imageSql()} FROM ${quoteName(this.#plan.table)}${where} ` +
      `ORDER BY ${columns.join(', ')} LIMIT ${rowsMax} OFFSET ${range.skip ?? 0}`;
    return iterateRows(prepare(this.#db, sql), ...bounds);
  }

  /** The values that identify the row of an image. */
  identityOf(image: SqliteRow): SqliteRow {
    return image.slice(0, this.#width);
  }

  /** Whether the text at `place` of the image of this row is UTF-8. */
  isSound(image: SqliteRow, place: number): boolean {
    const column = this.#plan.image[place - (this.#plan.rowidName === null ? 0 : 1)];
    if (column === undefined) return false;
    const sql = this.#identitySql(`CAST(${quoteName(column.name)} AS BLOB)`);
    const rows = rowsOf(prepare(this.#db, sql), ...this.identityOf(image));
    return rows.every(([bytes]) => bytes instanceof Uint8Array && isUtf8(bytes));
  }

  #isSame(row: SqliteRow, identity: SqliteRow): boolean {
    for (let place = 0; place < this.#width; place++) {
      if (!sameValue(row[place], identity[place])) return false;
    }
    return true;
  }

  #imageSql(): string {
    const columns = this.#plan.image.map(({ name }) => quoteName(name));
    return [...(this.#plan.rowidName === null ? [] : [this.#plan.rowidName]), ...columns].join(
      ', ',
    );
  }

  #identitySql(columns: string): string {
    const terms = this.#identity.map(
      ({ name, collation }, index) => `${name} = ?${index + 1} COLLATE ${collation}`,
    );
    return `SELECT ${columns} FROM ${quoteName(this.#plan.table)} WHERE ${terms.join(' AND ')}`;
  }
}

/** Whether two images hold the same values. */
function sameImage(left: SqliteRow, right: readonly (SqliteValue | undefined)[]): boolean {
  return left.every((value, place) => sameValue(value, right[place]));
}

function identityColumns(plan: CapturePlan): IdentityColumn[] {
  if (plan.rowidName !== null) return [{ name: plan.rowidName, collation: 'BINARY' }];
  const names = plan.image.slice(0, plan.identityCount).map(({ name }) => name);
  const key = plan.uniqueKeys.find(
    ({ terms, condition }) =>
      condition === null &&
      sameNames(
        terms.flatMap(({ column }) => column ?? []),
        names,
      ),
  );
  return names.map((name, index) => ({
    name: quoteName(name),
    collation: quoteName(key?.terms[index]?.collation ?? 'BINARY'),
  }));
}

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
