/**
 * Removes the files of expired history: what only removed snapshots reached (docs/spec/commit.md
 * C16). Whatever cannot be read or removed is left for orphan removal; a cleanup that is cut off
 * anywhere has removed nothing that is needed.
 */
import { decodeManifestList } from '../iceberg/manifest-list.ts';
import type { ManifestFile } from '../iceberg/manifest-list.ts';
import type { Snapshot } from '../iceberg/snapshot.ts';
import { METADATA_CLEANUP_PROPERTY } from '../iceberg/table-metadata.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import type { ExpiredHistory } from './commit-request.ts';
import type { LakeContext } from './lake-context.ts';
import { liveFilesOf, reachableManifests } from './reachable-files.ts';
import { comparableLocation, isInFolder } from './table-locations.ts';

/** Whose files to remove. */
export interface CleanupRequest {
  readonly identifier: TableIdentifier;
  readonly tableUuid: string;
  readonly expired: ExpiredHistory;
}

/** What a cleanup did. */
export interface CleanupReport {
  readonly removed: number;
  /** Files that could not be removed now. */
  readonly failed: number;
}

const NOTHING: CleanupReport = { removed: 0, failed: 0 };

/**
 * Removes files that nothing in the table, read now, reaches any more. Only files in the table's
 * own folder: metadata could name others. Storage or catalog that fail do not make it throw: the
 * commit before it is made.
 */
export async function removeExpiredFiles(
  context: LakeContext,
  request: CleanupRequest,
): Promise<CleanupReport> {
  const { snapshots, metadataFiles } = request.expired;
  const count = snapshots.length + metadataFiles.length;
  if (count === 0) return NOTHING;
  try {
    return await removeAll(context, await expiredFiles(context, request));
  } catch (error) {
    if (!isFirnError(error)) throw error;
    return { removed: 0, failed: count };
  }
}

/** Locations to remove, in the order to remove them. */
async function expiredFiles(
  context: LakeContext,
  request: CleanupRequest,
): Promise<readonly string[]> {
  const { identifier, tableUuid, expired } = request;
  const table = await context.catalog.loadTable(identifier);
  if (table === null || table.metadata.tableUuid !== tableUuid) return [];
  // The files may belong to another table too (Iceberg table properties, `gc.enabled`).
  if (table.metadata.properties['gc.enabled'] === 'false') return [];
  const locations = [
    ...(await filesOfSnapshots(context, table.metadata, expired.snapshots)),
    ...oldMetadataFiles(table, expired.metadataFiles),
  ];
  return locations.filter((location) => isInFolder(location, table.metadata.location));
}

/**
 * Files that only these snapshots reached: data first, then manifests, then lists, so that what is
 * left after a crash still leads to the rest.
 */
async function filesOfSnapshots(
  context: LakeContext,
  metadata: TableMetadata,
  snapshots: readonly Snapshot[],
): Promise<readonly string[]> {
  const lists = new Set(metadata.snapshots.map((snapshot) => snapshot.manifestList));
  // Without a list, which format v1 allows, what was reached is left to orphan removal.
  const gone = snapshots.filter(
    ({ manifestList }) => manifestList !== '' && !lists.has(manifestList),
  );
  if (gone.length === 0) return [];
  const kept = await reachableManifests(context, metadata);
  const manifests = new Map<string, ManifestFile>();
  for (const snapshot of gone) {
    const bytes = await context.store.readIfPresent(snapshot.manifestList);
    const list = bytes === null ? [] : decodeManifestList(bytes, snapshot.manifestList);
    for (const manifest of list) {
      const location = comparableLocation(manifest.path);
      if (!kept.has(location)) manifests.set(location, manifest);
    }
  }
  const files = await filesOnlyIn(context, metadata, { gone: manifests, kept });
  const goneLists = gone.map((snapshot) => snapshot.manifestList);
  return [...files, ...[...manifests.values()].map((manifest) => manifest.path), ...goneLists];
}

/** Live files of the manifests that are gone, without those of manifests that are kept. */
async function filesOnlyIn(
  context: LakeContext,
  metadata: TableMetadata,
  manifests: {
    readonly gone: ReadonlyMap<string, ManifestFile>;
    readonly kept: ReadonlyMap<string, ManifestFile>;
  },
): Promise<ReadonlySet<string>> {
  const files = new Set<string>();
  for (const manifest of manifests.gone.values()) {
    try {
      for (const file of await liveFilesOf(context, metadata, manifest)) files.add(file);
    } catch (error) {
      // A cleanup that was cut off removed it already; its data files went before it.
      if (!isFirnError(error, 'STORAGE-NOT-FOUND')) throw error;
    }
  }
  for (const manifest of manifests.kept.values()) {
    if (files.size === 0) break;
    for (const file of await liveFilesOf(context, metadata, manifest)) files.delete(file);
  }
  return files;
}

/** Metadata files that dropped out of the log, where the table says that they go. */
function oldMetadataFiles(table: LoadedTable, files: readonly string[]): readonly string[] {
  const { metadata, metadataLocation } = table;
  if (metadata.properties[METADATA_CLEANUP_PROPERTY] !== 'true') return [];
  const named = [metadataLocation, ...metadata.metadataLog.map((entry) => entry.metadataFile)];
  const present = new Set(named.map(comparableLocation));
  return files.filter((file) => !present.has(comparableLocation(file)));
}

/** Removes files one by one; one that cannot be removed does not hold up the others. */
export async function removeAll(
  context: Pick<LakeContext, 'store'>,
  locations: readonly string[],
): Promise<CleanupReport> {
  let removed = 0;
  let failed = 0;
  for (const location of locations) {
    try {
      await context.store.remove(location);
      removed += 1;
    } catch (error) {
      if (!isFirnError(error)) throw error;
      failed += 1;
    }
  }
  return { removed, failed };
}
