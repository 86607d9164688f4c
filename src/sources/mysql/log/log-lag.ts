/**
 * How far the log is ahead of a place, and how long the server keeps what comes after the place: a
 * file is purged when the time of retention has passed since it was written last, which is when the
 * next one was begun.
 */
import type { SourcePosition } from '../../../model/source-position.ts';
import type { SourceLag } from '../../../ports/source.ts';
import type { MysqlConnection } from '../connection.ts';
import { comparePlaces, parsePlace } from './log-place.ts';
import type { LogPlace } from './log-place.ts';
import { fileBegunSec } from './log-scan.ts';
import type { ScanParts } from './log-scan.ts';
import { logEnd, logFiles, withConnection } from './log-status.ts';
import type { LogFile } from './log-status.ts';

/** The lag of a position; `null` when it is none of this kind of server. */
export function logLag(parts: ScanParts, position: SourcePosition): Promise<SourceLag | null> {
  return withConnection(parts.connect, async (connection) => {
    const place = parsePlace(position.token, connection.server.flavour);
    if (place === null) return null;
    const end = await logEnd(connection);
    const files = await logFiles(connection);
    const behind = files.filter(
      ({ fileName }) => comparePlaces({ fileName, offset: 0 }, { ...place, offset: 0 }) >= 0,
    );
    const bytes = behind.reduce((sum, { fileName, sizeBytes }) => {
      const to = fileName === end.fileName ? end.offset : sizeBytes;
      return sum + to - (fileName === place.fileName ? place.offset : 0);
    }, 0);
    const keptUntilMs = await keptUntil(parts, { connection, place, files });
    return {
      changes: bytes <= 0 ? 0n : null,
      bytes: BigInt(Math.max(0, bytes)),
      keptUntilMs,
    };
  });
}

async function keptUntil(
  parts: ScanParts,
  request: {
    readonly connection: MysqlConnection;
    readonly place: LogPlace;
    readonly files: readonly LogFile[];
  },
): Promise<number | null> {
  const { connection, place, files } = request;
  const [row] = await connection.query('SELECT @@binlog_expire_logs_seconds, UNIX_TIMESTAMP()');
  const retentionSec = Number.parseInt(row?.[0] ?? '0', 10);
  if (retentionSec === 0) return null;
  const index = files.findIndex(({ fileName }) => fileName === place.fileName);
  // Gone already.
  if (index < 0) return 0;
  const next = files[index + 1];
  const nowSec = Number.parseInt(row?.[1] ?? '0', 10);
  const writtenSec = next === undefined ? nowSec : await fileBegunSec(parts, next.fileName);
  return ((writtenSec ?? nowSec) + retentionSec) * 1000;
}
