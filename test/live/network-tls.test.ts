/** Encryption and logins, on servers with certificates of their own making and of ours. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FirnError } from '../../src/kernel/firn-error.ts';
import { openConnection } from '../../src/sources/mysql/connection.ts';
import type { MysqlAddress, MysqlTls } from '../../src/sources/mysql/login.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import { TestRegistry } from '../support/source-events.ts';
import { makeAuthority, makeCertificate } from './support/certificates.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import { skipWithout, startPrivateServer } from './support/live-server.ts';
import type { PrivateServer } from './support/live-server.ts';
import { openTestSource } from './support/mysql-world.ts';

const PASSWORD = 'p%40ss wörd\'"\\`;--🚚';
const NO_NAME = 'mysql_no_login_here';

/** A server whose certificate can be changed while it runs. */
interface TlsServer {
  readonly server: PrivateServer;
  /** Certificate of the authority that signs the server's. */
  readonly ca: string;
  readonly address: (tls: MysqlTls, more?: Partial<MysqlAddress>) => MysqlAddress;
  /** Gives the server another certificate. */
  readonly show: (wish: { authority?: string; hostName?: string; days?: number }) => Promise<void>;
}

async function startTlsServer(
  t: TestContext,
  flavour: (typeof SERVER_FLAVOURS)[number],
): Promise<TlsServer> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-tls-'));
  const ca = makeAuthority(folder, 'own');
  makeAuthority(folder, 'other');
  const good = { authority: 'own', hostName: 'localhost', days: 30 };
  const sign = (wish: object): void => {
    const signed = { ...good, ...wish };
    makeCertificate({ folder, ...signed });
    copyFileSync(join(folder, `${signed.authority}.pem`), join(folder, 'shown.pem'));
  };
  sign({});
  const server = await startPrivateServer(t, flavour, [
    `ssl_ca=${join(folder, 'shown.pem')}`,
    `ssl_cert=${join(folder, 'server.pem')}`,
    `ssl_key=${join(folder, 'server.key')}`,
  ]);
  const text = PASSWORD.replaceAll('\\', '\\\\').replaceAll("'", "''");
  await server.run(
    'SET NAMES utf8mb4',
    `CREATE USER 'tls'@'%' IDENTIFIED BY '${text}' REQUIRE SSL`,
    "GRANT ALL ON *.* TO 'tls'@'%'",
  );
  return {
    server,
    ca,
    address: (tls, more) => {
      const { port } = server;
      return { host: 'localhost', port, user: 'tls', password: PASSWORD, tls, ...more };
    },
    show: async (wish) => {
      sign(wish);
      await server.run(flavour === 'mysql' ? 'ALTER INSTANCE RELOAD TLS' : 'FLUSH SSL');
    },
  };
}

/** An error about TLS that says what to do and no password. */
function tlsError(error: unknown): true {
  ok(error instanceof FirnError && error.code === 'SOURCE-TLS', String(error));
  match(error.remedy, /authority/);
  ok(!`${error.stack} ${error.remedy}`.includes(PASSWORD));
  return true;
}

async function cipherOf(address: MysqlAddress): Promise<string> {
  const connection = await openConnection(address);
  const [row] = await connection.query("SHOW STATUS LIKE 'Ssl_cipher'");
  await connection.close();
  return row?.[1] ?? '';
}

/** A value longer than a record of TLS, on each path. */
async function readEverything(server: PrivateServer, address: MysqlAddress): Promise<void> {
  const database = 'firn_n_tls';
  await server.run(
    `CREATE DATABASE ${database}`,
    `CREATE TABLE ${database}.t (id INT PRIMARY KEY, v LONGTEXT)`,
    `INSERT INTO ${database}.t VALUES (1, REPEAT('x', 3000000))`,
  );
  const source = openTestSource({ port: server.port, database, address });
  const registry = new TestRegistry();
  const tables = await registry.discover(source);
  const { position: from } = await source.lowMark(1);
  await server.run(`UPDATE ${database}.t SET v = CONCAT(v, 'y')`);
  const { signal } = new AbortController();
  const resolveSchema = registry.resolve;
  const request = { tables, from, epoch: 1, resolveSchema, beforeImages: false };
  let lengths: readonly number[] = [];
  for await (const event of source.stream({ ...request, signal, once: true })) {
    if (event.kind !== 'changes') continue;
    const [, vector] = event.batch.columns;
    ok(vector?.kind === 'bytes');
    lengths = [...vector.offsets];
  }
  deepEqual(lengths, [0, 3_000_001]);
  let read = 0;
  const [schema] = tables;
  ok(schema !== undefined);
  const whole = await source.readAll({ schema, epoch: 1, batchRowsMax: 9, signal });
  for await (const batch of whole.batches) read += batch.rowCount;
  equal(read, 1);
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: only the right certificate is believed (spec: Y19)`, { skip }, async (t) => {
    const { server, ca, address, show } = await startTlsServer(t, flavour);
    const verify: MysqlTls = { kind: 'verify', ca, hostName: true };
    const anyName: MysqlTls = { kind: 'verify', ca, hostName: false };

    await t.test('its authority, its name, its time', async () => {
      match(await cipherOf(address(verify)), /^(?:TLS|ECDHE)/);
      await rejects(openConnection(address({ ...verify, ca: null })), tlsError);
      await rejects(openConnection(address(verify, { host: '127.0.0.1' })), tlsError);
      match(await cipherOf(address(anyName, { host: '127.0.0.1' })), /^(?:TLS|ECDHE)/);

      await show({ hostName: 'db.example.org' });
      await rejects(openConnection(address(verify)), tlsError);
      match(await cipherOf(address(anyName)), /^(?:TLS|ECDHE)/);
      await show({ authority: 'other' });
      await rejects(openConnection(address(verify)), tlsError);
      await rejects(openConnection(address(anyName)), tlsError);
      // MySQL itself takes no certificate whose time is over.
      if (flavour === 'mariadb') {
        await show({ days: -1 });
        await rejects(openConnection(address(verify)), tlsError);
        await rejects(openConnection(address(anyName)), tlsError);
      }
      await show({});
      match(await cipherOf(address(verify)), /^(?:TLS|ECDHE)/);
    });

    await t.test('a user who must encrypt is refused without it', async () => {
      const off = openConnection(address({ kind: 'off' }));
      await rejects(off, { code: /^SOURCE-(?:TLS|LOGIN-REFUSED)$/ });
    });

    await t.test('somebody on the way takes encryption out of the greeting', async () => {
      const proxy = await startFaultProxy(t, server);
      // Header, version of the protocol, the server's own, connection, salt; then the low flags.
      const [row] = await server.query('SELECT @@version AS v');
      const prefix = flavour === 'mariadb' ? '5.5.5-' : '';
      const at = 4 + 1 + prefix.length + String(row?.['v']).length + 1 + 4 + 8 + 1 + 1;
      proxy.plan(() => ({ kind: 'flip', atByte: at, mask: 0x08 }));
      await rejects(openConnection(address(verify, { port: proxy.port })), tlsError);
    });

    await t.test('everything that a source does, encrypted', async () => {
      await readEverything(server, address(verify));
    });
  });

  test(
    `${flavour}: a server without encryption is refused unless it is off (spec: Y19)`,
    {
      skip,
    },
    async (t) => {
      const options = flavour === 'mysql' ? ['tls_version='] : ['skip_ssl'];
      const server = await startPrivateServer(t, flavour, options);
      const own = { host: 'localhost', port: server.port, user: 'root', password: '' };
      const tls = { kind: 'verify', ca: null, hostName: true } as const;
      await rejects(openConnection({ ...own, tls }), tlsError);
      equal(await cipherOf({ ...own, host: '127.0.0.1', tls: { kind: 'off' } }), '');
    },
  );
}

test(
  'mysql: the certificate that the server made for itself (spec: Y19)',
  {
    skip: skipWithout('mysql'),
  },
  async (t) => {
    const server = await startPrivateServer(t, 'mysql');
    const ca = readFileSync(join(server.folder, 'data', 'ca.pem'), 'utf8');
    const own = { host: 'localhost', port: server.port, user: 'root', password: '' };
    match(await cipherOf({ ...own, tls: { kind: 'verify', ca, hostName: false } }), /^TLS/);
    await rejects(
      openConnection({ ...own, tls: { kind: 'verify', ca, hostName: true } }),
      tlsError,
    );

    await t.test('each way to log in, with encryption and without', async () => {
      const encrypted: MysqlTls = { kind: 'verify', ca, hostName: false };
      const text = PASSWORD.replaceAll('\\', '\\\\').replaceAll("'", "''");
      await server.run('SET NAMES utf8mb4');
      const users: readonly (readonly [string, string, string])[] = [
        ['full', `WITH caching_sha2_password BY '${text}'`, PASSWORD],
        ['empty', "WITH caching_sha2_password BY ''", ''],
        ['sha256', `WITH sha256_password BY '${text}'`, PASSWORD],
      ];
      for (const [user, by, password] of users) {
        const choices: readonly MysqlTls[] = [encrypted, { kind: 'off' }];
        for (const tls of choices) {
          // Whoever is made anew is in no cache: the whole way is gone, then the short one.
          await server.run(`DROP USER IF EXISTS '${user}'@'%'`);
          await server.run(`CREATE USER '${user}'@'%' IDENTIFIED ${by}`);
          for (let time = 0; time < 2; time++) {
            const cipher = await cipherOf({ ...own, user, password, tls });
            equal(cipher === '', tls.kind === 'off', user);
          }
          const wrong = openConnection({ ...own, user, password: 'wrong', tls });
          await rejects(wrong, { code: 'SOURCE-LOGIN-REFUSED' });
        }
      }
      await rejects(openConnection({ ...own, user: NO_NAME, tls: encrypted }), {
        code: 'SOURCE-LOGIN-REFUSED',
      });
    });
  },
);

test('mariadb: each way to log in', { skip: skipWithout('mariadb') }, async (t) => {
  const server = await startPrivateServer(t, 'mariadb');
  const text = PASSWORD.replaceAll('\\', '\\\\').replaceAll("'", "''");
  await server.run(
    'SET NAMES utf8mb4',
    `CREATE USER 'native'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('${text}')`,
    "CREATE USER 'empty'@'%'",
  );
  const own = { host: '127.0.0.1', port: server.port, tls: { kind: 'off' } as const };
  equal(await cipherOf({ ...own, user: 'native', password: PASSWORD }), '');
  equal(await cipherOf({ ...own, user: 'empty', password: '' }), '');
  await rejects(openConnection({ ...own, user: 'native', password: 'wrong' }), {
    code: 'SOURCE-LOGIN-REFUSED',
  });
});
