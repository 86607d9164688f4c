/** GTID events of MariaDB: the one before each transaction, and the list that opens a file. */
import { malformed } from './byte-cursor.ts';
import type { ByteCursor } from './byte-cursor.ts';
import type { TransactionStart } from './log-event.ts';

const STANDALONE = 1;
const DDL = 32;
const PREPARED_XA = 64;
const COMPLETED_XA = 128;

/** The upper four bits of the list's count are flags. */
const LIST_COUNT_BITS = 2 ** 28;
const LIST_ENTRY_BYTES = 16;

/** Reads the body of GTID_EVENT. The transaction's server is the one in the event's header. */
export function readMariadbGtidEvent(cursor: ByteCursor, serverId: number): TransactionStart {
  const sequence = cursor.bigUint(8);
  const domain = cursor.uint(4);
  const flags = cursor.uint(1);
  return {
    gtid: `${domain}-${serverId}-${sequence}`,
    immediateCommitUs: null,
    originalCommitUs: null,
    transactionLength: null,
    standalone: (flags & STANDALONE) !== 0,
    ddl: (flags & DDL) !== 0,
    xa: (flags & PREPARED_XA) !== 0 ? 'prepare' : (flags & COMPLETED_XA) !== 0 ? 'settle' : null,
  };
}

/** Reads the body of GTID_LIST_EVENT as `domain-server-number`s with commas between. */
export function readMariadbGtidList(cursor: ByteCursor): string {
  const count = cursor.uint(4) % LIST_COUNT_BITS;
  if (count * LIST_ENTRY_BYTES > cursor.remaining) throw malformed('a list of GTIDs is cut short');
  const gtids: string[] = [];
  for (let index = 0; index < count; index++) {
    const domain = cursor.uint(4);
    const server = cursor.uint(4);
    gtids.push(`${domain}-${server}-${cursor.bigUint(8)}`);
  }
  return gtids.join(',');
}
