/**
 * What a server says about itself and its log, in small statements: who it is, which files it
 * keeps, where its log ends and which transactions it holds.
 */
import { FirnError } from '../../../kernel/firn-error.ts';
import { parseGtidSet } from '../../../mysql/gtid-set.ts';
import type { GtidSet } from '../../../mysql/gtid-set.ts';
import type { MysqlConnection } from '../connection.ts';

/** A connection that the caller closes. */
export type Connect = () => Promise<MysqlConnection>;

/** A place without proof: file and offset. */
export interface LogSpot {
  readonly fileName: string;
  readonly offset: number;
}

/** Who the server is and what it holds. */
export interface LogServer {
  /** `@@server_uuid`; on MariaDB, which has none, `id-` and `@@server_id`. */
  readonly uuid: string;
  /** All transactions that a SELECT can see by now; `null`: the server has no GTIDs. */
  readonly executed: GtidSet | null;
  /** Those whose events are gone from the log, as far as the server tells at once. */
  readonly purged: GtidSet | null;
}

/** A file of the log. */
export interface LogFile {
  readonly fileName: string;
  readonly sizeBytes: number;
}

/** Version of MySQL from which on `SHOW BINARY LOG STATUS` is the name. */
const STATUS_RENAMED = 80_200;

/** Runs `work` on a connection of its own. */
export async function withConnection<T>(
  connect: Connect,
  work: (connection: MysqlConnection) => Promise<T>,
): Promise<T> {
  const connection = await connect();
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Reads who the server is and which transactions it holds. */
export async function readLogServer(connection: MysqlConnection): Promise<LogServer> {
  if (connection.server.flavour === 'mariadb') {
    const [row] = await connection.query('SELECT @@server_id, @@gtid_binlog_pos');
    const executed = setOf(row?.[1], connection);
    const [first] = await logFiles(connection);
    const purged = first === undefined ? null : await gtidsAt(connection, { ...first, offset: 4 });
    return { uuid: `id-${row?.[0] ?? ''}`, executed, purged };
  }
  const [row] = await connection.query(
    'SELECT @@server_uuid, @@gtid_mode, @@global.gtid_executed, @@global.gtid_purged',
  );
  const uuid = (row?.[0] ?? '').toLowerCase();
  if (row?.[1] !== 'ON') return { uuid, executed: null, purged: null };
  return { uuid, executed: setOf(row[2], connection), purged: setOf(row[3], connection) };
}

/** The files that the server keeps, oldest first. */
export async function logFiles(connection: MysqlConnection): Promise<readonly LogFile[]> {
  const rows = await connection.query('SHOW BINARY LOGS');
  return rows.map(([name, size]) => ({
    fileName: name ?? '',
    sizeBytes: Number.parseInt(size ?? '0', 10),
  }));
}

/**
 * Where the log ends. May be ahead of what a SELECT sees: for marks that err late only.
 *
 * @throws {FirnError} SOURCE-LOG-OFF when the server writes no log
 */
export async function logEnd(connection: MysqlConnection): Promise<LogSpot> {
  const { flavour, version } = connection.server;
  const isNew = flavour === 'mysql' && version >= STATUS_RENAMED;
  const [row] = await connection.query(isNew ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS');
  const spot = spotOf(row?.[0], row?.[1]);
  if (spot === null) throw logOff(connection);
  return spot;
}

/** A spot of an answer's two values; `null` when they are none. */
export function spotOf(
  fileName: string | null | undefined,
  offset: string | null | undefined,
): LogSpot | null {
  if (fileName === null || fileName === undefined || fileName === '') return null;
  return { fileName, offset: Number.parseInt(offset ?? '4', 10) };
}

/** The transactions of MariaDB's log up to a spot that is a transaction's end. */
export async function gtidsAt(
  connection: MysqlConnection,
  { fileName, offset }: LogSpot,
): Promise<GtidSet | null> {
  const name = fileName.replaceAll("'", "''");
  const [row] = await connection.query(`SELECT BINLOG_GTID_POS('${name}', ${offset})`);
  return setOf(row?.[0], connection);
}

/** The server writes no binary log. */
export function logOff({ where }: MysqlConnection): FirnError {
  return new FirnError('SOURCE-LOG-OFF', { what: 'The server writes no binary log', where });
}

function setOf(text: string | null | undefined, connection: MysqlConnection): GtidSet | null {
  if (text === null || text === undefined) return null;
  return parseGtidSet(text, connection.server.flavour);
}
