/** How many rows of a ledger no merge has looked at. */
import { MAIN_BRANCH, ancestors, findRef } from '../iceberg/snapshot.ts';
import type { SnapshotSet } from '../iceberg/snapshot.ts';

/**
 * Rows that main's snapshots after `ledgerSeen` have added, as their summaries count them. What
 * stands on other branches is not in the ledger, or is counted where main took it.
 */
export function unmergedRows(ledger: SnapshotSet, ledgerSeen: bigint): number {
  let rows = 0;
  for (const snapshot of ancestors(ledger, findRef(ledger, MAIN_BRANCH)?.snapshotId ?? null)) {
    if (snapshot.sequenceNumber <= ledgerSeen) break;
    // Beyond 2^53 the last digits do not matter to a person.
    rows += Number.parseInt(snapshot.summary['added-records'] ?? '0', 10);
  }
  return rows;
}
