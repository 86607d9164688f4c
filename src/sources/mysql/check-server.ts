/** What `check` says of a server's settings and of the user's grants. */
import type { Finding } from '../../ports/source.ts';
import type { ServerSettings } from './server-settings.ts';

/** How the pipeline reaches the server. */
export interface CheckedAccess {
  /** Number that the pipeline file gives; `auto`: Firn takes a free one. */
  readonly serverId: number | 'auto';
  /** The connection is encrypted. */
  readonly isEncrypted: boolean;
  /** The server is on this machine. */
  readonly isLoopback: boolean;
}

/** Oldest versions with whole metadata in the log and a supported protocol. */
const OLDEST = { mysql: 80_000, mariadb: 100_600 } as const;

/** Less than this and a weekend's pause loses the place. */
const RETENTION_DAYS_MIN = 3;

/** Rows up to this size occur in practice. */
const PACKET_BYTES_MIN = 16 * 1024 * 1024;

type Severity = Finding['severity'];

function finding(severity: Severity, code: string, text: readonly [string, string?]): Finding {
  return { severity, code, table: null, message: text[0], fix: text[1] ?? null };
}

/** Everything about the server, in the order in which one would mend it. */
export function checkServer(settings: ServerSettings, access: CheckedAccess): readonly Finding[] {
  return [
    ...versionFindings(settings),
    ...accessFindings(access),
    ...logFindings(settings),
    ...gtidFindings(settings),
    ...retentionFindings(settings),
    ...idFindings(settings, access),
    ...unloggedFindings(settings),
    ...replicaFindings(settings),
    ...grantFindings(settings),
  ];
}

function versionFindings({ server }: ServerSettings): readonly Finding[] {
  const name = server.flavour === 'mysql' ? 'MySQL' : 'MariaDB';
  if (server.version >= OLDEST[server.flavour]) {
    return [finding('ok', 'server', [`The server is ${name} ${server.versionText}.`])];
  }
  const message = `${name} ${server.versionText} is too old: its log lacks the columns’ names.`;
  const fix = 'Upgrade to MySQL 8.0 or MariaDB 10.6, or newer, or read from a replica that is.';
  return [finding('error', 'server-version', [message, fix])];
}

function accessFindings({ isEncrypted, isLoopback }: CheckedAccess): readonly Finding[] {
  if (isEncrypted || isLoopback) return [];
  const message =
    'The connection is not encrypted: rows can be read by whoever is between Firn and the server.';
  return [finding('warning', 'tls-off', [message, 'source: {tls: verify}'])];
}

/** A setting that must have one value: what it is worth, and what follows if it is another. */
interface Wanted {
  readonly name: string;
  readonly value: string;
  readonly why: string;
  /** Older servers do not have it and behave as wanted. */
  readonly mayLack?: boolean;
}

const WANTED: readonly Wanted[] = [
  {
    name: 'binlog_format',
    value: 'ROW',
    why: 'Statements in the log do not say which rows they changed.',
  },
  {
    name: 'binlog_row_image',
    value: 'FULL',
    why: 'Row images in the log lack columns.',
  },
  {
    name: 'binlog_row_metadata',
    value: 'FULL',
    why: 'The log does not name the columns.',
  },
  {
    name: 'binlog_row_value_options',
    value: '',
    why: 'The log holds parts of JSON documents only.',
    mayLack: true,
  },
  {
    name: 'binlog_alter_two_phase',
    value: 'OFF',
    why: 'The log announces an ALTER TABLE before it is done.',
    mayLack: true,
  },
];

function logFindings(settings: ServerSettings): readonly Finding[] {
  const { variables } = settings;
  if (variables.get('log_bin') !== 'ON') {
    const message = 'The server writes no binary log, so there are no changes to read.';
    const lines =
      'log_bin = binlog\nserver_id = 1\nbinlog_format = ROW\nbinlog_row_metadata = FULL';
    const fix = `In the server’s configuration, below [mysqld], then restart it:\n${lines}`;
    return [finding('error', 'SOURCE-LOG-OFF', [message, fix])];
  }
  const found = WANTED.flatMap(({ name, value, why, mayLack }) => {
    const is = variables.get(name);
    if (is === value || (is === undefined && mayLack === true)) return [];
    const message = `${name} is ${is === undefined || is === '' ? 'not set' : is}. ${why}`;
    return [finding('error', name.replaceAll('_', '-'), [message, setting(settings, name, value)])];
  });
  if (variables.get('binlog_checksum') === 'NONE') {
    const message = 'binlog_checksum is NONE: damage of the log on disk or on the way is not seen.';
    const fix = setting(settings, 'binlog_checksum', 'CRC32');
    found.push(finding('warning', 'binlog-checksum', [message, fix]));
  }
  const isWhole = found.every(({ severity }) => severity !== 'error');
  if (isWhole) found.push(finding('ok', 'log', ['The log holds whole rows with their names.']));
  return found;
}

/** The statement that sets a variable for good; sessions that are open keep the old value. */
function setting({ server }: ServerSettings, name: string, value: string): string {
  const text = /^[A-Z0-9_]+$/.test(value) ? value : `'${value}'`;
  if (server.flavour === 'mysql') return `SET PERSIST ${name} = ${text};`;
  const line = `${name} = ${value}`.trimEnd();
  return `SET GLOBAL ${name} = ${text};\nand in the server’s configuration: ${line}`;
}

function gtidFindings(settings: ServerSettings): readonly Finding[] {
  const { server, variables } = settings;
  if (server.flavour === 'mariadb' || variables.get('gtid_mode') === 'ON') return [];
  const message =
    `gtid_mode is ${variables.get('gtid_mode') ?? 'OFF'}: after a failover to another server ` +
    'all tables are loaded again, because places in two logs cannot be compared.';
  const steps = [
    'SET PERSIST enforce_gtid_consistency = ON;',
    'SET PERSIST gtid_mode = OFF_PERMISSIVE;',
    'SET PERSIST gtid_mode = ON_PERMISSIVE;',
    'SET PERSIST gtid_mode = ON;',
  ];
  return [finding('warning', 'gtid-mode', [message, steps.join('\n')])];
}

function retentionFindings(settings: ServerSettings): readonly Finding[] {
  const { variables } = settings;
  const secondsText = variables.get('binlog_expire_logs_seconds') ?? '0';
  const daysText = variables.get('expire_logs_days') ?? '0';
  const byDays = Number.parseFloat(daysText);
  const days = Number.parseFloat(secondsText) / 86_400 || byDays;
  const isOff = days === 0 || variables.get('binlog_expire_logs_auto_purge') === 'OFF';
  if (isOff || days >= RETENTION_DAYS_MIN) return [];
  const rounded = Math.round(days * 10) / 10;
  const length =
    days >= 1 ? `${rounded} ${rounded === 1 ? 'day' : 'days'}` : hoursText(Math.round(days * 24));
  const message =
    `The server keeps its log for ${length}. A pipeline that stands still for longer loses its ` +
    'place, and its tables are loaded again.';
  const fix = setting(settings, 'binlog_expire_logs_seconds', '604800');
  return [finding('warning', 'log-retention', [message, fix])];
}

function idFindings(settings: ServerSettings, access: CheckedAccess): readonly Finding[] {
  const own = settings.variables.get('server_id') ?? '0';
  const found: Finding[] = [];
  if (own === '0') {
    const message = 'server_id is 0: the server lets nobody read its log.';
    found.push(finding('error', 'server-id', [message, setting(settings, 'server_id', '1')]));
  }
  const { serverId } = access;
  if (serverId === 'auto') return found;
  if (String(serverId) === own) {
    const message = `serverId ${serverId} of the pipeline file is the server’s own.`;
    found.push(finding('error', 'server-id', [message, 'source: {serverId: auto}']));
  } else if (settings.replicaIds.includes(String(serverId))) {
    const message =
      `A reader of the log has the id ${serverId} already: this pipeline if it runs now, else ` +
      'another replica, and the two would cut each other off.';
    found.push(finding('warning', 'server-id', [message, 'source: {serverId: auto}']));
  }
  return found;
}

/** Changes that are kept out of the log on purpose. */
function unloggedFindings({ variables, logFilter, unloggedSessions }: ServerSettings): Finding[] {
  const found: Finding[] = [];
  if (logFilter !== null && (logFilter.only !== '' || logFilter.not !== '')) {
    const rules = [
      logFilter.only === '' ? '' : `binlog_do_db = ${logFilter.only}`,
      logFilter.not === '' ? '' : `binlog_ignore_db = ${logFilter.not}`,
    ];
    const named = rules.filter((rule) => rule !== '').join(', ');
    const message = `The server keeps changes of some databases out of its log (${named}).`;
    const fix = 'Take these lines out of the server’s configuration and restart it.';
    found.push(finding('error', 'log-filter', [message, fix]));
  }
  if (/\b(?:sql_log_bin|binlog_format)\b/i.test(variables.get('init_connect') ?? '')) {
    const message = 'init_connect switches the log off or to another format for new connections.';
    found.push(finding('error', 'init-connect', [message, "SET GLOBAL init_connect = '';"]));
  }
  if (unloggedSessions !== null && unloggedSessions > 0) {
    const message =
      `${unloggedSessions} connections run with sql_log_bin = 0: what they change never gets ` +
      'into the log, and so not into the lake.';
    found.push(finding('warning', 'sql-log-bin', [message, 'SET SESSION sql_log_bin = 1;']));
  }
  const packet = Number.parseInt(variables.get('max_allowed_packet') ?? '0', 10);
  if (packet > 0 && packet < PACKET_BYTES_MIN) {
    const message = `max_allowed_packet is ${packet} bytes: a larger row cannot be read.`;
    const fix = `SET GLOBAL max_allowed_packet = ${64 * 1024 * 1024};`;
    found.push(finding('warning', 'max-allowed-packet', [message, fix]));
  }
  return found;
}

function replicaFindings(settings: ServerSettings): readonly Finding[] {
  const { server, variables, isReplica } = settings;
  if (isReplica !== true) return [];
  const found: Finding[] = [];
  const either = (...names: readonly string[]): string =>
    names.map((name) => variables.get(name)).find((value) => value !== undefined) ?? '';
  if (either('log_replica_updates', 'log_slave_updates') === 'OFF') {
    const message = 'This server is a replica and does not log what it gets from its primary.';
    const name = server.flavour === 'mysql' ? 'log_replica_updates' : 'log_slave_updates';
    const fix = `In the server’s configuration, then restart it:\n${name} = ON`;
    found.push(finding('error', 'replica-log', [message, fix]));
  }
  const isMysql = server.flavour === 'mysql';
  const workers = Number.parseInt(
    isMysql
      ? either('replica_parallel_workers', 'slave_parallel_workers')
      : either('slave_parallel_threads'),
    10,
  );
  const isOrdered = isMysql
    ? either('replica_preserve_commit_order', 'slave_preserve_commit_order') === 'ON'
    : true;
  if (workers > 1 && !isOrdered) {
    const message =
      'This replica commits in another order than its primary: changes of several tables ' +
      'can arrive in an order that the primary never had.';
    const fix =
      'STOP REPLICA SQL_THREAD;\nSET PERSIST replica_preserve_commit_order = ON;\nSTART REPLICA SQL_THREAD;';
    found.push(finding('warning', 'commit-order', [message, fix]));
  }
  return found;
}

/** Privileges on everything that reading the log takes; one word of each group is enough. */
const NEEDED: readonly (readonly string[])[] = [
  ['REPLICATION SLAVE'],
  ['REPLICATION CLIENT', 'BINLOG MONITOR'],
];

/** What a user of Firn may have without a word said. */
const EXPECTED = new Set([
  ...NEEDED.flat(),
  'BACKUP_ADMIN',
  'REPLICA MONITOR',
  'SELECT',
  'SHOW DATABASES',
  'SHOW VIEW',
  'SLAVE MONITOR',
  'USAGE',
]);

const EXTRAS_LISTED_MAX = 8;

function isEverything(privilege: string): boolean {
  return /^ALL(?: PRIVILEGES)?$/.test(privilege);
}

function grantFindings(settings: ServerSettings): readonly Finding[] {
  const { server, grants, account } = settings;
  const found: Finding[] = [];
  const global = new Set(grants.flatMap((one) => (one.scope === '*.*' ? one.privileges : [])));
  const isAlmighty = [...global].some(isEverything);
  for (const words of NEEDED) {
    if (isAlmighty || words.some((name) => global.has(name))) continue;
    const name = (server.flavour === 'mysql' ? words[0] : words.at(-1)) ?? '';
    const message = `The user ${account} may not read the log: ${name} is missing.`;
    const fix = `GRANT ${name} ON *.* TO ${account};`;
    found.push(finding('error', 'SOURCE-PRIVILEGE', [message, fix]));
  }
  return [...found, ...extraFindings(settings)];
}

/** Rights that Firn does not need: a leaked password would be worth more than a copy of tables. */
function extraFindings({ server, grants, account }: ServerSettings): readonly Finding[] {
  const extras = grants.map(({ privileges, scope, hasGrantOption }) => {
    const names = privileges.filter((name) => !EXPECTED.has(name));
    return { scope, names: hasGrantOption ? [...names, 'GRANT OPTION'] : names };
  });
  const count = extras.reduce((sum, { names }) => sum + names.length, 0);
  if (count === 0) return [];
  const isMuch = count > EXTRAS_LISTED_MAX || extras.some(({ names }) => names.some(isEverything));
  if (isMuch) {
    const message = `The user ${account} may do far more than Firn needs. Give Firn a user of its own.`;
    const monitor = server.flavour === 'mysql' ? 'REPLICATION CLIENT' : 'BINLOG MONITOR';
    const fix = [
      "CREATE USER 'firn'@'%' IDENTIFIED BY '...';",
      `GRANT REPLICATION SLAVE, ${monitor} ON *.* TO 'firn'@'%';`,
      "GRANT SELECT ON `...`.* TO 'firn'@'%';",
    ];
    return [finding('warning', 'extra-privileges', [message, fix.join('\n')])];
  }
  return extras.flatMap(({ scope, names }) => {
    if (names.length === 0) return [];
    const list = names.join(', ');
    const message = `The user ${account} may do more on ${scope} than Firn needs: ${list}.`;
    const fix = `REVOKE ${list} ON ${scope} FROM ${account};`;
    return [finding('warning', 'extra-privileges', [message, fix])];
  });
}

function hoursText(hours: number): string {
  return hours === 1 ? '1 hour' : `${hours} hours`;
}
