/**
 * Which bytes of a Parquet file hold some of its columns. DuckDB reads that from the file's footer,
 * so only the end of a file has to be there; the chunks of the columns, and the Bloom filters that
 * DuckDB may ask before them, can be fetched then.
 */
import { open } from 'node:fs/promises';
import type * as Api from '@duckdb/node-api';
import { toSafeNumber } from '../../../kernel/integers.ts';
import type { ByteRange, MaterialisedFile } from '../../../ports/object-store.ts';
import { quoteTexts } from '../../../sql/quoting.ts';
import { readRows } from '../duckdb-instance.ts';

/** What is brought of a file first: the footer of most files fits. */
export const footerBytes = 64 * 1024;

/** Length of the footer and the magic number (Apache Parquet, "File Format"). */
const endBytes = 8;

/** A file in part: its footer is at hand, or part of it. */
type PartialFile = MaterialisedFile & Required<Pick<MaterialisedFile, 'fetch'>>;

/**
 * Brings the top-level columns with these field ids to hand. A file whose footer does not say where
 * they are is brought as a whole.
 */
export async function fetchColumns(
  connection: Api.DuckDBConnection,
  held: readonly MaterialisedFile[],
  fieldIds: readonly number[],
): Promise<void> {
  const files = held.filter(isPartial).filter(({ sizeBytes }) => sizeBytes > footerBytes);
  if (files.length === 0) return;
  await fetchFooters(files);
  const leaves = await findLeaves(connection, files, fieldIds);
  const ranges = await findChunks(connection, files, leaves);
  for (const file of files) {
    const found = ranges.get(file.path);
    await file.fetch(found ?? [{ start: 0, end: file.sizeBytes }]);
  }
}

/** Brings the footers of files to hand, so that DuckDB can open them. */
export async function fetchFooters(held: readonly MaterialisedFile[]): Promise<void> {
  for (const file of held) {
    if (isPartial(file) && file.sizeBytes > footerBytes) await fetchFooter(file);
  }
}

function isPartial(file: MaterialisedFile): file is PartialFile {
  return file.fetch !== undefined;
}

async function fetchFooter(file: PartialFile): Promise<void> {
  const end = await readEnd(file);
  if (end.toString('latin1', 4) !== 'PAR1') return file.fetch([{ start: 0, end: file.sizeBytes }]);
  const length = end.readUInt32LE(0) + endBytes;
  return file.fetch([{ start: Math.max(0, file.sizeBytes - length), end: file.sizeBytes }]);
}

async function readEnd({ path, sizeBytes }: PartialFile): Promise<Buffer> {
  const end = Buffer.alloc(endBytes);
  const handle = await open(path, 'r');
  try {
    await handle.read(end, 0, endBytes, sizeBytes - endBytes);
    return end;
  } finally {
    await handle.close();
  }
}

/**
 * Per file the places of the wanted columns among its leaves. A column that a file with field ids
 * lacks is nowhere in it; a file is left out where the places of one are not known: without ids,
 * or of a nested column.
 */
async function findLeaves(
  connection: Api.DuckDBConnection,
  files: readonly PartialFile[],
  fieldIds: readonly number[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, readonly number[]>();
  for (const { path } of files) {
    const rows = await readRows(
      connection,
      `SELECT coalesce(num_children, 0)::INTEGER, field_id::INTEGER
        FROM parquet_schema(${quoteTexts([path])})`,
    );
    // The order is that of the footer: the root, then each column with its children behind it.
    const leaves = rows.filter(([children]) => children === 0).map(([, id]) => id);
    const ids = new Set(rows.map(([, id]) => id));
    const hasIds = leaves.some((id) => id !== null);
    const there = hasIds ? fieldIds.filter((id) => ids.has(id)) : fieldIds;
    const places = there.map((id) => leaves.indexOf(id));
    if (!places.includes(-1)) found.set(path, places);
  }
  return found;
}

/** Per file the bytes of the leaves at these places. */
async function findChunks(
  connection: Api.DuckDBConnection,
  files: readonly PartialFile[],
  leaves: ReadonlyMap<string, readonly number[]>,
): Promise<ReadonlyMap<string, readonly ByteRange[]>> {
  const found = new Map<string, readonly ByteRange[]>();
  for (const { path, sizeBytes } of files) {
    const places = leaves.get(path);
    if (places === undefined) continue;
    if (places.length === 0) {
      found.set(path, []);
      continue;
    }
    const rows = await readRows(
      connection,
      `SELECT least(data_page_offset, CASE WHEN dictionary_page_offset > 0
          THEN dictionary_page_offset ELSE data_page_offset END)::BIGINT,
        total_compressed_size::BIGINT, bloom_filter_offset::BIGINT, bloom_filter_length::BIGINT
      FROM parquet_metadata(${quoteTexts([path])}) WHERE column_id IN (${places.join(', ')})`,
    );
    const ranges = rows.flatMap(([start, size, bloom, bloomSize]) => [
      rangeOf(start, size),
      ...(bloom === null ? [] : [rangeOf(bloom, bloomSize)]),
    ]);
    const known = ranges.filter((range) => range !== null && range.end <= sizeBytes);
    if (known.length === ranges.length)
      found.set(
        path,
        known.filter((range) => range !== null),
      );
  }
  return found;
}

function rangeOf(
  start: Api.DuckDBValue | undefined,
  size: Api.DuckDBValue | undefined,
): ByteRange | null {
  if (typeof start !== 'bigint' || typeof size !== 'bigint' || start < 0n || size < 0n) return null;
  return { start: toSafeNumber(start), end: toSafeNumber(start + size) };
}
