/**
 * Statements in the log. Of the session's state only what says how to read the statement is kept;
 * a status variable that is not known ends their reading, never the statement's.
 */
import { Buffer } from 'node:buffer';
import { ByteCursor, decodeUtf8 } from './byte-cursor.ts';
import { inflateRun } from './compressed-run.ts';
import type { LoggedStatement } from './log-event.ts';

/** What EXECUTE_LOAD_QUERY_EVENT has between the header and the status variables. */
const LOAD_QUERY_EXTRA_BYTES = 13;

/** Widths of the status variables of fixed size, by code; 1 (sql_mode) and 4 (charset) are read. */
const STATUS_WIDTHS: ReadonlyMap<number, number> = new Map([
  [0, 4],
  [3, 4],
  [7, 2],
  [8, 2],
  [9, 8],
  [10, 4],
  [13, 3],
  [16, 1],
  [17, 8],
  [18, 2],
  [19, 1],
  [20, 1],
  [128, 3],
  [129, 8],
]);

/** How a statement stands in its event. */
export interface QueryEventShape {
  /** EXECUTE_LOAD_QUERY_EVENT: LOAD DATA logged as a statement. */
  readonly load: boolean;
  /** MariaDB's QUERY_COMPRESSED_EVENT. */
  readonly compressed: boolean;
  /** Bound of an inflated statement. */
  readonly bytesMax: number;
}

/** Reads the body of QUERY_EVENT and of its two relatives. */
export function readQueryEvent(cursor: ByteCursor, shape: QueryEventShape): LoggedStatement {
  cursor.skip(8);
  const databaseLength = cursor.uint(1);
  const errorCode = cursor.uint(2);
  const statusLength = cursor.uint(2);
  if (shape.load) cursor.skip(LOAD_QUERY_EXTRA_BYTES);
  const status = readStatus(new ByteCursor(cursor.take(statusLength)));
  const database = cursor.text(databaseLength);
  cursor.skip(1);
  const text = cursor.rest();
  const sql = decodeStatement(shape.compressed ? inflateRun(text, shape.bytesMax) : text);
  return { database, sql, errorCode, ...status };
}

/** UTF-8 where it is, else one letter per byte: names of ASCII letters are right either way. */
function decodeStatement(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  if (!text.includes('\uFFFD')) return text;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

type Status = Pick<LoggedStatement, 'sqlMode' | 'clientCollationId'>;

function readStatus(cursor: ByteCursor): Status {
  let sqlMode: bigint | null = null;
  let clientCollationId: number | null = null;
  while (cursor.remaining > 0) {
    const code = cursor.uint(1);
    if (code === 1) sqlMode = cursor.bigUint(8);
    else if (code === 4) {
      clientCollationId = cursor.uint(2);
      cursor.skip(4);
    } else if (!skipStatus(cursor, code)) break;
  }
  return { sqlMode, clientCollationId };
}

/** Whether a status variable was passed over; `false` when its size is not known. */
function skipStatus(cursor: ByteCursor, code: number): boolean {
  switch (code) {
    // catalog, with a zero behind
    case 2:
      cursor.skip(cursor.uint(1) + 1);
      return true;
    // time zone, catalog
    case 5:
    case 6:
      cursor.skip(cursor.uint(1));
      return true;
    // invoker: user and host
    case 11:
      cursor.skip(cursor.uint(1));
      cursor.skip(cursor.uint(1));
      return true;
    default: {
      const width = STATUS_WIDTHS.get(code);
      if (width === undefined) return false;
      cursor.skip(width);
      return true;
    }
  }
}
