/** Changes of one table on their way into a batch. */
import { OP_CODE } from '../../model/change-batch.ts';
import type { ChangeBatch, ChangeOp } from '../../model/change-batch.ts';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { SqliteRow } from './sqlite-value.ts';
import { RowColumns } from './table-columns.ts';
import type { ImageReading } from './table-columns.ts';
import type { TextCheck } from './value-appender.ts';

/** Rows of one batch at most; one more may follow as the second half of a key change. */
const BATCH_ROWS_MAX = 8192;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** Sizes are added up over all columns only now and then. */
const SIZE_CHECK_ROWS = 16;

/** One journal row, or one row read again, as changes are made from it. */
export interface ChangeSite {
  readonly reading: ImageReading;
  readonly row: SqliteRow;
  readonly check: TextCheck;
  readonly seq: bigint;
  readonly commitTsUs: bigint;
}

/** Collects changes of one table under one schema. */
export class TableChanges {
  readonly schema: TableSchema;
  readonly #epoch: number;
  readonly #after: RowColumns;
  readonly #before: RowColumns | null;
  readonly #rowsMax: number;
  readonly #op: Uint8Array;
  readonly #seq: BigInt64Array;
  readonly #row: Int32Array;
  readonly #commitTsUs: BigInt64Array;
  #count = 0;
  #heavy = false;

  constructor(
    schema: TableSchema,
    options: { readonly epoch: number; readonly beforeImages: boolean; readonly rowsMax?: number },
  ) {
    this.schema = schema;
    this.#epoch = options.epoch;
    this.#rowsMax = options.rowsMax ?? BATCH_ROWS_MAX;
    const slots = this.#rowsMax + 1;
    this.#op = new Uint8Array(slots);
    this.#seq = new BigInt64Array(slots);
    this.#row = new Int32Array(slots);
    this.#commitTsUs = new BigInt64Array(slots);
    this.#after = new RowColumns(schema);
    this.#before = options.beforeImages ? new RowColumns(schema) : null;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether the batch must be taken before more is added. */
  get isFull(): boolean {
    return this.#heavy || this.#count >= this.#rowsMax;
  }

  /** An insert, delete or re-read; `index` counts this table's rows at this sequence. */
  add(op: ChangeOp, site: ChangeSite, change: { from: number; index: number }): void {
    const isDelete = op === 'd';
    const row = 2 * change.index + (isDelete ? 0 : 1);
    this.#begin(op, site, row);
    this.#after.append(site.reading, site.row, change.from, site.check);
    this.#before?.appendNothing();
  }

  /** An update that keeps its key; `before` is where the before image begins. */
  update(site: ChangeSite, after: number, before: number): void {
    this.#begin('u', site, 1);
    this.#after.append(site.reading, site.row, after, site.check);
    this.#before?.append(site.reading, site.row, before, site.check);
  }

  /** A row read from its table after the fact, or the absence of one. */
  reread(op: 'r' | 'd', site: ChangeSite): void {
    this.#begin(op, site, REREAD_ROW);
    this.#after.append(site.reading, site.row, 0, site.check);
    this.#before?.appendNothing();
  }

  /** Takes what there is; starts again empty. */
  take(): ChangeBatch {
    const count = this.#count;
    const columns = this.#after.finish();
    const before = this.#before?.finish() ?? null;
    this.#count = 0;
    this.#heavy = false;
    return {
      schema: this.schema,
      rowCount: count,
      columns,
      epoch: this.#epoch,
      op: this.#op.slice(0, count),
      seq: this.#seq.slice(0, count),
      row: this.#row.slice(0, count),
      commitTsUs: this.#commitTsUs.slice(0, count),
      tx: null,
      before,
    };
  }

  #begin(op: ChangeOp, site: ChangeSite, row: number): void {
    const at = this.#count++;
    this.#op[at] = OP_CODE[op];
    this.#seq[at] = site.seq;
    this.#row[at] = row;
    this.#commitTsUs[at] = site.commitTsUs;
    if (at % SIZE_CHECK_ROWS === 0) {
      const bytes = this.#after.sizeBytes + (this.#before?.sizeBytes ?? 0);
      this.#heavy = bytes > BATCH_BYTES_MAX;
    }
  }
}
