/**
 * What Firn knows of one source table at one moment: its columns with ids that never change
 * meaning, and its key. Each version has a number in the pipeline's schema registry, which every
 * ledger row carries as `_firn_schema`.
 */
import type { ColumnType } from './column-type.ts';

/** Name of a source table: what its source calls schema or database, and the table. */
export interface TableName {
  readonly namespace: string;
  readonly table: string;
}

/** One column of a source table. */
export interface Column {
  /**
   * Stable id within the table, from 1: renaming or reordering keeps it, a new column gets a new
   * one.
   */
  readonly id: number;
  /** Name in the lake: the source's name unless the pipeline file renames it. */
  readonly name: string;
  /** Name in the source. */
  readonly sourceName: string;
  readonly type: ColumnType;
  /** The source's own name of the type, for people. */
  readonly sourceType: string;
}

/** One version of a table's schema. */
export interface TableSchema {
  readonly table: TableName;
  /** Number of this version in the pipeline's schema registry, from 1. */
  readonly version: number;
  readonly columns: readonly Column[];
  /** Ids of the key columns in key order; empty: the table has no usable key and is ledger only. */
  readonly keyColumnIds: readonly number[];
}

/**
 * `namespace.table`, for messages and as a map key: different tables never have the same text, so a
 * namespace with a dot in it stands in backticks.
 */
export function formatTableName({ namespace, table }: TableName): string {
  if (!/[.`]/.test(namespace)) return `${namespace}.${table}`;
  return `\`${namespace.replaceAll('`', '``')}\`.${table}`;
}

/** The key columns in key order. */
export function keyColumns(schema: TableSchema): readonly Column[] {
  return schema.keyColumnIds.flatMap((id) => schema.columns.filter((column) => column.id === id));
}
