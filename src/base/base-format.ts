/**
 * Which format version bases have: 3 marks dead rows by deletion vectors and keeps row ids, 2 marks
 * them by position-delete files, which every engine reads.
 */

/** What the pipeline file says. */
export interface FormatOptions {
  readonly deleteFormat: 'position-deletes' | 'deletion-vectors' | 'auto';
  /** Engines that must be able to read the tables. */
  readonly readers: readonly string[];
}

/**
 * Declared readers whose every supported version reads deletion vectors rightly, by the runs of
 * docs/decisions/0010-deletion-vectors.md. Trino reads them only from version 480 on.
 */
const READS_VECTORS: ReadonlySet<string> = new Set(['spark', 'flink', 'pyiceberg']);

/** Declared readers that may be versions which do not. */
export function readersWithoutVectors(readers: readonly string[]): readonly string[] {
  return readers.filter((reader) => !READS_VECTORS.has(reader));
}

/** The format version of a new base. Readers that nobody named may be any. */
export function baseFormat({ deleteFormat, readers }: FormatOptions): 2 | 3 {
  switch (deleteFormat) {
    case 'position-deletes':
      return 2;
    case 'deletion-vectors':
      return 3;
    case 'auto':
      return readers.length > 0 && readersWithoutVectors(readers).length === 0 ? 3 : 2;
    default:
      return deleteFormat satisfies never;
  }
}
