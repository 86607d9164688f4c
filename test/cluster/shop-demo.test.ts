/** `firn demo cluster` as a user starts it: whole, ended by itself, equal; the cluster stays. */
import { equal, match } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Workplace } from '../cli/firn-process.ts';
import { openLiveServer, skipWithout, uniqueName } from '../live/support/live-server.ts';
import { openCluster, skipWithoutCluster } from './support/dev-cluster.ts';
import { removePipeline } from './support/remove-pipeline.ts';

const skip = skipWithoutCluster() === false ? skipWithout('mysql') : skipWithoutCluster();

test('the demo on a cluster', { skip }, async (t) => {
  const cluster = openCluster();
  const server = await openLiveServer(t, 'mysql');
  const database = uniqueName('demo');
  using place = new Workplace();
  let name = '';
  t.after(async () => {
    if (name !== '') {
      const { warehouse: lake, addresses: services } = cluster;
      await removePipeline({ name, lake, services });
    }
    const connection = await server.connect();
    await connection.query(`DROP DATABASE IF EXISTS ${database}`);
    connection.destroy();
  });
  const url = new URL(server.rootUrl);
  url.pathname = `/${database}`;
  url.search = '?tls=off';
  const words = ['demo', 'cluster', url.href, '--cluster', cluster.folder];
  const { code, out, err } = await place.run(...words);
  // Before anything is looked at: whatever was made is taken away.
  const file = place.path('firn-demo/firn.yaml');
  name = existsSync(file) ? (/^name: (\S+)$/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '') : '';
  equal(code, 0, `${out}\n${err}`);
  for (const table of ['customers', 'order_lines', 'orders']) {
    match(out, new RegExp(`${table} +[\\d,]+ rows in the shop, +[\\d,]+ in the lake: equal`));
  }
  match(out, /TaskManager.*dies as well\n.*the job goes on/);
  match(out, /the lake has the column after/);
  for (const { name, state } of await cluster.look()) equal(state, 'ready', name);
});
