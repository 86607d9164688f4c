/**
 * GTID events. Of MySQL: the fixed layout, the tagged one (8.3+), and the set that opens a file; of
 * MariaDB: the one before each transaction, and the list that opens a file. Numbers stay `bigint`:
 * a GTID goes up to 2^63 - 1.
 */
import { Buffer } from 'node:buffer';
import { toSafeNumber } from '../kernel/integers.ts';
import { malformed } from './byte-cursor.ts';
import type { ByteCursor } from './byte-cursor.ts';
import type { TransactionStart } from './log-event.ts';

/** Marks the start of the commit timestamps and lengths in the fixed layout. */
const LOGICAL_TIMESTAMP = 2;

/** The 56th bit of a commit time says that the origin's own follows. */
const ORIGINAL_FOLLOWS = 1n << 55n;

/** Largest tag of a GTID, in letters. */
const TAG_LENGTH_MAX = 32;

/** Highest field that the tagged layout has today, plus one. */
const TAGGED_FIELDS = 12n;

/** Flags of MariaDB's GTID event. */
const STANDALONE = 1;
const DDL = 32;
const PREPARED_XA = 64;
const COMPLETED_XA = 128;
/** The upper four bits of the list's count are flags. */
const LIST_COUNT_BITS = 2 ** 28;
const LIST_ENTRY_BYTES = 16;

type MysqlTransactionStart = Omit<TransactionStart, 'standalone' | 'ddl' | 'xa'>;

/**
 * Reads the body of GTID_LOG_EVENT or ANONYMOUS_GTID_LOG_EVENT; of the latter the GTID means
 * nothing.
 */
export function readGtidEvent(cursor: ByteCursor): MysqlTransactionStart {
  cursor.skip(1);
  const uuid = formatUuid(cursor.take(16));
  const gtid = `${uuid}:${cursor.bigUint(8)}`;
  const unknown = { immediateCommitUs: null, originalCommitUs: null, transactionLength: null };
  if (cursor.remaining < 1 || cursor.uint(1) !== LOGICAL_TIMESTAMP) return { gtid, ...unknown };
  cursor.skip(16);
  if (cursor.remaining < 7) return { gtid, ...unknown };
  const stamp = cursor.bigUint(7);
  const immediateCommitUs = stamp & ~ORIGINAL_FOLLOWS;
  const originalCommitUs =
    (stamp & ORIGINAL_FOLLOWS) === 0n ? immediateCommitUs : cursor.bigUint(7);
  const transactionLength = cursor.remaining === 0 ? null : cursor.packedBigInt();
  return { gtid, immediateCommitUs, originalCommitUs, transactionLength };
}

/**
 * Reads the body of GTID_TAGGED_LOG_EVENT: fields by ascending id, absent ones left out, every
 * number of the form that {@link readPrefixedUint} reads.
 */
export function readTaggedGtidEvent(cursor: ByteCursor): MysqlTransactionStart {
  if (readPrefixedUint(cursor) !== 1n) throw malformed('a tagged GTID has an unknown version');
  readPrefixedUint(cursor);
  if (readPrefixedUint(cursor) > TAGGED_FIELDS) {
    throw malformed('a tagged GTID needs a field that is not known');
  }
  const fields = readTaggedFields(cursor);
  if (fields.uuid === null || fields.gno === null) throw malformed('a tagged GTID is incomplete');
  const tag = fields.tag === '' ? '' : `:${fields.tag}`;
  return {
    gtid: `${fields.uuid}${tag}:${fields.gno}`,
    immediateCommitUs: fields.immediateCommitUs,
    originalCommitUs: fields.originalCommitUs ?? fields.immediateCommitUs,
    transactionLength: fields.transactionLength,
  };
}

interface TaggedFields {
  uuid: string | null;
  gno: bigint | null;
  tag: string;
  immediateCommitUs: bigint | null;
  originalCommitUs: bigint | null;
  transactionLength: bigint | null;
}

function readTaggedFields(cursor: ByteCursor): TaggedFields {
  const fields: TaggedFields = {
    uuid: null,
    gno: null,
    tag: '',
    immediateCommitUs: null,
    originalCommitUs: null,
    transactionLength: null,
  };
  while (cursor.remaining > 0) {
    const id = readPrefixedUint(cursor);
    // An unknown field has no length of its own: what stands behind it cannot be read.
    if (id >= TAGGED_FIELDS) break;
    readTaggedField(cursor, toSafeNumber(id), fields);
  }
  return fields;
}

/** Fields: 0 flags, 1 uuid, 2 gno, 3 tag, 4 and 5 logical clock, 6 to 8 below, 9 to 11 the rest. */
function readTaggedField(cursor: ByteCursor, id: number, fields: TaggedFields): void {
  switch (id) {
    case 1:
      fields.uuid = readPrefixedUuid(cursor);
      return;
    case 2:
      fields.gno = readPrefixedInt(cursor);
      return;
    case 3:
      fields.tag = readTag(cursor);
      return;
    case 6:
      fields.immediateCommitUs = readPrefixedUint(cursor);
      return;
    case 7:
      fields.originalCommitUs = readPrefixedUint(cursor);
      return;
    case 8:
      fields.transactionLength = readPrefixedUint(cursor);
      return;
    default:
      readPrefixedUint(cursor);
  }
}

/** Reads the body of PREVIOUS_GTIDS_LOG_EVENT as the text of `@@gtid_executed`. */
export function readPreviousGtids(cursor: ByteCursor): string {
  const head = cursor.bigUint(8);
  const format = head >> 56n;
  if (format > 1n) throw malformed('a set of GTIDs has an unknown format');
  const tagged = format === 1n;
  const count = tagged ? (head >> 8n) & 0xffff_ffff_ffffn : head;
  if (count > BigInt(cursor.remaining)) throw malformed('a set of GTIDs is cut short');
  const parts: string[] = [];
  let former = '';
  for (let index = 0n; index < count; index++) {
    const uuid = formatUuid(cursor.take(16));
    const tag = tagged ? readTag(cursor) : '';
    const intervals = readIntervals(cursor);
    const tail = tag === '' ? intervals : `${tag}:${intervals}`;
    // Sets of one server that differ in the tag alone follow each other.
    if (uuid === former) parts.push(`:${tail}`);
    else parts.push(`${former === '' ? '' : ','}${uuid}:${tail}`);
    former = uuid;
  }
  return parts.join('');
}

function readIntervals(cursor: ByteCursor): string {
  const count = cursor.bigUint(8);
  if (count * 16n > BigInt(cursor.remaining)) throw malformed('a set of GTIDs is cut short');
  const intervals: string[] = [];
  for (let index = 0n; index < count; index++) {
    const first = cursor.bigUint(8);
    const last = cursor.bigUint(8) - 1n;
    intervals.push(first === last ? `${first}` : `${first}-${last}`);
  }
  return intervals.join(':');
}

/**
 * A number of MySQL's serialization library: the ones at the low end of the first byte say how many
 * bytes follow, the bits above them and those bytes are the value, low bits first.
 */
function readPrefixedUint(cursor: ByteCursor): bigint {
  const first = cursor.uint(1);
  let extra = 0;
  while (extra < 8 && ((first >> extra) & 1) === 1) extra++;
  if (extra === 8) return cursor.bigUint(8);
  const low = BigInt(first >> (extra + 1));
  if (extra === 0) return low;
  const rest = extra < 7 ? BigInt(cursor.uint(extra)) : cursor.bigUint(7);
  return (rest << BigInt(7 - extra)) | low;
}

/** A signed number: the lowest bit is the sign, below zero the rest is `-1 - value`. */
function readPrefixedInt(cursor: ByteCursor): bigint {
  const value = readPrefixedUint(cursor);
  return (value & 1n) === 0n ? value >> 1n : -1n - (value >> 1n);
}

/** Each of the 16 bytes is a number of its own. */
function readPrefixedUuid(cursor: ByteCursor): string {
  const bytes = new Uint8Array(16);
  for (let index = 0; index < 16; index++) {
    const value = readPrefixedUint(cursor);
    if (value > 255n) throw malformed('a byte of a UUID is above 255');
    bytes[index] = toSafeNumber(value);
  }
  return formatUuid(bytes);
}

function readTag(cursor: ByteCursor): string {
  const length = readPrefixedUint(cursor);
  if (length > BigInt(TAG_LENGTH_MAX)) throw malformed('the tag of a GTID is too long');
  return cursor.text(toSafeNumber(length));
}

function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  const [a, b, c] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16)];
  return `${a}-${b}-${c}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

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
