/**
 * Removes files in a table's folder that nothing in its metadata reaches: leftovers of crashes,
 * lost races and cut-off cleanups (docs/spec/commit.md C16). Files are listed before the metadata
 * is read, and only old ones go: a file that is about to be committed is young.
 */
import type { TableIdentifier } from '../ports/catalog.ts';
import { removeAll } from './cleanup-files.ts';
import type { CleanupReport } from './cleanup-files.ts';
import type { LakeContext } from './lake-context.ts';
import { reachableFiles } from './reachable-files.ts';
import { comparableLocation, isInFolder, isOwnFolder } from './table-locations.ts';

/** Age below which an unreached file may belong to work that is going on: three days. */
export const ORPHAN_AGE_MS = 3 * 24 * 60 * 60 * 1000;

/** Which table to clear. */
export interface OrphanRequest {
  readonly identifier: TableIdentifier;
  /** Younger files stay, by the time the store says they were written. */
  readonly ageMsMin: number;
}

/**
 * Removes a table's orphans. A table that is not there, shares its files, or lies in a folder that
 * Firn did not make, is left alone.
 */
export async function removeOrphanFiles(
  context: LakeContext,
  request: OrphanRequest,
): Promise<CleanupReport> {
  const folder = (await context.catalog.loadTable(request.identifier))?.metadata.location;
  if (folder === undefined || !isOwnFolder(folder)) return { removed: 0, failed: 0 };
  const before = context.clock.nowMs() - request.ageMsMin;
  const old: string[] = [];
  for await (const object of context.store.list(folder)) {
    if (object.modifiedMs < before) old.push(object.location);
  }
  const table = await context.catalog.loadTable(request.identifier);
  if (table === null || table.metadata.location !== folder) return { removed: 0, failed: 0 };
  if (table.metadata.properties['gc.enabled'] === 'false') return { removed: 0, failed: 0 };
  const reached = await reachableFiles(context, table);
  return removeAll(
    context,
    old.filter((location) => {
      return !reached.has(comparableLocation(location)) && isInFolder(location, folder);
    }),
  );
}
