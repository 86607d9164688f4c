/**
 * Rows of one table going into columns. One row decoder for everything that is read: journal rows,
 * table rows of a bootstrap, re-reads. Values go from SQLite into the builders without a row
 * object.
 */
import type { TableChoice } from '../../config/table-choice.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { OP_CODE } from '../../model/change-batch.ts';
import type { ChangeBatch, ChangeOp } from '../../model/change-batch.ts';
import { REREAD_ROW } from '../../model/change-sequence.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import { sameColumnType } from '../../model/column-type.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { CapturePlan } from './capture-plan.ts';
import type { SqliteRow } from './sqlite-value.ts';
import { appenderOf, carriageOf, carriedType } from './value-carriage.ts';
import type { TextCheck, ValueAppender } from './value-carriage.ts';

/** A column of a schema, and where its value stands in the image of a row. */
interface PlacedColumn {
  /** Place in the image, -1 when the image has no such column. */
  readonly place: number;
  readonly append: ValueAppender;
  /** A value that does not fit becomes NULL. */
  readonly dropsMisfits: boolean;
}

/** How the images of one plan become rows of one schema. */
export interface ImageReading {
  readonly schema: TableSchema;
  readonly columns: readonly PlacedColumn[];
}

/**
 * How a plan's images are read as rows of `schema`.
 *
 * @throws {FirnError} SOURCE-COLUMN-TYPE-CHANGED when a column of the schema has another type
 */
export function readingOf(
  plan: CapturePlan,
  schema: TableSchema,
  choice: TableChoice,
): ImageReading {
  const shift = plan.rowidName === null ? 0 : 1;
  const columns = schema.columns.map((column): PlacedColumn => {
    const index = plan.image.findIndex(({ name }) => name === column.sourceName);
    const policy = choice.onMisfit(column.sourceName);
    const carriage = carriageOf(plan.image[index]?.declared ?? column.sourceType, policy);
    if (index >= 0 && !sameColumnType(carriedType(carriage), column.type)) {
      throw new FirnError('SOURCE-COLUMN-TYPE-CHANGED', {
        what:
          `Column ${column.sourceName} is read as ${carriedType(carriage).kind}, ` +
          `not as ${column.type.kind}`,
        where: formatTableName(schema.table),
      });
    }
    const isKey = schema.keyColumnIds.includes(column.id);
    return {
      place: index < 0 ? -1 : index + shift,
      append: appenderOf(carriage),
      dropsMisfits: policy === 'null' && !isKey,
    };
  });
  return { schema, columns };
}

/** One builder per column of a schema. */
export class RowColumns {
  readonly #schema: TableSchema;
  readonly #builders: readonly ColumnBuilder[];

  constructor(schema: TableSchema) {
    this.#schema = schema;
    this.#builders = schema.columns.map(({ type }) => new ColumnBuilder(type));
  }

  /**
   * Appends the image that begins at `from` in `row`; of its places those below `width`.
   *
   * @throws {FirnError} SOURCE-VALUE-MISFIT; the columns are then of no use any more
   */
  append(site: Pick<ChangeSite, 'reading' | 'row' | 'check'>, from: number, width: number): void {
    const { row, check } = site;
    const { columns } = site.reading;
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index];
      const builder = this.#builders[index];
      if (column === undefined || builder === undefined) continue;
      const at = from + column.place;
      const value = column.place < 0 || column.place >= width ? null : row[at];
      if (value === null || value === undefined) builder.appendNull();
      else if (!column.append(builder, value, at, check)) {
        if (!column.dropsMisfits) throw this.#misfit(index);
        builder.appendNull();
      }
    }
  }

  /** A row of NULLs. */
  appendNothing(): void {
    for (const builder of this.#builders) builder.appendNull();
  }

  get sizeBytes(): number {
    return this.#builders.reduce((sum, builder) => sum + builder.sizeBytes, 0);
  }

  /** The rows so far; starts again empty. */
  finish(): ColumnVector[] {
    return this.#builders.map((builder) => builder.finish());
  }

  #misfit(index: number): FirnError {
    const column = this.#schema.columns[index];
    const name = column?.sourceName ?? '';
    const type = column?.type.kind ?? '';
    return new FirnError('SOURCE-VALUE-MISFIT', {
      what:
        `Column ${name}, declared ${column?.sourceType ?? ''}, ` +
        `holds a value that is no ${type}`,
      where: formatTableName(this.#schema.table),
      remedy:
        'Correct the value, then load the table again with `firn bootstrap FILE --table T`; or ' +
        `choose \`columns: {${name}: {onMisfit: null}}\` for this table (such values become NULL) ` +
        'and `firn resume`, or `onMisfit: text` (every value as text) and start the table over ' +
        'with `firn drop`.',
    });
  }
}

/** Rows of one batch at most; one more may follow as the second half of a key change. */
const BATCH_ROWS_MAX = 8192;
const BATCH_BYTES_MAX = 8 * 1024 * 1024;
/** Sizes are added up over all columns only now and then. */
const SIZE_CHECK_ROWS = 4;

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

  /**
   * An insert or delete; `index` counts this table's rows at this sequence. `width`: of a delete by
   * a change of the key, the places that are read, whatever else was read with the row: so the
   * change is the same each time.
   */
  add(
    op: ChangeOp,
    site: ChangeSite,
    change: { from: number; index: number; width?: number },
  ): void {
    const isDelete = op === 'd';
    const row = 2 * change.index + (isDelete ? 0 : 1);
    this.#begin(op, site, row);
    const width = this.#before === null ? (change.width ?? Infinity) : Infinity;
    this.#after.append(site, change.from, width);
    this.#before?.appendNothing();
  }

  /** An update that keeps its key; `before` is where the before image begins. */
  update(site: ChangeSite, after: number, before: number): void {
    this.#begin('u', site, 1);
    this.#after.append(site, after, Infinity);
    this.#before?.append(site, before, Infinity);
  }

  /** A row read from its table after the fact, or the absence of one. */
  reread(op: 'r' | 'd', site: ChangeSite): void {
    this.#begin(op, site, REREAD_ROW);
    this.#after.append(site, 0, Infinity);
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
