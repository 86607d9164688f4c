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
import type { DataFile } from '../../iceberg/manifest.ts';
import { assert } from '../../kernel/assert.ts';
import type { Clock } from '../../kernel/clock.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { Random } from '../../kernel/random.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { WriteTarget } from '../../ports/row-engine.ts';
import { copyToParquet, rowGroupRows } from '../../sql/parquet-statements.ts';
import type { WrittenColumn } from '../../sql/parquet-statements.ts';
import { quoteIdentifier } from '../../sql/quoting.ts';
import { fileMetrics } from '../../sql/column-bounds.ts';
import type { ColumnStatistics, MeasuredColumn } from '../../sql/column-bounds.ts';
import { readRow } from './duckdb-instance.ts';

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

/** Writes a file into the stage folder. */
export async function stageFile(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: FileRequest,
): Promise<StagedFile> {
  const name = `${uuidV7(context.clock, context.random)}.parquet`;
  const path = join(context.filesFolder, name);
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
  const file: DataFile = {
    ...request.entry,
    ...metrics,
    filePath: `${request.dataFolder}/${request.hashedLayout === true ? hashedPath(name) : name}`,
    fileFormat: 'PARQUET',
    recordCount: rows,
    fileSizeBytes: sizeBytes,
    splitOffsets: null,
    equalityIds: null,
    contentOffset: null,
    contentSizeBytes: null,
    firstRowId: null,
    keyMetadata: null,
  };
  return { path, file };
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
