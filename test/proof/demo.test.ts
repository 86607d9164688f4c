/** The demo, whole: under a minute, equal in the end, and never in somebody else's folder. */
import { equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeOwnership } from '../../src/pipeline/control/ownership.ts';
import { Workplace } from '../cli/firn-process.ts';

const skip = process.platform === 'linux' ? false : 'the cluster needs Linux';

/** A cluster in a folder, and a process that is one of its servers by all that is known of it. */
function clusterAt(folder: string): ChildProcess {
  mkdirSync(folder, { recursive: true });
  const settings = { clusterId: 'of-a-test-of-the-demo-', portBase: 20_000 };
  writeFileSync(join(folder, 'cluster.json'), JSON.stringify({ settings }));
  const env = { FIRN_CLUSTER_SERVER: `${folder}:kafka:one` };
  return spawn('/bin/sleep', ['300'], { env, stdio: 'ignore' });
}

test('firn demo ends by itself with an equal copy, again in the same folder too', async () => {
  using place = new Workplace();
  let server: ChildProcess | null = null;
  for (const round of [1, 2]) {
    // What a demo with a cluster would leave when it is killed.
    if (round === 2) server = clusterAt(place.path('firn-demo/cluster'));
    const started = performance.now();
    const { code, out, err } = await place.run('demo');
    equal(code, 0, `round ${round}\n${out}\n${err}`);
    ok(performance.now() - started < 60_000, 'under a minute');
    for (const table of ['customers', 'order_lines', 'orders']) {
      match(out, new RegExp(`${table} +[\\d,]+ rows in the shop, +[\\d,]+ in the lake: equal`));
    }
    match(out, /kill -9 \d+/);
    match(out, /the lake has the column after/);
    match(out, /insert .*new/);
    match(out, /firn query firn-demo "SELECT/);
  }
  if (skip === false) equal(server?.signalCode, 'SIGKILL');
  server?.kill('SIGKILL');
  equal((await place.run('query', 'firn-demo', 'SELECT count(*) FROM orders')).code, 0);
});

test('a folder that the demo did not make is left alone, and its cluster', async () => {
  using place = new Workplace();
  const server = clusterAt(place.path('firn-demo/cluster'));
  try {
    writeFileSync(place.path('firn-demo/mine.txt'), 'mine');
    for (const words of [['demo'], ...(skip === false ? [['demo', 'cluster']] : [])]) {
      const { code, err } = await place.run(...words);
      equal(code, 2);
      match(err, /CONFIG-DEMO-FOLDER/);
    }
    ok(existsSync(place.path('firn-demo/mine.txt')));
    ok(existsSync(place.path('firn-demo/cluster/cluster.json')));
    equal(server.exitCode ?? server.signalCode, null, 'it runs');
  } finally {
    server.kill('SIGKILL');
  }
});

test('the cluster of a demo that runs is left alone', { skip }, async () => {
  using place = new Workplace();
  const folder = place.path('firn-demo/cluster');
  const server = clusterAt(folder);
  writeFileSync(place.path('firn-demo/.made-by-firn-demo'), '');
  const key = { runtimeFolder: place.path('runtime/firn'), catalogId: folder, pipeline: 'cluster' };
  const ownership = takeOwnership(key);
  try {
    const { code, err } = await place.run('demo');
    equal(code, 2);
    match(err, /DEVCLUSTER-BUSY/);
    ok(existsSync(join(folder, 'cluster.json')));
    equal(server.exitCode ?? server.signalCode, null, 'it runs');
  } finally {
    ownership?.release();
    server.kill('SIGKILL');
  }
});

test('a cluster that is given must be there', { skip }, async () => {
  using place = new Workplace();
  const { code, err } = await place.run('demo', 'cluster', '--cluster', place.path('none'));
  equal(code, 2);
  match(err, /DEVCLUSTER-FOLDER: there is no development cluster/);
  for (const name of ['none', 'firn-demo']) equal(existsSync(place.path(name)), false, name);
});

test('a demo that is stopped ends its processes', async () => {
  using place = new Workplace();
  const demo = place.start('demo');
  await demo.saw('into the lake');
  demo.child.kill('SIGINT');
  equal((await demo.ended).code, 130);
  equal((await place.run('run', 'firn-demo', '--once')).code, 0, 'nobody owns the pipeline');
});
