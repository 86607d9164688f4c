/**
 * What Debezium carries wrongly is found on real servers: dates with a zero, names that differ only
 * in case, XA transactions, compressed ones. A server of its own: its settings are changed.
 */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { beginCarried, proveCarried } from '../../src/pipeline/cluster/carried-changes.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import type { ChangeSource, Finding } from '../../src/ports/source.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { skipWithout, startPrivateServer } from './support/live-server.ts';
import type { PrivateServer } from './support/live-server.ts';
import { openTestSource } from './support/mysql-world.ts';

const LOOK = { readsRows: true, instead: 'engine: embedded' };

const STRICT = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE';

/** Everything in the database `shop` of a server. */
function sourceOf({ host, port }: PrivateServer, user = 'root'): ChangeSource {
  const address = { host, port, user, password: '', tls: { kind: 'off' } } as const;
  return openTestSource({ port, database: 'shop', address });
}

/** The rights that are written down are enough, and the one of the cluster engine is named. */
async function grantsSuffice(server: PrivateServer, flavour: ServerFlavour): Promise<void> {
  const log = flavour === 'mysql' ? 'REPLICATION CLIENT' : 'BINLOG MONITOR';
  await server.run(
    "CREATE USER 'firn'@'%'",
    "GRANT SELECT ON shop.* TO 'firn'@'%'",
    `GRANT REPLICATION SLAVE, ${log} ON *.* TO 'firn'@'%'`,
  );
  const source = sourceOf(server, 'firn');
  const findings = async (): Promise<readonly Finding[]> =>
    (await source.checkDebezium?.(LOOK)) ?? [];
  if (flavour === 'mysql') {
    await rejects(async () => source.hiddenChanges?.(), { code: 'SOURCE-PRIVILEGE' });
    const [lack] = await findings();
    equal(lack?.code, 'SOURCE-PRIVILEGE');
    await server.run(lack?.fix ?? '');
  }
  deepEqual(await findings(), []);
  await source.close();
}

/** One in a table that is not captured stops Debezium, too. */
async function compressedAreNamed(
  server: PrivateServer,
  found: () => Promise<readonly string[]>,
): Promise<void> {
  await server.run(
    'CREATE DATABASE other',
    'CREATE TABLE other.packed (id INT PRIMARY KEY, t TEXT COMPRESSED)',
    'CREATE TABLE shop.packed (id INT PRIMARY KEY, t VARBINARY(20) COMPRESSED)',
    "CREATE TABLE other.named (id INT PRIMARY KEY, t TEXT COMMENT 'COMPRESSED')",
  );
  deepEqual(await found(), ['warning debezium-column packed']);
  await server.run('DROP DATABASE other', 'DROP TABLE shop.packed');
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: what Debezium cannot carry is named (spec: E5, E19)`, { skip }, async (t) => {
    // Names keep their case, as on most servers.
    const server = await startPrivateServer(t, flavour);
    const folder = mkdtempSync(join(tmpdir(), 'firn-carried-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [clock, random] = [systemClock, systemRandom];
    const store = createLocalObjectStore({ folder, clock, random });
    const state = openStateFolder(store, 'shop');
    const source = sourceOf(server);
    const found = async (): Promise<readonly string[]> => {
      const findings = (await source.checkDebezium?.(LOOK)) ?? [];
      return findings.map(({ severity, code, table }) =>
        `${severity} ${code} ${table?.table ?? ''}`.trim(),
      );
    };
    await server.run(
      'CREATE DATABASE shop',
      'CREATE TABLE shop.plain (id INT PRIMARY KEY)',
      'CREATE TABLE shop.dated (id INT PRIMARY KEY, at DATE)',
      "SET GLOBAL sql_mode = 'STRICT_TRANS_TABLES'",
    );
    deepEqual(await found(), ['error debezium-zero-dates dated']);
    await server.run(`SET GLOBAL sql_mode = '${STRICT}'`);
    deepEqual(await found(), []);
    await server.run(
      "SET SESSION sql_mode = ''",
      "INSERT INTO shop.dated VALUES (1, '2020-00-01')",
    );
    deepEqual(await found(), ['error debezium-zero-dates dated']);
    await server.run('DELETE FROM shop.dated', 'CREATE TABLE shop.PLAIN (id INT PRIMARY KEY)');
    deepEqual(await found(), ['error CLUSTER-TABLE PLAIN', 'error CLUSTER-TABLE plain']);
    await server.run('DROP TABLE shop.PLAIN', 'CREATE TABLE shop.`a/b` (id INT PRIMARY KEY)');
    deepEqual(await found(), ['error CLUSTER-TABLE a/b']);
    await server.run('DROP TABLE shop.`a/b`');
    if (flavour === 'mariadb') await compressedAreNamed(server, found);

    await grantsSuffice(server, flavour);
    const parts = { source, state, clock };
    await beginCarried(parts, true);
    await proveCarried(parts);
    await server.run(
      "XA START 'a'",
      'INSERT INTO shop.plain VALUES (1)',
      "XA END 'a'",
      "XA PREPARE 'a'",
      "XA COMMIT 'a'",
    );
    await rejects(proveCarried(parts), { code: 'CLUSTER-NOT-CARRIED' });
    deepEqual(await found(), ['error debezium-xa']);
    // It stays so until a person says that the tables are loaded again.
    await beginCarried(parts, true);
    await rejects(proveCarried(parts), { code: 'CLUSTER-NOT-CARRIED' });
    await beginCarried(parts, false);
    await proveCarried(parts);
    if (flavour === 'mysql') {
      await server.run(
        'SET SESSION binlog_transaction_compression = ON',
        "INSERT INTO shop.dated VALUES (2, '2020-01-01')",
      );
      await rejects(proveCarried(parts), { code: 'CLUSTER-NOT-CARRIED' });
    }
    // A server that started anew has counts of its own, and none of them is taken for carried.
    await beginCarried(parts, false);
    await server.restart();
    await proveCarried(parts);
    const hidden = await source.hiddenChanges?.();
    equal(hidden?.xaPrepared, 0n);
  });
}
