/** `firn catalog serve` as a program: its address, its token, its end, and what it refuses. */
import { equal, match, ok } from 'node:assert/strict';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { freePort } from '../../tools/servers/database-server.ts';
import { Workplace } from './firn-process.ts';

const TOKEN = 'a-token-that-is-long-enough';

function prepared(environment: Readonly<Record<string, string>> = {}): Workplace {
  const place = new Workplace(environment);
  place.sql(
    'app.db',
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')",
  );
  return place;
}

async function status(port: number, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return (await fetch(`http://127.0.0.1:${port}/v1/namespaces/app/tables`, { headers })).status;
}

async function servesAndEnds(): Promise<void> {
  using place = prepared();
  equal((await place.run('run', 'app.db', '--into', 'lake', '--once')).code, 0);
  const port = await freePort();
  const server = place.start('catalog', 'serve', 'lake', '--port', `${port}`);
  await server.saw(`catalog firn at http://127.0.0.1:${port}`);
  const answer = await fetch(`http://127.0.0.1:${port}/v1/namespaces/app/tables`);
  match(await answer.text(), /"name":"t_ledger"/);
  equal((await fetch(`http://localhost:${port}/v1/config`)).status, 200);
  server.child.kill('SIGTERM');
  const ended = await server.ended;
  equal(ended.code, 130, ended.err);
  match(ended.err, /^serving; Ctrl-C ends\nstopping; once more to stop at once\n$/);
}

async function tokenOfEnvironment(): Promise<void> {
  using place = prepared({ FIRN_CATALOG_TOKEN: TOKEN });
  equal((await place.run('run', 'app.db', '--into', 'lake', '--once')).code, 0);
  const port = await freePort();
  const server = place.start('catalog', 'serve', 'lake', '--port', `${port}`);
  await server.saw('clients need the token');
  equal(await status(port), 401);
  equal(await status(port, `${TOKEN}x`), 401);
  equal(await status(port, TOKEN), 200);
  server.child.kill('SIGINT');
  const { out, err } = await server.ended;
  ok(!`${out}${err}`.includes(TOKEN), 'a token that was given is never shown');
}

async function tokenIsMade(): Promise<void> {
  using place = prepared();
  equal((await place.run('run', 'app.db', '--into', 'lake', '--once')).code, 0);
  const port = await freePort();
  const words = ['lake', '--port', `${port}`, '--host', '0.0.0.0', '--json'];
  const server = place.start('catalog', 'serve', ...words);
  await server.saw('"token"');
  equal(await status(port), 401);
  server.child.kill('SIGTERM');
  const { out } = await server.ended;
  const { token, url } = JSON.parse(out) as { readonly token: string; readonly url: string };
  match(token, /^[A-Za-z0-9_-]{32}$/);
  equal(url, `http://0.0.0.0:${port}`);
}

async function refusals(): Promise<void> {
  using place = prepared({ FIRN_CATALOG_TOKEN: 'short' });
  equal((await place.run('run', 'app.db', '--into', 'lake', '--once')).code, 0);
  const short = await place.run('catalog', 'serve', 'lake');
  equal(short.code, 2);
  match(short.err, /CONFIG-USAGE: FIRN_CATALOG_TOKEN must have at least 16/);
  for (const port of ['x', '65536', '-1', '']) {
    const ended = await place.run('catalog', 'serve', 'lake', `--port=${port}`);
    equal(ended.code, 2, port);
    match(ended.err, /CONFIG-USAGE: --port takes a number/);
  }
}

async function portInUse(): Promise<void> {
  using place = prepared();
  equal((await place.run('run', 'app.db', '--into', 'lake', '--once')).code, 0);
  const other = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => {
    other.listen(port, '127.0.0.1', resolve);
  });
  const ended = await place.run('catalog', 'serve', 'lake', '--port', `${port}`);
  other.close();
  equal(ended.code, 2);
  match(ended.err, /CATALOG-SERVER-ADDRESS: .*EADDRINUSE/);
}

void suite('firn catalog serve', { concurrency: 2 }, () => {
  void test('serves the lake on this machine and ends in order', servesAndEnds);
  void test('spec: R6 asks for the token of the environment', tokenOfEnvironment);
  void test('spec: R6 makes a token where others can reach it', tokenIsMade);
  void test('refuses a short token and an odd port', refusals);
  void test('says that the port is taken', portInUse);
});
