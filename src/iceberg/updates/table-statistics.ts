/**
 * Entries of a table's lists of statistics files. Firn keeps them as they are and reads only which
 * snapshot each is about.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import type { TableMetadata } from '../table-metadata.ts';

/** The entries that are not about any of these snapshots. */
export function withoutSnapshots(
  statistics: readonly JsonObject[],
  ids: readonly bigint[],
): readonly JsonObject[] {
  return statistics.filter((item) => {
    const id = statisticsSnapshot(item);
    return id === null || !ids.includes(id);
  });
}

function statisticsSnapshot(statistics: JsonObject): bigint | null {
  const id = statistics['snapshot-id'];
  return typeof id === 'number' || typeof id === 'bigint' ? BigInt(id) : null;
}

/**
 * The entries with `statistics` in place of that of the same snapshot.
 *
 * @throws {FirnError} ICEBERG-UPDATE-INVALID when it names no snapshot
 */
export function replaceStatistics(
  table: TableMetadata,
  old: readonly JsonObject[],
  statistics: JsonObject,
): readonly JsonObject[] {
  const id = statisticsSnapshot(statistics);
  if (id === null) {
    throw new FirnError('ICEBERG-UPDATE-INVALID', {
      what: 'statistics must name their snapshot',
      where: table.location,
    });
  }
  return [...withoutSnapshots(old, [id]), statistics];
}
