/**
 * Whether a saved place still means what it meant (docs/spec/source-mysql.md Y3). At the same
 * server the event before the place must be the one that was read; at another one the transactions
 * must be there, and none may be missing between them and what its log still holds.
 */
import { unreachable } from '../../../kernel/assert.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import type { SourcePosition } from '../../../model/source-position.ts';
import type { PositionVerdict, SourceMark } from '../../../ports/source.ts';
import type { MysqlConnection } from '../connection.ts';
import { placeAfter } from './log-marks.ts';
import { comparePlaces, fileBase, markAt, parsePlace } from './log-place.ts';
import type { LogPlace } from './log-place.ts';
import { proofAt } from './log-scan.ts';
import type { ScanParts } from './log-scan.ts';
import { logFiles, readLogServer, withConnection } from './log-status.ts';
import type { LogFile, LogServer } from './log-status.ts';

/** Where reading goes on, or why it cannot. */
export type PlaceVerdict =
  | { readonly kind: 'valid'; readonly place: LogPlace }
  /** The same transactions stand at other places now: another server took over. */
  | { readonly kind: 'renumbered'; readonly place: LogPlace; readonly reason: string }
  | { readonly kind: 'broken'; readonly reason: string; readonly isPurged: boolean };

/** Longest text of a gap in a message. */
const GAP_LENGTH_MAX = 500;

/** Looks a position up at the server that answers now. */
export function verifyPosition(
  parts: ScanParts,
  position: SourcePosition,
): Promise<PositionVerdict> {
  return withConnection(parts.connect, async (connection) => {
    const place = parsePlace(position.token, connection.server.flavour);
    if (place === null) return broken('The position is not one of this kind of server.');
    const verdict = await verifyPlace(parts, { connection, place });
    switch (verdict.kind) {
      case 'valid':
        return { kind: 'valid' };
      case 'broken':
        return verdict;
      case 'renumbered': {
        const { reason } = verdict;
        const at = (epoch: number): SourceMark =>
          markAt(verdict.place, { sourceId: position.sourceId, epoch });
        return { kind: 'renumbered', reason, at };
      }
      default:
        return unreachable(verdict);
    }
  });
}

/**
 * Makes sure that a read over this connection sees everything up to a low mark: it must be the very
 * server of the mark, because another one shows transactions later and in another order. Whether
 * its log still reaches back to the mark does not matter.
 *
 * @throws {FirnError} BOOTSTRAP-OTHER-SOURCE
 */
export async function assertPassed(
  parts: ScanParts,
  request: { readonly connection: MysqlConnection; readonly position: SourcePosition },
): Promise<void> {
  const { connection, position } = request;
  const place = parsePlace(position.token, connection.server.flavour);
  const verdict =
    place === null
      ? broken('The low mark is not one of this kind of server.')
      : await verifyPlace(parts, { connection, place });
  if (verdict.kind === 'valid' || (verdict.kind === 'broken' && verdict.isPurged)) return;
  throw new FirnError('BOOTSTRAP-OTHER-SOURCE', { what: verdict.reason, where: connection.where });
}

/** Looks a place up at the server behind `connection`. */
export async function verifyPlace(
  parts: ScanParts,
  request: { readonly connection: MysqlConnection; readonly place: LogPlace },
): Promise<PlaceVerdict> {
  try {
    return await judgePlace(parts, request);
  } catch (error) {
    // The server itself found that its history is another one: MariaDB, by the last transaction.
    if (isFirnError(error, 'SOURCE-POSITION-BROKEN')) return broken(`${error.what}.`);
    throw error;
  }
}

async function judgePlace(
  parts: ScanParts,
  request: { readonly connection: MysqlConnection; readonly place: LogPlace },
): Promise<PlaceVerdict> {
  const { connection, place } = request;
  const server = await readLogServer(connection);
  const gap = gapOf(server, place);
  if (server.uuid !== place.serverUuid) {
    const other = `Another server answers (${server.uuid} instead of ${place.serverUuid})`;
    if (place.gtids === null || server.executed === null) {
      return broken(`${other}, and without GTIDs its log cannot be compared.`);
    }
    if (gap !== null) return broken(`${other}. ${gap.text}`);
    return renumbered(parts, { ...request, reason: `${other} with the same transactions.` });
  }
  return sameServer(parts, { ...request, gap });
}

async function sameServer(
  parts: ScanParts,
  request: {
    readonly connection: MysqlConnection;
    readonly place: LogPlace;
    readonly gap: Gap | null;
  },
): Promise<PlaceVerdict> {
  const { connection, place, gap } = request;
  const files = await logFiles(connection);
  const file = files.find(({ fileName }) => fileName === place.fileName);
  if (file === undefined) return withoutFile(parts, { ...request, files });
  if (file.sizeBytes < place.offset) {
    return broken(
      `The log file ${place.fileName} ends at ${file.sizeBytes}, before the position ${place.offset}: it was begun anew or an older copy was restored.`,
    );
  }
  const proof = await proofAt(parts, { fileName: place.fileName, offset: place.proof.offset });
  if (proof?.hash !== place.proof.hash) {
    return broken(
      `The event at ${place.fileName}:${place.proof.offset} is another one than was read: the log was begun anew or an older copy was restored.`,
    );
  }
  if (gap !== null) return broken(gap.text);
  return { kind: 'valid', place };
}

/** The server has no file of the place's name (any more). */
async function withoutFile(
  parts: ScanParts,
  request: {
    readonly connection: MysqlConnection;
    readonly place: LogPlace;
    readonly gap: Gap | null;
    readonly files: readonly LogFile[];
  },
): Promise<PlaceVerdict> {
  const { place, gap, files } = request;
  const [first] = files;
  const { fileName, offset } = place;
  const isRenamed = files.every((file) => fileBase(file.fileName) !== fileBase(fileName));
  if (place.gtids !== null && gap === null) {
    if (isRenamed) {
      const reason = `The log of the server is ${first?.fileName ?? 'gone'} now, after ${fileName}, with the same transactions.`;
      return renumbered(parts, { ...request, reason });
    }
    // The file is gone, and nothing in it lay behind the place.
    return { kind: 'valid', place: await placeAfter(parts, request) };
  }
  const range = `The server keeps its log from ${first?.fileName ?? 'nothing'} on; changes from ${fileName}:${offset} on are gone.`;
  const isBefore = first !== undefined && comparePlaces(place, { ...first, offset: 0 }) < 0;
  const isPurged = isBefore && !isRenamed && gap?.kind !== 'lost';
  return broken(gap === null ? range : `${range} ${gap.text}`, isPurged);
}

async function renumbered(
  parts: ScanParts,
  request: {
    readonly connection: MysqlConnection;
    readonly place: LogPlace;
    readonly reason: string;
  },
): Promise<PlaceVerdict> {
  const { reason } = request;
  return { kind: 'renumbered', place: await placeAfter(parts, request), reason };
}

/** What is missing between a place and the server, as a sentence. */
interface Gap {
  /** `lost`: the server lacks what was read; `purged`: it no longer has what was not read. */
  readonly kind: 'lost' | 'purged';
  readonly text: string;
}

/** Why the server's transactions do not continue those of the place; `null` when they do. */
function gapOf({ executed, purged }: LogServer, { gtids }: LogPlace): Gap | null {
  if (gtids === null || executed === null || gtids.flavour !== executed.flavour) return null;
  const lost = gtids.subtract(executed);
  if (!lost.isEmpty) {
    const text = `Transactions that were read are not in the server: ${shortened(lost.format())}.`;
    return { kind: 'lost', text };
  }
  const missing = purged === null ? null : purged.subtract(gtids);
  if (missing === null || missing.isEmpty) return null;
  const text = `The server has purged transactions that were not read: ${shortened(missing.format())}.`;
  return { kind: 'purged', text };
}

function broken(reason: string, isPurged = false): PlaceVerdict & PositionVerdict {
  return { kind: 'broken', reason, isPurged };
}

function shortened(text: string): string {
  return text.length <= GAP_LENGTH_MAX ? text : `${text.slice(0, GAP_LENGTH_MAX)}…`;
}
