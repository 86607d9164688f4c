/**
 * The end of the real program: by a signal after a clean flush, at once by a second one, by
 * `kill -9` at any moment. Whatever ended it, the next start goes on, loses nothing, doubles
 * nothing.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/kernel/random.ts';
import { LakePlace } from '../support/lake-place.ts';

const TABLES = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
  CREATE TABLE u (a INTEGER NOT NULL, b TEXT NOT NULL, v REAL, PRIMARY KEY (b, a));
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
  INSERT INTO t SELECT i, 'row ' || i FROM n`;

async function assertEqualCopy(place: LakePlace): Promise<void> {
  const { code, out, err } = await place.run('verify', '.');
  equal(code, 0, `${out}${err}`);
}

test('spec: P7, P15, L16 a signal commits what is complete and ends with 130', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    using place = new LakePlace();
    place.exec(TABLES);
    place.pipeline(['t', 'u']);
    const file = readFileSync(place.file, 'utf8');
    // Nothing but the signal makes the second commit, and nothing merges.
    place.write(
      'firn.yaml',
      file.replace('100ms', '1h').replace('mergeInterval: 1s', 'mergeInterval: 1h'),
    );
    const running = place.start('run', '.', '--json');
    await running.saw('"table":"app.u","rows":0');
    place.exec(`INSERT INTO u VALUES (1, 'first', 1)`);
    await running.saw('"event":"committed"');
    place.exec(`INSERT INTO u VALUES (2, 'by the signal', 2)`);
    await sleep(300);
    running.child.kill(signal);
    const { code, err } = await running.ended;
    equal(code, 130, err);
    match(err, /^stopping; once more to stop at once\n$/);
    deepEqual(await place.rows('SELECT a FROM u_ledger ORDER BY _firn_seq'), [[1], [2]]);
    deepEqual(await place.rows('SELECT a FROM u_live ORDER BY a'), [[1], [2]]);
  }
});

test('spec: P7 a second signal ends at once, and the next start goes on', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  const running = place.start('run', '.');
  await running.saw('capturing');
  running.child.kill('SIGTERM');
  running.child.kill('SIGINT');
  const started = performance.now();
  equal((await running.ended).code, 130);
  ok(performance.now() - started < 5000);
  await place.catchUp();
  await assertEqualCopy(place);
});

test('spec: P7 commands that wait end by a signal too', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  const tail = place.start('tail', '.');
  await tail.saw('waiting for changes');
  tail.child.kill('SIGTERM');
  equal((await tail.ended).code, 130);
  const query = place.start('query', '.', 'SELECT count(*) FROM range(1000000000000)');
  await sleep(1000);
  query.child.kill('SIGINT');
  query.child.kill('SIGINT');
  equal((await query.ended).code, 130);
});

const KILLS = 12;

/** A bit of work: changes of every kind, half of the transactions rolled back. */
function work(database: DatabaseSync, step: number): void {
  database.exec('BEGIN');
  database.exec(`INSERT OR REPLACE INTO u VALUES (${step % 7}, 'k${step % 5}', ${step})`);
  database.exec(`UPDATE t SET v = 'step ${step}' WHERE id % 97 = ${step % 97}`);
  database.exec(`DELETE FROM t WHERE id = ${step * 3}; UPDATE t SET id = -id WHERE id = ${step}`);
  database.exec(step % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
}

test(`spec: P6, L4, B5 killed ${KILLS} times while it works, equal in the end`, async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  const database = place.open();
  const random = seededRandom(11);
  let step = 1;
  let inRun = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const running = place.start('run', '.');
    const [fate = 0] = random.bytes(1);
    const endMs = performance.now() + 250 + fate * 6;
    while (performance.now() < endMs) {
      work(database, step++);
      await sleep(5);
    }
    inRun += running.child.exitCode === null ? 1 : 0;
    running.child.kill('SIGKILL');
    await running.ended;
  }
  equal(inRun, KILLS, 'it was killed each time, and ended by itself never');
  await place.catchUp();
  await assertEqualCopy(place);
  for (const [table, key] of [
    ['t', 'id'],
    ['u', 'a, b'],
  ]) {
    const identity = `_firn_epoch, _firn_seq, _firn_row, ${key}`;
    const [[count, distinct] = []] = await place.rows(
      `SELECT count(*), count(DISTINCT (${identity})) FROM ${table}_ledger`,
    );
    equal(count, distinct, 'each change is there once');
    ok(Number(count) > 0);
  }
  const [[epochs] = []] = await place.rows('SELECT max(_firn_epoch) FROM t_ledger');
  equal(epochs, 1, 'no history was missed');
  process.stdout.write(`killed ${KILLS} times during ${step} transactions\n`);
});
