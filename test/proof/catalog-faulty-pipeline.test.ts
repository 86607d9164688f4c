/**
 * A whole pipeline whose REST catalog is behind a bad network, from the making of its tables to
 * their end: answers lost, cut, held and late, to requests of every kind. It goes on by itself, and
 * the lake is what the source is.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../src/kernel/random.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { Fault } from '../support/fault-proxy.ts';
import { LakePlace } from '../support/lake-place.ts';
import { ServedLakePlace } from '../support/served-lake.ts';

const ROUNDS = 4;
/** Of 256: how many requests are disturbed. */
const SHARE = 60;

/** Faults by a seed; never so many in a row that giving up would be right. */
function faults(seed: number): { plan: () => Fault | null; readonly count: () => number } {
  const random = seededRandom(seed);
  let count = 0;
  let inRow = 0;
  const plan = (): Fault | null => {
    const [chance = 0, which = 0, size = 0] = random.bytes(3);
    if (chance >= SHARE || inRow >= 3) {
      inRow = 0;
      return null;
    }
    inRow++;
    count++;
    const kinds: readonly Fault[] = [
      { kind: 'lost' },
      { kind: 'reset' },
      { kind: 'cut' },
      { kind: 'late', afterMs: size * 4 },
      { kind: 'answer', status: 503, body: '' },
      { kind: 'refused', status: 502, body: '<html>' },
    ];
    return kinds[which % kinds.length] ?? null;
  };
  return { plan, count: () => count };
}

test('spec: K2 a pipeline over a bad network to its catalog holds what its source holds', async () => {
  using place = new LakePlace();
  const served = await ServedLakePlace.open({ folder: place.folder });
  await using proxy = await startFaultProxy(served.url);
  const nemesis = faults(3);
  proxy.plan = nemesis.plan;
  try {
    place.exec(`PRAGMA journal_mode = WAL;
      CREATE TABLE a(id INTEGER PRIMARY KEY, n TEXT); CREATE TABLE b(id INTEGER PRIMARY KEY, n TEXT);
      INSERT INTO a VALUES (1, 'x'), (2, 'y')`);
    place.write(
      'firn.yaml',
      `name: app\nsource: {type: sqlite, path: ./app.db, pollInterval: 20ms}\ntables: [a, b]\n` +
        `lake: {warehouse: ./warehouse, catalog: {type: rest, uri: "${proxy.endpoint}"}}\n` +
        `ledger: {commitInterval: 100ms}\nbase: {mergeInterval: 1s}\n`,
    );
    await place.catchUp();
    for (let round = 0; round < ROUNDS; round++) {
      place.exec(`INSERT INTO a VALUES (${round + 10}, 'new'); DELETE FROM a WHERE id = ${round};
        INSERT INTO b VALUES (${round}, 'b'); UPDATE a SET n = n || '.' WHERE id % 2 = 0`);
      await place.catchUp();
    }
    const proof = await place.run('verify', place.file);
    equal(proof.code, 0, `${proof.out}${proof.err}`);
    const dropped = await place.run('drop', place.file, '--table', 'b', '--yes');
    equal(dropped.code, 0, `${dropped.out}${dropped.err}`);
    await place.catchUp();
    deepEqual(await place.rows('SELECT count(*), max(n) FROM b'), [[ROUNDS, 'b']]);
    const changes = await place.rows('SELECT count(*), count(DISTINCT _firn_seq) FROM a_ledger');
    ok(changes.every(([all, distinct]) => all === distinct));
    ok(nemesis.count() > 20);
    process.stdout.write(`a pipeline over a bad network: ${nemesis.count()} faults, equal\n`);
  } finally {
    await served.close();
  }
});
