/**
 * What runs: the pipeline file after checking, with every default filled in, durations in
 * milliseconds, sizes in bytes and paths absolute. What the user wrote never leaves this folder.
 */

/** Where a secret is kept; the pipeline file never holds one. Read only where it is used. */
export type SecretReference =
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

/** What happens to a value that its column cannot hold. */
export type MisfitPolicy = 'halt' | 'null' | 'text';

/** How one column is treated. */
export interface ColumnRule {
  readonly onMisfit: MisfitPolicy;
}

/** Which source tables are copied, and how. The first rule that matches a table counts. */
export interface TableRule {
  /** Name of a source table; `*` stands for any run of characters. */
  readonly pattern: string;
  /** Source columns that are left out. */
  readonly exclude: readonly string[];
  /** Source column name to lake column name. */
  readonly rename: Readonly<Record<string, string>>;
  /** By source column name. */
  readonly columns: Readonly<Record<string, ColumnRule>>;
}

/** A SQLite database. */
export interface SqliteSourceConfig {
  readonly type: 'sqlite';
  /** Absolute path. */
  readonly path: string;
  readonly pollIntervalMs: number;
}

/** The source database. */
export type SourceConfig = SqliteSourceConfig;

/** The Iceberg catalog. */
export interface CatalogConfig {
  readonly type: 'sqlite';
  /** Absolute path of the catalog's database. */
  readonly path: string;
  /** Catalog name that other engines must use too. */
  readonly name: string;
}

/** An engine that must be able to read the tables. */
export type LakeReader = 'spark' | 'flink' | 'trino' | 'pyiceberg' | 'duckdb';

/** Where the tables lie. */
export interface LakeConfig {
  /** Absolute path of a local folder. */
  readonly warehouse: string;
  readonly catalog: CatalogConfig;
  readonly readers: readonly LakeReader[];
}

/** How ledgers are written. */
export interface LedgerConfig {
  readonly commitIntervalMs: number;
  readonly retentionMs: number;
  readonly beforeImages: 'key' | 'full';
  readonly raw: boolean;
}

/** How bases are kept. */
export interface BaseConfig {
  readonly mergeIntervalMs: number;
  readonly buckets: 'auto' | number;
  /** Key column that rows are spread by, in tables that have it in their key; `null`: chosen by Firn. */
  readonly bucketBy: string | null;
  readonly deleteFormat: 'position-deletes';
}

/** A pipeline, ready to run. */
export interface PipelineConfig {
  /** `[a-z0-9_]+`; state folder, owner lock and, for SQLite, the namespace in the lake. */
  readonly name: string;
  /** Absolute path of the pipeline file, for messages. */
  readonly fileName: string;
  readonly source: SourceConfig;
  /** At least one. */
  readonly tables: readonly TableRule[];
  readonly lake: LakeConfig;
  readonly ledger: LedgerConfig;
  readonly base: BaseConfig;
  readonly engine: 'embedded';
}
