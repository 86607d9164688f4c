/**
 * The mark that ties a warehouse to its catalog. Two catalogs over the same files would each remove
 * files that only the other one knows.
 */
import { FirnError } from '../kernel/firn-error.ts';
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** What the mark is made from. */
export type GuardedCatalog = Pick<Catalog, 'name' | 'catalogId'>;

/**
 * Marks the store's warehouse as this catalog's, for good, unless it is marked already. Of two
 * catalogs that do so at once only one succeeds.
 *
 * @throws {FirnError} CATALOG-OTHER-WAREHOUSE when the mark is another catalog's
 */
export async function guardWarehouse(store: ObjectStore, catalog: GuardedCatalog): Promise<void> {
  const location = `${store.root}/_firn/catalog-id`;
  const id = await catalog.catalogId();
  let mark = await store.readIfPresent(location);
  if (mark === null) {
    const content = Buffer.from(`${id}\n`);
    const answer = await store.write(location, content, { ifAbsent: true });
    mark = answer === 'written' ? content : await store.read(location);
  }
  if (Buffer.from(mark).toString('utf8').trim() === id) return;
  throw new FirnError('CATALOG-OTHER-WAREHOUSE', {
    what: `the warehouse is not that of the catalog ${JSON.stringify(catalog.name)} that was opened`,
    where: store.root,
  });
}
