/**
 * What a source delivers, in log order. A closed union: a new kind does not compile until handled.
 */
import type { FirnError } from '../kernel/firn-error.ts';
import type { ChangeBatch } from './change-batch.ts';
import type { SequenceMark } from './change-sequence.ts';
import type { SourcePosition } from './source-position.ts';
import type { Column, TableName, TableSchema } from './table-schema.ts';

/**
 * Columns of a table as the source has them now; ids and version are given by the schema registry.
 */
export interface SourceTable {
  readonly table: TableName;
  readonly columns: readonly Omit<Column, 'id' | 'name'>[];
  /** Names of the key columns in key order; empty: no primary key and no unique NOT NULL key. */
  readonly keyColumns: readonly string[];
  /**
   * Why the table can only have a ledger, when it has no key that Iceberg can carry; else `null`.
   */
  readonly ledgerOnlyReason: string | null;
  /** Estimated rows, for progress only; `null` when the source cannot tell cheaply. */
  readonly rowsEstimate: bigint | null;
  /** What a person should know of a column's type in the lake, by `sourceName`. */
  readonly columnNotes?: ReadonlyMap<string, string>;
}

/** One thing a source says. */
export type SourceEvent =
  | { readonly kind: 'changes'; readonly batch: ChangeBatch }
  /**
   * The table has more columns, or wider ones, from here on, and no stored row changed: older rows
   * read as NULL there. Anything else comes as `table-halted`.
   */
  | { readonly kind: 'schema-changed'; readonly schema: TableSchema }
  /** A transaction ended: everything at or below `completeTo` has been delivered. */
  | {
      readonly kind: 'transaction-end';
      readonly position: SourcePosition;
      readonly completeTo: SequenceMark;
      /** Commit time at the source of the last transaction, microseconds; `null` when unknown. */
      readonly commitTsUs: bigint | null;
    }
  /** Nothing happened, and the place is still known. */
  | {
      readonly kind: 'heartbeat';
      readonly position: SourcePosition;
      readonly completeTo: SequenceMark;
    }
  /**
   * The source may have a table now that it had not when it was asked for its tables, and that the
   * pipeline file takes: whoever reads the stream asks again.
   */
  | { readonly kind: 'table-appeared'; readonly table: TableName }
  /**
   * This table cannot go on from here; the others can. `bootstrap`: loading it again repairs it
   * without an operator (a table rebuilt by a migration tool); `operator`: somebody must decide.
   */
  | {
      readonly kind: 'table-halted';
      readonly table: TableName;
      readonly error: FirnError;
      readonly recovery: 'bootstrap' | 'operator';
      /**
       * Where capture of the table goes on without a hole, when it does: its changes after this
       * mark are delivered on, and a bootstrap whose low mark is at or after it repairs the table.
       * `null`: nothing more comes of this table in this stream.
       */
      readonly completeFrom: SequenceMark | null;
      /**
       * The source says that the table was dropped here, alone or with its whole database; all its
       * changes before that have been delivered. Left out: it stopped for another reason.
       */
      readonly removal?: 'table' | 'database';
    };
