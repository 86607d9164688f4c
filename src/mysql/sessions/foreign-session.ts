/**
 * The session of another program that reads a source's tables for Firn: the settings that Firn's
 * own reads have, and the proof that the connection is at the server of a mark. The proof is part
 * of the statement that sets the session: where it does not hold, the statement fails, so that no
 * row of another server is ever read (docs/spec/cluster.md E25).
 */
import type { GtidSet } from '../gtid-set.ts';
import type { MysqlFlavour } from '../mysql-column.ts';
import { quoteText } from '../table-statements.ts';

/** A server, and what it had executed at a mark. Texts stand for what is put in later. */
export interface ServerProof {
  readonly flavour: MysqlFlavour;
  /** `@@server_uuid`; of MariaDB `@@hostname`, `@@port` and `@@server_id`. */
  readonly server: readonly string[];
  /** `null`: the server has no GTIDs, or tells too many. */
  readonly executed: GtidSet | string | null;
}

/** What tells servers apart, in the order of {@link ServerProof.server}. */
export const SERVER_NAMES: Readonly<Record<MysqlFlavour, readonly string[]>> = {
  mysql: ['@@server_uuid'],
  mariadb: ['@@hostname', '@@port', '@@server_id'],
};

/** Longest text of a set that goes into a statement. */
const EXECUTED_LENGTH_MAX = 60_000;

/** No SQL mode of any server. */
const OTHER_SERVER = 'FIRN_OTHER_SERVER';

/** The condition that a connection is at the server, which has all that it had at the mark. */
export function isSameServer({ flavour, server, executed }: ServerProof): string {
  const text = typeof executed === 'string' ? executed : (executed?.format() ?? '');
  const names = SERVER_NAMES[flavour].map((name, index) => {
    return `${name} = ${quoteText(server[index] ?? '')}`;
  });
  const isKnown = text !== '' && text.length <= EXECUTED_LENGTH_MAX;
  return [...names, ...(isKnown ? has(flavour, text) : [])].join(' AND ');
}

/** Conditions that hold where all these transactions were executed. */
function has(flavour: MysqlFlavour, executed: string): readonly string[] {
  if (flavour === 'mysql') return [`GTID_SUBSET(${quoteText(executed)}, @@global.gtid_executed)`];
  // Of each domain the server tells the last number.
  return executed.split(',').map((gtid) => {
    const [domain = '', , number = ''] = gtid.trim().split('-');
    const last = `REGEXP_SUBSTR(CONCAT(',', @@global.gtid_binlog_pos), ',${domain}-[0-9]+-[0-9]+')`;
    return `CAST(SUBSTRING_INDEX(${last}, '-', -1) AS UNSIGNED) >= ${number}`;
  });
}

const OF_FLAVOUR = {
  mysql: "transaction_isolation = 'REPEATABLE-READ', max_execution_time = 0",
  mariadb: "tx_isolation = 'REPEATABLE-READ', max_statement_time = 0",
} as const satisfies Record<MysqlFlavour, string>;

/** The statement that sets a session, or fails. */
export function foreignSession(proof: ServerProof): string {
  const mode = `sql_mode = IF(${isSameServer(proof)}, '', '${OTHER_SERVER}')`;
  return [
    `SET NAMES utf8mb4, ${mode}, time_zone = '+00:00'`,
    'sql_select_limit = 18446744073709551615, sql_auto_is_null = 0, lock_wait_timeout = 60',
    `wait_timeout = 28800, net_read_timeout = 600, net_write_timeout = 600`,
    OF_FLAVOUR[proof.flavour],
  ].join(', ');
}
