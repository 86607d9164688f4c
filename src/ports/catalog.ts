/**
 * Who points at the current metadata of each table. A commit states what it relies on and what it
 * changes, in the terms of the Iceberg REST specification, so that a SQLite file and a REST server
 * are the same to everyone above.
 */
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { TableRequirement } from '../iceberg/table-requirement.ts';
import type { TableUpdate } from '../iceberg/table-update.ts';

/** Name of a lake table. */
export interface TableIdentifier {
  readonly namespace: string;
  readonly name: string;
}

/** A table as the catalog has it now. */
export interface LoadedTable {
  readonly identifier: TableIdentifier;
  readonly metadataLocation: string;
  readonly metadata: TableMetadata;
}

/** A change of one table: applied whole, and only if every requirement holds at that moment. */
export interface TableCommit {
  readonly identifier: TableIdentifier;
  readonly requirements: readonly TableRequirement[];
  readonly updates: readonly TableUpdate[];
}

/**
 * What the catalog said. `conflict`: nothing was changed, `identifier` names the table whose
 * requirement failed (or that is gone: then `reason` says so). `unknown`: the catalog did not
 * answer; it may have committed, or may still. Resolve by reading; never guess, delete no file.
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly tables: readonly LoadedTable[] }
  | {
      readonly kind: 'conflict';
      readonly identifier: TableIdentifier;
      readonly reason: string;
    }
  | { readonly kind: 'unknown'; readonly cause: unknown };

/** A catalog of Iceberg tables. */
export interface Catalog {
  /** The catalog name that other engines must use too: part of the key in a SQL catalog. */
  readonly name: string;
  /** Random id of this catalog, made with it. */
  catalogId(): Promise<string>;
  /** Creates the namespace unless it is there. */
  ensureNamespace(namespace: string): Promise<void>;
  listNamespaces(): Promise<readonly string[]>;
  listTables(namespace: string): Promise<readonly TableIdentifier[]>;
  /**
   * Creates a table with this metadata. Taken name: CATALOG-TABLE-EXISTS, unless the table there
   * has the same uuid (our own create, answered late), which is then returned.
   */
  createTable(identifier: TableIdentifier, metadata: TableMetadata): Promise<LoadedTable>;
  /** The table as it is now, never from a cache; `null` when there is none. */
  loadTable(identifier: TableIdentifier): Promise<LoadedTable | null>;
  /** Commits all or none where the catalog can, which `commitsAtomically` tells. */
  commit(commits: readonly TableCommit[]): Promise<CommitOutcome>;
  /** Whether one `commit` over several tables is one transaction. */
  readonly commitsAtomically: boolean;
  /** Takes the table out of the catalog; its files stay. Gone already: no error. */
  dropTable(identifier: TableIdentifier): Promise<void>;
  close(): Promise<void>;
}
