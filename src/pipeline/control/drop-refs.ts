/**
 * Refs that Firn made and nobody needs any more: old mains kept by a publish, and branches of jobs
 * that are gone (docs/spec/bootstrap.md B12). Age is the time in the UUIDv7 of the name.
 */
import { uuidV7TimeMs } from '../../kernel/identifiers.ts';
import { removeRef } from '../../lake/commit-table.ts';
import { ORPHAN_AGE_MS } from '../../lake/orphan-files.ts';
import type { LoadedTable } from '../../ports/catalog.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import { disownBranches, ownedBranches } from '../state/branch-list.ts';

/** An old main is kept this long, so that a bad load can be gone back from. */
const OLD_MAIN_AGE_MS = 7 * 24 * 60 * 60 * 1000;

/** Removes what is old enough and not ours to keep; gives the number of refs removed. */
export async function dropOldRefs(parts: PipelineParts, table: LoadedTable): Promise<number> {
  const { identifier, metadata } = table;
  const { tableUuid } = metadata;
  const owned = await ownedBranches(parts.state);
  let removed = 0;
  for (const [ref, { kind, snapshotId }] of Object.entries(metadata.refs)) {
    if (!isDroppable({ ref, kind, owned, nowMs: parts.clock.nowMs() })) continue;
    const result = await removeRef(parts.lake, { identifier, tableUuid, ref, snapshotId });
    if (result.kind === 'committed') removed += 1;
  }
  return removed;
}

/** Takes branches that no table has any more off the list of ours. */
export async function forgetGoneBranches(
  parts: PipelineParts,
  tables: readonly LoadedTable[],
): Promise<void> {
  const present = new Set(tables.flatMap((table) => Object.keys(table.metadata.refs)));
  const { state, clock } = parts;
  // A young one may be about to be made.
  await disownBranches(
    state,
    (branch) => !present.has(branch) && ageOf(branch, clock.nowMs()) > ORPHAN_AGE_MS,
  );
}

function isDroppable(subject: {
  readonly ref: string;
  readonly kind: 'branch' | 'tag';
  readonly owned: ReadonlySet<string>;
  readonly nowMs: number;
}): boolean {
  const { ref, kind, owned, nowMs } = subject;
  if (kind === 'tag') return ref.startsWith('firn_before_') && ageOf(ref, nowMs) > OLD_MAIN_AGE_MS;
  const ours = /^firn_[a-z]+_/.test(ref) && !owned.has(ref);
  return ours && ageOf(ref, nowMs) > ORPHAN_AGE_MS;
}

/** Age of a ref by its name; a name without a time is never old. */
function ageOf(ref: string, nowMs: number): number {
  const madeMs = uuidV7TimeMs(ref.slice(-36));
  return madeMs === null ? -Infinity : nowMs - madeMs;
}
