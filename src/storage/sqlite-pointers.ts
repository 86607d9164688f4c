/**
 * Metadata pointers as rows of `iceberg_tables`, in the V1 layout of the Iceberg JDBC catalog or in
 * an older file's V0 layout (C14). Rows of views and rows under other catalog names are left alone.
 */
import { FirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import type { TableIdentifier } from '../ports/catalog.ts';
import type {
  InsertOutcome,
  MetadataPointers,
  PointerSwap,
  SwapOutcome,
} from './metadata-pointers.ts';
import { settled, sqlTexts } from './sqlite-connection.ts';
import type { SqliteConnection, SqliteConnectionOptions } from './sqlite-connection.ts';

/** What pointers in a SQLite file need. */
export interface SqlitePointersOptions extends SqliteConnectionOptions {
  /** Catalog name: part of the key of every row, so other engines must use the same. */
  readonly name: string;
}

/** How a rename ended; only `renamed` changed anything. */
export type RenameOutcome = 'renamed' | 'missing' | 'taken' | 'no-namespace';

type KnownInsert = Exclude<InsertOutcome, { readonly kind: 'unknown' }>;

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
export const namespaceMark = { key: 'exists', value: 'true' };

/** Opens the pointers and makes their tables where they are missing. */
export async function openSqlitePointers(
  connection: SqliteConnection,
  options: SqlitePointersOptions,
): Promise<SqlitePointers> {
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

/** Pointers as rows of `iceberg_tables`. */
export class SqlitePointers implements MetadataPointers {
  readonly #connection: SqliteConnection;
  readonly #options: SqlitePointersOptions;
  /** Keeps views out; empty in a V0 file, which has no column that tells them apart. */
  readonly #onlyTables: string;
  readonly #typed: boolean;

  constructor(connection: SqliteConnection, options: SqlitePointersOptions, typed: boolean) {
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
      known.length === 0 ? [] : sqlTexts(await this.#connection.rows(query, [name]), 'catalog_id');
    if (present !== undefined) return present;
    const made = uuidV7(clock, random);
    const end = await this.#connection.transaction(() => {
      this.#connection.changeNow(idLayout);
      this.#connection.changeNow('INSERT OR IGNORE INTO firn_catalogs VALUES (?, ?)', [name, made]);
      const [value] = sqlTexts(this.#connection.rowsNow(query, [name]), 'catalog_id');
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
    return sqlTexts(rows, 'namespace');
  }

  async tables(namespace: string): Promise<readonly string[]> {
    const rows = await this.#connection.rows(
      `SELECT table_name FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? ${this.#onlyTables}`,
      [this.#options.name, namespace],
    );
    return sqlTexts(rows, 'table_name');
  }

  async find({ namespace, name }: TableIdentifier): Promise<string | null> {
    const parameters = [this.#options.name, namespace, name];
    const rows = await this.#connection.rows(this.#findQuery(), parameters);
    return sqlTexts(rows, 'metadata_location')[0] ?? null;
  }

  #findNow({ namespace, name }: TableIdentifier): string | null {
    const parameters = [this.#options.name, namespace, name];
    const rows = this.#connection.rowsNow(this.#findQuery(), parameters);
    return sqlTexts(rows, 'metadata_location')[0] ?? null;
  }

  #findQuery(): string {
    return `SELECT metadata_location FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? ${this.#onlyTables}`;
  }

  async insert(identifier: TableIdentifier, location: string): Promise<InsertOutcome> {
    const end = await this.#connection.transaction(() => {
      const value = this.#insertNow(identifier, location);
      return { keep: value.kind === 'inserted', value };
    });
    return end.kind === 'unknown' ? end : end.value;
  }

  #insertNow({ namespace, name }: TableIdentifier, location: string): KnownInsert {
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
    if (from === null) return this.#createNow(identifier, to);
    const changed = this.#connection.changeNow(
      `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?
         AND metadata_location = ? ${this.#onlyTables}`,
      [to, from, this.#options.name, identifier.namespace, identifier.name, from],
    );
    return changed === 1;
  }

  /** Inside a commit, where a missing namespace undoes everything. */
  #createNow(identifier: TableIdentifier, location: string): boolean {
    const outcome = this.#insertNow(identifier, location);
    if (outcome.kind !== 'no-namespace') return outcome.kind === 'inserted';
    throw new FirnError('CATALOG-NAMESPACE-MISSING', {
      what: 'no such namespace',
      where: identifier.namespace,
    });
  }

  /** Gives a table another name; its files stay where they are. */
  async rename(from: TableIdentifier, to: TableIdentifier): Promise<RenameOutcome> {
    const end = await this.#connection.transaction((): { keep: boolean; value: RenameOutcome } => {
      const location = this.#findNow(from);
      if (location === null) return { keep: false, value: 'missing' };
      const outcome = this.#insertNow(to, location);
      if (outcome.kind !== 'inserted') return { keep: false, value: outcome.kind };
      this.#removeNow(from);
      return { keep: true, value: 'renamed' };
    });
    return settled(end);
  }

  async remove(identifier: TableIdentifier): Promise<void> {
    const end = await this.#connection.transaction(() => {
      this.#removeNow(identifier);
      return { keep: true, value: null };
    });
    settled(end);
  }

  #removeNow({ namespace, name }: TableIdentifier): void {
    this.#connection.changeNow(
      `DELETE FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? ${this.#onlyTables}`,
      [this.#options.name, namespace, name],
    );
  }

  async close(): Promise<void> {
    this.#connection.close();
  }
}
