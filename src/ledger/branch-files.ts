/**
 * The data files that a job added to its branch since the last look. A branch is only ever appended
 * to by its job: anything else on it is somebody else's work, and nothing of such a branch is taken
 * (docs/spec/cluster.md E16).
 */
import type { ScanFile } from '../iceberg/scan-file.ts';
import { ancestors, findSnapshot, refSnapshot } from '../iceberg/snapshot.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { formatPublished } from '../model/cluster-place.ts';
import type { PublishedBranch } from '../model/cluster-place.ts';
import { differingFiles } from '../lake/foreign-changes.ts';
import type { LakeContext } from '../lake/lake-context.ts';
import { liveFilesCount, readManifestList } from '../lake/manifest-files.ts';
import { scanFiles } from '../lake/scan-files.ts';
import { stampOf } from '../lake/table-state.ts';

/** Where a snapshot of main tells of the branch (docs/spec/cluster.md E15). */
const PUBLISHED_KEY = 'firn.published';

/** Files to publish, and up to where the branch was looked at with them. */
export interface BranchFiles {
  readonly files: readonly ScanFile[];
  readonly sequence: bigint;
  /** Snapshots since the last look, as far as they are there: engines commit without rows, too. */
  readonly snapshots: number;
}

/**
 * Reads a branch; `null`: there is none of this name.
 *
 * @throws {FirnError} LEDGER-BRANCH-CHANGED, and those of reading manifests
 */
export async function newBranchFiles(
  context: Pick<LakeContext, 'store'>,
  metadata: TableMetadata,
  { branch, sequence }: PublishedBranch,
): Promise<BranchFiles | null> {
  const head = refSnapshot(metadata, branch);
  if (head === null) return null;
  const looked = lookedAt(metadata, head, { branch, sequence });
  if (looked === null) return null;
  const { since, seen } = looked;
  if (since.length === 0) return { files: [], sequence, snapshots: 0 };
  const refuse = (what: string): never => {
    throw new FirnError('LEDGER-BRANCH-CHANGED', {
      what: `branch ${branch}: ${what}`,
      where: metadata.location,
    });
  };
  const foreign = since.find((snapshot) => snapshot.summary['operation'] !== 'append');
  if (foreign !== undefined) refuse(`snapshot ${foreign.snapshotId} is no append`);
  const manifests = await readManifestList(context, head);
  const hasDeletes = manifests.some((one) => one.content === 'deletes' && liveFilesCount(one) > 0);
  if (hasDeletes) refuse('it holds files of deletes');
  const ref = branch;
  const files = await scanFiles(context, { metadata, ref, dataSequenceAbove: sequence });
  if (seen !== null) {
    const { added, removed } = await differingFiles(context, metadata, [seen, head]);
    if (removed > 0) refuse(`${removed} files were removed`);
    if (added !== files.length) refuse(`${added} files came, ${files.length} of them are new`);
  }
  return { files, sequence: head.sequenceNumber, snapshots: since.length };
}

/**
 * The branch's snapshots since the last look, newest first, and the one that was looked at last:
 * the newest that is not above `sequence`, or the one that Firn made the branch at. `seen` is
 * `null` when it is expired; what the records themselves say must do then. No answer: the branch
 * was removed, and Iceberg made it anew from main for a job that went on.
 */
function lookedAt(
  metadata: TableMetadata,
  head: Snapshot,
  published: PublishedBranch,
): { readonly since: readonly Snapshot[]; readonly seen: Snapshot | null } | null {
  const since: Snapshot[] = [];
  for (const snapshot of ancestors(metadata, head.snapshotId)) {
    if (snapshot.sequenceNumber <= published.sequence) return { since, seen: snapshot };
    if (stampOf(snapshot) !== null) {
      return isOpening(metadata, snapshot, published) ? { since, seen: snapshot } : null;
    }
    since.push(snapshot);
  }
  return { since, seen: null };
}

/** Whether a branch was made at this snapshot of main: none before it has told of the branch. */
function isOpening(
  metadata: TableMetadata,
  { summary, parentSnapshotId }: Snapshot,
  published: PublishedBranch,
): boolean {
  if (summary[PUBLISHED_KEY] !== formatPublished(published)) return false;
  const before = parentSnapshotId === null ? null : findSnapshot(metadata, parentSnapshotId);
  return before?.summary[PUBLISHED_KEY]?.endsWith(`@${published.branch}`) !== true;
}
