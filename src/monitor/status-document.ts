/**
 * The status document: what a pipeline says about itself, for `firn status`, pages and scripts.
 * Versioned: fields are added within a version, never renamed or given another meaning; readers
 * refuse a version they do not know. Marks are text (`epoch:seq`) and 64-bit counts are decimal
 * text, so that any JSON reader keeps them exact. No row values, no secrets.
 */
/** Version that this program writes and reads. */
export const STATUS_VERSION = 1;

/**
 * - `waiting`: known, nothing done yet.
 * - `bootstrapping`: existing rows are being copied; changes already reach the ledger.
 * - `streaming`: ledger and base follow the source.
 * - `ledger-only`: no usable key; the ledger follows the source, there is no base.
 * - `halted`: this table stopped and says why; the others go on.
 * - `retired`: it was dropped in the source, and its copy stays as the pipeline file asks.
 */
export type TableState =
  | 'waiting'
  | 'bootstrapping'
  | 'streaming'
  | 'ledger-only'
  | 'halted'
  | 'retired';

/** How far a bootstrap is. */
export interface BootstrapStatus {
  /** Rows copied. */
  readonly rows: number;
  /** Rows to copy, estimated; `null` when the source cannot tell. */
  readonly rowsTotal: number | null;
  readonly rowsPerSecond: number | null;
  /** Seconds to go, estimated; `null` when unknown. */
  readonly etaSeconds: number | null;
  /** Processes that read rows now, where several share the table; `null`: one does. */
  readonly readers: number | null;
}

/** The ledger table at its last commit. */
export interface LedgerStatus {
  /** `epoch:seq` up to which the ledger holds everything; `null` before the first commit. */
  readonly completeTo: string | null;
  /** Rows in the ledger. */
  readonly rows: number;
  readonly files: number;
  readonly sizeBytes: number;
  /** Unix milliseconds of the last commit; `null` before the first. */
  readonly lastCommitMs: number | null;
}

/** The base table at its last commit. */
export interface BaseStatus {
  /** `epoch:seq` up to which the base is complete; `null` before the first publish. */
  readonly watermark: string | null;
  /** Commit time at the source of the watermark, Unix milliseconds; `null` when unknown. */
  readonly watermarkTimeMs: number | null;
  /** Iceberg snapshot id, decimal text; `null` before the first publish. */
  readonly snapshotId: string | null;
  /** Rows a reader sees. */
  readonly rows: number;
  readonly files: number;
  readonly sizeBytes: number;
  readonly deleteFiles: number;
  /** Delete debt: rows in data files that delete files take out again. */
  readonly deletedRows: number;
  /** Iceberg format version; `null` in a document of an older program. */
  readonly formatVersion: number | null;
  /** Unix milliseconds of the last merge; `null` before the first. */
  readonly lastMergeMs: number | null;
}

/** Why a table stopped. */
export interface HaltStatus {
  /** Registered error code. */
  readonly code: string;
  readonly what: string;
  readonly remedy: string;
  readonly sinceMs: number;
}

/** What became of a table that was dropped in the source. */
export interface RetiredStatus {
  readonly what: string;
  readonly remedy: string;
  readonly sinceMs: number;
  /** Unix milliseconds at which its copy is removed; `null`: it stays. */
  readonly removedAtMs: number | null;
}

/** The last proof that base equals source. */
export interface ProofStatus {
  readonly atMs: number;
  readonly equal: boolean;
  readonly rows: number;
  readonly differences: number;
}

/** One source table. */
export interface TableStatus {
  /** `namespace.table`. */
  readonly table: string;
  readonly state: TableState;
  /** While `bootstrapping`, else `null`. */
  readonly bootstrap: BootstrapStatus | null;
  readonly ledger: LedgerStatus;
  /** `null` for a ledger-only table. */
  readonly base: BaseStatus | null;
  /** Age of the oldest change that is not in the ledger yet; 0 when caught up; `null` unknown. */
  readonly lagSeconds: number | null;
  /** Ledger rows that are not in the base yet; `null` unknown. */
  readonly unmergedRows: number | null;
  /** Records set aside unread that no copy has settled; `null`: the engine sets none aside. */
  readonly deadLetters: number | null;
  readonly halted: HaltStatus | null;
  /** While `retired`, else `null`. */
  readonly retired: RetiredStatus | null;
  readonly lastVerify: ProofStatus | null;
}

/** Something that is otherwise than it should be, and does not stop the pipeline by itself. */
export interface FindingStatus {
  /** `ok`, `warning`, or `error`: nothing comes in until it is mended. */
  readonly severity: string;
  readonly code: string;
  readonly what: string;
}

/** Process that holds the pipeline. */
export interface OwnerStatus {
  readonly processId: number;
  readonly host: string;
  readonly sinceMs: number;
}

/** A pipeline at one moment. */
export interface StatusDocument {
  readonly version: typeof STATUS_VERSION;
  readonly pipeline: string;
  readonly engine: 'embedded' | 'cluster';
  /** The source without secrets, `sqlite:/data/app.db`. */
  readonly source: string;
  /** Unix milliseconds at which this was written. */
  readonly updatedAtMs: number;
  /** `null`: nobody runs the pipeline. */
  readonly owner: OwnerStatus | null;
  /** Why the whole pipeline stopped. */
  readonly halted: HaltStatus | null;
  /** Changes in the source that are not in the ledger; `null` unknown. */
  readonly lagChanges: number | null;
  /** Bytes of the source's log that were not read yet; `null` unknown. */
  readonly lagBytes: number | null;
  /**
   * Unix milliseconds before which the source purges nothing that is still to be read for a table,
   * a halted one too; `null`: it purges nothing by itself, or it is not known.
   */
  readonly logKeptUntilMs: number | null;
  /**
   * What was otherwise than the pipeline file says when the cluster was looked at last; `null` in a
   * document of an older program.
   */
  readonly findings: readonly FindingStatus[] | null;
  readonly tables: readonly TableStatus[];
}
