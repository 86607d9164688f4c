/**
 * What the binary log says, event by event, in log order. A closed union: a new kind does not
 * compile until handled. Offsets are counted here in 64 bits, because the log's own wrap at 4 GiB.
 */
import type { FirnError } from '../kernel/firn-error.ts';
import type { LogTable } from './log-table.ts';

/** Where an event stands and who wrote it. */
export interface EventPlace {
  /** Seconds since 1970-01-01T00:00:00Z: start of the statement, at the server that ran it. */
  readonly timestampSec: number;
  readonly serverId: number;
  readonly fileName: string;
  /**
   * Offset of the event's first byte in its file; of an event inside a compressed transaction that
   * of the transaction's payload event.
   */
  readonly startOffset: number;
  /** Offset after the event's last byte; that of the payload event likewise. */
  readonly endOffset: number;
  /** The event's CRC32 as the log has it; `null` in a log without checksums. */
  readonly checksum: number | null;
}

/** How a transaction is announced, by whichever of the two servers. */
export interface TransactionStart {
  /** `uuid:number`, `uuid:tag:number` (MySQL), `domain-server-number` (MariaDB). */
  readonly gtid: string;
  /** Microseconds since the epoch: commit at this server; `null` where the log does not say. */
  readonly immediateCommitUs: bigint | null;
  /** The same at the server where the transaction came from. */
  readonly originalCommitUs: bigint | null;
  /** Bytes from this event to the transaction's end; `null` where the log does not say. */
  readonly transactionLength: bigint | null;
  /** MariaDB: one event without BEGIN and COMMIT follows (DDL and the like). */
  readonly standalone: boolean;
  /** MariaDB: the transaction holds DDL. */
  readonly ddl: boolean;
  /** MariaDB: an XA PREPARE, or the COMMIT or ROLLBACK that settles an earlier one. */
  readonly xa: 'prepare' | 'settle' | null;
}

/** A statement in the log: BEGIN, COMMIT, DDL, XA, or a change logged as a statement. */
export interface LoggedStatement {
  /** The session's default database; empty when it had none. */
  readonly database: string;
  readonly sql: string;
  /** Error that the statement ended with at the server; 0 for none. */
  readonly errorCode: number;
  readonly sqlMode: bigint | null;
  /** Collation id of `character_set_client`; `sql` is exact when it is UTF-8 or plain ASCII. */
  readonly clientCollationId: number | null;
}

/** What an event says. */
export type LogEventBody =
  | {
      readonly kind: 'rotate';
      /** File that follows. */
      readonly nextFileName: string;
      readonly position: number;
      /** Made by the server for this connection; stands in no file. */
      readonly artificial: boolean;
    }
  | { readonly kind: 'format'; readonly serverVersion: string; readonly checksums: boolean }
  | ({ readonly kind: 'gtid' } & TransactionStart)
  | {
      readonly kind: 'anonymous-gtid';
      readonly immediateCommitUs: bigint | null;
      readonly originalCommitUs: bigint | null;
      readonly transactionLength: bigint | null;
    }
  /** GTIDs of the files before this one: of MySQL, or of MariaDB (last number per domain). */
  | { readonly kind: 'previous-gtids'; readonly gtidSet: string }
  | ({ readonly kind: 'query' } & LoggedStatement)
  /** A table not seen yet, or seen with another definition; comes after `wants` was asked. */
  | { readonly kind: 'table-map'; readonly table: LogTable }
  /**
   * Rows went into the table's reader. A large event comes in several parts: whenever the reader is
   * full, so that it can be cut.
   */
  | {
      readonly kind: 'rows';
      readonly table: LogTable;
      readonly change: 'insert' | 'update' | 'delete';
      /** Changed rows of this part; an update that moves a key is one. */
      readonly rowCount: number;
      /** `startOffset`; the offset that goes into the rows' `seq`. */
      readonly at: number;
      /** Index of the part's first row among the rows of this table at this offset. */
      readonly firstIndex: number;
    }
  /**
   * Rows of a wanted table that cannot be taken. None of this event is in the table's reader
   * (earlier parts of it may be), and later rows of the table are skipped until the reader is told
   * otherwise.
   */
  | { readonly kind: 'rows-refused'; readonly table: LogTable; readonly error: FirnError }
  | { readonly kind: 'xid'; readonly xid: bigint }
  /** `xid` as XA statements spell it: `X'hex',X'hex',format`. */
  | { readonly kind: 'xa-prepare'; readonly xid: string; readonly onePhase: boolean }
  | { readonly kind: 'heartbeat'; readonly logFileName: string; readonly position: number }
  | { readonly kind: 'incident'; readonly code: number; readonly message: string }
  /** `ignorable`: the server says that readers which do not know the event may pass over it. */
  | { readonly kind: 'unknown'; readonly typeCode: number; readonly ignorable: boolean }
  /** The server ends the log by an error packet. */
  | {
      readonly kind: 'server-error';
      readonly errorCode: number;
      readonly sqlState: string;
      readonly message: string;
    }
  /** The server has nothing more to send. */
  | { readonly kind: 'end' };

/** One event with its place. */
export type LogEvent = EventPlace & LogEventBody;
