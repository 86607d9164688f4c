/**
 * Statements that read and write Parquet files of Iceberg tables. Files are read by field id, so
 * that columns added, renamed or widened since a file was written come out as the table has them
 * now. Inside statements a column is called `c<field id>`: names of users never meet those of
 * DuckDB (`filename`, `file_row_number`).
 */
import { quoteIdentifier, quoteText, quoteTexts } from './quoting.ts';

/** A column read from Parquet files. */
export interface ParquetColumn {
  readonly fieldId: number;
  /** DuckDB type it comes out as; one that the file's own type can be widened to. */
  readonly type: string;
  /** Text of the value in files that lack the column; left out: NULL. */
  readonly missing?: string;
}

/** What to read. */
export interface ParquetRelation {
  /** Local paths; the place of a file in this list is its `file_index`. */
  readonly paths: readonly string[];
  readonly columns: readonly ParquetColumn[];
  /**
   * Rows of all files. Read by field id, a file tells the optimiser nothing of its size, and a join
   * would then hash the larger side.
   */
  readonly rowCount: bigint;
  /** For files without field ids: names to find columns by; one without a name is missing. */
  readonly names?: ReadonlyMap<number, string>;
}

/** A column's name inside statements. */
export function columnAlias(fieldId: number): string {
  return `c${fieldId}`;
}

/**
 * A column of the relation called `rows`. A user's column can be called `c1` too; where both can be
 * meant, only the qualified name is safe.
 */
export function rowColumn(fieldId: number): string {
  return `rows.${columnAlias(fieldId)}`;
}

/**
 * A relation with the columns by alias, and `file_index` and `file_row_number` (from 0) where asked
 * for by name. Without files it is empty.
 */
export function parquetRelation(relation: ParquetRelation): string {
  const { paths, columns, rowCount, names } = relation;
  if (paths.length === 0) {
    const nothing = columns.map(
      ({ fieldId, type }) => `CAST(NULL AS ${type}) AS ${columnAlias(fieldId)}`,
    );
    const virtual = ['0::UBIGINT AS file_index', '0::BIGINT AS file_row_number'];
    return `(SELECT ${[...nothing, ...virtual].join(', ')} WHERE false)`;
  }
  const entries = columns.map(({ fieldId, type, missing }, place) => {
    const name = quoteText(columnAlias(fieldId));
    const key = names === undefined ? fieldId : quoteText(names.get(fieldId) ?? `\u0001${place}`);
    const value = missing === undefined ? 'NULL' : quoteText(missing);
    return `${key}: {name: ${name}, type: ${quoteText(type)}, default_value: ${value}}`;
  });
  const perFile = rowCount / BigInt(paths.length) + 1n;
  const options = [`schema = MAP {${entries.join(', ')}}`, `explicit_cardinality = ${perFile}`];
  return `read_parquet(${[quoteTexts(paths), ...options].join(', ')})`;
}

/** A column to write: its SQL, its name in the file and its ids. */
export interface WrittenColumn {
  readonly expression: string;
  readonly name: string;
  readonly fieldId: number;
  /** Fields of a struct; `null` for a plain column. */
  readonly children: readonly { readonly name: string; readonly fieldId: number }[] | null;
}

/** What to write. */
export interface ParquetCopy {
  readonly columns: readonly WrittenColumn[];
  /** Everything after the select list: `FROM ... AS rows WHERE ... ORDER BY ...`. */
  readonly source: string;
  readonly path: string;
  /** Rows of one row group: what a writer buffers and a reader takes at a time. */
  readonly rowGroupRows: number;
}

/** Most rows of a row group: DuckDB's own choice, enough to compress well. */
const ROW_GROUP_ROWS_MAX = 122_880;

/** Rows of one of DuckDB's vectors: row groups are whole ones, if they do not get too large. */
const VECTOR_ROWS = 2048;

/**
 * Values of a row group before they are encoded. A writer needs four times as much memory; files
 * with groups of 32 MiB were no smaller, and took 120 MB more to write.
 */
const ROW_GROUP_BYTES = 8 * 1024 * 1024;

/** How many rows of a table make a row group, given what rows of it take in memory. */
export function rowGroupRows(table: {
  readonly rowCount: number;
  readonly sizeBytes: number;
}): number {
  if (table.rowCount === 0 || table.sizeBytes === 0) return ROW_GROUP_ROWS_MAX;
  const rowsPerByte = table.rowCount / table.sizeBytes;
  const vectors = Math.trunc((ROW_GROUP_BYTES * rowsPerByte) / VECTOR_ROWS);
  if (vectors > 0) return Math.min(ROW_GROUP_ROWS_MAX, vectors * VECTOR_ROWS);
  return Math.max(1, Math.trunc(ROW_GROUP_BYTES * rowsPerByte));
}

/** Memory for the dictionaries of all columns of a file together. */
const DICTIONARIES_BYTES = 32 * 1024 * 1024;

/** Most and least bytes of a column's dictionary: DuckDB's own choice, and still a useful one. */
const DICTIONARY_BYTES_MAX = 1024 * 1024;
const DICTIONARY_BYTES_MIN = 16 * 1024;

/**
 * An option that bounds the dictionaries of `columns` columns. DuckDB allocates all of a column's
 * dictionary when it begins it: at its own size a table of a hundred columns of text, however few
 * its rows, would not fit the engine's memory.
 */
function dictionaryOption(columns: number): string {
  const share = Math.trunc(DICTIONARIES_BYTES / Math.max(1, columns));
  const bytes = Math.max(DICTIONARY_BYTES_MIN, Math.min(DICTIONARY_BYTES_MAX, share));
  return `STRING_DICTIONARY_PAGE_SIZE_LIMIT ${bytes}`;
}

/** Writes one Parquet file with Iceberg field ids and answers with its statistics. */
export function copyToParquet(copy: ParquetCopy): string {
  const list = copy.columns.map((column) => {
    return `${column.expression} AS ${quoteIdentifier(column.name)}`;
  });
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    // The fastest level: in measurements the next ones took a fifth longer for no smaller files.
    'COMPRESSION_LEVEL 1',
    `ROW_GROUP_SIZE ${copy.rowGroupRows}`,
    dictionaryOption(copy.columns.length),
    `FIELD_IDS {${copy.columns.map(fieldIds).join(', ')}}`,
    'RETURN_STATS',
  ];
  const query = `SELECT ${list.join(', ')} ${copy.source}`;
  return `COPY (${query}) TO ${quoteText(copy.path)} (${options.join(', ')})`;
}

/** A sorted run: rows put by until they are written for good. Quick to write, soon read again. */
export function copyToRun(request: {
  /** The query that gives the rows in their order. */
  readonly source: string;
  readonly path: string;
  /** How many columns the query gives. */
  readonly columns: number;
}): string {
  const { source, path, columns } = request;
  const options = [
    'FORMAT parquet',
    'COMPRESSION lz4',
    `ROW_GROUP_SIZE ${RUN_ROW_GROUP_ROWS}`,
    dictionaryOption(columns),
  ];
  return `COPY (${source}) TO ${quoteText(path)} (${options.join(', ')})`;
}

/** Small, so that one bucket can be read without much of its neighbours. */
const RUN_ROW_GROUP_ROWS = 16_384;

/** The rows of runs, in the order of the runs. */
export function runRelation(paths: readonly string[]): string {
  return `read_parquet(${quoteTexts(paths)})`;
}

function fieldIds({ name, fieldId, children }: WrittenColumn): string {
  const key = quoteIdentifier(name);
  if (children === null) return `${key}: ${fieldId}`;
  const inner = children.map((child) => `${quoteIdentifier(child.name)}: ${child.fieldId}`);
  return `${key}: {${[`__duckdb_field_id: ${fieldId}`, ...inner].join(', ')}}`;
}
