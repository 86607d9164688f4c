/**
 * Turns journal rows into changes, table by table. The hot loop is synchronous: it runs over a
 * bounded piece of the journal and stops before a row that needs more than reading (a mark, or a
 * plan that was not met yet).
 */
import { isUtf8 } from 'node:buffer';
import type { DatabaseSync } from 'node:sqlite';
import type { TableChoice } from '../../config/table-choice.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { FirnError } from '../../kernel/firn-error.ts';
import type { SourceEvent } from '../../model/source-event.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { identityWidth, imageWidth } from './capture-plan.ts';
import type { CapturePlan } from './capture-plan.ts';
import { LOG_OP, LOG_TABLE } from './journal-names.ts';
import { prepare, query } from './sqlite-database.ts';
import { sameValue, valuesKey } from './sqlite-value.ts';
import type { SqliteRow } from './sqlite-value.ts';
import type { ChangeSite, ImageReading, TableChanges } from './table-changes.ts';
import type { TextCheck } from './value-carriage.ts';

/** Values of a journal row begin behind its code and its time. */
export const VALUES_FROM = 2;

/** A row to be looked up in its table once the journal has been read to its end. */
export interface PendingRow {
  /** Its identity; the whole image where nothing less tells a vanished row. */
  readonly image: SqliteRow;
  readonly logId: number;
  /** Asked for by name: it is given as it is. Otherwise it only may have vanished. */
  readonly wanted: boolean;
}

/** A table that the stream delivers. */
export interface StreamedTable {
  readonly choice: TableChoice;
  schema: TableSchema;
  /** `null` once the table is halted. */
  changes: TableChanges | null;
  /** The newest plan met so far and how its images are read. */
  plan: CapturePlan | null;
  reading: ImageReading | null;
  readonly pending: Map<string, PendingRow>;
}

/** What the rows written under one plan mean; `null` when their table is not delivered. */
export interface BoundPlan {
  readonly table: StreamedTable;
  readonly plan: CapturePlan;
  readonly reading: ImageReading;
  readonly imageWidth: number;
  readonly identityWidth: number;
}

/** What a journal row's first column says. */
export function journalCode(row: SqliteRow): { readonly captureId: number; readonly op: number } {
  const code = typeof row[0] === 'number' ? row[0] : 0;
  const op = code % 8;
  return { captureId: (code - op) / 8, op };
}

/** Reads journal rows in order. */
export class JournalReader {
  readonly #db: DatabaseSync;
  readonly #bound = new Map<number, BoundPlan | null>();
  readonly #outbox: SourceEvent[] = [];
  #lastAt = 0;
  #lastCommitTsUs = 0n;
  #currentId = 0;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Commit time of the last row read, microseconds since 1970. */
  get lastCommitTsUs(): bigint {
    return this.#lastCommitTsUs;
  }

  /** Says what rows of a plan mean from here on. */
  bind(captureId: number, bound: BoundPlan | null): void {
    this.#bound.set(captureId, bound);
  }

  /** Forgets what a plan means, so that it is asked for again. */
  unbindAll(): void {
    this.#bound.clear();
  }

  /** Events made so far; empties the list. */
  takeEvents(): SourceEvent[] {
    return this.#outbox.splice(0);
  }

  /** Ends a table's batch, so that what follows can be of another schema. */
  flush(table: StreamedTable): void {
    const { changes } = table;
    if (changes !== null && changes.count > 0) {
      this.#outbox.push({ kind: 'changes', batch: changes.take() });
    }
  }

  /** Stops a table; what it did not deliver yet is dropped. */
  halt(table: StreamedTable, error: FirnError): void {
    table.changes = null;
    table.pending.clear();
    this.#outbox.push({
      kind: 'table-halted',
      table: table.schema.table,
      error,
      recovery: 'operator',
      completeFrom: null,
      ...(error.code === 'SOURCE-TABLE-MISSING' ? { removal: 'table' } : {}),
    });
  }

  /** How many values of a row are needed to read every bound plan. */
  widthNeeded(plans: readonly CapturePlan[], beforeImages: boolean): number {
    const widths = plans.map((plan) => {
      const width = imageWidth(plan);
      return width + (beforeImages ? width : identityWidth(plan));
    });
    return Math.max(2, ...widths);
  }

  /**
   * Reads rows until one needs more than reading.
   *
   * @param firstId journal id of the first row; the others follow without gaps
   * @returns how many rows were read
   */
  consume(rows: readonly SqliteRow[], firstId: number): number {
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] ?? [];
      const code = row[0];
      if (typeof code !== 'number') continue;
      const op = code % 8;
      if (op === LOG_OP.start || op === LOG_OP.plan || op === LOG_OP.end) return index;
      const bound = this.#bound.get((code - op) / 8);
      if (bound === undefined) return index;
      if (bound === null || bound.table.changes === null) continue;
      this.#currentId = firstId + index;
      const { changes } = bound.table;
      this.#readRow(bound, changes, op, row);
      if (changes.isFull) this.flush(bound.table);
    }
    return rows.length;
  }

  /** Whether {@link consume} would read all of these rows. */
  canConsume(rows: readonly SqliteRow[]): boolean {
    return rows.every((row) => {
      const { captureId, op } = journalCode(row);
      const isMark = op === LOG_OP.start || op === LOG_OP.plan || op === LOG_OP.end;
      return !isMark && this.#bound.has(captureId);
    });
  }

  #readRow(bound: BoundPlan, changes: TableChanges, op: number, row: SqliteRow): void {
    if (op === LOG_OP.vanish || op === LOG_OP.reread) {
      this.#remember(bound, op === LOG_OP.reread, row);
      return;
    }
    const site: ChangeSite = {
      reading: bound.reading,
      row,
      check: this.#check,
      seq: BigInt(this.#currentId),
      commitTsUs: this.#commitTs(row[1]),
    };
    try {
      this.#change(bound, changes, op, site);
    } catch (error) {
      if (!isFirnError(error, 'SOURCE-VALUE-MISFIT')) throw error;
      this.halt(bound.table, error);
      return;
    }
    if (bound.table.pending.size > 0) this.#settled(bound, op, row);
  }

  #change(bound: BoundPlan, changes: TableChanges, op: number, site: ChangeSite): void {
    const after = VALUES_FROM;
    const before = VALUES_FROM + bound.imageWidth;
    if (op === LOG_OP.insert) changes.add('c', site, { from: after, index: 0 });
    else if (op === LOG_OP.delete) changes.add('d', site, { from: after, index: 0 });
    else if (bound.plan.key.length > 0 && !sameIdentity(bound, site.row)) {
      changes.add('d', site, { from: before, index: 0, width: bound.identityWidth });
      changes.add('c', site, { from: after, index: 1 });
    } else changes.update(site, after, before);
  }

  #remember(bound: BoundPlan, wanted: boolean, row: SqliteRow): void {
    const { pending } = bound.table;
    const whole = bound.plan.key.length === 0 && !wanted;
    const width = whole ? bound.imageWidth : bound.identityWidth;
    const image = row.slice(VALUES_FROM, VALUES_FROM + width);
    const key = valuesKey(image.slice(0, bound.identityWidth));
    const known = pending.get(key);
    pending.set(key, { image, logId: this.#currentId, wanted: wanted || known?.wanted === true });
  }

  /**
   * A change that follows says itself what became of the row. Not so where the table has BEFORE
   * triggers of its own: they run between the note and the write it warns of.
   */
  #settled(bound: BoundPlan, op: number, row: SqliteRow): void {
    if (bound.plan.foreignBefore) return;
    const { pending } = bound.table;
    const identityAt = (from: number): string =>
      valuesKey(row.slice(from, from + bound.identityWidth));
    pending.delete(identityAt(VALUES_FROM));
    if (op === LOG_OP.update) pending.delete(identityAt(VALUES_FROM + bound.imageWidth));
  }

  /** The time a trigger logged, a Julian day, in microseconds. Good to a millisecond. */
  #commitTs(at: unknown): bigint {
    if (typeof at !== 'number' || at === this.#lastAt) return this.#lastCommitTsUs;
    this.#lastAt = at;
    this.#lastCommitTsUs = BigInt(Math.round((at - 2_440_587.5) * 86_400_000)) * 1000n;
    return this.#lastCommitTsUs;
  }

  /** Places count from the start of a journal row. */
  readonly #check: TextCheck = (place) =>
    isSoundInLog(this.#db, this.#currentId, place - VALUES_FROM);
}

/** Whether the text at a value place (from 0) of a journal row is UTF-8. */
export function isSoundInLog(db: DatabaseSync, id: number, place: number): boolean {
  const sql = `SELECT CAST(v${place + 1} AS BLOB) FROM ${LOG_TABLE} WHERE id = ?1`;
  const [row] = query(db, sql, BigInt(id));
  return row?.[0] instanceof Uint8Array && isUtf8(row[0]);
}

/** The statement that reads a piece of the journal as {@link JournalReader.consume} takes it. */
export function prepareJournalRead(db: DatabaseSync, width: number): ReturnType<typeof prepare> {
  const values = Array.from({ length: width }, (_, index) => `v${index + 1}`).join(', ');
  // Real numbers reach JavaScript faster than integers that could need 64 bits.
  return prepare(
    db,
    `SELECT (tbl * 8 + op) + 0.0, at, ${values} FROM ${LOG_TABLE}
      WHERE id > ?1 AND id <= ?2 ORDER BY id`,
  );
}

function sameIdentity(bound: BoundPlan, row: SqliteRow): boolean {
  const before = VALUES_FROM + bound.imageWidth;
  for (let place = 0; place < bound.identityWidth; place++) {
    if (!sameValue(row[VALUES_FROM + place], row[before + place])) return false;
  }
  return true;
}
