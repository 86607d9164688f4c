/**
 * Places in the binary log and their text. A place is the end of a transaction: file and offset,
 * the transactions up to there, the server, and the proof of an event that stands before it in the
 * same file. File and offset say where to read on at the same server, the transactions at another,
 * and the proof tells a log that was reset or restored and has grown again from the one that was
 * read (docs/spec/source-mysql.md Y2, Y3).
 */
import { createHash } from 'node:crypto';
import { assert } from '../../../kernel/assert.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { parseGtidSet } from '../../../mysql/gtid-set.ts';
import type { GtidSet } from '../../../mysql/gtid-set.ts';
import type { MysqlFlavour } from '../../../mysql/mysql-column.ts';
import type { SourcePosition } from '../../../model/source-position.ts';
import type { SourceMark } from '../../../ports/source.ts';
import type { LogSpot } from './log-status.ts';

/** An event by where it stands and what it says. */
export interface EventProof {
  /** Offset of its first byte; 4 is the format description that begins every file. */
  readonly offset: number;
  /** 16 hexadecimal digits over the event's header and checksum. */
  readonly hash: string;
}

/** The end of a transaction in the log. */
export interface LogPlace {
  readonly fileName: string;
  /** Offset after the last byte, counted in 64 bits. */
  readonly offset: number;
  /** Transactions that ended up to here; `null`: the server has no GTIDs, or too many runs. */
  readonly gtids: GtidSet | null;
  /** `@@server_uuid`; on MariaDB `id-` and `@@server_id`. */
  readonly serverUuid: string;
  readonly proof: EventProof;
  /**
   * After another server took over: up to here its log may hold transactions that are among
   * {@link gtids} behind ones that are not. They are passed over. `null`: nothing is read twice.
   */
  readonly repeatsUntil: LogSpot | null;
}

/** Longest text of a set that is kept in a position. */
const GTIDS_LENGTH_MAX = 60_000;

/** A file number takes 23 bits of a sequence. */
const FILE_NUMBER_MAX = 2 ** 23 - 1;

const OFFSET_BITS = 40n;

/** File, offset; proof; server; transactions; perhaps one more file and offset. */
const TOKEN = new RegExp(
  [
    String.raw`^([^/:]+):(\d{1,15})`,
    String.raw`(\d{1,15}):([0-9a-f]{16})`,
    '([0-9a-z-]{1,40})',
    String.raw`([^/]*)(?:/([^/:]+):(\d{1,15}))?$`,
  ].join('/'),
);

/** What an event of the log is recognised by. */
export interface ProvableEvent {
  readonly timestampSec: number;
  readonly serverId: number;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly checksum: number | null;
  readonly kind: string;
}

/** The proof of an event. The server changes flags of a format description as it sends it. */
export function proofOf(event: ProvableEvent): EventProof {
  const { timestampSec, serverId, startOffset, endOffset } = event;
  const checksum = event.kind === 'format' ? null : event.checksum;
  const text = [timestampSec, serverId, endOffset - startOffset, checksum ?? 'none'].join(':');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return { offset: startOffset, hash };
}

/** The text of a place: equal places have equal text, at most 64 KiB. */
function formatPlace(place: LogPlace): string {
  const gtids = place.gtids?.format() ?? '-';
  const { repeatsUntil } = place;
  const parts = [
    formatSpot(place),
    `${place.proof.offset}:${place.proof.hash}`,
    place.serverUuid,
    gtids.length <= GTIDS_LENGTH_MAX ? gtids : '-',
    ...(repeatsUntil === null ? [] : [formatSpot(repeatsUntil)]),
  ];
  return parts.join('/');
}

function formatSpot({ fileName, offset }: LogSpot): string {
  return `${encodeURIComponent(fileName)}:${offset}`;
}

/** Where an event begins, for messages. */
export function placeText(event: {
  readonly fileName: string;
  readonly startOffset: number;
}): string {
  return `${event.fileName}:${event.startOffset}`;
}

function parseSpot(file: string, offset: string): LogSpot | null {
  const fileName = decodeName(file);
  if (fileName === null || fileNumber(fileName) === null) return null;
  return { fileName, offset: Number.parseInt(offset, 10) };
}

/** Reads {@link formatPlace}'s text; `null` when it is not one of that kind of server. */
export function parsePlace(token: string, flavour: MysqlFlavour): LogPlace | null {
  const match = TOKEN.exec(token);
  if (match === null) return null;
  const [, file = '', offset = '', proofOffset = '', hash = '', serverUuid = '', text = ''] = match;
  const [untilFile, untilOffset] = match.slice(7);
  const gtids = text === '-' ? null : parseGtidSet(text, flavour);
  if (text !== '-' && gtids === null) return null;
  const spot = parseSpot(file, offset);
  if (spot === null) return null;
  const proof = { offset: Number.parseInt(proofOffset, 10), hash };
  const repeatsUntil = untilFile === undefined ? null : parseSpot(untilFile, untilOffset ?? '');
  return { ...spot, gtids, serverUuid, proof, repeatsUntil };
}

/**
 * The place of a position of this source.
 *
 * @throws {FirnError} SOURCE-POSITION-BROKEN when another source made it
 */
export function placeOfPosition(position: SourcePosition, flavour: MysqlFlavour): LogPlace {
  const place = parsePlace(position.token, flavour);
  if (place !== null) return place;
  throw new FirnError('SOURCE-POSITION-BROKEN', {
    what: 'The saved position is not one of this kind of server',
  });
}

/** The number that ends a log file's name; `null` when there is none. */
function fileNumber(fileName: string): number | null {
  const match = /\.(\d{1,10})$/.exec(fileName);
  return match === null ? null : Number.parseInt(match[1] ?? '', 10);
}

/** The part of a log file's name before its number. */
export function fileBase(fileName: string): string {
  return fileName.slice(0, fileName.lastIndexOf('.'));
}

/**
 * The sequence of an event at `offset` (docs/spec/source-mysql.md Y1).
 *
 * @throws {FirnError} SOURCE-POSITION-BROKEN when the server has counted its files too far
 */
export function sequenceAt(fileName: string, offset: number): bigint {
  const number = fileNumber(fileName);
  assert(number !== null, 'the name of a log file ends in a number');
  if (number > FILE_NUMBER_MAX) {
    throw new FirnError('SOURCE-POSITION-BROKEN', {
      what: `The log has reached file ${fileName}; sequences hold ${FILE_NUMBER_MAX} files`,
      remedy: 'Start the log over at the server (RESET BINARY LOGS AND GTIDS) and load again.',
    });
  }
  return (BigInt(number) << OFFSET_BITS) | BigInt(offset);
}

/** Position and complete-to of a place: the next event's sequence begins at its offset. */
export function markAt(
  place: LogPlace,
  context: { readonly sourceId: string; readonly epoch: number },
): SourceMark {
  const { sourceId, epoch } = context;
  return {
    position: { sourceId, partition: 'main', token: formatPlace(place) },
    completeTo: { epoch, seq: sequenceAt(place.fileName, place.offset) - 1n },
  };
}

/** Negative, zero or positive as `left` is before, at or after `right` in one server's files. */
export function comparePlaces(
  left: Pick<LogPlace, 'fileName' | 'offset'>,
  right: Pick<LogPlace, 'fileName' | 'offset'>,
): number {
  const files = (fileNumber(left.fileName) ?? 0) - (fileNumber(right.fileName) ?? 0);
  return files || left.offset - right.offset;
}

function decodeName(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not a name that was encoded here.
    return null;
  }
}
