/** Events that steer the reading, and the ones that end a transaction. */
import { FirnError } from '../kernel/firn-error.ts';
import { ByteCursor, malformed } from './byte-cursor.ts';

const VERSION_BYTES = 50;
const BINLOG_VERSION = 4;
const HEADER_BYTES = 19;
const CHECKSUM_BYTES = 4;
const CHECKSUM_ALGORITHM = { off: 0, crc32: 1 } as const;
const XA_PART_BYTES_MAX = 64;

/** What FORMAT_DESCRIPTION_EVENT says about the rest of its file. */
export interface LogFormat {
  readonly serverVersion: string;
  readonly checksums: boolean;
}

/**
 * Reads a format description; `body` reaches to the end of the event. Servers since MySQL 5.6 and
 * MariaDB 5.3 end it by the algorithm and the place of a checksum, used or not.
 */
export function readFormat(body: Uint8Array): LogFormat {
  const cursor = new ByteCursor(body);
  const version = cursor.uint(2);
  const serverVersion = cursor.text(VERSION_BYTES).replace(/\0.*$/s, '');
  cursor.skip(4);
  if (version !== BINLOG_VERSION || cursor.uint(1) !== HEADER_BYTES) {
    throw new FirnError('LOG-FORMAT-UNKNOWN', {
      what: `The log has format ${version}; Firn reads format ${BINLOG_VERSION}`,
    });
  }
  if (cursor.remaining <= CHECKSUM_BYTES) throw malformed('a format description is cut short');
  const algorithm = body[body.length - CHECKSUM_BYTES - 1] ?? 0;
  if (algorithm !== CHECKSUM_ALGORITHM.off && algorithm !== CHECKSUM_ALGORITHM.crc32) {
    throw new FirnError('LOG-FORMAT-UNKNOWN', {
      what: `The log has checksums of kind ${algorithm}; Firn knows CRC32 and none`,
    });
  }
  return { serverVersion, checksums: algorithm === CHECKSUM_ALGORITHM.crc32 };
}

/** The file that follows and where in it. */
export interface LogPlace {
  readonly fileName: string;
  readonly position: number;
}

/** Reads the body of ROTATE_EVENT. */
export function readRotate(cursor: ByteCursor): LogPlace {
  const position = cursor.safeUint64();
  return { fileName: decodeFileName(cursor.rest()), position };
}

/** Reads the body of HEARTBEAT_LOG_EVENT_V2: fields of a type, a length and a value. */
export function readHeartbeatV2(cursor: ByteCursor): LogPlace {
  let fileName: string | null = null;
  let position: number | null = null;
  while (cursor.remaining > 0) {
    const field = cursor.packedInt();
    if (field === 0) break;
    const value = new ByteCursor(cursor.take(cursor.packedInt()));
    if (field === 1) fileName = decodeFileName(value.rest());
    else if (field === 2) position = value.packedInt();
  }
  if (fileName === null || position === null) throw malformed('a heartbeat is incomplete');
  return { fileName, position };
}

/** A log file's name: the base and a number, neither empty nor with a zero or a path in it. */
export function decodeFileName(bytes: Uint8Array): string {
  const name = new ByteCursor(bytes).text(bytes.length);
  if (name.length > 512 || !/^[^\0/\\\uFFFD]+\.\d{1,10}$/.test(name)) {
    throw malformed('the name of a log file is not one');
  }
  return name;
}

/** A prepared XA transaction: its id as XA statements spell it. */
export function readXaPrepare(cursor: ByteCursor): { xid: string; onePhase: boolean } {
  const onePhase = cursor.uint(1) !== 0;
  const format = cursor.uint(4);
  const globalLength = cursor.uint(4);
  const branchLength = cursor.uint(4);
  if (globalLength > XA_PART_BYTES_MAX || branchLength > XA_PART_BYTES_MAX) {
    throw malformed('the id of an XA transaction is too long');
  }
  const global = hexLiteral(cursor.take(globalLength));
  return { xid: `${global},${hexLiteral(cursor.take(branchLength))},${format}`, onePhase };
}

/** Reads the body of INCIDENT_EVENT: changes that the log lacks. */
export function readIncident(cursor: ByteCursor): { code: number; message: string } {
  const code = cursor.uint(2);
  const message = cursor.remaining === 0 ? '' : cursor.text(cursor.uint(1));
  return { code, message };
}

/** Reads the server's error packet behind its first byte. */
export function readErrorPacket(cursor: ByteCursor): {
  errorCode: number;
  sqlState: string;
  message: string;
} {
  const errorCode = cursor.uint(2);
  const text = cursor.text(Math.min(cursor.remaining, 2048));
  const match = /^#(.{5})(.*)$/s.exec(text);
  return { errorCode, sqlState: match?.[1] ?? '', message: match?.[2] ?? text };
}

function hexLiteral(bytes: Uint8Array): string {
  return `X'${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}'`;
}
