/** A table as a table map of the binary log describes it. */
import type { LogColumn } from '../mysql/log-column.ts';
import type { TableName } from '../model/table-schema.ts';

/** A column as the first part of the map has it. */
export interface MappedColumn {
  readonly typeCode: number;
  readonly meta: number;
  readonly nullable: boolean;
}

/** A column of a table map, with what only this kind of column has. */
export interface LogTableColumn extends LogColumn {
  /** Spatial columns: 0 geometry, 1 point … 7 geometry collection; `null` for others. */
  readonly geometryType: number | null;
  /** VECTOR columns: the largest number of entries; `null` for others. */
  readonly vectorDimensions: number | null;
}

/** A part of a primary key. */
export interface LogKeyPart {
  /** Index in {@link LogTable.columns}. */
  readonly column: number;
  /** Characters of the column that belong to the key; 0 for the whole value. */
  readonly prefixLength: number;
}

/** A table and its columns in the order of the row images: hidden and computed ones included. */
export interface LogTable extends TableName {
  /** The server's number of this table definition; another after a restart or a DDL. */
  readonly tableId: number;
  readonly columns: readonly LogTableColumn[];
  /** The primary key; `null` when the log does not tell or the table has none. */
  readonly primaryKey: readonly LogKeyPart[] | null;
  /** Whether the log has names of all columns (`binlog_row_metadata=FULL`). */
  readonly named: boolean;
  /** The map's bytes but for the table id: equal for equal definitions. */
  readonly definition: Uint8Array;
}
