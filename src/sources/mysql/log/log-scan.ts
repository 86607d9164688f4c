/** Short reads of the log that end by themselves: one event, or the first of a transaction. */
import type { Clock } from '../../../kernel/clock.ts';
import { BinlogReader } from '../../../binlog/binlog-reader.ts';
import type { LogEvent } from '../../../binlog/log-event.ts';
import type { LogTable } from '../../../binlog/log-table.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import type { GtidSet } from '../../../mysql/gtid-set.ts';
import { serverErrorNumber } from '../connection-failure.ts';
import { openDump } from './log-dump.ts';
import type { DumpStart } from './log-dump.ts';
import { FATAL_READING, logEventError } from './log-failure.ts';
import { proofOf } from './log-place.ts';
import type { EventProof } from './log-place.ts';
import type { Connect, LogSpot } from './log-status.ts';

/** Silence after which a short read gives up. */
const SCAN_MS_MAX = 60_000;

/** Where file a begins: the proof of its format description, and where that ends. */
interface FileStart {
  readonly fileName: string;
  readonly offset: number;
  readonly proof: EventProof;
}

const MISPLACED = /exceeded max_allowed_packet|bogus data|truncated in the middle|checksum|crc/i;

/** What short reads need. */
export interface ScanParts {
  readonly connect: Connect;
  readonly clock: Clock;
}

/**
 * The event that starts at a spot, as its proof; `null` when the file has none there.
 *
 * @throws {FirnError} SOURCE-POSITION-BROKEN when the file is gone, and what connecting throws
 */
export async function proofAt(parts: ScanParts, spot: LogSpot): Promise<EventProof | null> {
  try {
    return await eventAt(parts, spot);
  } catch (error) {
    if (isMisplaced(error)) return null;
    throw error;
  }
}

/** What servers say, and the reader finds, of bytes that are the middle of an event. */
function isMisplaced(error: unknown): boolean {
  if (!isFirnError(error)) return false;
  const isServers = serverErrorNumber(error) === FATAL_READING && MISPLACED.test(error.what);
  return isServers || error.code.startsWith('LOG-');
}

async function eventAt(parts: ScanParts, spot: LogSpot): Promise<EventProof | null> {
  const start: DumpStart = { kind: 'place', ...spot };
  for await (const event of scanLog(parts, start)) {
    if (event.kind === 'end' || event.fileName !== spot.fileName) return null;
    if (isArtificial(event) || event.startOffset < spot.offset) continue;
    return event.startOffset === spot.offset ? proofOf(event) : null;
  }
  return null;
}

/** When a file was begun, in seconds since 1970; `null` when it has no event. */
export async function fileBegunSec(parts: ScanParts, fileName: string): Promise<number | null> {
  for await (const event of scanLog(parts, { kind: 'place', fileName, offset: 4 })) {
    if (!isArtificial(event)) return event.timestampSec;
  }
  return null;
}

/**
 * The spot before the first transaction that is not in `gtids`, or `end` when there is none: a spot
 * where the log ended before this was asked.
 */
export async function spotAfter(
  parts: ScanParts,
  request: { readonly gtids: GtidSet; readonly end: LogSpot },
): Promise<FileStart> {
  const { gtids, end } = request;
  const starts: FileStart[] = [];
  const at = (spot: LogSpot): FileStart | null => {
    const file = starts.find((start) => start.fileName === spot.fileName);
    return file === undefined ? null : { ...spot, proof: file.proof };
  };
  for await (const event of scanLog(parts, { kind: 'after', gtids })) {
    const { fileName, startOffset: offset } = event;
    if (event.kind === 'format' && offset === 4) {
      starts.push({ fileName, offset: event.endOffset, proof: proofOf(event) });
    }
    const isNew = event.kind === 'gtid' && !gtids.contains(event.gtid);
    if (!isNew && event.kind !== 'anonymous-gtid') continue;
    const found = at({ fileName, offset });
    if (found !== null) return found;
  }
  // A file that was begun after `end` was asked holds nothing new either.
  const found = at(end) ?? starts[0];
  if (found !== undefined) return found;
  const proof = await proofAt(parts, { ...end, offset: 4 });
  return { ...end, proof: proof ?? { offset: 4, hash: '0'.repeat(16) } };
}

/** Whether the server made the event for the reader: it stands in no file. */
function isArtificial(event: LogEvent): boolean {
  return (
    (event.kind === 'rotate' && event.artificial) ||
    event.kind === 'heartbeat' ||
    event.endOffset === 0 ||
    event.endOffset <= event.startOffset
  );
}

/**
 * Events from a start to the end of the log as it is now. No rows are read; `describes` is told the
 * tables that are described, each definition once.
 *
 * @throws {FirnError} what connecting and reading the log throw
 */
export async function* scanLog(
  parts: ScanParts,
  start: DumpStart,
  describes: (table: LogTable) => void = () => undefined,
): AsyncGenerator<LogEvent> {
  const { connect, clock } = parts;
  const connection = await connect();
  const { where, server } = connection;
  try {
    const dump = await openDump(connection, {
      clock,
      start,
      follow: null,
      heartbeatMs: SCAN_MS_MAX / 3,
    });
    const wants = (table: LogTable): null => {
      describes(table);
      return null;
    };
    const reader = new BinlogReader({ flavour: server.flavour, wants });
    const { signal } = new AbortController();
    for (;;) {
      const chunk = await dump.next(signal);
      if (chunk === null) continue;
      for (const event of reader.push(chunk)) {
        if (event.kind === 'server-error') throw logEventError(event, where);
        if (event.kind === 'end') return;
        yield event;
      }
    }
  } finally {
    connection.destroy();
  }
}
