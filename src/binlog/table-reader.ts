/**
 * Rows of one table on their way from row images into columns. A reader holds the rows since the
 * last cut; a cut can be made between any two rows, and loses or repeats none. A row is in all of
 * its columns or in none.
 */
import { assert } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { OP_CODE } from '../model/change-batch.ts';
import type { ChangeBatch, ChangeOp } from '../model/change-batch.ts';
import { ColumnBuilder } from '../model/column-builder.ts';
import type { ColumnVector } from '../model/column-vector.ts';
import { formatTableName } from '../model/table-schema.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { ValueReader } from '../mysql/value-reader.ts';
import type { LogTable } from './log-table.ts';
import { imageLengths, measureImage, newPlaces, NULL_START, sameValue } from './row-image.ts';
import type { ImageBytes, ImagePlaces } from './row-image.ts';
import { RowMarks } from './row-marks.ts';

/** How a column of the log becomes one of the schema. */
export interface ColumnReader {
  /** Index in {@link TableSchema.columns}. */
  readonly column: number;
  readonly read: ValueReader;
}

/** What {@link compileTable} needs. */
export interface TableReaderOptions {
  readonly log: LogTable;
  readonly schema: TableSchema;
  /** Parallel to `log.columns`; `null`: the column is passed over. */
  readonly readers: readonly (ColumnReader | null)[];
  /** `full`: whole before images of updates go into {@link ChangeBatch.before}. */
  readonly beforeImages: 'key' | 'full';
  /** A reader with so many rows, or so many bytes of images, is full and wants to be cut. */
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
}

/** The images of one rows event, and what all of its rows have in common. */
export interface RowsRun extends ImageBytes {
  readonly change: 'insert' | 'update' | 'delete';
  /** Where the next image starts; moves on. */
  at: number;
  /** Index of the next row among this table's rows at `seq`; moves on. */
  index: number;
  readonly seq: bigint;
  readonly commitTsUs: bigint;
  /** UTF-8 name of the transaction. */
  readonly tx: Uint8Array | null;
}

interface TableLayout {
  readonly lengths: Int32Array;
  /** Columns of the log that are read. */
  readonly sources: Int32Array;
  /** Parallel to `sources`. */
  readonly targets: Int32Array;
  readonly reads: readonly ValueReader[];
  /** Columns of the schema that the log does not have: NULL. */
  readonly absent: readonly number[];
  /** Columns of the log that make up the key. */
  readonly key: readonly number[];
}

/** Largest index whose `row` is below that of a re-read. */
const INDEX_MAX = 2 ** 30 - 2;

/**
 * Makes a reader for a table as the log describes it.
 *
 * @throws {FirnError} LOG-COLUMN-TYPE when the log has a column whose values cannot be measured
 */
export function compileTable(options: TableReaderOptions): TableReader {
  const { log, schema, readers } = options;
  assert(readers.length === log.columns.length, 'one reader, or none, for each column of the log');
  const sources: number[] = [];
  const targets: number[] = [];
  const reads: ValueReader[] = [];
  for (const [source, reader] of readers.entries()) {
    if (reader === null) continue;
    sources.push(source);
    targets.push(reader.column);
    reads.push(reader.read);
  }
  const read = new Set(targets);
  assert(read.size === targets.length, 'a column of the schema is read once');
  const key = schema.keyColumnIds.map((id) => {
    const source = sources[targets.indexOf(schema.columns.findIndex((column) => column.id === id))];
    assert(source !== undefined, 'every key column is read');
    return source;
  });
  return new TableReader(options, {
    lengths: imageLengths(log),
    sources: Int32Array.from(sources),
    targets: Int32Array.from(targets),
    reads,
    absent: [...schema.columns.keys()].filter((column) => !read.has(column)),
    key,
  });
}

/** Takes row images in, gives batches out. Made by {@link compileTable}. */
export class TableReader {
  readonly schema: TableSchema;
  readonly #log: LogTable;
  readonly #layout: TableLayout;
  readonly #batchRowsMax: number;
  readonly #batchBytesMax: number;
  readonly #columns: readonly ColumnBuilder[];
  readonly #before: readonly ColumnBuilder[] | null;
  readonly #marks = new RowMarks();
  readonly #beforePlaces: ImagePlaces;
  readonly #afterPlaces: ImagePlaces;
  #imageBytes = 0;

  constructor(options: TableReaderOptions, layout: TableLayout) {
    const newBuilders = (): readonly ColumnBuilder[] =>
      options.schema.columns.map(({ type }) => new ColumnBuilder(type));
    this.schema = options.schema;
    this.#log = options.log;
    this.#layout = layout;
    this.#batchRowsMax = options.batchRowsMax;
    this.#batchBytesMax = options.batchBytesMax;
    this.#columns = newBuilders();
    this.#before = options.beforeImages === 'full' ? newBuilders() : null;
    this.#beforePlaces = newPlaces(layout.lengths.length);
    this.#afterPlaces = newPlaces(layout.lengths.length);
  }

  /** Rows since the last cut. */
  get rowCount(): number {
    return this.#marks.rowCount;
  }

  /** Whether the next rows should wait for a cut. */
  get isFull(): boolean {
    return this.rowCount >= this.#batchRowsMax || this.#imageBytes >= this.#batchBytesMax;
  }

  /** Whether images of `table` can go into this reader: the same columns under any table id. */
  fits(table: LogTable): boolean {
    const mine = this.#log.definition;
    const other = table.definition;
    return mine.length === other.length && mine.every((byte, index) => byte === other[index]);
  }

  /** The rows since the last cut as a batch of their own; `null` when there are none. */
  cut(epoch: number): ChangeBatch | null {
    const rowCount = this.rowCount;
    if (rowCount === 0) return null;
    const vectors = (builders: readonly ColumnBuilder[]): readonly ColumnVector[] =>
      builders.map((builder) => builder.finish());
    this.#imageBytes = 0;
    return {
      schema: this.schema,
      rowCount,
      columns: vectors(this.#columns),
      epoch,
      ...this.#marks.finish(),
      before: this.#before === null ? null : vectors(this.#before),
    };
  }

  /** Forgets the rows after `seq`: those of a transaction that is going to be read again. */
  dropAfter(seq: bigint): void {
    this.#truncate(this.#marks.countUpTo(seq));
  }

  /**
   * Appends rows of `run`, at least one, until it ends or the reader is full; returns how many
   * changed rows that were. After an error none of them is in the reader.
   *
   * @throws {FirnError} LOG-EVENT-MALFORMED for a broken image; what a value reader throws
   */
  append(run: RowsRun): number {
    const first = this.rowCount;
    const firstIndex = run.index;
    const start = run.at;
    try {
      do {
        if (run.index > INDEX_MAX) throw this.#tooManyRows();
        if (run.change === 'insert') this.#appendInsert(run);
        else if (run.change === 'update') this.#appendUpdate(run);
        else this.#appendDelete(run);
        run.index++;
      } while (run.at < run.end && this.rowCount < this.#batchRowsMax && this.#fits(run, start));
    } catch (error) {
      this.#truncate(first);
      throw error;
    }
    this.#imageBytes += run.at - start;
    this.#marks.setShared(first, run);
    return run.index - firstIndex;
  }

  #fits(run: RowsRun, start: number): boolean {
    return this.#imageBytes + run.at - start < this.#batchBytesMax;
  }

  #appendInsert(run: RowsRun): void {
    this.#measure(run, this.#afterPlaces);
    this.#appendRow(run, 'c', this.#afterPlaces);
    this.#appendBefore(run, null);
  }

  #appendDelete(run: RowsRun): void {
    this.#measure(run, this.#beforePlaces);
    this.#appendRow(run, 'd', this.#beforePlaces);
    this.#appendBefore(run, null);
  }

  #appendUpdate(run: RowsRun): void {
    const before = this.#beforePlaces;
    const after = this.#afterPlaces;
    this.#measure(run, before);
    this.#measure(run, after);
    const places = { before, after };
    const sameKey = this.#layout.key.every((column) => sameValue(run.bytes, column, places));
    if (sameKey) {
      this.#appendRow(run, 'u', after);
      this.#appendBefore(run, before);
      return;
    }
    this.#appendRow(run, 'd', before);
    this.#appendBefore(run, null);
    this.#appendRow(run, 'c', after);
    this.#appendBefore(run, null);
  }

  #measure(run: RowsRun, places: ImagePlaces): void {
    run.at = measureImage(run, run.at, { lengths: this.#layout.lengths, places });
  }

  #appendRow(run: RowsRun, op: ChangeOp, places: ImagePlaces): void {
    this.#appendImage(run, this.#columns, places);
    this.#marks.append(OP_CODE[op], 2 * run.index + (op === 'd' ? 0 : 1));
  }

  #appendBefore(run: RowsRun, places: ImagePlaces | null): void {
    if (this.#before === null) return;
    if (places !== null) return this.#appendImage(run, this.#before, places);
    for (const builder of this.#before) builder.appendNull();
  }

  #appendImage(run: RowsRun, builders: readonly ColumnBuilder[], places: ImagePlaces): void {
    const { sources, targets, reads, absent } = this.#layout;
    const { bytes, view } = run;
    const { starts, ends } = places;
    for (let place = 0; place < reads.length; place++) {
      const source = sources[place] ?? 0;
      const builder = builders[targets[place] ?? 0];
      const read = reads[place];
      assert(builder !== undefined && read !== undefined, 'a layout fits its builders');
      const start = starts[source] ?? NULL_START;
      if (start === NULL_START) builder.appendNull();
      else read(bytes, view, start, ends[source] ?? 0, builder);
    }
    for (const column of absent) builders[column]?.appendNull();
  }

  #truncate(rowCount: number): void {
    for (const builder of this.#columns) builder.truncate(rowCount);
    for (const builder of this.#before ?? []) builder.truncate(rowCount);
    this.#marks.truncate(rowCount);
  }

  #tooManyRows(): FirnError {
    return new FirnError('LOG-EVENT-TOO-LARGE', {
      what: `One transaction changes more than ${INDEX_MAX} rows of a table in one event`,
      where: formatTableName(this.#log),
    });
  }
}
