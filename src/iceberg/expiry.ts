/**
 * Which snapshots may go. Metadata holds every snapshot that was not expired, and grows with each
 * commit, so old ones go by count and age inside ordinary commits. Never goes what a ref points at,
 * nor anything on main from its head back to the state tag: the state must stay reachable.
 */
import { MAIN_BRANCH, ancestors, findRef } from './snapshot.ts';
import type { Snapshot, SnapshotRef } from './snapshot.ts';
import type { TableMetadata } from './table-metadata.ts';

/** How much history is kept. */
export interface ExpiryPolicy {
  /**
   * Snapshots of every branch that stay whatever their age; a branch's own setting may ask for
   * more.
   */
  readonly snapshotsMin: number;
  /** Snapshots of every branch that stay at most, whatever their age; at least `snapshotsMin`. */
  readonly snapshotsMax: number;
  /** Older snapshots go; a branch's own setting comes first. */
  readonly ageMsMax: number;
  /** Nothing goes until at least this many can: each expiry costs a look at all manifest lists. */
  readonly batchMin: number;
}

/** About a hundred snapshots, none older than five days. */
export const defaultExpiryPolicy: ExpiryPolicy = {
  snapshotsMin: 1,
  snapshotsMax: 100,
  ageMsMax: 5 * 24 * 60 * 60 * 1000,
  batchMin: 10,
};

/** What decides besides the table itself. */
export interface ExpiryRequest {
  readonly policy: ExpiryPolicy;
  readonly nowMs: number;
  /** Tag that marks main's newest snapshot with state. */
  readonly stateTag: string;
}

/**
 * Ids of the snapshots to remove, oldest first. Empty for a table whose files belong to others too
 * (property `gc.enabled` is `false`).
 */
export function snapshotsToExpire(
  metadata: TableMetadata,
  request: ExpiryRequest,
): readonly bigint[] {
  if (metadata.properties['gc.enabled'] === 'false') return [];
  const keep = new Set<bigint>();
  for (const [name, ref] of Object.entries(metadata.refs)) {
    keep.add(ref.snapshotId);
    if (ref.kind === 'branch') keepBranch(metadata, { name, ref, request, keep });
  }
  keepState(metadata, request.stateTag, keep);
  keepUnreferenced(metadata, request, keep);
  const expired = metadata.snapshots.filter((snapshot) => !keep.has(snapshot.snapshotId));
  if (expired.length < request.policy.batchMin) return [];
  return expired.map((snapshot) => snapshot.snapshotId);
}

interface Branch {
  readonly name: string;
  readonly ref: SnapshotRef;
  readonly request: ExpiryRequest;
  readonly keep: Set<bigint>;
}

function isYoung(snapshot: Snapshot, nowMs: number, ageMsMax: number | bigint): boolean {
  return BigInt(Math.trunc(nowMs)) - BigInt(snapshot.timestampMs) <= BigInt(ageMsMax);
}

/** Keeps a branch's snapshots while within the minimum count, or young and within the maximum. */
function keepBranch(metadata: TableMetadata, branch: Branch): void {
  const { policy, nowMs } = branch.request;
  const countMin = Math.max(policy.snapshotsMin, branch.ref.minSnapshotsToKeep ?? 0);
  // A branch that asks for an age keeps it: someone set it on purpose.
  const countMax = branch.ref.maxSnapshotAgeMs === undefined ? policy.snapshotsMax : Infinity;
  const ageMsMax = branch.ref.maxSnapshotAgeMs ?? Math.trunc(policy.ageMsMax);
  let index = 0;
  for (const snapshot of ancestors(metadata, branch.ref.snapshotId)) {
    const wanted = index < countMin || (index < countMax && isYoung(snapshot, nowMs, ageMsMax));
    // Kept ancestors are one unbroken run: a hole would cut the walk from head to parent.
    if (!wanted) return;
    branch.keep.add(snapshot.snapshotId);
    index += 1;
  }
}

/** Keeps main from its head to the state tag; all of main when the tag is not on it. */
function keepState(metadata: TableMetadata, stateTag: string, keep: Set<bigint>): void {
  const tag = findRef(metadata, stateTag);
  if (tag === null) return;
  for (const snapshot of ancestors(metadata, findRef(metadata, MAIN_BRANCH)?.snapshotId ?? null)) {
    keep.add(snapshot.snapshotId);
    if (snapshot.snapshotId === tag.snapshotId) return;
  }
}

/**
 * Snapshots of dropped branches and rolled-back commits: the young ones stay, in bounded number.
 */
function keepUnreferenced(
  metadata: TableMetadata,
  request: ExpiryRequest,
  keep: Set<bigint>,
): void {
  const { policy, nowMs } = request;
  const reachable = new Set<bigint>();
  for (const ref of Object.values(metadata.refs)) {
    for (const { snapshotId } of ancestors(metadata, ref.snapshotId)) {
      // From here on another ref was followed already.
      if (reachable.has(snapshotId)) break;
      reachable.add(snapshotId);
    }
  }
  const loose = metadata.snapshots.filter((snapshot) => !reachable.has(snapshot.snapshotId));
  for (const snapshot of loose.slice(-policy.snapshotsMax)) {
    if (isYoung(snapshot, nowMs, policy.ageMsMax)) keep.add(snapshot.snapshotId);
  }
}
