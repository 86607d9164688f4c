/**
 * What a table's history says about a commit of ours that is not confirmed (docs/spec/commit.md C6
 * to C11): the walk from the head back to the snapshot that the commit was planned on. Pure.
 */
import { ancestors, findRef } from '../iceberg/snapshot.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { assert } from '../kernel/assert.ts';
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
  /** Another process of Firn commits to this ref. */
  | { readonly kind: 'other-writer'; readonly writer: string; readonly snapshotId: bigint }
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
  for (const snapshot of ancestors(metadata, head)) {
    if (snapshot.snapshotId === job.parentId) return { kind: 'moved' };
    const stamp = stampOf(snapshot);
    if (stamp === null) continue;
    if (stamp.writer !== writer) {
      return { kind: 'other-writer', writer: stamp.writer, snapshotId: snapshot.snapshotId };
    }
    assert(false, `commit ${stamp.commitId} of this process passed its queue`);
  }
  // The whole history was walked: without a parent there was none to find.
  return head !== null && job.parentId === null ? { kind: 'moved' } : { kind: 'parent-lost' };
}
