/**
 * What turns columns in memory into Parquet files of a lake and back into answers. The engine
 * writes and reads files; it never commits, so everything it wrote is invisible until the stage
 * that asked for it commits it. Rows do not come back into JavaScript on these paths.
 */
import type { IcebergSchema } from '../iceberg/iceberg-schema.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import type { ScanFile } from '../iceberg/scan-file.ts';
import type { ChangeBatch, RowBatch } from '../model/change-batch.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import type { TableSchema } from '../model/table-schema.ts';

/** A lake table that files are written for. Columns are matched to fields by name. */
export interface WriteTarget {
  readonly icebergSchema: IcebergSchema;
  /** Id of the partition spec that the files belong to. */
  readonly specId: number;
  /** Id of the sort order that the files have; `null` when they have none. */
  readonly sortOrderId: number | null;
  /**
   * Format of the table: in 3 dead rows are marked by deletion vectors, and rows keep their ids.
   * Left out: 2.
   */
  readonly formatVersion?: 2 | 3;
  /** Folder that the files are uploaded to, without a trailing slash. */
  readonly dataFolder: string;
  /** Files are spread over hashed prefixes of the folder. */
  readonly hashedLayout?: boolean;
}

/** How a base table spreads its rows: `bucket(count, column)`. */
export interface Bucketing {
  readonly columnName: string;
  readonly count: number;
}

/** Takes rows of one table until they are finished as files, or discarded. */
export interface FileWriter<Batch> {
  /** Rows taken since the last `finish`. */
  readonly rowCount: number;
  /** Approximate bytes held since the last `finish`. */
  readonly sizeBytes: number;
  append(batch: Batch): Promise<void>;
  /** Writes what was taken, uploads it and gives the files; the writer can be used again. */
  finish(): Promise<readonly DataFile[]>;
  /** Forgets what was taken; nothing of it was visible. */
  discard(): Promise<void>;
}

/** What decides which ledger rows count in one merge (docs/spec/merge.md). */
export interface MergeRules {
  /** The base's watermark: regular changes at or below it are repeats and dropped; `null`: none. */
  readonly from: SequenceMark | null;
  /** The watermark after the merge: rows above it stay for the next one. */
  readonly to: SequenceMark;
  /**
   * Re-reads count only in ledger files with a higher data sequence number; older ones were taken
   * before the base rows they would overwrite were read.
   */
  readonly rereadsAfter: bigint;
}

/** The newest change per key of one merge window, held by the engine until closed. */
export interface MergeSession {
  readonly summary: MergeWindowSummary;
  /**
   * Finds the rows to delete in `files` and writes position deletes and new data files. `files`
   * must hold every live file that can contain one of the keys.
   */
  apply(request: MergeApplyRequest): Promise<MergeFiles>;
  close(): Promise<void>;
}

/** Counts of one window, for planning and for the report. */
export interface MergeWindowSummary {
  /** Ledger rows read. */
  readonly events: number;
  /** Rows at or below the watermark, dropped. */
  readonly repeats: number;
  /** Re-reads that an already merged, newer change overrules, dropped. */
  readonly overruled: number;
  /** Distinct keys that change. */
  readonly keys: number;
  /** A truncate is in the window: every base row without a later change goes. */
  readonly truncated: boolean;
  /**
   * Buckets touched, ascending, with the bounds of the keys' bucket column in each (Iceberg
   * single-value bytes).
   */
  readonly buckets: readonly number[];
  /**
   * Bounds of the first key column over all keys, Iceberg single-value bytes; `null` without keys.
   */
  readonly keyBounds: { readonly lower: Uint8Array; readonly upper: Uint8Array } | null;
}

/** What to merge into. */
export interface MergeApplyRequest {
  readonly target: WriteTarget;
  readonly bucketing: Bucketing;
  readonly files: readonly ScanFile[];
  /**
   * Decides, once deletes are known, which files are rewritten in the same commit instead of
   * getting a delete file. Pure.
   */
  readonly chooseRewrites: (found: readonly FoundFile[]) => ReadonlySet<string>;
}

/** A live base file and how much of it the merge deletes. */
export interface FoundFile {
  readonly scan: ScanFile;
  /** Rows deleted in it before this merge. */
  readonly deletedBefore: number;
  /** Rows this merge deletes in it. */
  readonly deletedNow: number;
}

/** Files of one merge, to be committed together. */
export interface MergeFiles {
  readonly addedData: readonly DataFile[];
  readonly addedDeletes: readonly DataFile[];
  readonly removedData: readonly DataFile[];
  readonly removedDeletes: readonly DataFile[];
  /** Live base rows that the commit removes (rewritten rows do not count). */
  readonly rowsDeleted: number;
  /** Rows that the commit adds (rewritten rows do not count). */
  readonly rowsInserted: number;
  /**
   * Rows that delete files which stay say are dead and that are gone, or are in a new delete file,
   * all the same: deletes of other engines that are for several data files. Left out: none.
   */
  readonly deletesKept?: number;
}

/** Delete files of another format in place of others, to be committed together. */
export interface ConvertedDeletes {
  readonly added: readonly DataFile[];
  readonly removed: readonly DataFile[];
}

/** What a comparison of a base with its source found. */
export interface ComparisonResult {
  readonly sourceRows: number;
  readonly baseRows: number;
  /** Keys that differ only by changes between the two marks, settled by the ledger. */
  readonly settled: number;
  /** Keys that differ, at most `differencesMax` of them, in key order. */
  readonly differences: readonly KeyDifference[];
  readonly differencesTotal: number;
}

/** One key that differs. */
export interface KeyDifference {
  /** Key columns as text, in key order. */
  readonly key: readonly string[];
  readonly kind: 'missing-in-base' | 'missing-in-source' | 'different';
  /** Names of the columns that differ, for `different`. */
  readonly columns: readonly string[];
}

/** A point of a log that is known only to lie between two marks, both included. */
export interface MarkRange {
  readonly low: SequenceMark;
  readonly high: SequenceMark;
}

/** A table as it can be named in a query. */
export interface QueryTable {
  /** Name in SQL: `namespace.table`; the namespace may be left out where it is unambiguous. */
  readonly namespace: string;
  readonly name: string;
  readonly icebergSchema: IcebergSchema;
  readonly files: readonly ScanFile[];
}

/** A table seen as its base with the unmerged ledger applied. */
export interface LiveTable {
  readonly namespace: string;
  readonly name: string;
  readonly schema: TableSchema;
  readonly base: QueryTable;
  /**
   * The unmerged window of the ledger; files before it may be among them. What was merged is told
   * from the rest by `rules`.
   */
  readonly ledger: QueryTable;
  readonly rules: MergeRules;
}

/** Rows of an answer, column names first. Values are text as DuckDB prints them; NULL is `null`. */
export interface QueryAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: AsyncIterable<readonly (readonly (string | null)[])[]>;
}

/**
 * A read-only SQL session of its own: only SELECT, only the given tables, no files, no settings.
 */
export interface QuerySession {
  /** @throws FirnError QUERY-NOT-SELECT, QUERY-FAILED */
  run(sql: string, parameters?: readonly string[]): Promise<QueryAnswer>;
  close(): Promise<void>;
}

/** The engine. All methods may run at the same time; it bounds its memory and threads itself. */
export interface RowEngine {
  /** Ledger files, one per day of `_firn_commit_ts` and `finish`. */
  ledgerWriter(target: WriteTarget): FileWriter<ChangeBatch>;
  /** Base files: one per bucket and `finish`, sorted by the whole key. */
  baseWriter(
    target: WriteTarget,
    request: { readonly schema: TableSchema; readonly bucketing: Bucketing },
  ): FileWriter<RowBatch>;
  /**
   * Reads a merge window. `older`: retained ledger files before the window, asked for only where a
   * re-read at or below the watermark must be compared with what was merged.
   *
   * @throws FirnError MERGE-IDENTITY-CONFLICT when one identity has two contents
   */
  openMerge(request: {
    readonly schema: TableSchema;
    readonly bucketing: Bucketing;
    readonly ledgerSchema: IcebergSchema;
    readonly window: readonly ScanFile[];
    readonly older: () => Promise<readonly ScanFile[]>;
    readonly rules: MergeRules;
  }): Promise<MergeSession>;
  /** Writes a few rows, as text in the order of the columns, for a table without partitions. */
  writeRows(request: {
    readonly target: WriteTarget;
    readonly rows: readonly (readonly (string | null)[])[];
  }): Promise<readonly DataFile[]>;
  /** Rewrites live rows of `files` (of one bucket) as one sorted file. */
  compact(request: {
    readonly schema: TableSchema;
    readonly target: WriteTarget;
    readonly bucketing: Bucketing;
    readonly files: readonly ScanFile[];
  }): Promise<readonly DataFile[]>;
  /** Writes what position deletes say of `files` as deletion vectors; no data file is touched. */
  convertDeletes(request: {
    readonly files: readonly ScanFile[];
    readonly target: WriteTarget;
  }): Promise<ConvertedDeletes>;
  /** Compares a base with all rows of its source, bit by bit. */
  compare(request: {
    readonly schema: TableSchema;
    /**
     * Columns by name with JSON that the source spells otherwise than the lake: compared as values,
     * of which a number is a whole one below 2^64 or a double.
     */
    readonly documents: readonly string[];
    readonly source: AsyncIterable<RowBatch>;
    /** The rows of the source are of one point between these two, both included. */
    readonly sourceMarks: MarkRange;
    readonly base: QueryTable;
    readonly baseWatermark: SequenceMark | null;
    readonly ledger: QueryTable;
    readonly differencesMax: number;
  }): Promise<ComparisonResult>;
  openQuery(request: {
    readonly tables: readonly QueryTable[];
    readonly live: readonly LiveTable[];
    /** Ends a query that runs; it throws the signal's reason. */
    readonly signal?: AbortSignal;
  }): Promise<QuerySession>;
  close(): Promise<void>;
}
