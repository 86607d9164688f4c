/**
 * Which file of the lake is damaged, when DuckDB could not read one: its messages name local
 * copies, if anything. Only after a failure, each file is read once by itself; the first that
 * cannot be read is named.
 */
import type * as Api from '@duckdb/node-api';
import type { DataFile } from '../../../iceberg/manifest.ts';
import type { ScanFile } from '../../../iceberg/scan-file.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import type { FirnError } from '../../../kernel/firn-error.ts';
import { quoteTexts } from '../../../sql/quoting.ts';
import { readRows } from '../duckdb-instance.ts';
import { damagedFile } from '../local-files.ts';
import type { LocalFiles } from '../local-files.ts';

/** Files that something reads, with their deletes. */
export interface ReadFiles {
  readonly local: LocalFiles;
  readonly files: readonly ScanFile[];
}

/**
 * The error to throw after a failure: STORAGE-FILE-DAMAGED in place of an engine's failure that a
 * file caused, otherwise the failure itself.
 */
export async function nameDamage(
  connection: Api.DuckDBConnection,
  read: readonly ReadFiles[],
  error: unknown,
): Promise<unknown> {
  if (!isFirnError(error, 'STORAGE-ENGINE-FAILED')) return error;
  return (await findDamage(connection, read)) ?? error;
}

/** The error that names the first file that cannot be read; `null`: all can. */
export async function findDamage(
  connection: Api.DuckDBConnection,
  read: readonly ReadFiles[],
): Promise<FirnError | null> {
  for (const { local, files } of read) {
    for (const { file, deletes, equalityDeletes = [] } of files) {
      for (const one of [file, ...deletes, ...equalityDeletes.map((item) => item.file)]) {
        const found = await readWhole(connection, local, one);
        if (found !== null) return found;
      }
    }
  }
  return null;
}

async function readWhole(
  connection: Api.DuckDBConnection,
  local: LocalFiles,
  file: DataFile,
): Promise<FirnError | null> {
  // Deletion vectors have checksums, and say themselves what is wrong with them.
  if (file.fileFormat !== 'PARQUET') return null;
  try {
    await local.complete([file]);
    const path = quoteTexts([local.path(file)]);
    const sql = `SELECT count(*), bit_xor(hash(rows)) FROM read_parquet(${path}) AS rows`;
    const [[count] = []] = await readRows(connection, sql);
    return count === file.recordCount ? null : damagedFile(file, `it has ${String(count)} rows`);
  } catch (error) {
    if (!isFirnError(error)) throw error;
    return damagedFile(file, 'its columns cannot be decoded', error);
  }
}
