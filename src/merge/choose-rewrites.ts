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
const DELETED_SHARE_MAX = 0.125;

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

/** Files of this size are never rewritten only to have fewer files. */
const SMALL_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Files of one bucket to rewrite as one, or none. Of the smallest files the longest run is taken
 * whose largest is no larger than the others together, so that a row's file at least doubles each
 * time and each row is rewritten a logarithmic number of times.
 */
export function chooseCompaction(files: readonly BucketFile[]): readonly BucketFile[] {
  const small = files
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
  for (const file of files) if (overdue.has(file.path)) chosen.add(file);
  return [...chosen];
}
