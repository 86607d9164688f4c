/** Rows of a ledger that wait for a merge. */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { Snapshot, SnapshotSet } from '../iceberg/snapshot.ts';
import { unmergedRows } from './unmerged-rows.ts';

function snapshot(id: bigint, parentSnapshotId: bigint | null, added: string | null): Snapshot {
  return {
    snapshotId: id * 10n,
    parentSnapshotId,
    sequenceNumber: id,
    timestampMs: 0,
    manifestList: '',
    summary: { operation: 'append', ...(added === null ? {} : { 'added-records': added }) },
    schemaId: 0,
    firstRowId: null,
    addedRows: null,
    unknownFields: {},
  };
}

test('what a job wrote to its branch and main took is counted once', () => {
  // A job writes to a branch; main takes it in a snapshot of its own.
  const snapshots = [
    snapshot(1n, null, '4'),
    snapshot(2n, 10n, '3'),
    snapshot(3n, 10n, '3'),
    snapshot(4n, 30n, null),
    snapshot(5n, 20n, '5'),
  ];
  const refs: SnapshotSet['refs'] = {
    main: { kind: 'branch', snapshotId: 40n },
    firn_ledger_1: { kind: 'branch', snapshotId: 50n },
  };
  equal(unmergedRows({ snapshots, refs }, 1n), 3);
  equal(unmergedRows({ snapshots, refs }, 0n), 7);
  equal(unmergedRows({ snapshots, refs }, 4n), 0);
  equal(unmergedRows({ snapshots, refs: {} }, 0n), 0);
});
