/**
 * Namespaces of the SQLite catalog, with their properties, as rows of
 * `iceberg_namespace_properties` (C14). Levels are joined by dots. A namespace is there when it has
 * a row, a table, or a namespace below it: other programs make tables without making the namespace
 * first.
 */
import type { NamespaceChange, NamespaceProperties } from '../ports/served-catalog.ts';
import { settled } from './sqlite-connection.ts';
import type { SqliteConnection, TransactionBody } from './sqlite-connection.ts';
import { namespaceMark } from './sqlite-pointers.ts';

/** Keeps a namespace that has no property of its own. */
const mark: NamespaceProperties = { [namespaceMark.key]: namespaceMark.value };

/** Namespaces of one catalog name. Every change is one transaction. */
export class SqliteNamespaces {
  readonly #connection: SqliteConnection;
  readonly #catalog: string;

  constructor(connection: SqliteConnection, catalog: string) {
    this.#connection = connection;
    this.#catalog = catalog;
  }

  /** The namespace's own properties; `null`: no such namespace. */
  async properties(namespace: string): Promise<NamespaceProperties | null> {
    const stored = await this.#connection.read(() => this.#storedNow(namespace));
    if (stored === null) return null;
    const own = Object.entries(stored).filter(([key]) => key !== namespaceMark.key);
    return Object.fromEntries(own);
  }

  /** Makes the namespace unless it is there. */
  create(namespace: string, properties: NamespaceProperties): Promise<'created' | 'exists'> {
    return this.#change(() => {
      if (this.#storedNow(namespace) !== null) return { keep: false, value: 'exists' };
      this.#putNow(namespace, { ...properties, ...mark });
      return { keep: true, value: 'created' };
    });
  }

  /** Sets and removes properties. */
  change(namespace: string, change: NamespaceChange): Promise<'changed' | 'missing'> {
    return this.#change(() => {
      if (this.#storedNow(namespace) === null) return { keep: false, value: 'missing' };
      for (const key of change.removals) {
        this.#connection.changeNow(
          `DELETE FROM iceberg_namespace_properties
           WHERE catalog_name = ? AND namespace = ? AND property_key = ?`,
          [this.#catalog, namespace, key],
        );
      }
      // The mark stays, so that a namespace does not vanish with its last property.
      this.#putNow(namespace, { ...change.updates, ...mark });
      return { keep: true, value: 'changed' };
    });
  }

  /** Removes the namespace when nothing is in it or below it. */
  drop(namespace: string): Promise<'dropped' | 'missing' | 'not-empty'> {
    return this.#change(() => {
      if (this.#storedNow(namespace) === null) return { keep: false, value: 'missing' };
      if (this.#hasContentNow(namespace)) return { keep: false, value: 'not-empty' };
      this.#connection.changeNow(
        `DELETE FROM iceberg_namespace_properties WHERE catalog_name = ? AND namespace = ?`,
        [this.#catalog, namespace],
      );
      return { keep: true, value: 'dropped' };
    });
  }

  async #change<T>(body: () => TransactionBody<T>): Promise<T> {
    return settled(await this.#connection.transaction(body));
  }

  #storedNow(namespace: string): NamespaceProperties | null {
    const rows = this.#connection.rowsNow(
      `SELECT property_key, property_value FROM iceberg_namespace_properties
       WHERE catalog_name = ? AND namespace = ?`,
      [this.#catalog, namespace],
    );
    if (rows.length === 0 && !this.#hasContentNow(namespace)) return null;
    return Object.fromEntries(
      rows.map((row) => [String(row['property_key']), String(row['property_value'])]),
    );
  }

  /** Whether there is a table or view in it, or a namespace below it. */
  #hasContentNow(namespace: string): boolean {
    const below = `${namespace}.`;
    const parameters = [this.#catalog, namespace, this.#catalog, below, below, this.#catalog];
    const rows = this.#connection.rowsNow(
      `SELECT 1 FROM iceberg_tables WHERE catalog_name = ? AND table_namespace = ?
       UNION ALL SELECT 1 FROM iceberg_namespace_properties
         WHERE catalog_name = ? AND substr(namespace, 1, length(?)) = ?
       UNION ALL SELECT 1 FROM iceberg_tables
         WHERE catalog_name = ? AND substr(table_namespace, 1, length(?)) = ? LIMIT 1`,
      [...parameters, below, below],
    );
    return rows.length > 0;
  }

  #putNow(namespace: string, properties: NamespaceProperties): void {
    for (const [key, value] of Object.entries(properties)) {
      this.#connection.changeNow(
        `INSERT OR REPLACE INTO iceberg_namespace_properties
           (catalog_name, namespace, property_key, property_value) VALUES (?, ?, ?, ?)`,
        [this.#catalog, namespace, key, value],
      );
    }
  }
}
