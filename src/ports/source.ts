/**
 * What a database owes the rest: the contract every source obeys and one conformance suite tests.
 * Positions are opaque here; all order is in sequences. Marks taken before a read err early, marks
 * taken after it err late.
 */
import type { ChangeBatch, RowBatch } from '../model/change-batch.ts';
import type { SequenceMark } from '../model/change-sequence.ts';
import type { HiddenChanges } from '../model/hidden-changes.ts';
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

/** A place in the log as another reader of the same log names it. */
export interface ForeignPlace {
  readonly fileName: string;
  /** Offset in the file: a transaction begins there, or none has begun since. */
  readonly offset: bigint;
  /** Ids of the transactions up to there, in the source's own words; `null`: not told. */
  readonly transactions: string | null;
}

/** A statement as another reader of the log found it there. */
export interface ForeignStatement {
  readonly sql: string;
  /** Default database of the session; empty when it had none. */
  readonly database: string;
  /** Where it stands, for messages. */
  readonly where: string;
}

/** A table that cannot go on behind a statement. */
export type StatementHalt = Pick<
  Extract<SourceEvent, { kind: 'table-halted' }>,
  'table' | 'error' | 'recovery' | 'removal'
> & {
  /** Which of the statements it is; of several in one place the first. */
  readonly index: number;
  /** One of the statements before it gave the table more columns. */
  readonly isExtended: boolean;
};

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
  /**
   * Own places of tables by name, at or after `from`: what is before one concerns its table no
   * more. Left out, or no entry: `from`. A source with one log for all tables reads from `from`.
   */
  readonly own?: ReadonlyMap<string, SourcePosition>;
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
  /** Cursor of the last row to read; `null`, left out: to the last one there is. */
  readonly upTo?: string | null;
  /**
   * Place of the low mark: whatever reads proves first that it is at the source of that place and
   * has passed it. `null`, left out: the caller knows.
   */
  readonly low?: SourcePosition | null;
  /** Rows per chunk at most. */
  readonly chunkRowsMax: number;
  readonly signal: AbortSignal;
}

/** Where a range of a table ends. */
export interface BorderRequest extends Pick<
  BootstrapRequest,
  'schema' | 'after' | 'low' | 'signal'
> {
  /** Rows of the range. */
  readonly rows: number;
}

/** Rows of one chunk. Each chunk is read at one point in time, no earlier than the low mark. */
export interface BootstrapChunk {
  readonly rows: RowBatch;
  /** Where the next chunk starts, opaque; `null` when this was the last one of the range. */
  readonly cursor: string | null;
}

/**
 * How another program reads a table over connections of its own, in the source's own words. The
 * ranges together are the table, whatever is written to it meanwhile.
 */
export interface ForeignRead {
  /** At or before what is read. */
  readonly mark: SourceMark;
  /**
   * A condition that holds on a connection that is at the mark's server, while that has everything
   * up to the mark.
   */
  readonly isSame: string;
  /** Statement that each connection runs first. It fails where {@link isSame} does not hold. */
  readonly session: string;
  /** What follows the list of a SELECT, for each range; no row is in two of them. */
  readonly ranges: readonly string[];
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
  /**
   * What Debezium would carry wrongly or not at all; sources that it does not read lack it.
   * `readsRows`: tables are looked through for values, for a bounded time. `instead`: the line of a
   * pipeline file with which it would be carried.
   */
  checkDebezium?(options: {
    readonly readsRows: boolean;
    readonly instead: string;
  }): Promise<readonly Finding[]>;
  /** What of it has happened at the server so far. */
  hiddenChanges?(): Promise<HiddenChanges>;
  identify(): Promise<SourceIdentity>;
  /** Puts into the source what capture needs (triggers, log table). Idempotent. */
  prepare(tables: readonly TableSchema[]): Promise<void>;
  /** A mark at or before what a read that starts now sees. `epoch` is the current one. */
  lowMark(epoch: number): Promise<SourceMark>;
  /** A mark at or after what every finished read saw. */
  highMark(epoch: number): Promise<SourceMark>;
  /**
   * The mark of a place that another reader of the log has come to. Left out: nobody else reads it.
   *
   * @throws {FirnError} SOURCE-POSITION-BROKEN when the log that is there has no such place
   */
  foreignMark?(place: ForeignPlace, epoch: number): Promise<SourceMark>;
  /** Which of these tables statements of the log stop. Left out with {@link foreignMark}. */
  judgeStatements?(
    statements: readonly ForeignStatement[],
    tables: readonly TableName[],
  ): Promise<readonly StatementHalt[]>;
  /**
   * How another program reads existing rows, in ranges of about `rangeRows` rows, after the place
   * `low`. Left out: nobody else can.
   *
   * @throws {FirnError} BOOTSTRAP-OTHER-SOURCE as {@link bootstrap}
   */
  planRead?(request: {
    readonly schema: TableSchema;
    readonly epoch: number;
    readonly low: SourcePosition | null;
    readonly rangeRows: number;
    readonly signal: AbortSignal;
  }): Promise<ForeignRead>;
  /**
   * Chunks of existing rows in key order.
   *
   * @throws {FirnError} BOOTSTRAP-OTHER-SOURCE when the low mark is not of the source that answers
   */
  bootstrap(request: BootstrapRequest): AsyncIterable<BootstrapChunk>;
  /**
   * Cursor of the row that is so many rows behind another, as the source orders keys; `null`: there
   * are not so many.
   *
   * @throws {FirnError} BOOTSTRAP-OTHER-SOURCE as {@link bootstrap}
   */
  border(request: BorderRequest): Promise<string | null>;
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
