/** What `check` finds on real servers, and that its statements mend what they are for. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { TableRule } from '../../src/config/pipeline-config.ts';
import { formatTableName } from '../../src/model/table-schema.ts';
import type { Finding } from '../../src/ports/source.ts';
import { checkMysql } from '../../src/sources/mysql/check.ts';
import type { CheckedAccess } from '../../src/sources/mysql/check-server.ts';
import { openConnection } from '../../src/sources/mysql/connection.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import {
  createDatabase,
  openLiveServer,
  skipWithout,
  startPrivateServer,
} from './support/live-server.ts';
import type { LiveServer } from './support/live-server.ts';

const ACCESS: CheckedAccess = { serverId: 'auto', isEncrypted: false, isLoopback: true };

interface CheckWish {
  readonly user?: string;
  readonly password?: string;
  readonly patterns: readonly (string | Partial<TableRule>)[];
  readonly access?: Partial<CheckedAccess>;
}

async function check(server: LiveServer, wish: CheckWish): Promise<readonly Finding[]> {
  const connection = await openConnection({
    host: server.host,
    port: server.port,
    user: wish.user ?? 'root',
    password: wish.password ?? '',
    tls: { kind: 'off' },
  });
  const tables = wish.patterns.map((pattern): TableRule => {
    const rule = typeof pattern === 'string' ? { pattern } : pattern;
    return { pattern: '', exclude: [], rename: {}, columns: {}, onDrop: 'halt', ...rule };
  });
  try {
    return await checkMysql(connection, { tables, access: { ...ACCESS, ...wish.access } });
  } finally {
    await connection.close();
  }
}

/** `severity code table` of what is not fine, without what the lane's servers are known for. */
function brief(findings: readonly Finding[]): readonly string[] {
  return findings
    .filter(({ severity, code }) => severity !== 'ok' && code !== 'log-retention')
    .map(({ severity, code, table }) => [severity, code, table?.table ?? ''].join(' ').trim());
}

/** Runs the statements of findings as root. */
async function mend(server: LiveServer, findings: readonly Finding[]): Promise<void> {
  const own = findings.filter(({ message }) => !message.includes('user of its own'));
  const statements = own.flatMap(({ fix }) =>
    (fix ?? '').split('\n').filter((line) => /^(?:SET|GRANT|REVOKE|ALTER) .*;$/.test(line)),
  );
  ok(statements.length > 0, 'there is something to run');
  await server.run(...statements);
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(
    `${flavour}: a server set up as documented is ready (spec: Y17, Y18)`,
    { skip },
    async (t) => {
      const server = await openLiveServer(t, flavour);
      const { name, user, password } = await createDatabase(t, server);
      await server.run(`CREATE TABLE ${name}.t (id INT PRIMARY KEY, note TEXT)`);
      const before = await server.query(`SHOW TABLES FROM ${name}`);
      const findings = await check(server, { user, password, patterns: [`${name}.*`] });
      deepEqual(brief(findings), []);
      equal(findings.filter(({ code }) => ['server', 'log', 'tables'].includes(code)).length, 3);
      deepEqual(await server.query(`SHOW TABLES FROM ${name}`), before);
    },
  );

  test(
    `${flavour}: settings that lose rows are named, and mended by what is said`,
    { skip },
    async (t) => {
      const own =
        flavour === 'mysql'
          ? ['binlog_row_value_options=PARTIAL_JSON']
          : ['binlog_alter_two_phase=ON'];
      const server = await startPrivateServer(t, flavour, [
        'binlog_format=MIXED',
        'binlog_row_image=MINIMAL',
        'binlog_row_metadata=MINIMAL',
        'binlog_checksum=NONE',
        'binlog_expire_logs_seconds=3600',
        'binlog_ignore_db=other',
        'max_allowed_packet=1M',
        "init_connect='SET sql_log_bin = 0'",
        ...own,
      ]);
      await server.run('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)');
      const first = await check(server, { patterns: ['d.*'] });
      deepEqual(
        brief(first)
          .filter((line) => !line.includes('extra-privileges'))
          .toSorted(),
        [
          'error binlog-format',
          'error binlog-row-image',
          'error binlog-row-metadata',
          flavour === 'mysql' ? 'error binlog-row-value-options' : 'error binlog-alter-two-phase',
          'error init-connect',
          'error log-filter',
          'warning binlog-checksum',
          'warning max-allowed-packet',
        ].toSorted(),
      );
      ok(
        first.some(({ code, message }) => code === 'log-retention' && message.includes('1 hour.')),
        JSON.stringify(first.filter((f) => f.code === 'log-retention')),
      );
      await mend(server, first);
      const second = await check(server, { patterns: ['d.*'] });
      deepEqual(
        brief(second).filter((line) => !line.includes('extra-privileges')),
        ['error log-filter'],
      );
      equal(
        second.some(({ code }) => code === 'log-retention'),
        false,
      );
    },
  );

  test(`${flavour}: a log that is off, and a server id that is 0 or taken`, { skip }, async (t) => {
    const server = await startPrivateServer(t, flavour, ['skip_log_bin', 'server_id=0']);
    await server.run('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)');
    const found = brief(await check(server, { patterns: ['d.*'] }));
    ok(found.includes('error SOURCE-LOG-OFF'), found.join());
    if (flavour === 'mysql') ok(found.includes('error server-id'), found.join());
  });

  test(`${flavour}: the server’s own id is refused`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const { name } = await createDatabase(t, server);
    await server.run(`CREATE TABLE ${name}.t (id INT PRIMARY KEY)`);
    const [row] = await server.query('SELECT @@server_id AS id');
    const wish = { patterns: [`${name}.*`], access: { serverId: Number(row?.['id']) } };
    ok(brief(await check(server, wish)).includes('error server-id'));
  });

  test(
    `${flavour}: missing and extra rights, with the statements that give and take them`,
    { skip },
    async (t) => {
      const server = await openLiveServer(t, flavour);
      const { name, user, password } = await createDatabase(t, server);
      await server.run(
        `CREATE TABLE ${name}.t (id INT PRIMARY KEY, secret TEXT)`,
        `CREATE TABLE ${name}.u (id INT PRIMARY KEY)`,
        `REVOKE ALL PRIVILEGES, GRANT OPTION FROM '${user}'@'%'`,
        `GRANT SELECT (id) ON ${name}.t TO '${user}'@'%'`,
        `GRANT INSERT, DELETE ON ${name}.* TO '${user}'@'%'`,
      );
      const wish = { user, password, patterns: [`${name}.t`, `${name}.u`] };
      const first = await check(server, wish);
      deepEqual(brief(first), [
        'error SOURCE-PRIVILEGE',
        'error SOURCE-PRIVILEGE',
        'warning extra-privileges',
        'error SOURCE-PRIVILEGE t',
        'error SOURCE-PRIVILEGE u',
      ]);
      await mend(server, first);
      deepEqual(brief(await check(server, wish)), []);
    },
  );

  test(`${flavour}: rights on the wanted columns are enough`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const { name, user, password } = await createDatabase(t, server);
    await server.run(
      `CREATE TABLE ${name}.t (id INT PRIMARY KEY, secret TEXT)`,
      `REVOKE SELECT ON ${name}.* FROM '${user}'@'%'`,
      `GRANT SELECT (id) ON ${name}.t TO '${user}'@'%'`,
    );
    const patterns = [{ pattern: `${name}.t`, exclude: ['secret'] }];
    const hidden = flavour === 'mysql' ? [] : ['warning foreign-keys-unseen t'];
    deepEqual(brief(await check(server, { user, password, patterns })), hidden);
  });

  test(`${flavour}: properties of tables`, { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const { name, user, password } = await createDatabase(t, server);
    const hole = flavour === 'mysql' ? 'BLACKHOLE' : 'MRG_MyISAM';
    await server.run(
      `CREATE TABLE ${name}.nokey (a INT)`,
      `CREATE TABLE ${name}.floating (a DOUBLE PRIMARY KEY)`,
      `CREATE TABLE ${name}.old (id INT PRIMARY KEY) ENGINE = MyISAM`,
      `CREATE TABLE ${name}.hole (id INT PRIMARY KEY) ENGINE = ${hole}`,
      `CREATE TABLE ${name}.mine (id INT PRIMARY KEY, _firn_op INT)`,
      `CREATE TABLE ${name}.fine (id INT PRIMARY KEY)`,
      `CREATE TABLE ${name}.Fine (id INT PRIMARY KEY)`,
      `CREATE VIEW ${name}.seen AS SELECT 1`,
    );
    const patterns = [`${name}.seen`, `${name}.absent`, `${name}.*`];
    const found = await check(server, { user, password, patterns });
    deepEqual(brief(found).toSorted(), [
      'error SOURCE-RESERVED-COLUMN mine',
      'error SOURCE-TABLE-MISSING absent',
      'error SOURCE-TABLE-MISSING seen',
      'error SOURCE-TABLE-UNSUPPORTED hole',
      'warning ledger-only floating',
      'warning ledger-only nokey',
      'warning names-by-case fine',
      'warning no-transactions old',
    ]);
    const told = found.find(
      ({ code, table }) => code === 'ledger-only' && table?.table === 'nokey',
    );
    await server.run(told?.fix ?? '');
    const again = await check(server, { user, password, patterns });
    ok(!brief(again).includes('warning ledger-only nokey'));
  });

  test(
    `${flavour}: actions of foreign keys that the server does not log (spec: Y17)`,
    { skip },
    async (t) => {
      const server = await openLiveServer(t, flavour);
      const { name, user, password } = await createDatabase(t, server);
      await server.run(
        `CREATE TABLE ${name}.parent (id INT PRIMARY KEY)`,
        `CREATE TABLE ${name}.plain (id INT PRIMARY KEY, p INT, CONSTRAINT k1 FOREIGN KEY (p) REFERENCES parent (id))`,
        `CREATE TABLE ${name}.\`chi ld\` (id INT PRIMARY KEY, p INT, CONSTRAINT \`k\`\`2\` FOREIGN KEY (p)
        REFERENCES parent (id) ON DELETE SET NULL ON UPDATE CASCADE)`,
      );
      const found = await check(server, { user, password, patterns: [`${name}.*`] });
      if (flavour === 'mysql') return deepEqual(brief(found), [], 'MySQL 9.6 and newer log them');
      deepEqual(brief(found), ['error foreign-key-action chi ld']);
      const [told] = found.filter(({ code }) => code === 'foreign-key-action');
      match(told?.message ?? '', /k`2 to `parent` \(ON DELETE SET NULL ON UPDATE CASCADE\)/);
      equal(
        told?.table === null ? '' : formatTableName(told?.table ?? { namespace: '', table: '' }),
        `${name}.chi ld`,
      );
      await mend(server, found);
      deepEqual(brief(await check(server, { user, password, patterns: [`${name}.*`] })), []);
    },
  );
}
