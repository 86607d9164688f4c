/**
 * Which files a table's metadata reaches. A file may be removed only when nothing here reaches it
 * (docs/spec/commit.md C16), so in doubt this errs towards reaching.
 */
import type { ManifestFile } from '../iceberg/manifest-list.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { JsonObject } from '../kernel/lossless-json.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { LakeContext } from './lake-context.ts';
import { isLive, readManifest, readManifestList } from './manifest-files.ts';
import { comparableLocation } from './table-locations.ts';

/** Manifests of all snapshots of a table, by comparable location. */
export async function reachableManifests(
  context: Pick<LakeContext, 'store'>,
  metadata: TableMetadata,
): Promise<ReadonlyMap<string, ManifestFile>> {
  const manifests = new Map<string, ManifestFile>();
  for (const snapshot of metadata.snapshots) {
    for (const manifest of await readManifestList(context, snapshot)) {
      manifests.set(comparableLocation(manifest.path), manifest);
    }
  }
  return manifests;
}

/** Locations of a manifest's live files, comparable. */
export async function liveFilesOf(
  context: Pick<LakeContext, 'store'>,
  metadata: TableMetadata,
  manifest: ManifestFile,
): Promise<readonly string[]> {
  const entries = await readManifest(context, metadata, manifest);
  return entries.filter(isLive).map((entry) => comparableLocation(entry.file.filePath));
}

/** Every file that a table reaches, comparable: metadata, lists, manifests, data, statistics. */
export async function reachableFiles(
  context: Pick<LakeContext, 'store'>,
  table: LoadedTable,
): Promise<ReadonlySet<string>> {
  const { metadata } = table;
  const files = new Set([
    comparableLocation(table.metadataLocation),
    ...metadata.metadataLog.map((entry) => comparableLocation(entry.metadataFile)),
    ...metadata.snapshots.map((snapshot) => comparableLocation(snapshot.manifestList)),
    ...[...metadata.statistics, ...metadata.partitionStatistics].flatMap(statisticsFile),
  ]);
  for (const [location, manifest] of await reachableManifests(context, metadata)) {
    files.add(location);
    for (const file of await liveFilesOf(context, metadata, manifest)) files.add(file);
  }
  return files;
}

function statisticsFile(statistics: JsonObject): readonly string[] {
  const path = statistics['statistics-path'];
  return typeof path === 'string' ? [comparableLocation(path)] : [];
}
