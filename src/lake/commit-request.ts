/**
 * What one commit asks for, table by table, and what came of it. The shape that stages hand to the
 * commit loop (`commitTables` in `commit-table.ts`).
 */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import type { Snapshot, SnapshotOperation } from '../iceberg/snapshot.ts';
import type { FirnError } from '../kernel/firn-error.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import type { TableState } from './table-state.ts';

/** One table's part of a commit. */
export interface CommitRequest {
  readonly identifier: TableIdentifier;
  readonly tableUuid: string;
  /** `main`, or a bootstrap branch. */
  readonly ref: string;
  /** Head of `ref` that the change was planned on; `null`: the ref has no snapshot. */
  readonly parentId: bigint | null;
  readonly operation: SnapshotOperation;
  readonly added: readonly DataFile[];
  /** Live data and delete files that go. */
  readonly removed: readonly DataFile[];
  /** Explicit data sequence number of added data files, for compaction; `null`: the snapshot's. */
  readonly dataSequenceNumber: bigint | null;
  /** State keys of the new snapshot. */
  readonly state: TableState;
  /** The first snapshot of a bootstrap branch: no parent, no manifests of an earlier one. */
  readonly parentless: boolean;
  /** Becomes the current schema in the same commit; `null`: the schema stays. */
  readonly schema: IcebergSchema | null;
  /** The table is of this format version afterwards; left out: as it is. */
  readonly formatVersion?: 3;
  /**
   * Current schema when the files were written: the commit is refused when it is another one by
   * then. Left out: the schema is not compared with that of the plan.
   */
  readonly schemaId?: number;
  /**
   * Whether the change may be made on a head that other engines moved. A merge is not: its plan
   * holds for the snapshot it was made on.
   */
  readonly rebase: 'allowed' | 'never';
  /**
   * Several processes of Firn commit to this ref, each planning anew whenever another one was
   * faster. Left out: another process there is a second owner, and this one stops.
   */
  readonly isShared?: true;
}

/** History that is no longer in a table's metadata; its files may still be used by the rest. */
export interface ExpiredHistory {
  readonly snapshots: readonly Snapshot[];
  /** Metadata files that dropped out of the metadata log. */
  readonly metadataFiles: readonly string[];
}

/** What came of one table's part. */
export type CommitResult =
  | {
      readonly kind: 'committed';
      /** As the catalog has it; others may have committed on top already. */
      readonly table: LoadedTable;
      /** Our snapshot: the parent of our next commit. */
      readonly snapshotId: bigint;
      /** What the commit took out of the table's history, for `removeExpiredFiles`. */
      readonly expired: ExpiredHistory;
    }
  /** Planned on a head that is no longer there and may not be rebased: plan again. */
  | { readonly kind: 'replan'; readonly identifier: TableIdentifier }
  /** This table cannot be committed to; the others were. */
  | { readonly kind: 'halted'; readonly identifier: TableIdentifier; readonly error: FirnError };

/**
 * Moves main to the head of a branch (publish): asserts both heads, tags the old main, moves the
 * state tag, removes the branch. No new snapshot: the branch's head carries the state.
 */
export interface PublishRequest {
  readonly identifier: TableIdentifier;
  readonly tableUuid: string;
  readonly branch: string;
  readonly branchHead: bigint;
  readonly mainHead: bigint | null;
  /** Name of the tag that keeps the old main; `null`: the new one's history holds it. */
  readonly keepOldAs: string | null;
  /** Moves this branch in place of main, and no tag with it. Left out: main. */
  readonly ref?: string;
}

/**
 * Makes a branch, whose name is never used again; one that is at `snapshotId` already is no error.
 */
export interface CreateBranchRequest {
  readonly identifier: TableIdentifier;
  readonly tableUuid: string;
  readonly branch: string;
  readonly snapshotId: bigint;
}

/** Takes away a branch or tag that is at `snapshotId`; one that is gone already is no error. */
export interface RemoveRefRequest {
  readonly identifier: TableIdentifier;
  readonly tableUuid: string;
  readonly ref: string;
  readonly snapshotId: bigint;
  /** As in {@link CommitRequest}. */
  readonly isShared?: true;
}
