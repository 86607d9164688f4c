/**
 * Looks in the kept log for the PREPARE of an XA transaction whose COMMIT was read alone: it was
 * prepared before reading began. File by file backwards from the COMMIT, for most are decided soon;
 * an amount of log is the bound (docs/spec/source-mysql.md Y8).
 */
import type { LogEvent } from '../../../binlog/log-event.ts';
import { formatTableName } from '../../../model/table-schema.ts';
import type { TableName } from '../../../model/table-schema.ts';
import type { MysqlFlavour } from '../../../mysql/mysql-column.ts';
import { classifyStatement } from '../../../mysql/classify-statement.ts';
import { comparePlaces } from './log-place.ts';
import { scanLog } from './log-scan.ts';
import type { ScanParts } from './log-scan.ts';
import { logFiles, withConnection } from './log-status.ts';
import type { LogFile, LogSpot } from './log-status.ts';

/** Bytes of the log that are looked through for one transaction: some minutes at the most. */
const SCAN_BYTES_MAX = 8 * 2 ** 30;

const HEADER_START = 4;

/** What is looked for. */
export interface PreparedRequest {
  /** The log's own text of the transaction's id. */
  readonly xid: string;
  /** Where its COMMIT stands. */
  readonly before: LogSpot;
  readonly bytesMax?: number;
}

interface Server {
  readonly flavour: MysqlFlavour;
  readonly version: number;
}

/**
 * Tables that the transaction may have changed; `null`: its PREPARE is not in the log that is kept,
 * lies too far back, or changes rows by statements.
 *
 * @throws {FirnError} what connecting and reading the log throw
 */
export async function findPrepared(
  parts: ScanParts,
  request: PreparedRequest,
): Promise<readonly TableName[] | null> {
  const { before, bytesMax = SCAN_BYTES_MAX } = request;
  const { files, server } = await withConnection(parts.connect, async (connection) => ({
    files: await logFiles(connection),
    server: connection.server,
  }));
  let bytes = 0;
  for (const file of files.toReversed()) {
    if (comparePlaces({ ...file, offset: 0 }, before) > 0) continue;
    bytes += file.fileName === before.fileName ? before.offset : file.sizeBytes;
    if (bytes > bytesMax) return null;
    const found = await lastOf(parts, { ...request, server, file });
    if (found === 'decided') return null;
    if (found !== null) return tablesOf(parts, { server, at: found });
  }
  return null;
}

/** Where the transaction's last PREPARE in a file begins; `decided`: it was decided after it. */
async function lastOf(
  parts: ScanParts,
  request: PreparedRequest & { readonly server: Server; readonly file: LogFile },
): Promise<LogSpot | 'decided' | null> {
  const { xid, before, server, file } = request;
  const { fileName } = file;
  let begun: LogSpot = { fileName, offset: HEADER_START };
  let last: LogSpot | 'decided' | null = null;
  for await (const event of scanLog(parts, { kind: 'place', fileName, offset: HEADER_START })) {
    if (event.fileName !== '' && event.fileName !== fileName) break;
    if (comparePlaces({ fileName, offset: event.startOffset }, before) >= 0) break;
    if (event.kind === 'gtid' || event.kind === 'anonymous-gtid') {
      begun = { fileName, offset: event.startOffset };
    }
    if (event.kind === 'xa-prepare' && event.xid === xid && !event.onePhase) last = begun;
    if (event.kind === 'query' && decides(event, xid, server)) last = 'decided';
  }
  return last;
}

type QueryEvent = Extract<LogEvent, { kind: 'query' }>;

function decides(event: QueryEvent, xid: string, server: Server): boolean {
  // Few statements are of XA; the others need no look at their words.
  if (!/^\s*XA\s/i.test(event.sql)) return false;
  const statement = classifyStatement(event, server);
  if (statement.kind !== 'xa' || statement.xid !== xid) return false;
  return statement.action === 'commit' || statement.action === 'rollback';
}

/** Tables whose rows stand between a transaction's beginning and its PREPARE. */
async function tablesOf(
  parts: ScanParts,
  request: { readonly server: Server; readonly at: LogSpot },
): Promise<readonly TableName[] | null> {
  const { server, at } = request;
  const tables = new Map<string, TableName>();
  const describes = ({ namespace, table }: TableName): void => {
    tables.set(formatTableName({ namespace, table }), { namespace, table });
  };
  // A dump cannot start behind 4 GiB; all tables up to the transaction are then in the answer.
  for await (const event of scanLog(parts, { kind: 'place', ...at }, describes)) {
    if (event.fileName !== at.fileName || event.startOffset < at.offset) continue;
    if (event.kind === 'xa-prepare') return [...tables.values()];
    if (event.kind !== 'query') continue;
    const { kind } = classifyStatement(event, server);
    if (kind !== 'xa' && kind !== 'begin' && kind !== 'savepoint') return null;
  }
  return null;
}
