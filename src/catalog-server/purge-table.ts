/**
 * The files of a table that was dropped with the wish to purge it. Only files in the table's own
 * folder go, and none of a table whose files belong to others too (`gc.enabled` is `false`). What
 * cannot be read or removed stays: the table is gone from the catalog either way.
 */
import { isFirnError } from '../kernel/firn-error.ts';
import { removeAll } from '../lake/cleanup-files.ts';
import { reachableFiles } from '../lake/reachable-files.ts';
import { isInFolder } from '../lake/table-locations.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import type { ServerParts } from './server-parts.ts';

/** Removes the files that `table` reaches. */
export async function purgeTable(
  { store }: Pick<ServerParts, 'store'>,
  table: LoadedTable,
): Promise<void> {
  const { location, properties } = table.metadata;
  if (properties['gc.enabled'] === 'false') return;
  try {
    const files = await reachableFiles({ store }, table);
    await removeAll(
      { store },
      [...files].filter((file) => isInFolder(file, location)),
    );
  } catch (error) {
    // A manifest is missing or damaged: what it names stays, and costs space only.
    if (!isFirnError(error)) throw error;
  }
}
