/**
 * What a server says of itself that matters to `check`: settings, grants, replication. Reads only,
 * and goes on without what the user may not see.
 */
import { isFirnError } from '../../kernel/firn-error.ts';
import { parseGrant } from '../../mysql/grant.ts';
import type { Grant } from '../../mysql/grant.ts';
import type { MysqlConnection, MysqlServer } from './connection.ts';
import type { TextRow } from './text-answer.ts';

/** Facts of a server. */
export interface ServerSettings {
  readonly server: MysqlServer;
  /** Global variables by name in small letters. */
  readonly variables: ReadonlyMap<string, string>;
  /** The account that logged in, quoted: `` `firn`@`%` ``. */
  readonly account: string;
  readonly grants: readonly Grant[];
  /** Databases that are logged alone, or not at all; `null`: the user may not see it. */
  readonly logFilter: { readonly only: string; readonly not: string } | null;
  /** It applies the log of another server; `null`: the user may not see it. */
  readonly isReplica: boolean | null;
  /** Ids of the replicas that read its log; empty when the user may not see them. */
  readonly replicaIds: readonly string[];
  /** Connections with `sql_log_bin = 0`; `null`: the user may not see it. */
  readonly unloggedSessions: number | null;
}

const VARIABLES = [
  'binlog_alter_two_phase',
  'binlog_checksum',
  'binlog_do_db',
  'binlog_expire_logs_auto_purge',
  'binlog_expire_logs_seconds',
  'binlog_format',
  'binlog_row_image',
  'binlog_row_metadata',
  'binlog_row_value_options',
  'enforce_gtid_consistency',
  'expire_logs_days',
  'gtid_mode',
  'init_connect',
  'innodb_native_foreign_keys',
  'log_bin',
  'log_replica_updates',
  'log_slave_updates',
  'max_allowed_packet',
  'replica_parallel_workers',
  'replica_preserve_commit_order',
  'server_id',
  'slave_parallel_mode',
  'slave_parallel_threads',
  'slave_parallel_workers',
  'slave_preserve_commit_order',
];

/** Version of MySQL from which on statements say "replica" and "binary log". */
const REPLICA_WORDS = 80_200;

/** Asks the server. */
export async function readServerSettings(connection: MysqlConnection): Promise<ServerSettings> {
  const names = VARIABLES.map((name) => `'${name}'`).join(', ');
  const rows = await connection.query(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`);
  const account = await accountOf(connection);
  const lines = await connection.query('SHOW GRANTS');
  return {
    server: connection.server,
    variables: new Map(rows.map(([name, value]) => [(name ?? '').toLowerCase(), value ?? ''])),
    account,
    grants: lines.flatMap(([line]) => parseGrant(line ?? '') ?? []),
    ...(await readReplication(connection)),
  };
}

async function readReplication(
  connection: MysqlConnection,
): Promise<Pick<ServerSettings, 'logFilter' | 'isReplica' | 'replicaIds' | 'unloggedSessions'>> {
  const isNew = connection.server.flavour === 'mysql' && connection.server.version >= REPLICA_WORDS;
  const log = await ask(connection, isNew ? 'SHOW BINARY LOG STATUS' : 'SHOW MASTER STATUS');
  const [status] = log ?? [];
  const upstream = await ask(connection, isNew ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS');
  const replicas = await ask(connection, isNew ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS');
  const sessions = await ask(
    connection,
    `SELECT COUNT(*) FROM performance_schema.variables_by_thread
      WHERE VARIABLE_NAME = 'sql_log_bin' AND VARIABLE_VALUE = 'OFF'`,
  );
  return {
    logFilter: log === null ? null : { only: status?.[2] ?? '', not: status?.[3] ?? '' },
    isReplica: upstream === null ? null : upstream.length > 0,
    replicaIds: (replicas ?? []).map(([id]) => id ?? ''),
    unloggedSessions: sessions === null ? null : Number.parseInt(sessions[0]?.[0] ?? '0', 10),
  };
}

/** Rows; `null` when the user may not ask that, or this server does not know the question. */
async function ask(connection: MysqlConnection, sql: string): Promise<readonly TextRow[] | null> {
  try {
    return await connection.query(sql);
  } catch (error) {
    const mayGoOn = isFirnError(error, 'SOURCE-PRIVILEGE', 'SOURCE-TABLE-MISSING', 'SOURCE-FAILED');
    if (mayGoOn) return null;
    throw error;
  }
}

/** `user@host` in backticks; the host holds no `@`. */
/** The account that logged in, quoted: `` `firn`@`%` ``. */
export async function accountOf(connection: MysqlConnection): Promise<string> {
  const [who] = await connection.query('SELECT CURRENT_USER()');
  return quotedAccount(who?.[0] ?? '');
}

function quotedAccount(account: string): string {
  const at = account.lastIndexOf('@');
  const quote = (text: string): string => `\`${text.replaceAll('`', '``')}\``;
  return `${quote(account.slice(0, at))}@${quote(account.slice(at + 1))}`;
}
