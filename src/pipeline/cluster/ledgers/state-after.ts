/** What a commit makes of a ledger's state: its places in the log and in the cluster. Pure. */
import { present } from '../../../kernel/assert.ts';
import type { LedgerState } from '../../../lake/table-state.ts';
import type { BranchFiles } from '../../../ledger/branch-files.ts';
import { laterMark } from '../../../model/change-sequence.ts';
import type { SourceMark } from '../../../ports/source.ts';

/** Old snapshots of all branches go with a commit of Firn's own: where none is due, one is made. */
const SNAPSHOTS_MAX = 100;

/** Whether a branch has so many new snapshots that old ones should go (cluster.md E28). */
export function isLongBranch({ snapshots }: BranchFiles): boolean {
  return snapshots >= SNAPSHOTS_MAX;
}

/** The place in the cluster after a commit; `offsets`: `null` leaves them. */
export function placed(
  { cluster }: LedgerState,
  offsets: ReadonlyMap<string, readonly bigint[]> | null,
  sequence: bigint,
): Pick<LedgerState, 'cluster'> {
  const before = present(cluster, 'the place of a ledger that a cluster writes');
  const published = { ...present(before.published, 'a branch'), sequence };
  return { cluster: { offsets: offsets ?? before.offsets, published } };
}

/** Position and complete-to, which never go back. */
export function advanced(
  state: LedgerState,
  mark: SourceMark | null,
): Pick<LedgerState, 'position' | 'completeTo'> {
  const { position, completeTo } = state;
  const isAhead = mark !== null && laterMark(mark.completeTo, completeTo) !== completeTo;
  return isAhead ? mark : { position, completeTo };
}
