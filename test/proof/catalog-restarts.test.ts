/**
 * The catalog's server is killed and started again, several times, under a pipeline that runs and
 * an application that writes: the pipeline goes on by itself, and the lake is what the source is.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../tools/servers/database-server.ts';
import { stringifyJson } from '../../src/kernel/lossless-json.ts';
import type { Running } from '../cli/firn-process.ts';
import { LakePlace } from '../support/lake-place.ts';

const KILLS = 5;
const ROWS = 40;

test('spec: K2 spec: R8 a server that is killed under a pipeline loses and doubles nothing', async () => {
  using place = new LakePlace();
  const port = await freePort();
  const uri = `http://127.0.0.1:${port}`;
  place.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER)');
  const served = 'name: served\nsource: {type: sqlite, path: ./app.db}\ntables: [t]\n';
  const file = place.write('served.yaml', `${served}lake: {warehouse: ./lake}\n`);
  place.write(
    'firn.yaml',
    'name: app\nsource: {type: sqlite, path: ./app.db, pollInterval: 20ms}\ntables: [t]\n' +
      `lake: {warehouse: ./lake, catalog: {type: rest, uri: "${uri}", timeout: 5s}}\n` +
      'ledger: {commitInterval: 100ms}\nbase: {mergeInterval: 1s}\n',
  );
  const serve = async (): Promise<Running> => {
    const server = place.start('catalog', 'serve', file, '--port', `${port}`, '--json');
    await server.saw(uri);
    return server;
  };
  let server = await serve();
  await place.catchUp();
  const running = place.start('run', place.file);
  for (let kill = 0; kill < KILLS; kill++) {
    // Commits are on their way whenever the server ends.
    for (let row = 0; row < ROWS; row++) {
      place.exec(
        `INSERT INTO t(n) VALUES (${kill}); UPDATE t SET n = n + 1 WHERE id % 7 = ${row % 7}`,
      );
      await sleep(10 + kill * 7);
    }
    server.child.kill('SIGKILL');
    await server.ended;
    place.exec(`DELETE FROM t WHERE id % 11 = ${kill}`);
    await sleep(kill * 200);
    server = await serve();
  }
  running.child.kill('SIGTERM');
  const ended = await running.ended;
  equal(ended.code, 130, `${ended.out}${ended.err}`);
  await place.catchUp();
  const proof = await place.run('verify', place.file);
  equal(proof.code, 0, `${proof.out}${proof.err}`);
  const [counts] = await place.rows(
    'SELECT count(*), count(DISTINCT (_firn_seq, _firn_row)) FROM t_ledger',
  );
  ok(counts !== undefined);
  deepEqual(counts[0], counts[1]);
  process.stdout.write(
    `${KILLS} kills of the catalog: ${stringifyJson(counts[0])} changes, each once\n`,
  );
  server.child.kill('SIGTERM');
  equal((await server.ended).code, 130);
});
