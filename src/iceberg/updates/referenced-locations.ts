/**
 * Every place that metadata from others points to. Whoever takes metadata from a client checks them
 * before the table is stored: files are read, written and removed under these locations later.
 */
import type { JsonObject } from '../../kernel/lossless-json.ts';
import { namedManifests } from '../avro/first-format.ts';
import type { Snapshot } from '../snapshot.ts';
import type { TableMetadata } from '../table-metadata.ts';
import type { TableUpdate } from '../table-update.ts';

/** Properties whose values are folders that engines write to. */
const LOCATION_PROPERTIES = [
  'write.data.path',
  'write.metadata.path',
  'write.folder-storage.path',
  'write.object-storage.path',
];

/** The locations that the updates of a commit name. */
export function locationsInUpdates(updates: readonly TableUpdate[]): readonly string[] {
  return updates.flatMap((update) => {
    switch (update.kind) {
      case 'set-location':
        return [update.location];
      case 'add-snapshot':
        return locationsOfSnapshot(update.snapshot);
      case 'set-properties':
        return locationsInProperties(update.updates);
      case 'set-statistics':
      case 'set-partition-statistics':
        return statisticsLocation(update.statistics);
      default:
        return [];
    }
  });
}

/** The locations that a metadata file names. */
export function locationsInMetadata(metadata: TableMetadata): readonly string[] {
  return [
    metadata.location,
    ...locationsInProperties(metadata.properties),
    ...metadata.snapshots.flatMap(locationsOfSnapshot),
    ...metadata.metadataLog.map((entry) => entry.metadataFile),
    ...metadata.statistics.flatMap(statisticsLocation),
    ...metadata.partitionStatistics.flatMap(statisticsLocation),
  ];
}

function locationsOfSnapshot(snapshot: Snapshot): readonly string[] {
  return namedManifests(snapshot) ?? [snapshot.manifestList];
}

function locationsInProperties(properties: Readonly<Record<string, string>>): readonly string[] {
  return LOCATION_PROPERTIES.flatMap((key) => properties[key] ?? []);
}

function statisticsLocation(statistics: JsonObject): readonly string[] {
  const path = statistics['statistics-path'];
  return typeof path === 'string' ? [path] : [];
}
