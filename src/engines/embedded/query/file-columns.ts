/**
 * Which columns foreign data files hold. Files that Firn wrote have field ids; of any other file
 * that is asked, because DuckDB reads a file without ids by id as if all its columns were missing:
 * rows of nothing but NULL, without a word.
 */
import type * as Api from '@duckdb/node-api';
import type { DataFile } from '../../../iceberg/manifest.ts';
import { plainName } from '../../../iceberg/layout/hashed-layout.ts';
import { assert } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { uuidV7TimeMs } from '../../../kernel/identifiers.ts';
import { quoteTexts } from '../../../sql/quoting.ts';
import { readRows } from '../duckdb-instance.ts';

/** Names of the top-level columns of files without field ids, by file. */
export type NamedFiles = ReadonlyMap<string, ReadonlySet<string>>;

/** Whether Firn wrote a file, by its name: a UUIDv7, which no other engine gives. */
export function isOwnFile({ filePath }: DataFile): boolean {
  const name = plainName(filePath);
  return (
    name.endsWith('.parquet') && name.length === 44 && uuidV7TimeMs(name.slice(0, 36)) !== null
  );
}

/** Looks into files that others wrote. They are at hand, at least their footers. */
export async function findNamedFiles(
  connection: Api.DuckDBConnection,
  local: { readonly path: (file: DataFile) => string },
  files: readonly DataFile[],
): Promise<NamedFiles> {
  const foreign = new Map(
    files
      .filter((file) => file.fileFormat === 'PARQUET' && !isOwnFile(file))
      .map((file) => [local.path(file), file]),
  );
  const named = new Map<string, ReadonlySet<string>>();
  if (foreign.size === 0) return named;
  const rows = await readRows(
    connection,
    `SELECT file_name, count(field_id), list(name ORDER BY column_id) FROM parquet_schema(${quoteTexts([...foreign.keys()])})
      GROUP BY file_name`,
  );
  for (const [path, ids, names] of rows) {
    const file = foreign.get(String(path));
    assert(file !== undefined, 'a file that was asked about');
    if (ids !== 0n) continue;
    assert(typeof names === 'object' && names !== null && 'items' in names, 'a list of names');
    // The first is the root. Nested columns follow theirs; a name of theirs does no harm.
    named.set(file.filePath, new Set(names.items.slice(1).map(String)));
  }
  return named;
}

/**
 * The column names to read a file without field ids by: by field id, the first of its names that
 * the file has.
 *
 * @throws {FirnError} ICEBERG-FILE-COLUMNS when the table has no name mapping
 */
export function namesInFile(
  file: DataFile,
  held: ReadonlySet<string>,
  mapping: ReadonlyMap<number, readonly string[]> | null,
): ReadonlyMap<number, string> {
  if (mapping === null) {
    throw new FirnError('ICEBERG-FILE-COLUMNS', {
      what: 'a data file has no field ids, and the table no name mapping',
      where: file.filePath,
    });
  }
  const names = new Map<number, string>();
  for (const [id, candidates] of mapping) {
    const name = candidates.find((candidate) => held.has(candidate));
    if (name !== undefined) names.set(id, name);
  }
  return names;
}
