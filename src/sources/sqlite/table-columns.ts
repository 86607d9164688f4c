/**
 * Rows of one table going into columns. One row decoder for everything that is read: journal rows,
 * table rows of a bootstrap, re-reads. Values go from SQLite into the builders without a row object.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import { ColumnBuilder } from '../../model/column-builder.ts';
import type { ColumnVector } from '../../model/column-vector.ts';
import { sameColumnType } from '../../model/column-type.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import type { CapturePlan } from './capture-plan.ts';
import { carriageOf, carriedType } from './column-affinity.ts';
import type { SqliteRow } from './sqlite-value.ts';
import type { TableChoice } from './table-choice.ts';
import { appenderOf } from './value-appender.ts';
import type { TextCheck, ValueAppender } from './value-appender.ts';

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
        what: `Column ${column.sourceName} is read as ${carriedType(carriage).kind}, not as ${column.type.kind}`,
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
   * Appends the image that begins at `from` in `row`.
   *
   * @throws {FirnError} SOURCE-VALUE-MISFIT; the columns are then of no use any more
   */
  append(reading: ImageReading, row: SqliteRow, from: number, check: TextCheck): void {
    const { columns } = reading;
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index];
      const builder = this.#builders[index];
      if (column === undefined || builder === undefined) continue;
      const at = from + column.place;
      const value = column.place < 0 ? null : row[at];
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
    return new FirnError('SOURCE-VALUE-MISFIT', {
      what: `Column ${name}, declared ${column?.sourceType ?? ''}, holds a value that is no ${column?.type.kind ?? ''}`,
      where: formatTableName(this.#schema.table),
      remedy: `Correct the value, or choose \`columns: {${name}: {onMisfit: text}}\` (every value as text) or \`onMisfit: null\` (such values are dropped) for this table.`,
    });
  }
}
