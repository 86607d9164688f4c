/**
 * Position deletes: which rows of data files are dead. Read from any writer's files; written one
 * file per data file, named by `referencedDataFile` and by equal bounds, under the data file's own
 * spec and partition (docs/spec/merge.md M13, M15; Iceberg spec, "Position Delete Files").
 */
import type * as Api from '@duckdb/node-api';
import type { NestedField } from '../../iceberg/iceberg-type.ts';
import type { DataFile } from '../../iceberg/manifest.ts';
import type { ScanFile } from '../../iceberg/scan-file.ts';
import type { WriteTarget } from '../../ports/row-engine.ts';
import { columnAlias } from '../../sql/parquet-statements.ts';
import { quoteText, quoteTexts } from '../../sql/quoting.ts';
import { runAll } from './duckdb-instance.ts';
import { isDeletionVector } from '../../iceberg/deletes/deletion-vector.ts';
import { fileRows } from './query/file-rows.ts';
import { loadEqualityDeletes, loadVectors } from './query/dead-rows.ts';
import type { DeadRows } from './query/dead-rows.ts';
import { stageFile } from './parquet-writer.ts';
import type { FileContext, StagedFile } from './parquet-writer.ts';

const FILE_PATH: NestedField = {
  id: 2147483546,
  name: 'file_path',
  required: true,
  type: { kind: 'string' },
};
const POSITION: NestedField = {
  id: 2147483545,
  name: 'pos',
  required: true,
  type: { kind: 'long' },
};

/** A path, which repeats and takes nothing, and a number. */
const NARROW = { rowCount: 1, sizeBytes: 16 };

/** Whether a delete file is for one data file alone, so that it can be replaced. */
export function isForOneFile(deletes: DataFile): boolean {
  if (deletes.referencedDataFile !== null) return true;
  const lower = deletes.lowerBounds?.get(FILE_PATH.id);
  const upper = deletes.upperBounds?.get(FILE_PATH.id);
  return lower !== undefined && upper !== undefined && Buffer.compare(lower, upper) === 0;
}

/** All delete files that apply to any of these, equality deletes too. */
export function deleteFilesOf(files: readonly ScanFile[]): readonly DataFile[] {
  return files.flatMap(({ deletes, equalityDeletes = [] }) => [
    ...deletes,
    ...equalityDeletes.map(({ file }) => file),
  ]);
}

/**
 * Fills the new table `name (fi, pos)` with dead rows, `fi` being the place of a data file in
 * `files`. Engines spell one location in several ways, so paths are compared without the scheme's
 * slashes.
 */
export async function loadDeletes(
  connection: Api.DuckDBConnection,
  request: DeadRows & {
    /** Every connection sees the table; otherwise only this one. */
    readonly shared: boolean;
  },
): Promise<void> {
  await runAll(connection, [
    `CREATE ${request.shared ? '' : 'TEMP '}TABLE ${request.name} (fi BIGINT, pos BIGINT)`,
  ]);
  await loadPositions(connection, request);
  await loadVectors(connection, request);
  await loadEqualityDeletes(connection, request);
}

/** Adds what position-delete files say. */
async function loadPositions(
  connection: Api.DuckDBConnection,
  { name, files, local }: DeadRows,
): Promise<void> {
  const wanted = files.map(({ deletes }) => deletes.filter((file) => !isDeletionVector(file)));
  const deleteFiles = [...new Map(wanted.flat().map((file) => [file.filePath, file])).values()];
  const place = new Map(deleteFiles.map((file, index) => [file.filePath, index]));
  const links = files.flatMap((scan, index) =>
    (wanted[index] ?? []).map((file) => ({
      deleteIndex: place.get(file.filePath) ?? 0,
      path: comparablePath(scan.file.filePath),
      index,
      rowCount: scan.file.recordCount,
    })),
  );
  if (links.length === 0) return;
  const scans = deleteFiles.map((file) => ({ file, dataSequenceNumber: 0n, deletes: [] }));
  const relation = fileRows({ files: scans, local }, [
    { fieldId: FILE_PATH.id, type: 'VARCHAR' },
    { fieldId: POSITION.id, type: 'BIGINT' },
  ]);
  const oneRoot = `regexp_replace(${columnAlias(FILE_PATH.id)}, '^file:/+', '/')`;
  const path = `regexp_replace(${oneRoot}, '^s3[an]:', 's3:')`;
  const position = columnAlias(POSITION.id);
  // A position behind the last row counts for nothing: rows that are left are told by counting.
  await runAll(connection, [
    `INSERT INTO ${name} SELECT DISTINCT link.fi, ${position}
      FROM ${relation} AS dead JOIN (
        SELECT unnest([${links.map((link) => link.deleteIndex).join(', ')}]) AS di,
          unnest(${quoteTexts(links.map((link) => link.path))}) AS path,
          unnest([${links.map((link) => link.rowCount).join(', ')}]) AS row_count,
          unnest([${links.map((link) => link.index).join(', ')}]) AS fi
      ) AS link ON dead.file_index = link.di AND ${path} = link.path
        AND ${position} >= 0 AND ${position} < link.row_count`,
  ]);
}

/** Writes the delete file of one data file: the positions that `source` selects as `pos`. */
export function stageDeletes(
  context: FileContext,
  connection: Api.DuckDBConnection,
  request: {
    readonly file: DataFile;
    readonly source: string;
    readonly target: Pick<WriteTarget, 'dataFolder' | 'hashedLayout'>;
  },
): Promise<StagedFile> {
  const { filePath, partition, specId } = request.file;
  return stageFile(context, connection, {
    columns: [
      { field: FILE_PATH, expression: quoteText(filePath), exact: true },
      { field: POSITION, expression: 'pos', exact: true },
    ],
    source: `FROM (${request.source}) ORDER BY pos`,
    dataFolder: request.target.dataFolder,
    hashedLayout: request.target.hashedLayout === true,
    width: NARROW,
    entry: {
      content: 'position-deletes',
      partition,
      specId,
      sortOrderId: null,
      referencedDataFile: filePath,
    },
  });
}

function comparablePath(location: string): string {
  return location.replace(/^file:\/+/, '/').replace(/^s3[an]:/, 's3:');
}
