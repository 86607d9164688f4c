/** What loading a table works with, and the commit that all its steps make: to a branch. */
import { baseStateOf } from '../base/base-table.ts';
import type { MergeOutcome, MergeParts, MergeRequest } from '../base/merge-base.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import { present } from '../kernel/assert.ts';
import type {
  CommitRequest,
  CommitResult,
  PublishRequest,
  RemoveRefRequest,
} from '../lake/commit-request.ts';
import type { BaseState } from '../lake/table-state.ts';
import type { BootstrapProgress } from '../model/bootstrap-progress.ts';
import type { TableSchema } from '../model/table-schema.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { ChangeSource, SourceMark } from '../ports/source.ts';

/** What reading chunks into a branch works with. */
export interface CopyParts extends MergeParts {
  readonly source: ChangeSource;
  readonly loadBase: () => Promise<LoadedTable>;
  readonly onProgress: (progress: BootstrapProgress) => void;
}

/** What a bootstrap works with. */
export interface BootstrapParts extends CopyParts {
  /** A low mark that was taken after the stream of the table was started. */
  readonly lowMark: () => Promise<SourceMark>;
  /**
   * Loads all rows onto a branch that has none, as one commit that says so; gives their number.
   * Left out: chunks are read, by this process and those that help it.
   */
  readonly load?: (onto: BranchLoad) => Promise<number>;
  readonly loadLedger: () => Promise<LoadedTable>;
  /** Runs `run` while no merge, compaction or publish of this base runs. */
  readonly job: <T>(run: () => Promise<T>) => Promise<T>;
  /** Replays the ledger on the branch; left out: with the engine that writes the chunks. */
  readonly merge?: (request: MergeRequest) => Promise<MergeOutcome>;
  readonly publish: (request: PublishRequest) => Promise<CommitResult>;
  readonly removeRef: (request: RemoveRefRequest) => Promise<CommitResult>;
  /** A name for a branch, listed as ours before it is made (docs/spec/bootstrap.md B12). */
  readonly newBranch: () => Promise<string>;
}

/** Bounds of a copy. */
export interface CopyLimits {
  /** Rows per read of the source. */
  readonly chunkRowsMax: number;
  /** Bytes held between two commits at most. */
  readonly groupBytesMax: number;
  /** Rows that a process claims at a time at first: more, when they make small files. */
  readonly claimRows: number;
  /** A claim that nobody moved on for so long is anybody's: far more than a commit ever takes. */
  readonly leaseMs: number;
  /** How often a process looks at what the others did. */
  readonly lookMs: number;
}

/** Limits for real tables. A process commits every minute, so five without a sign are enough. */
export const COPY_LIMITS: CopyLimits = {
  chunkRowsMax: 20_000,
  groupBytesMax: 512 * 1024 * 1024,
  claimRows: 250_000,
  leaseMs: 300_000,
  lookMs: 2000,
};

/** Which table to load, and how. */
export interface BootstrapTableRequest {
  readonly schema: TableSchema;
  readonly epoch: number;
  readonly limits: CopyLimits;
  readonly signal: AbortSignal;
}

/** A base with a branch that a copy goes to. */
export interface Copy {
  readonly base: LoadedTable;
  readonly branch: string;
}

/** A bootstrap's branch without rows. */
export interface BranchLoad extends Copy {
  readonly state: BaseState;
}

/** Bytes per bucket and commit, about: fewer, larger files read faster. */
const BUCKET_BYTES = 32 * 1024 * 1024;

/** Work lost by a crash is bounded by this time as well. */
const GROUP_MS_MAX = 60_000;

/** What is held between two commits. */
export interface ChunkGroup {
  readonly sizeBytes: number;
  readonly startMs: number;
  readonly nowMs: number;
}

/** How much of what is to be held at most is held: 1 or more is to be committed now. */
export function groupFill(
  group: ChunkGroup,
  bounds: { readonly groupBytesMax: number; readonly buckets: number },
): number {
  const bytesMax = Math.min(bounds.groupBytesMax, bounds.buckets * BUCKET_BYTES);
  return Math.max(group.sizeBytes / bytesMax, (group.nowMs - group.startMs) / GROUP_MS_MAX);
}

/** A commit to a bootstrap branch, which it makes when `parentId` is `null`. */
export function branchCommit(
  { identifier, metadata }: LoadedTable,
  group: {
    readonly branch: string;
    readonly files: readonly DataFile[];
    readonly state: BaseState;
    readonly parentId: bigint | null;
  },
): CommitRequest {
  const { branch, files, state, parentId } = group;
  return {
    identifier,
    tableUuid: metadata.tableUuid,
    ref: branch,
    parentId,
    operation: 'append',
    added: files,
    removed: [],
    dataSequenceNumber: null,
    state,
    parentless: parentId === null,
    schema: null,
    rebase: 'never',
    isShared: true,
  };
}

/** State of a bootstrap branch that is there. */
export function branchState(base: LoadedTable, branch: string): BaseState {
  return present(baseStateOf(base, branch), 'the state of a bootstrap branch');
}
