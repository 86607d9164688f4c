/** Events other than rows and their tables: one read function each. */
import type { MysqlFlavour } from '../mysql/mysql-column.ts';
import { ByteCursor, malformed } from './byte-cursor.ts';
import {
  decodeFileName,
  readFormat,
  readHeartbeatV2,
  readIncident,
  readXaPrepare,
} from './control-events.ts';
import { EVENT_TYPE, SILENT_EVENTS } from './event-type.ts';
import {
  readGtidEvent,
  readMariadbGtidEvent,
  readMariadbGtidList,
  readPreviousGtids,
  readTaggedGtidEvent,
} from './gtid-events.ts';
import type { EventPlace, LogEventBody } from './log-event.ts';
import { readQueryEvent } from './query-event.ts';
import type { ByteRun } from './rows-event.ts';

/** An event behind its header. */
interface SmallEvent extends ByteRun {
  readonly typeCode: number;
  readonly place: EventPlace;
  readonly inner: boolean;
}

interface SmallEventOptions {
  readonly flavour: MysqlFlavour;
  /** Bound of an inflated statement. */
  readonly bytesMax: number;
  readonly ignorable: boolean;
}

const MARIADB_FIRST = 160;
const CHECKSUM_BYTES = 4;
const NOT_MARIADB = { standalone: false, ddl: false, xa: null } as const;

/** Event types that can stand inside a compressed transaction. */
const INNER_EVENTS: ReadonlySet<number> = new Set([
  EVENT_TYPE.query,
  EVENT_TYPE.executeLoadQuery,
  EVENT_TYPE.xid,
  EVENT_TYPE.xaPrepare,
  EVENT_TYPE.incident,
]);

/**
 * Reads an event; `null` for one that says nothing about rows or places.
 *
 * @throws {FirnError} LOG-EVENT-MALFORMED, LOG-EVENT-TOO-LARGE
 */
export function readSmallEvent(event: SmallEvent, options: SmallEventOptions): LogEventBody | null {
  const { typeCode } = event;
  if (SILENT_EVENTS.has(typeCode)) return null;
  const cursor = new ByteCursor(event.bytes, event.at, event.end);
  if (event.inner && !INNER_EVENTS.has(typeCode)) {
    throw malformed(`a compressed transaction holds an event of type ${typeCode}`);
  }
  return options.flavour === 'mariadb' && typeCode >= MARIADB_FIRST
    ? readMariadbEvent(cursor, event, options)
    : readEvent(cursor, event, options);
}

function readEvent(
  cursor: ByteCursor,
  event: SmallEvent,
  { bytesMax, ignorable }: SmallEventOptions,
): LogEventBody {
  const { typeCode, bytes, at, end, place } = event;
  const wholeEnd = place.checksum === null ? end : end + CHECKSUM_BYTES;
  switch (typeCode) {
    case EVENT_TYPE.query:
    case EVENT_TYPE.executeLoadQuery: {
      const load = typeCode === EVENT_TYPE.executeLoadQuery;
      return { kind: 'query', ...readQueryEvent(cursor, { load, compressed: false, bytesMax }) };
    }
    case EVENT_TYPE.xid:
      return { kind: 'xid', xid: cursor.bigUint(8) };
    case EVENT_TYPE.gtid:
      return { kind: 'gtid', ...readGtidEvent(cursor), ...NOT_MARIADB };
    case EVENT_TYPE.taggedGtid:
      return { kind: 'gtid', ...readTaggedGtidEvent(cursor), ...NOT_MARIADB };
    case EVENT_TYPE.anonymousGtid: {
      const { gtid: _, ...times } = readGtidEvent(cursor);
      return { kind: 'anonymous-gtid', ...times };
    }
    case EVENT_TYPE.previousGtids:
      return { kind: 'previous-gtids', gtidSet: readPreviousGtids(cursor) };
    case EVENT_TYPE.format:
      return { kind: 'format', ...readFormat(bytes.subarray(at, wholeEnd)) };
    case EVENT_TYPE.heartbeat: {
      const logFileName = decodeFileName(bytes.subarray(at, end));
      // The body has the name alone; the place is the header's.
      return { kind: 'heartbeat', logFileName, position: event.view.getUint32(at - 6, true) };
    }
    case EVENT_TYPE.heartbeatV2: {
      const { fileName: logFileName, position } = readHeartbeatV2(cursor);
      return { kind: 'heartbeat', logFileName, position };
    }
    case EVENT_TYPE.xaPrepare:
      return { kind: 'xa-prepare', ...readXaPrepare(cursor) };
    case EVENT_TYPE.incident:
      return { kind: 'incident', ...readIncident(cursor) };
    default:
      return { kind: 'unknown', typeCode, ignorable };
  }
}

function readMariadbEvent(
  cursor: ByteCursor,
  { typeCode, place }: SmallEvent,
  { bytesMax, ignorable }: SmallEventOptions,
): LogEventBody {
  switch (typeCode) {
    case EVENT_TYPE.mariadbGtid:
      return { kind: 'gtid', ...readMariadbGtidEvent(cursor, place.serverId) };
    case EVENT_TYPE.mariadbGtidList:
      return { kind: 'previous-gtids', gtidSet: readMariadbGtidList(cursor) };
    case EVENT_TYPE.mariadbQueryCompressed: {
      const shape = { load: false, compressed: true, bytesMax };
      return { kind: 'query', ...readQueryEvent(cursor, shape) };
    }
    default:
      return { kind: 'unknown', typeCode, ignorable };
  }
}
