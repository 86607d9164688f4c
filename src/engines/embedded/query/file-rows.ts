/**
 * Rows of data files as a relation, whoever wrote the files (Iceberg spec, "Column Projection"):
 * columns are found by field id, in files without ids by the table's name mapping; identity
 * partition columns come from the partition, missing ones have their default value.
 */
import type { IcebergSchema } from '../../../iceberg/iceberg-schema.ts';
import type { FileProjection, ScanFile } from '../../../iceberg/scan-file.ts';
import { columnAlias, parquetRelation } from '../../../sql/parquet-statements.ts';
import type { ParquetColumn } from '../../../sql/parquet-statements.ts';
import { duckdbTypeName } from '../duckdb-types.ts';
import type { LocalFiles } from '../local-files.ts';
import { initialDefaultText, valueSql } from './constant-values.ts';
import { namesInFile } from './file-columns.ts';

/** Data files that are at hand. */
export interface HeldFiles {
  readonly files: readonly ScanFile[];
  readonly local: LocalFiles;
}

/** All columns of a schema, as its files are read. */
export function schemaColumns(schema: IcebergSchema): readonly ParquetColumn[] {
  return schema.fields.map((field): ParquetColumn => {
    const missing = initialDefaultText(field);
    const column = { fieldId: field.id, type: duckdbTypeName(field.type) };
    return missing === null ? column : { ...column, missing };
  });
}

/**
 * Rows of data files, dead ones too. `file_index` is the place in `files`.
 *
 * @throws {FirnError} ICEBERG-FILE-COLUMNS
 */
export function fileRows(held: HeldFiles, columns: readonly ParquetColumn[]): string {
  const layouts = layoutsOf(held, columns);
  const [first] = layouts;
  if (first === undefined || (layouts.length === 1 && isPlain(first))) {
    return relationOf(held, held.files, columns);
  }
  const parts = layouts.map((layout) => selectLayout(held, layout, columns));
  return `(${parts.join(' UNION ALL ')})`;
}

/** Files whose columns are found in the same way. */
interface Layout {
  readonly names: ReadonlyMap<number, string> | null;
  /** Columns that come from the partition. */
  readonly constants: readonly number[];
  readonly files: ScanFile[];
  /** Places of the files among all. */
  readonly places: number[];
}

function isPlain({ names, constants }: Layout): boolean {
  return names === null && constants.length === 0;
}

function layoutsOf(held: HeldFiles, columns: readonly ParquetColumn[]): readonly Layout[] {
  const layouts = new Map<string, Layout>();
  for (const [place, scan] of held.files.entries()) {
    const names = namesOf(held, scan);
    const { constants: known } = scan.projection ?? NO_PROJECTION;
    const constants = columns.map(({ fieldId }) => fieldId).filter((id) => known.has(id));
    const key = JSON.stringify([names === null ? null : [...names], constants]);
    const layout = layouts.get(key) ?? { names, constants, files: [], places: [] };
    layouts.set(key, layout);
    layout.files.push(scan);
    layout.places.push(place);
  }
  return [...layouts.values()];
}

const NO_PROJECTION: FileProjection = { constants: new Map(), names: null };

function namesOf(held: HeldFiles, scan: ScanFile): ReadonlyMap<number, string> | null {
  const present = held.local.columnNames(scan.file);
  if (present === null) return null;
  return namesInFile(scan.file, present, scan.projection?.names ?? null);
}

function relationOf(
  held: HeldFiles,
  files: readonly ScanFile[],
  columns: readonly ParquetColumn[],
  names: ReadonlyMap<number, string> | null = null,
): string {
  return parquetRelation({
    paths: files.map(({ file }) => held.local.path(file)),
    columns,
    rowCount: files.reduce((sum, { file }) => sum + file.recordCount, 0n),
    ...(names === null ? {} : { names }),
  });
}

function selectLayout(held: HeldFiles, layout: Layout, columns: readonly ParquetColumn[]): string {
  const { files, places, names, constants } = layout;
  const list = columns.map(({ fieldId }) => {
    const alias = columnAlias(fieldId);
    if (!constants.includes(fieldId)) return alias;
    const values = files.map(({ projection }) => {
      const constant = projection?.constants.get(fieldId);
      return constant === undefined ? 'NULL' : valueSql(constant.field.type, constant.value);
    });
    return `list_extract([${values.join(', ')}], file_index::BIGINT + 1) AS ${alias}`;
  });
  const place = `list_extract([${places.join(', ')}]::UBIGINT[], file_index::BIGINT + 1)`;
  const all = [...list, `${place} AS file_index`, 'file_row_number'];
  return `SELECT ${all.join(', ')} FROM ${relationOf(held, files, columns, names)}`;
}
