/**
 * The catalog in a SQLite file: the two tables of the Iceberg JDBC catalog in their V1 layout, so
 * that PyIceberg and the Java library open and change the same file at the same time (C14), and one
 * small table of Firn's for the catalog's id. Rows under other catalog names are not touched.
 *
 * The journal mode is left as it is; a new file has SQLite's own, the rollback journal. Measured
 * with three processes of Firn and two of PyIceberg committing to one table at once, both this and
 * WAL lose no commit and give nobody a lock error, and the times are within a quarter of each
 * other. But WAL needs memory shared between all who open the file, which a container on another
 * kernel or a network folder does not give, and its catalog is two files while it is open.
 */
import type { Catalog } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';
import { MetadataCache } from './metadata-cache.ts';
import { PointerCatalog } from './pointer-catalog.ts';
import { createServedCatalog } from './served-pointer-catalog.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { SqliteNamespaces } from './sqlite-namespaces.ts';
import { openSqlitePointers } from './sqlite-pointers.ts';
import type { SqlitePointersOptions } from './sqlite-pointers.ts';

/**
 * Metadata of a table with a long history is decoded once, not with every commit. Of smaller files
 * only the last few are kept: a pipeline may have a thousand tables.
 */
const LARGE_BYTES = 512 * 1024;

/** What a SQLite catalog needs. */
export interface SqliteCatalogOptions extends SqlitePointersOptions {
  /** Where the metadata files lie. */
  readonly store: ObjectStore;
}

/**
 * Opens the catalog of this name in a SQLite file and makes its tables where they are missing. A
 * file that has them is not written to, so one that may only be read can be opened.
 *
 * @throws {FirnError} CATALOG-CANNOT-OPEN, CATALOG-CORRUPT, CATALOG-READ-ONLY, CATALOG-BUSY,
 *   CATALOG-IO, CATALOG-FULL
 */
export async function openSqliteCatalog(options: SqliteCatalogOptions): Promise<Catalog> {
  const connection = new SqliteConnection(options);
  try {
    const pointers = await openSqlitePointers(connection, options);
    const cache = new MetadataCache({ bytesMin: LARGE_BYTES });
    return new PointerCatalog({ ...options, pointers, cache });
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Opens the same catalog for Firn's REST server, which lets other engines change it.
 *
 * @throws {FirnError} as {@link openSqliteCatalog}
 */
export async function openServedSqliteCatalog(
  options: SqliteCatalogOptions,
): Promise<ServedCatalog> {
  const connection = new SqliteConnection(options);
  try {
    const pointers = await openSqlitePointers(connection, options);
    const cache = new MetadataCache();
    const catalog = new PointerCatalog({ ...options, pointers, cache, acceptsStaleRoots: true });
    const namespaces = new SqliteNamespaces(connection, options.name);
    return createServedCatalog({ ...options, pointers, cache, catalog, namespaces });
  } catch (error) {
    connection.close();
    throw error;
  }
}
