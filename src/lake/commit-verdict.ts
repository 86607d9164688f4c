/**
 * What a table's history says about a commit of ours that is not confirmed (docs/spec/commit.md C6
 * to C11): the walk from the head back to the snapshot that the commit was planned on. Pure.
 */
import { ancestors, findRef } from '../iceberg/snapshot.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { CommitJob } from './commit-job.ts';
import { stampOf } from './table-state.ts';

/** What to do about a commit. */
export type CommitVerdict =
  /** It is made already. */
  | { readonly kind: 'landed'; readonly snapshotId: bigint }
  /** The head is still the one it was planned on. */
  | { readonly kind: 'unmoved' }
  /** Others than Firn moved the head on from there. */
  | { readonly kind: 'moved' }
  /**
   * Another process of Firn committed to this ref. `isFirst`: this process never did, so that the
   * other one may be a dead one before it, whose commit arrived late.
   */
  | {
      readonly kind: 'other-writer';
      readonly writer: string;
      readonly snapshotId: bigint;
      readonly isFirst: boolean;
    }
  /** Another commit of this process came between. */
  | { readonly kind: 'own-commit'; readonly commitId: string }
  /** The snapshot it was planned on is not in the history of the ref. */
  | { readonly kind: 'parent-lost' };

/** Judges a job of the process `writer` against a table as it is. */
export function judgeCommit(
  metadata: TableMetadata,
  job: Pick<CommitJob, 'ref' | 'parentId' | 'landed'>,
  writer: string,
): CommitVerdict {
  const landed = job.landed(metadata);
  if (landed !== null) return { kind: 'landed', snapshotId: landed };
  const head = findRef(metadata, job.ref)?.snapshotId ?? null;
  if (head === job.parentId) return { kind: 'unmoved' };
  const since = snapshotsSince(metadata, { head, parentId: job.parentId });
  if (since === null) return { kind: 'parent-lost' };
  for (const snapshot of since) {
    const stamp = stampOf(snapshot);
    if (stamp === null) continue;
    if (stamp.writer !== writer) {
      const { snapshotId } = snapshot;
      const isFirst = !isWriterOf(metadata, snapshotId, writer);
      return { kind: 'other-writer', writer: stamp.writer, snapshotId, isFirst };
    }
    return { kind: 'own-commit', commitId: stamp.commitId };
  }
  return { kind: 'moved' };
}

/** Whether the process `writer` made a snapshot of this history. */
function isWriterOf(metadata: TableMetadata, head: bigint, writer: string): boolean {
  return [...ancestors(metadata, head)].some((snapshot) => stampOf(snapshot)?.writer === writer);
}

/** Snapshots from the head back to the parent, without it; `null` when it is not in the history. */
function snapshotsSince(
  metadata: TableMetadata,
  walk: { readonly head: bigint | null; readonly parentId: bigint | null },
): readonly Snapshot[] | null {
  const since: Snapshot[] = [];
  for (const snapshot of ancestors(metadata, walk.head)) {
    if (snapshot.snapshotId === walk.parentId) return since;
    since.push(snapshot);
  }
  // A commit that was planned on an empty branch comes before everything there is now.
  return walk.parentId === null ? since : null;
}
