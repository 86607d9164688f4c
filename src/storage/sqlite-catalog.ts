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
import { uuidV7 } from '../kernel/identifiers.ts';
import type { Catalog, TableIdentifier } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type {
  InsertOutcome,
  MetadataPointers,
  PointerSwap,
  SwapOutcome,
} from './metadata-pointers.ts';
import { PointerCatalog } from './pointer-catalog.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import type { SqlRow, SqliteConnectionOptions, TransactionEnd } from './sqlite-connection.ts';

/** What a SQLite catalog needs. */
export interface SqliteCatalogOptions extends SqliteConnectionOptions {
  /** Catalog name: part of the key of every row, so other engines must use the same. */
  readonly name: string;
  /** Where the metadata files lie. */
  readonly store: ObjectStore;
}

const layout = [
  `CREATE TABLE IF NOT EXISTS iceberg_tables (
  catalog_name VARCHAR(255) NOT NULL,
  table_namespace VARCHAR(255) NOT NULL,
  table_name VARCHAR(255) NOT NULL,
  metadata_location VARCHAR(1000),
  previous_metadata_location VARCHAR(1000),
  iceberg_type VARCHAR(5),
  PRIMARY KEY (catalog_name, table_namespace, table_name)
)`,
  `CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
  catalog_name VARCHAR(255) NOT NULL,
  namespace VARCHAR(255) NOT NULL,
  property_key VARCHAR(255) NOT NULL,
  property_value VARCHAR(1000) NOT NULL,
  PRIMARY KEY (catalog_name, namespace, property_key)
)`,
];

const idLayout = `CREATE TABLE IF NOT EXISTS firn_catalogs (
  catalog_name TEXT NOT NULL PRIMARY KEY,
  catalog_id TEXT NOT NULL
)`;

/** Marks a namespace without other properties, as PyIceberg and Java do. */
const namespaceMark = { key: 'exists', value: 'true' };

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
    const pointers = await openPointers(connection, options);
    return new PointerCatalog({ ...options, pointers });
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function openPointers(
  connection: SqliteConnection,
  options: SqliteCatalogOptions,
): Promise<MetadataPointers> {
  // EXTRA is FULL and also syncs the folder after the rollback journal was removed. Without that a
  // power cut right after COMMIT could bring the journal back, and with it the state before.
  await connection.configure('PRAGMA synchronous = EXTRA; PRAGMA trusted_schema = OFF');
  const names = ['iceberg_tables', 'iceberg_namespace_properties'];
  const present = await connection.rows(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name IN (?, ?)`,
    names,
  );
  if (present.length < names.length) {
    settled(
      await connection.transaction(() => {
        for (const statement of layout) connection.changeNow(statement);
        return { keep: true, value: null };
      }),
    );
  }
  const columns = await connection.rows(`SELECT name FROM pragma_table_info('iceberg_tables')`);
  const typed = columns.some((column) => column['name'] === 'iceberg_type');
  return new SqlitePointers(connection, options, typed);
}

/** The value of a transaction that may be run again if it is unknown whether it took effect. */
function settled<T>(end: TransactionEnd<T>): T {
  if (end.kind === 'unknown') throw end.cause;
  return end.value;
}

function texts(rows: readonly SqlRow[], column: string): readonly string[] {
  return rows.flatMap((row) => {
    const value = row[column];
    return typeof value === 'string' ? [value] : [];
  });
}

/** Pointers as rows of `iceberg_tables`. */
class SqlitePointers implements MetadataPointers {
  readonly #connection: SqliteConnection;
  readonly #options: SqliteCatalogOptions;
  /** Keeps views out; empty in a V0 file, which has no column that tells them apart. */
  readonly #onlyTables: string;
  readonly #typed: boolean;

  constructor(connection: SqliteConnection, options: SqliteCatalogOptions, typed: boolean) {
    this.#connection = connection;
    this.#options = options;
    this.#typed = typed;
    this.#onlyTables = typed ? `AND (iceberg_type = 'TABLE' OR iceberg_type IS NULL)` : '';
  }

  async catalogId(): Promise<string> {
    const { name, clock, random } = this.#options;
    const known = await this.#connection.rows(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'firn_catalogs'`,
    );
    const query = 'SELECT catalog_id FROM firn_catalogs WHERE catalog_name = ?';
    const [present] =
      known.length === 0 ? [] : texts(await this.#connection.rows(query, [name]), 'catalog_id');
    if (present !== undefined) return present;
    const made = uuidV7(clock, random);
    const end = await this.#connection.transaction(() => {
      this.#connection.changeNow(idLayout);
      this.#connection.changeNow('INSERT OR IGNORE INTO firn_catalogs VALUES (?, ?)', [name, made]);
      const [value] = texts(this.#connection.rowsNow(query, [name]), 'catalog_id');
      return { keep: true, value: value ?? made };
    });
    return settled(end);
  }

  async addNamespace(namespace: string): Promise<void> {
    if ((await this.namespaces()).includes(namespace)) return;
    const end = await this.#connection.transaction(() => {
      this.#connection.changeNow(
        `INSERT OR IGNORE INTO iceberg_namespace_properties
           (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)`,
        [this.#options.name, namespace, namespaceMark.key, namespaceMark.value],
      );
      return { keep: true, value: null };
    });
    settled(end);
  }

  async namespaces(): Promise<readonly string[]> {
    const { name } = this.#options;
    const rows = await this.#connection.rows(
      `SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = ?
       UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = ?`,
      [name, name],
    );
    return texts(rows, 'namespace');
  }

  async tables(namespace: string): Promise<readonly string[]> {
    const rows = await this.#connection.rows(
      `SELECT table_name FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? ${this.#onlyTables}`,
      [this.#options.name, namespace],
    );
    return texts(rows, 'table_name');
  }

  async find({ namespace, name }: TableIdentifier): Promise<string | null> {
    const rows = await this.#connection.rows(
      `SELECT metadata_location FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? ${this.#onlyTables}`,
      [this.#options.name, namespace, name],
    );
    return texts(rows, 'metadata_location')[0] ?? null;
  }

  async insert(identifier: TableIdentifier, location: string): Promise<InsertOutcome> {
    const end = await this.#connection.transaction(() => {
      const value = this.#insertNow(identifier, location);
      return { keep: value.kind === 'inserted', value };
    });
    return end.kind === 'unknown' ? end : end.value;
  }

  #insertNow({ namespace, name }: TableIdentifier, location: string): InsertOutcome {
    const catalog = this.#options.name;
    const taken = this.#connection.rowsNow(
      `SELECT 1 FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`,
      [catalog, namespace, name],
    );
    if (taken.length > 0) return { kind: 'taken' };
    const known = this.#connection.rowsNow(
      `SELECT 1 FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?
       UNION SELECT 1 FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?`,
      [catalog, namespace, catalog, namespace],
    );
    if (known.length === 0) return { kind: 'no-namespace' };
    const [column, value] = this.#typed ? [', iceberg_type', `, 'TABLE'`] : ['', ''];
    this.#connection.changeNow(
      `INSERT INTO iceberg_tables
         (catalog_name, table_namespace, table_name, metadata_location${column})
       VALUES (?, ?, ?, ?${value})`,
      [catalog, namespace, name, location],
    );
    return { kind: 'inserted' };
  }

  async swap(swaps: readonly PointerSwap[]): Promise<SwapOutcome> {
    const end = await this.#connection.transaction((): { keep: boolean; value: SwapOutcome } => {
      const lost = swaps.find((swap) => !this.#swapNow(swap));
      return lost === undefined
        ? { keep: true, value: { kind: 'swapped' } }
        : { keep: false, value: { kind: 'lost', identifier: lost.identifier } };
    });
    return end.kind === 'unknown' ? end : end.value;
  }

  /** Whether the pointer was still where the commit found it, and has moved now. */
  #swapNow({ identifier, from, to }: PointerSwap): boolean {
    const changed = this.#connection.changeNow(
      `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?
         AND metadata_location = ? ${this.#onlyTables}`,
      [to, from, this.#options.name, identifier.namespace, identifier.name, from],
    );
    return changed === 1;
  }

  async remove({ namespace, name }: TableIdentifier): Promise<void> {
    const end = await this.#connection.transaction(() => {
      this.#connection.changeNow(
        `DELETE FROM iceberg_tables
         WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? ${this.#onlyTables}`,
        [this.#options.name, namespace, name],
      );
      return { keep: true, value: null };
    });
    settled(end);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}
