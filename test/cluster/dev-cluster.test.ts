/**
 * `firn cluster` with real servers: up, found again, refused ports, accidents, down. One test looks
 * at the lane's own cluster, the others bring up a part of one in a folder of their own.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { listenerAt } from '../../src/devcluster/process-table.ts';
import { VERSIONS } from '../../src/devcluster/version-table.ts';
import { freePortBase } from '../../tools/servers/lane-cluster.ts';
import { Workplace } from '../cli/firn-process.ts';
import { openCluster, skipWithoutCluster } from './support/dev-cluster.ts';

const skip = skipWithoutCluster();

async function get(url: string): Promise<unknown> {
  return (await fetch(url)).json();
}

test('every server of the cluster answers with the version of the table', { skip }, async () => {
  const cluster = openCluster();
  for (const { name, state, rssBytes } of await cluster.look()) {
    equal(state, 'ready', name);
    equal((rssBytes ?? 0) > 10_000_000, true, name);
  }
  const { connect, gateway, jobManager } = cluster.addresses;
  equal(((await get(connect)) as { version: string }).version, VERSIONS.kafka);
  const plugins = (await get(`${connect}/connector-plugins`)) as readonly {
    readonly class: string;
    readonly version: string;
  }[];
  deepEqual(
    plugins.map((plugin) => `${plugin.class.split('.').at(-1)} ${plugin.version}`).toSorted(),
    [`MariaDbConnector ${VERSIONS.debeziumMariadb}`, `MySqlConnector ${VERSIONS.debeziumMysql}`],
  );
  const flink = (await get(`${jobManager}/config`)) as Record<string, string>;
  equal(flink['flink-version'], VERSIONS.flink);
  equal(((await get(`${gateway}/info`)) as { version: string }).version, VERSIONS.flink);
  const overview = (await get(`${jobManager}/overview`)) as { 'slots-available': number };
  equal(overview['slots-available'] > 0, true);
});

test('a killed TaskManager is missed, and another is started', { skip }, async () => {
  const cluster = openCluster();
  const before = (await cluster.look()).find(({ name }) => name === 'taskmanager');
  await cluster.kill('taskmanager');
  try {
    const gone = (await cluster.look()).find(({ name }) => name === 'taskmanager');
    equal(gone?.state, 'stopped');
  } finally {
    await cluster.start('taskmanager');
  }
  const after = (await cluster.look()).find(({ name }) => name === 'taskmanager');
  equal(after?.state, 'ready');
  equal(after?.pid === before?.pid, false);
});

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly pid: number | null;
}

test('a part of a cluster comes up, is found, dies, and goes down', { skip }, async () => {
  using place = new Workplace({ HOME: process.env['HOME'] ?? '/' });
  const base = freePortBase();
  const folder = place.path('mine');
  const words = ['--cache', resolve('.cache', 'devcluster')];
  const up = (...names: readonly string[]) =>
    place.run('cluster', 'up', folder, ...names, ...words);
  const servers = async (): Promise<ReadonlyMap<string, Shown>> => {
    const { out } = await place.run('cluster', 'status', folder, '--json');
    const shown = (JSON.parse(out) as { readonly servers: readonly Shown[] }).servers;
    return new Map(shown.map((server) => [server.name, server]));
  };
  try {
    const first = await up('kafka', 'catalog', '--port-base', `${base}`);
    equal(first.code, 0, `${first.out}${first.err}`);
    match(first.out, /kafka +ready after/);
    match(first.out, new RegExp(`bootstrapServers: "127\\.0\\.0\\.1:${base}"`));
    const begun = await servers();
    deepEqual([begun.get('kafka')?.state, begun.get('connect')?.state], ['ready', 'stopped']);

    // Found again, also without the record that the first run wrote.
    rmSync(join(folder, 'run', 'kafka.json'));
    match(
      (await up('kafka')).out,
      new RegExp(`kafka +runs already, process ${begun.get('kafka')?.pid}`),
    );
    const other = await up('kafka', '--port-base', `${base + 100}`);
    equal(other.code, 2);
    match(other.err, /DEVCLUSTER-RUNNING/);

    // Another program has the port of a server that is to be started.
    const stranger = createServer().listen(base + 2, '127.0.0.1');
    const refused = await up('connect');
    stranger.close();
    equal(refused.code, 2);
    match(
      refused.err,
      new RegExp(`port ${base + 2}, which connect needs, is taken by process ${process.pid}`),
    );

    // Killed: what was written of it is of no process any more.
    const killed = await place.run('cluster', 'down', folder, 'kafka', '--kill');
    match(killed.out, /kafka +ended/);
    equal((await servers()).get('kafka')?.state, 'stopped');
    equal((await up('kafka')).code, 0);
    const again = await servers();
    equal(again.get('kafka')?.state, 'ready');
    equal(again.get('catalog')?.pid, begun.get('catalog')?.pid);
  } finally {
    const down = await place.run('cluster', 'down', folder);
    equal(down.code, 0, down.err);
  }
  for (const { name, state } of (await servers()).values()) equal(state, 'stopped', name);
  for (let port = base; port < base + 20; port++) equal(listenerAt(port), null, `${port}`);
  match(readFileSync(join(folder, 'log', 'kafka.log'), 'utf8'), /shut ?down/i);
});

test('a server that cannot start says the class of the problem and its log', { skip }, async () => {
  using place = new Workplace({ HOME: process.env['HOME'] ?? '/' });
  // Fetched programs that somebody has damaged since.
  const fetched = readdirSync(resolve('.cache', 'devcluster'), { withFileTypes: true });
  for (const { name } of fetched.filter((entry) => entry.isDirectory())) {
    mkdirSync(place.path(`cache/${name}/jars`), { recursive: true });
  }
  const words = ['--cache', place.path('cache'), '--port-base', `${freePortBase()}`];
  const failed = await place.run('cluster', 'up', place.path('mine'), 'kafka', ...words);
  equal(failed.code, 2, failed.out);
  match(failed.err, /DEVCLUSTER-START: kafka could not make .*: a class is missing/);
  match(failed.err, /mine\/kafka\/format\.log/);
});
