/** Settings that no server of the live lane has: old versions, replicas, missing GTIDs, TLS. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { checkServer } from './check-server.ts';
import type { CheckedAccess } from './check-server.ts';
import type { ServerSettings } from './server-settings.ts';

const READY: Readonly<Record<string, string>> = {
  log_bin: 'ON',
  server_id: '1',
  binlog_format: 'ROW',
  binlog_row_image: 'FULL',
  binlog_row_metadata: 'FULL',
  binlog_checksum: 'CRC32',
  gtid_mode: 'ON',
  binlog_expire_logs_seconds: '2592000',
  max_allowed_packet: '67108864',
};
const REPLICATION = ['REPLICATION SLAVE', 'REPLICATION CLIENT', 'BINLOG MONITOR'];
const ACCESS: CheckedAccess = { serverId: 'auto', isEncrypted: true, isLoopback: false };

interface Wish {
  readonly flavour?: 'mysql' | 'mariadb';
  readonly version?: number;
  readonly variables?: Readonly<Record<string, string>>;
  readonly settings?: Partial<ServerSettings>;
  readonly access?: Partial<CheckedAccess>;
}

/** `severity code` of everything that is not fine. */
function problems(wish: Wish): readonly string[] {
  const { flavour = 'mysql', version = flavour === 'mysql' ? 90_704 : 101_114 } = wish;
  const settings: ServerSettings = {
    server: { flavour, versionText: '1.2.3', version },
    variables: new Map(Object.entries({ ...READY, ...wish.variables })),
    account: '`firn`@`%`',
    grants: [{ privileges: REPLICATION, scope: '*.*', hasGrantOption: false }],
    logFilter: { only: '', not: '' },
    isReplica: false,
    replicaIds: [],
    unloggedSessions: 0,
    ...wish.settings,
  };
  return checkServer(settings, { ...ACCESS, ...wish.access })
    .filter(({ severity }) => severity !== 'ok')
    .map(({ severity, code }) => `${severity} ${code}`);
}

test('a server that is ready has nothing said of it', () => {
  deepEqual(problems({}), []);
  deepEqual(problems({ flavour: 'mariadb', variables: { gtid_mode: '' } }), []);
});

test('what each setting, right and access is worth', () => {
  const cases: readonly (readonly [Wish, ...string[]])[] = [
    [{ version: 50_744 }, 'error server-version'],
    [{ flavour: 'mariadb', version: 100_525 }, 'error server-version'],
    [{ version: 80_000 }],
    [{ flavour: 'mariadb', version: 120_201 }],
    [{ access: { isEncrypted: false } }, 'warning tls-off'],
    [{ access: { isEncrypted: false, isLoopback: true } }],
    [{ access: { serverId: 1 } }, 'error server-id'],
    [{ access: { serverId: 7 }, settings: { replicaIds: ['5', '7'] } }, 'warning server-id'],
    [{ access: { serverId: 7 }, settings: { replicaIds: ['77'] } }],
    [{ variables: { gtid_mode: 'ON_PERMISSIVE' } }, 'warning gtid-mode'],
    [{ variables: { binlog_expire_logs_seconds: '0' } }],
    [
      { variables: { binlog_expire_logs_seconds: '0', expire_logs_days: '2' } },
      'warning log-retention',
    ],
    [{ variables: { binlog_expire_logs_seconds: '60', binlog_expire_logs_auto_purge: 'OFF' } }],
    [{ variables: { binlog_row_metadata: 'MINIMAL' } }, 'error binlog-row-metadata'],
    [{ variables: { binlog_row_value_options: 'PARTIAL_JSON' } }, 'error binlog-row-value-options'],
    [{ variables: { init_connect: 'set sql_log_bin=0' } }, 'error init-connect'],
    [{ settings: { logFilter: { only: 'a', not: '' } } }, 'error log-filter'],
    [{ settings: { logFilter: { only: '', not: 'b' } } }, 'error log-filter'],
    [{ settings: { logFilter: null } }],
    [{ settings: { unloggedSessions: 2 } }, 'warning sql-log-bin'],
    [{ settings: { unloggedSessions: null } }],
    [{ settings: { grants: [] } }, 'error SOURCE-PRIVILEGE', 'error SOURCE-PRIVILEGE'],
  ];
  for (const [wish, ...expected] of cases) {
    deepEqual(problems(wish), expected, JSON.stringify(wish));
  }
});

test('a replica must log what it gets, in the order of its primary', () => {
  const replica = (variables: Wish['variables'], flavour: Wish['flavour'] = 'mysql'): Wish => ({
    flavour,
    variables: variables ?? {},
    settings: { isReplica: true },
  });
  deepEqual(problems(replica({ log_replica_updates: 'OFF' })), ['error replica-log']);
  deepEqual(problems(replica({ log_slave_updates: 'OFF' }, 'mariadb')), ['error replica-log']);
  const unordered = { replica_parallel_workers: '4', replica_preserve_commit_order: 'OFF' };
  deepEqual(problems(replica(unordered)), ['warning commit-order']);
  deepEqual(problems(replica({ ...unordered, replica_preserve_commit_order: 'ON' })), []);
  deepEqual(problems(replica({ slave_parallel_threads: '4' }, 'mariadb')), []);
  equal(problems({ variables: unordered }).length, 0, 'no replica');
});

test('everything is enough for reading, and too much', () => {
  const grants = [{ privileges: ['ALL PRIVILEGES'], scope: '*.*', hasGrantOption: true }];
  deepEqual(problems({ settings: { grants } }), ['warning extra-privileges']);
  const own = [
    { privileges: REPLICATION, scope: '*.*', hasGrantOption: false },
    { privileges: ['SELECT', 'INSERT'], scope: '`shop`.*', hasGrantOption: false },
  ];
  deepEqual(problems({ settings: { grants: own } }), ['warning extra-privileges']);
});
