/**
 * Parquet files of a lake: written into the stage folder by DuckDB, described as manifest entries
 * from the statistics DuckDB gives back, then uploaded. A file's name is a UUIDv7: its time is what
 * the ledger's retention goes by.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type * as Api from '@duckdb/node-api';
import type { IcebergSchema } from '../../iceberg/iceberg-schema.ts';
import type { NestedField } from '../../iceberg/iceberg-type.ts';
import { LAST_UPDATED, ROW_ID } from '../../iceberg/lineage/row-lineage.ts';
import { hashedPath } from '../../iceberg/layout/hashed-layout.ts';
import type { IcebergValue } from '../../iceberg/single-value.ts';
import { UNSAID } from '../../iceberg/manifest.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { Random } from '../../kernel/random.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { WriteTarget } from '../../ports/row-engine.ts';
import { copyToParquet, rowGroupRows } from '../../sql/parquet-statements.ts';
import type { WrittenColumn } from '../../sql/parquet-statements.ts';
import { quoteIdentifier, quoteText } from '../../sql/quoting.ts';
import { fileMetrics } from '../../sql/column-bounds.ts';
import type { ColumnStatistics, MeasuredColumn } from '../../sql/column-bounds.ts';
import { readRow } from './duckdb-instance.ts';
import { duckdbTypeName } from './duckdb-types.ts';

/** Where files are written and what names them. */
export interface FileContext {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Local folder for files on their way to the store. */
  readonly filesFolder: string;
}

/** What a writer holds in DuckDB at most before it writes it to the stage folder. */
export interface StageLimits {
  readonly rowsMax: number;
  readonly bytesMax: number;
}

/** A column of a file: a field of the table and the SQL that gives its values. */
export interface FileColumn {
  readonly field: NestedField;
  readonly expression: string;
  /** Its bounds are kept whole. */
  readonly exact: boolean;
}

/** One file to write. */
export interface FileRequest {
  readonly columns: readonly FileColumn[];
  /** Everything after the select list. */
  readonly source: string;
  readonly dataFolder: string;
  /** Spread over hashed prefixes of the folder. */
  readonly hashedLayout?: boolean;
  /** What rows take in memory, of this file or of more than it: decides the row groups. */
  readonly width: { readonly rowCount: number; readonly sizeBytes: number };
  /** What the manifest entry says beyond statistics. */
  readonly entry: Pick<
    DataFile,
    'content' | 'partition' | 'specId' | 'sortOrderId' | 'referencedDataFile'
  >;
}

/** A file in the stage folder, described as it will be after the upload. */
export interface StagedFile {
  readonly path: string;
  readonly file: DataFile;
}

/** Columns of a table's files in its order; the identifier fields keep exact bounds. */
export function tableColumns(
  schema: IcebergSchema,
  expression: (field: NestedField) => string,
): readonly FileColumn[] {
  const exact = new Set(schema.identifierFieldIds);
  return schema.fields.map((field) => ({
    field,
    expression: expression(field),
    exact: exact.has(field.id),
  }));
}

/** The fixed part of an entry of a table's data file. */
export function dataEntry(
  target: WriteTarget,
  partition: readonly IcebergValue[],
): FileRequest['entry'] {
  const { specId, sortOrderId } = target;
  return { content: 'data', partition, specId, sortOrderId, referencedDataFile: null };
}

/** Writes a file into the stage folder; when that fails, nothing of it is left there. */
export async function stageFile(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: FileRequest,
): Promise<StagedFile> {
  const name = `${uuidV7(context.clock, context.random)}.parquet`;
  const path = join(context.filesFolder, name);
  try {
    return { path, file: await writeFile(connection, request, { name, path }) };
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function writeFile(
  connection: Api.DuckDBConnection,
  request: FileRequest,
  { name, path }: { readonly name: string; readonly path: string },
): Promise<DataFile> {
  const columns = request.columns.map(({ field, expression }): WrittenColumn => {
    const children = field.type.kind === 'struct' ? field.type.fields : null;
    return {
      expression,
      name: field.name,
      fieldId: field.id,
      children: children?.map((child) => ({ name: child.name, fieldId: child.id })) ?? null,
    };
  });
  const sql = copyToParquet({
    columns,
    source: request.source,
    path,
    rowGroupRows: rowGroupRows(request.width),
  });
  const [, rows, sizeBytes, , statistics] = await readRow(connection, sql);
  assert(typeof rows === 'bigint' && typeof sizeBytes === 'bigint', 'COPY gives its statistics');
  const metrics = fileMetrics(request.columns.flatMap(measured), readStatistics(statistics));
  for (const { field } of request.columns) {
    const nulls = field.required ? (metrics.nullValueCounts.get(field.id) ?? 0n) : 0n;
    assert(nulls === 0n, `required column ${field.name} holds no NULL`);
  }
  return {
    ...UNSAID,
    ...request.entry,
    ...metrics,
    filePath: `${request.dataFolder}/${request.hashedLayout === true ? hashedPath(name) : name}`,
    fileFormat: 'PARQUET',
    recordCount: rows,
    fileSizeBytes: sizeBytes,
  };
}

/** Uploads at a time: each waits for its disk, or its network, most of the time. */
const PARALLEL_UPLOADS = 8;

/** Moves staged files into the store and gives their entries. When it fails, none is under way. */
export async function uploadFiles(
  context: FileContext,
  staged: readonly StagedFile[],
): Promise<readonly DataFile[]> {
  const waiting = [...staged];
  const uploadAll = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { path, file } = next;
      const { sizeBytes } = await context.store.upload(path, file.filePath);
      assert(
        BigInt(sizeBytes) === file.fileSizeBytes,
        'an uploaded file has the size it was given',
      );
    }
  };
  const results = await Promise.allSettled(Array.from({ length: PARALLEL_UPLOADS }, uploadAll));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return staged.map(({ file }) => file);
}

/** Rows of one file at most. */
const ROWS_MAX = 10_000;

/** Bytes of a row, about. */
const ROW_BYTES = 200;

/** What is written. */
interface PlainRows {
  readonly target: WriteTarget;
  /** Values in the order of the table's columns, as text; `null` is NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/**
 * Writes a few rows that the program made itself as one file of a table without partitions; no file
 * without a row.
 */
export async function writePlainRows(
  context: FileContext,
  connection: Api.DuckDBConnection,
  { target, rows }: PlainRows,
): Promise<readonly DataFile[]> {
  if (rows.length === 0) return [];
  assert(rows.length <= ROWS_MAX, 'rows are few');
  const { fields } = target.icebergSchema;
  const names = fields.map((_, index) => `v${index}`);
  const values = rows.map((row) => {
    assert(row.length === fields.length, 'a row has a value for each column');
    return `(${row.map((value) => (value === null ? 'NULL' : quoteText(value))).join(', ')})`;
  });
  const staged = await stageFile(context, connection, {
    columns: tableColumns(target.icebergSchema, (field) => {
      return `CAST(${names[fields.indexOf(field)]} AS ${duckdbTypeName(field.type)})`;
    }),
    source: `FROM (VALUES ${values.join(', ')}) AS rows(${names.join(', ')})`,
    dataFolder: target.dataFolder,
    hashedLayout: target.hashedLayout === true,
    width: { rowCount: rows.length, sizeBytes: rows.length * ROW_BYTES },
    entry: dataEntry(target, []),
  });
  return uploadFiles(context, [staged]);
}

/** Removes staged files that will not be uploaded. */
export async function dropStaged(staged: readonly StagedFile[]): Promise<void> {
  for (const { path } of staged) await rm(path, { force: true });
}

/** The columns that have statistics: primitive ones, and the fields of a struct. */
function measured({ field, exact }: FileColumn): readonly MeasuredColumn[] {
  // Bounds of the ids that are there would rule out rows whose id is not in the file.
  if (field.id === ROW_ID.id || field.id === LAST_UPDATED.id) return [];
  const name = quoteIdentifier(field.name);
  if (field.type.kind !== 'struct') return [{ name, fieldId: field.id, type: field.type, exact }];
  return field.type.fields.map((child) => ({
    name: `${name}.${quoteIdentifier(child.name)}`,
    fieldId: child.id,
    type: child.type,
    exact: false,
  }));
}

/** DuckDB's map of column name to map of statistic to text. */
function readStatistics(value: Api.DuckDBValue | undefined): ReadonlyMap<string, ColumnStatistics> {
  return new Map(
    entriesOf(value).map(([name, statistics]) => [
      name,
      new Map(entriesOf(statistics).flatMap(([key, text]) => pairOfText(key, text))),
    ]),
  );
}

function entriesOf(
  value: Api.DuckDBValue | undefined,
): readonly (readonly [string, Api.DuckDBValue])[] {
  assert(isMap(value), 'statistics are maps');
  return value.entries.map((entry) => [String(entry.key), entry.value]);
}

function pairOfText(key: string, text: Api.DuckDBValue): readonly (readonly [string, string])[] {
  return typeof text === 'string' ? [[key, text]] : [];
}

function isMap(value: Api.DuckDBValue | undefined): value is Api.DuckDBMapValue {
  return typeof value === 'object' && value !== null && 'entries' in value;
}
