/**
 * A catalog as Firn's REST server offers it to other engines: tables and namespaces made, changed,
 * renamed and dropped by clients that Firn does not know. Every location that a client names is
 * checked before anything is done with it.
 */
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { CommitOutcome, LoadedTable, TableCommit, TableIdentifier } from './catalog.ts';

/** Properties of a namespace. */
export type NamespaceProperties = Readonly<Record<string, string>>;

/** A change of a namespace's properties; no key is in both. */
export interface NamespaceChange {
  readonly updates: NamespaceProperties;
  readonly removals: readonly string[];
}

/** A catalog open to others. Namespaces of several levels are joined by dots. */
export interface ServedCatalog {
  /** Part of the key in a SQL catalog. */
  readonly name: string;
  /** Random id of this catalog, made with it. */
  catalogId(): Promise<string>;
  /** Every namespace that has a row or a table, in no order. */
  listNamespaces(): Promise<readonly string[]>;
  /** `null`: no such namespace. */
  namespaceProperties(namespace: string): Promise<NamespaceProperties | null>;
  createNamespace(
    namespace: string,
    properties: NamespaceProperties,
  ): Promise<'created' | 'exists'>;
  changeNamespace(namespace: string, change: NamespaceChange): Promise<'changed' | 'missing'>;
  dropNamespace(namespace: string): Promise<'dropped' | 'missing' | 'not-empty'>;
  listTables(namespace: string): Promise<readonly TableIdentifier[]>;
  /** The table as it is now; `null` when there is none. */
  loadTable(identifier: TableIdentifier): Promise<LoadedTable | null>;
  /** The table's metadata as JSON text. */
  metadataText(table: LoadedTable): string;
  /**
   * Throws STORAGE-OUTSIDE-WAREHOUSE unless every location lies in the warehouse, where tables may
   * be.
   */
  checkLocations(locations: readonly string[]): void;
  /** CATALOG-TABLE-EXISTS, CATALOG-NAMESPACE-MISSING, CATALOG-CREATE-UNKNOWN. */
  createTable(identifier: TableIdentifier, metadata: TableMetadata): Promise<LoadedTable>;
  /**
   * Lets a name point to a metadata file that is there: STORAGE-NOT-FOUND, and the errors of
   * `createTable`. A table of the name is replaced only when `overwrite` says so.
   */
  registerTable(
    identifier: TableIdentifier,
    file: { readonly metadataLocation: string; readonly overwrite: boolean },
  ): Promise<LoadedTable>;
  renameTable(
    from: TableIdentifier,
    to: TableIdentifier,
  ): Promise<'renamed' | 'missing' | 'taken' | 'no-namespace'>;
  /** Takes the table out of the catalog; its files stay. Gone already: no error. */
  dropTable(identifier: TableIdentifier): Promise<void>;
  /** All or none. A commit that asserts the table's absence makes it. */
  commit(commits: readonly TableCommit[]): Promise<CommitOutcome>;
  close(): Promise<void>;
}
