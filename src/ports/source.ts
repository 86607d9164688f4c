/**
 * What a database owes the rest: the contract every source obeys and one conformance suite tests.
 * Positions are opaque here; all order is in sequences. Marks taken before a read err early, marks
 * taken after it err late.
 */
import type { ChangeBatch, RowBatch } from '../model/change-batch.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import type { SourceEvent, SourceTable } from '../model/source-event.ts';
import type { SourcePosition } from '../model/source-position.ts';
import type { TableName, TableSchema } from '../model/table-schema.ts';

/** Who the source is, as its tables remember it. */
export interface SourceIdentity {
  /** Stays the same as long as it is the same database; kept as `firn.source-id`. */
  readonly sourceId: string;
  /** For people, without secrets: `sqlite:/data/app.db`. */
  readonly label: string;
}

/**
 * Something `check` found. `error`: a run would break or lose; `warning`: it works, but know this.
 */
export interface Finding {
  readonly severity: 'ok' | 'warning' | 'error';
  /** Registered error code or a short kebab-case name of the check. */
  readonly code: string;
  readonly table: TableName | null;
  /** One or two sentences: what is so, and what follows. */
  readonly message: string;
  /** The exact statement or setting that fixes it, where there is one. */
  readonly fix: string | null;
}

/** A place in the log and the sequence that goes with it. */
export interface SourceMark {
  readonly position: SourcePosition;
  readonly completeTo: SequenceMark;
}

/** Whether a saved position still means what it meant. */
export type PositionVerdict =
  | { readonly kind: 'valid' }
  /**
   * The same history goes on under other sequences (another server took over): nothing is lost, the
   * epoch must rise, and `at` is the position's own place there.
   */
  | {
      readonly kind: 'renumbered';
      readonly reason: string;
      readonly at: (epoch: number) => SourceMark;
    }
  /**
   * The log before the position is not the one that was read (restored, reset, re-created), or the
   * position is no longer there: reading on needs a new epoch and a bootstrap. `reason` is a
   * sentence for people that states the gap.
   */
  | {
      readonly kind: 'broken';
      readonly reason: string;
      /**
       * The history goes on, and only what came right after the position is gone from the log: the
       * epoch may stay, and places further on are judged by themselves.
       */
      readonly isPurged?: boolean;
    };

/** Gives the source's columns their stable ids and version, durably, before rows use them. */
export type SchemaResolver = (table: SourceTable) => Promise<TableSchema>;

/** How to stream. */
export interface StreamRequest {
  readonly tables: readonly TableSchema[];
  /** Read after this place; `null`: from the source's present end. */
  readonly from: SourcePosition | null;
  /** Epoch that the delivered sequences carry. */
  readonly epoch: number;
  readonly resolveSchema: SchemaResolver;
  /** Deliver full before images of updates. */
  readonly beforeImages: boolean;
  /** Ends the stream at the next transaction border. */
  readonly signal: AbortSignal;
  /** Stop after everything that was committed when the stream began has been delivered. */
  readonly once: boolean;
}

/** Bounds and place of a chunked read of one table in key order. */
export interface BootstrapRequest {
  readonly schema: TableSchema;
  /** Cursor of the last finished chunk; `null`: from the first row. */
  readonly after: string | null;
  /** Rows per chunk at most. */
  readonly chunkRowsMax: number;
  readonly signal: AbortSignal;
}

/** Rows of one chunk. Each chunk is read at one point in time, no earlier than the low mark. */
export interface BootstrapChunk {
  readonly rows: RowBatch;
  /** Where the next chunk starts, opaque; `null` when this was the last one. */
  readonly cursor: string | null;
}

/**
 * A table at one point in time. The log up to that point gives these rows, and the point is not
 * before `low` and not after `high`; a source that knows it exactly gives the same mark twice.
 */
export interface WholeTable {
  readonly low: SourceMark;
  readonly high: SourceMark;
  /** Must be read to its end, or returned early; it holds a transaction of the source open. */
  readonly batches: AsyncIterable<RowBatch>;
}

/** What a source holds that was not read yet. `null`: it cannot tell that. */
export interface SourceLag {
  readonly changes: bigint | null;
  /** Bytes of its log. */
  readonly bytes?: bigint;
  /**
   * Milliseconds since 1970 before which the source does not purge what comes after the position;
   * `null`: it purges nothing by itself.
   */
  readonly keptUntilMs?: number | null;
}

/** A source database. */
export interface ChangeSource {
  /** Name of the kind: folder, config value, metric label. */
  readonly kind: string;
  /** Push: the source tells; poll: Firn asks every `pollIntervalMs`. */
  readonly delivery: 'push' | 'poll';
  /** How long it keeps its log: until {@link acknowledge}, or as long as it likes. */
  readonly keepsLog: 'until-acknowledged' | 'by-retention';
  /** What the source has, after the pipeline's table patterns and column policies. */
  discover(): Promise<readonly SourceTable[]>;
  /** Reads only. What would break or lose, and the statement that fixes it. */
  check(): Promise<readonly Finding[]>;
  identify(): Promise<SourceIdentity>;
  /** Puts into the source what capture needs (triggers, log table). Idempotent. */
  prepare(tables: readonly TableSchema[]): Promise<void>;
  /** A mark at or before what a read that starts now sees. `epoch` is the current one. */
  lowMark(epoch: number): Promise<SourceMark>;
  /** A mark at or after what every finished read saw. */
  highMark(epoch: number): Promise<SourceMark>;
  /** Chunks of existing rows in key order. */
  bootstrap(request: BootstrapRequest): AsyncIterable<BootstrapChunk>;
  /** All rows of a table at one point in time, in key order. For verification. */
  readAll(request: {
    readonly schema: TableSchema;
    readonly epoch: number;
    readonly batchRowsMax: number;
    readonly signal: AbortSignal;
  }): Promise<WholeTable>;
  /**
   * Reads rows by key after the fact. `keys` holds at least the key columns. Each key gives one
   * change: `r` with the row as it is, or `d` when the source has none; `seq` is that of a low mark
   * taken before the read, `row` is REREAD_ROW.
   */
  readKeys(request: { readonly keys: RowBatch; readonly epoch: number }): Promise<ChangeBatch>;
  /** Changes in log order. At most one stream at a time. */
  stream(request: StreamRequest): AsyncIterable<SourceEvent>;
  /** Everything at or before this position is durable elsewhere: the source may forget it. */
  acknowledge(position: SourcePosition): Promise<void>;
  /** The position from which everything after either of the two is read. */
  oldest(left: SourcePosition, right: SourcePosition): SourcePosition;
  /** The position that has passed everything that both have passed. */
  newest(left: SourcePosition, right: SourcePosition): SourcePosition;
  verifyPosition(position: SourcePosition): Promise<PositionVerdict>;
  /** How far the source is ahead of `position`; `null` when not known. */
  lag(position: SourcePosition): Promise<SourceLag | null>;
  /** The statements that take out everything Firn put into the source. */
  uninstallPlan(): Promise<readonly string[]>;
  uninstall(): Promise<void>;
  close(): Promise<void>;
}
