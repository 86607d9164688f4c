/** One data file of a snapshot with what applies to it: the unit that reads and merges work on. */
import type { NestedField } from './iceberg-type.ts';
import type { DataFile } from './manifest.ts';
import type { IcebergValue } from './single-value.ts';

/** A live data file. */
export interface ScanFile {
  readonly file: DataFile;
  /** Orders the file against delete files and decides merge windows; never null here. */
  readonly dataSequenceNumber: bigint;
  /** Position-delete files, or the one deletion vector, that apply to this data file. */
  readonly deletes: readonly DataFile[];
  /** Equality deletes of other engines that apply to this data file; left out: none. */
  readonly equalityDeletes?: readonly EqualityDelete[];
  /** What a reader must know that the file itself does not say; left out: nothing. */
  readonly projection?: FileProjection;
}

/** An equality-delete file: rows with its values are dead in data files that are older than it. */
export interface EqualityDelete {
  readonly file: DataFile;
  readonly dataSequenceNumber: bigint;
  /** The columns that are compared, null being equal to null; top-level ones of any schema. */
  readonly fields: readonly NestedField[];
}

/** How columns of a data file are found (Iceberg spec, "Column Projection"). */
export interface FileProjection {
  /** Values of identity partition columns by field id: the file need not hold them. */
  readonly constants: ReadonlyMap<number, PartitionConstant>;
  /**
   * Names that top-level columns may have in a file without field ids, by field id; `null`: the
   * table does not say, and such a file cannot be read.
   */
  readonly names: ReadonlyMap<number, readonly string[]> | null;
}

/** One value for all rows of a file. */
export interface PartitionConstant {
  readonly field: NestedField;
  readonly value: IcebergValue;
}
