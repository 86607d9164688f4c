/**
 * Marks: places in the log that go with reads. A low mark must never be ahead of what a SELECT on
 * that server sees, whoever commits at that moment (docs/spec/source-mysql.md Y4): the status that
 * a server shows of its log is ahead, because a transaction is in the log before it is visible.
 *
 * MySQL tells by `@@gtid_executed` which transactions are visible; the log is then asked for the
 * first one that is not among them. MariaDB keeps the place of a consistent snapshot itself. MySQL
 * without GTIDs holds commits for an instant (`performance_schema.log_status`).
 */
import { FirnError } from '../../../kernel/firn-error.ts';
import { parseJson } from '../../../kernel/lossless-json.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import { emptyGtidSet, parseGtidSet } from '../../../mysql/gtid-set.ts';
import type { ForeignPlace } from '../../../ports/source.ts';
import type { MysqlConnection } from '../connection.ts';
import { comparePlaces } from './log-place.ts';
import type { LogPlace } from './log-place.ts';
import { proofAt, spotAfter } from './log-scan.ts';
import type { ScanParts } from './log-scan.ts';
import {
  gtidsAt,
  logEnd,
  logFiles,
  logOff,
  readLogServer,
  spotOf,
  withConnection,
} from './log-status.ts';
import type { LogServer, LogSpot } from './log-status.ts';

/** Offset of the format description that begins every file. */
const FIRST_EVENT = 4;

/** A place at or before what a read that starts now sees. */
export function lowPlace(parts: ScanParts): Promise<LogPlace> {
  return withConnection(parts.connect, async (connection) => {
    const server = await readLogServer(connection);
    if (connection.server.flavour === 'mariadb') {
      await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
      const spot = await snapshotSpot(connection);
      await connection.query('ROLLBACK');
      return placeAt(parts, { connection, server, spot });
    }
    if (server.executed === null) {
      const spot = await statusSpot(connection);
      return placeAt(parts, { connection, server, spot });
    }
    const gtids = server.executed;
    // After the set: everything up to this end that the scan does not find is in the set.
    const end = await logEnd(connection);
    const found = await spotAfter(parts, { gtids, end });
    return { ...found, gtids, serverUuid: server.uuid, repeatsUntil: null };
  });
}

/** A place at or after what every finished read saw. */
export function highPlace(parts: ScanParts): Promise<LogPlace> {
  return withConnection(parts.connect, async (connection) => {
    const server = await readLogServer(connection);
    return placeAt(parts, { connection, server, spot: await logEnd(connection) });
  });
}

/**
 * The place that another reader of this server's log has come to.
 *
 * @throws {FirnError} SOURCE-POSITION-BROKEN when the server has no such file, or not so much of it
 */
export function foreignPlace(parts: ScanParts, named: ForeignPlace): Promise<LogPlace> {
  return withConnection(parts.connect, async (connection) => {
    const { fileName, transactions } = named;
    const server = await readLogServer(connection);
    const file = (await logFiles(connection)).find((one) => one.fileName === fileName);
    if (file === undefined || named.offset > BigInt(file.sizeBytes)) {
      const what = `The server’s log has no ${fileName}:${named.offset}, where its reader stands`;
      throw new FirnError('SOURCE-POSITION-BROKEN', { what, where: connection.where });
    }
    const spot = { fileName, offset: toSafeNumber(named.offset) };
    const place = await placeAt(parts, { connection, server, spot });
    if (connection.server.flavour === 'mariadb') return place;
    // What the server has executed by now is more than what lies before the place.
    const gtids = transactions === null ? null : parseGtidSet(transactions, 'mysql');
    return { ...place, gtids: server.executed === null ? null : gtids };
  });
}

/**
 * The place of exactly the snapshot that is open on a connection; `null` on MySQL, which does not
 * tell.
 */
export async function snapshotPlace(
  parts: ScanParts,
  connection: MysqlConnection,
): Promise<LogPlace | null> {
  if (connection.server.flavour !== 'mariadb') return null;
  const server = await readLogServer(connection);
  return placeAt(parts, { connection, server, spot: await snapshotSpot(connection) });
}

/**
 * The same transactions in the files of the server that answers now. Its log may have them in
 * another order, with its own between them.
 */
export async function placeAfter(
  parts: ScanParts,
  request: { readonly connection: MysqlConnection; readonly place: LogPlace },
): Promise<LogPlace> {
  const { connection, place } = request;
  const server = await readLogServer(connection);
  const end = await logEnd(connection);
  const gtids = place.gtids ?? emptyGtidSet(connection.server.flavour);
  const found = await spotAfter(parts, { gtids, end });
  const repeatsUntil = comparePlaces(found, end) < 0 ? end : null;
  return { ...found, gtids, serverUuid: server.uuid, repeatsUntil };
}

async function placeAt(
  parts: ScanParts,
  found: {
    readonly connection: MysqlConnection;
    readonly server: LogServer;
    readonly spot: LogSpot;
  },
): Promise<LogPlace> {
  const { connection, server, spot } = found;
  const isMariadb = connection.server.flavour === 'mariadb';
  const gtids = isMariadb ? await gtidsAt(connection, spot) : server.executed;
  const proof = await proofAt(parts, { ...spot, offset: FIRST_EVENT });
  if (proof === null) {
    throw new FirnError('SOURCE-POSITION-BROKEN', {
      what: `The log file ${spot.fileName} does not begin as a log file does`,
      where: connection.where,
    });
  }
  return { ...spot, gtids, serverUuid: server.uuid, proof, repeatsUntil: null };
}

/** MariaDB: the place of the snapshot that a transaction sees, by the server's own account. */
async function snapshotSpot(connection: MysqlConnection): Promise<LogSpot> {
  const rows = await connection.query("SHOW STATUS LIKE 'binlog_snapshot_%'");
  const values = new Map(rows.map(([name, value]) => [name?.toLowerCase() ?? '', value]));
  const spot = spotOf(values.get('binlog_snapshot_file'), values.get('binlog_snapshot_position'));
  if (spot === null) throw logOff(connection);
  return spot;
}

/** MySQL: the log's end at an instant at which nothing was between log and engine. */
async function statusSpot(connection: MysqlConnection): Promise<LogSpot> {
  const [row] = await connection.query('SELECT LOCAL FROM performance_schema.log_status');
  const status: unknown = parseJson(row?.[0] ?? '{}');
  if (typeof status !== 'object' || status === null) throw logOff(connection);
  const fileName: unknown = Reflect.get(status, 'binary_log_file');
  const offset: unknown = Reflect.get(status, 'binary_log_position');
  const spot = spotOf(typeof fileName === 'string' ? fileName : null, String(offset));
  if (spot === null) throw logOff(connection);
  return spot;
}
