/**
 * The two logs that a table keeps about itself, and which no client writes: when main moved, and
 * the metadata files before this one.
 */
import { hasOnlyGrown } from '../snapshot.ts';
import { METADATA_VERSIONS_PROPERTY } from '../table-metadata.ts';
import type { MetadataLogEntry, TableMetadata } from '../table-metadata.ts';

/** Earlier metadata files kept in the log unless the table says otherwise. */
const METADATA_VERSIONS_DEFAULT = 100;

/**
 * The log of current snapshots: one entry more when main moved; when an entry's snapshot was
 * expired, it and everything before it goes, so that the log has no holes.
 */
export function nextSnapshotLog(
  before: TableMetadata,
  after: TableMetadata,
  nowMs: number,
): TableMetadata['snapshotLog'] {
  const kept = hasOnlyGrown(before.snapshots, after.snapshots)
    ? before.snapshotLog
    : withoutGone(before, after);
  const current = after.currentSnapshotId;
  if (current === null || current === before.currentSnapshotId) return kept;
  return [...kept, { timestampMs: nowMs, snapshotId: current }];
}

function withoutGone(before: TableMetadata, after: TableMetadata): TableMetadata['snapshotLog'] {
  const known = new Set(after.snapshots.map((snapshot) => snapshot.snapshotId));
  const lastGone = before.snapshotLog.findLastIndex((entry) => !known.has(entry.snapshotId));
  return before.snapshotLog.slice(lastGone + 1);
}

/**
 * The log of metadata files, the one just replaced added, cut to what the table's property says.
 */
export function nextMetadataLog(
  before: TableMetadata,
  after: TableMetadata,
  location: string | null,
): readonly MetadataLogEntry[] {
  if (location === null) return before.metadataLog;
  const entry = { timestampMs: before.lastUpdatedMs, metadataFile: location };
  const wanted = Number.parseInt(after.properties[METADATA_VERSIONS_PROPERTY] ?? '', 10);
  const entriesMax = Number.isNaN(wanted) ? METADATA_VERSIONS_DEFAULT : Math.max(1, wanted);
  return [...before.metadataLog, entry].slice(-entriesMax);
}
