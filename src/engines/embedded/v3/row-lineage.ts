/**
 * Row ids in files that are written (docs/spec/merge.md M22): rows that are updated or moved keep
 * their id in a column of their new file; rows that are moved keep the number of the commit that
 * changed them last, too. A row id that no column holds is the file's first one plus the row's
 * place (Iceberg spec, "Row Lineage").
 */
import type { IcebergSchema } from '../../../iceberg/iceberg-schema.ts';
import { LAST_UPDATED, ROW_ID } from '../../../iceberg/lineage/row-lineage.ts';
import type { ScanFile } from '../../../iceberg/scan-file.ts';
import type { WriteTarget } from '../../../ports/row-engine.ts';
import { columnAlias, rowColumn } from '../../../sql/parquet-statements.ts';
import type { ParquetColumn } from '../../../sql/parquet-statements.ts';

/** Whether files for a target keep row ids. */
export function keepsRowIds(target: WriteTarget): boolean {
  return target.formatVersion === 3;
}

/** The columns of files that hold rows which were in the table before: with those of row ids. */
export function rewrittenSchema(target: WriteTarget): IcebergSchema {
  const { icebergSchema } = target;
  if (!keepsRowIds(target)) return icebergSchema;
  const taken = new Set(icebergSchema.fields.map(({ name }) => name.toLowerCase()));
  // Readers go by the id; two columns of one name, though, no file can have.
  const named = [ROW_ID, LAST_UPDATED].map((field) => {
    let { name } = field;
    while (taken.has(name)) name = `_${name}`;
    return { ...field, name };
  });
  return { ...icebergSchema, fields: [...icebergSchema.fields, ...named] };
}

/** The columns of row ids, as files are read. */
export const LINEAGE_COLUMNS: readonly ParquetColumn[] = [ROW_ID, LAST_UPDATED].map(({ id }) => ({
  fieldId: id,
  type: 'BIGINT',
}));

/** SQL of the id of a row of the relation `rows` over `files`; NULL where none was given yet. */
export function rowIdOf(files: readonly ScanFile[]): string {
  const first = perFile(files.map(({ file }) => file.firstRowId));
  return `coalesce(${rowColumn(ROW_ID.id)}, ${first} + rows.file_row_number)`;
}

/** SQL of the number of the commit that last changed a row of the relation `rows` over `files`. */
export function lastUpdatedOf(files: readonly ScanFile[]): string {
  const own = perFile(files.map(({ dataSequenceNumber }) => dataSequenceNumber));
  return `coalesce(${rowColumn(LAST_UPDATED.id)}, ${own})`;
}

/** A value per file, by the row's file. */
function perFile(values: readonly (bigint | null)[]): string {
  const list = values.map((value) => (value === null ? 'NULL' : value.toString()));
  return `list_extract([${list.join(', ')}]::BIGINT[], rows.file_index::BIGINT + 1)`;
}

/** Name of the column of row ids inside statements. */
export const ROW_ID_ALIAS = columnAlias(ROW_ID.id);

/** Name of the column of last changes inside statements. */
export const LAST_UPDATED_ALIAS = columnAlias(LAST_UPDATED.id);
