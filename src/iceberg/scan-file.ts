/** One data file of a snapshot with what applies to it: the unit that reads and merges work on. */
import type { DataFile } from './manifest.ts';

/** A live data file. */
export interface ScanFile {
  readonly file: DataFile;
  /** Orders the file against delete files and decides merge windows; never null here. */
  readonly dataSequenceNumber: bigint;
  /** Position-delete files that apply to this data file. */
  readonly deletes: readonly DataFile[];
}
