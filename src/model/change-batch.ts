/**
 * A run of changes, or of plain rows, of one table in columns: the unit that moves from a source
 * through the ledger. Never row objects on this path.
 */
import type { ColumnVector } from './column-vector.ts';
import type { TableSchema } from './table-schema.ts';

/** Rows of one table and one schema version; vectors are parallel to `schema.columns`. */
export interface RowBatch {
  readonly schema: TableSchema;
  readonly rowCount: number;
  readonly columns: readonly ColumnVector[];
}

/** What happened to a row, as the ledger's `_firn_op` spells it. */
export type ChangeOp = 'c' | 'u' | 'd' | 't' | 'r';

/** Codes of {@link ChangeOp} in {@link ChangeBatch.op}: the position in this list. */
export const CHANGE_OPS: readonly ChangeOp[] = ['c', 'u', 'd', 't', 'r'];

/** Code of an op in {@link ChangeBatch.op}. */
export const OP_CODE = { c: 0, u: 1, d: 2, t: 3, r: 4 } as const satisfies Record<ChangeOp, number>;

/**
 * Changes of one table in log order. `columns` hold the after image, and for `d` the before image
 * (at least the key); for `t` nothing.
 */
export interface ChangeBatch extends RowBatch {
  readonly epoch: number;
  /** Codes of {@link CHANGE_OPS}. */
  readonly op: Uint8Array;
  /** ChangeSequence.seq per row. */
  readonly seq: BigInt64Array;
  /** ChangeSequence.row per row. */
  readonly row: Int32Array;
  /** Commit time at the source, microseconds since 1970-01-01T00:00:00Z. */
  readonly commitTsUs: BigInt64Array;
  /** What the source calls the transaction (a `bytes` vector of UTF-8), where it has a name. */
  readonly tx: ColumnVector | null;
  /** Full before images of updates, parallel to `schema.columns`, only when asked for. */
  readonly before: readonly ColumnVector[] | null;
}
