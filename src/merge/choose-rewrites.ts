/**
 * Which base files are rewritten, so that reading stays within a bounded factor of reading the same
 * rows freshly compacted (docs/spec/merge.md M16). Pure: counts in, choices out.
 */

/** A live base file and how much of it is deleted. */
export interface DeleteShare {
  readonly path: string;
  readonly rowCount: number;
  readonly deletedRows: number;
}

/**
 * A deleted row costs a read about as much as a live one, so this share of dead rows costs a full
 * read about an eighth more.
 */
export const DELETED_SHARE_MAX = 0.125;

/** Paths of the files whose deleted share passes the budget. */
export function chooseRewrites(files: readonly DeleteShare[]): ReadonlySet<string> {
  const chosen = files.filter(
    (file) => file.deletedRows > 0 && file.deletedRows > file.rowCount * DELETED_SHARE_MAX,
  );
  return new Set(chosen.map((file) => file.path));
}

/** A live base file of one bucket, for choosing a compaction. */
export interface BucketFile extends DeleteShare {
  readonly sizeBytes: number;
}

/** Small files of a bucket that together make one compaction worth its commit. */
const SMALL_FILES_MIN = 8;

/**
 * Files of this size are never rewritten only to have fewer files: reading sixteen of them is no
 * slower than reading one of 128 MiB, and a row in them is rewritten four times less.
 */
export const SMALL_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Files that become one together have at most this size: their rows are sorted, and more would go
 * by way of the disk, at more than twice the processor time.
 */
const JOINED_BYTES_MAX = 24 * 1024 * 1024;

/**
 * Files of one bucket to rewrite, each group as one file; or none. Of the smallest files the
 * longest run is taken whose largest is no larger than the others together, so that a row's file
 * at least doubles each time and each row is rewritten a logarithmic number of times.
 */
export function chooseCompaction<F extends BucketFile>(
  files: readonly F[],
): readonly (readonly F[])[] {
  const small: readonly F[] = files
    .filter((file) => file.sizeBytes < SMALL_BYTES_MAX)
    .toSorted((left, right) => left.sizeBytes - right.sizeBytes);
  let joined = 0;
  let sumBytes = 0;
  for (const [index, file] of small.entries()) {
    if (index + 1 >= SMALL_FILES_MIN && file.sizeBytes <= sumBytes) joined = index + 1;
    sumBytes += file.sizeBytes;
  }
  const chosen = new Set(small.slice(0, joined));
  const overdue = chooseRewrites(files);
  // Files that are large enough come last: a small one between two of them would stay small.
  const groups = groupBySize(
    [
      ...files.filter((file) => chosen.has(file)),
      ...files.filter((file) => !chosen.has(file) && overdue.has(file.path)),
    ],
    ({ sizeBytes }) => sizeBytes,
    JOINED_BYTES_MAX,
  );
  return groups.filter((group) => group.length > 1 || group.some(({ path }) => overdue.has(path)));
}

/** Neighbours together, as many as `bytesMax` takes; a larger file is alone. */
export function groupBySize<F>(
  files: readonly F[],
  bytesOf: (file: F) => number,
  bytesMax: number,
): readonly (readonly F[])[] {
  const groups: F[][] = [];
  let bytes = 0;
  for (const file of files) {
    bytes += bytesOf(file);
    if (groups.length === 0 || bytes > bytesMax) {
      groups.push([]);
      bytes = bytesOf(file);
    }
    groups.at(-1)?.push(file);
  }
  return groups;
}
