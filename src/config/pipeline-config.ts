/**
 * What runs: the pipeline file after checking, with every default filled in, durations in
 * milliseconds (`commitIntervalMs`), sizes in bytes and paths absolute. The types follow from the
 * declarations in `pipeline-options.ts`; what the user wrote never leaves this folder.
 */
import type { Resolved } from './option.ts';
import type { PIPELINE_OPTIONS } from './pipeline-options.ts';

type Declared = Resolved<typeof PIPELINE_OPTIONS>;
type DeclaredTable = Declared['tables'][number];

/**
 * Which source tables are copied, and how; the first rule that matches a table counts. `pattern` is
 * a name in which `*` stands for any run of characters; `exclude`, `rename` (to the lake's name),
 * `columns` go by source column names.
 */
export type TableRule = Omit<DeclaredTable, 'table'> & { readonly pattern: string };

/** How one column is treated. */
export type ColumnRule = DeclaredTable['columns'][string];

/** What happens to a value that its column cannot hold. */
export type MisfitPolicy = ColumnRule['onMisfit'];

type DeclaredCatalog = Declared['lake']['catalog'];
type DeclaredSqlite = Extract<DeclaredCatalog, { readonly type: 'sqlite' }>;

/** A catalog in a database file; `path` is absolute. */
export type SqliteCatalogConfig = Omit<DeclaredSqlite, 'path'> & { readonly path: string };

/** A catalog of another program, over REST. */
export type RestCatalogConfig = Extract<DeclaredCatalog, { readonly type: 'rest' }>;

/** The Iceberg catalog. */
export type CatalogConfig = SqliteCatalogConfig | RestCatalogConfig;

/** How a warehouse on S3 is reached; `stage` is the absolute path of a local folder. */
export type S3Config = Omit<Declared['lake']['s3'], 'stage'> & { readonly stage: string };

/** Where the tables lie; `warehouse` is the absolute path of a folder, or an `s3:` address. */
export type LakeConfig = Omit<Declared['lake'], 'catalog' | 's3'> & {
  readonly catalog: CatalogConfig;
  /** `null`: the warehouse is a local folder. */
  readonly s3: S3Config | null;
};

/** How ledgers are merged into bases. */
export type BaseConfig = Omit<Declared['base'], 'mergeIntervalMs'> & {
  readonly mergeIntervalMs: number;
};

/** The services of the cluster engine and what is asked of them. */
export type ClusterConfig = NonNullable<Declared['cluster']>;

/** A pipeline, ready to run. `fileName` is the absolute path of its file, for messages. */
export type PipelineConfig = Omit<Declared, 'tables' | 'lake' | 'base'> & {
  readonly fileName: string;
  readonly tables: readonly TableRule[];
  readonly lake: LakeConfig;
  readonly base: BaseConfig;
};
