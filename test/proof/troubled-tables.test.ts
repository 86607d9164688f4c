/**
 * Tables in trouble, through the real program: the one that cannot go on is halted by name, with a
 * code and what to do; the others go on; what the remedy says brings it back complete.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../src/kernel/lossless-json.ts';
import { LakePlace } from '../support/lake-place.ts';

const TABLES = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
  CREATE TABLE u (id INTEGER PRIMARY KEY, n INTEGER);
  INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1)`;

/** State of every table by name; of a halted one its code. */
async function states(place: LakePlace): Promise<Readonly<Record<string, string>>> {
  const [status] = await place.documents('status', '.');
  const tables = status?.['tables'] as unknown as readonly (JsonObject & {
    readonly table: string;
    readonly state: string;
    readonly halted: { readonly code: string; readonly remedy: string } | null;
  })[];
  return Object.fromEntries(
    tables.map(({ table, state, halted }) => [table.slice('app.'.length), halted?.code ?? state]),
  );
}

/** Waits until the status of a running pipeline is this. */
async function becomes(place: LakePlace, wanted: Readonly<Record<string, string>>): Promise<void> {
  for (let look = 0; ; look++) {
    const found = await states(place);
    if (look === 15) deepEqual(found, wanted);
    if (JSON.stringify(Object.entries(found)) === JSON.stringify(Object.entries(wanted))) return;
    await sleep(200);
  }
}

async function assertEqualCopy(place: LakePlace): Promise<void> {
  const { code, out, err } = await place.run('verify', '.');
  equal(code, 0, `${out}${err}`);
}

test('spec: P5, S13, V2 a value that does not fit halts its table until it is mended', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  place.exec(`INSERT INTO t VALUES (2, 'two'), (3, 3); INSERT INTO u VALUES (2, 2)`);
  const said = await place.catchUp(3);
  match(said, /t: halted, Column n, declared INTEGER, .* \[SOURCE-VALUE-MISFIT\]\n +next: Correct/);
  ok(!said.includes('two'), 'the value itself is not shown');
  deepEqual(await states(place), { t: 'SOURCE-VALUE-MISFIT', u: 'streaming' });
  deepEqual(await place.rows('SELECT id FROM u ORDER BY id'), [[1], [2]]);
  deepEqual(await place.rows('SELECT id FROM t'), [[1]], 'nothing is guessed');

  // Going on without mending anything halts at the same place, and costs nothing.
  equal((await place.run('resume', '.', '--table', 't')).code, 0);
  await place.catchUp(3);
  place.exec('UPDATE t SET n = 2 WHERE id = 2');
  equal((await place.run('bootstrap', '.', '--table', 't')).code, 0);
  deepEqual(await states(place), { t: 'streaming', u: 'streaming' });
  await assertEqualCopy(place);
  deepEqual(await place.rows('SELECT id, n FROM t ORDER BY id'), [
    [1, 1],
    [2, 2],
    [3, 3],
  ]);
});

test('spec: P5, V2, V6 a policy decides about values that do not fit', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  place.exec(`INSERT INTO t VALUES (2, 'two'); INSERT INTO t VALUES (3, NULL)`);
  await place.catchUp(3);
  place.pipeline(['{table: t, columns: {n: {onMisfit: null}}}', 'u']);
  equal((await place.run('resume', '.', '--table', 't')).code, 0);
  await place.catchUp();
  deepEqual(await place.rows('SELECT id, n FROM t ORDER BY id'), [
    [1, 1],
    [2, null],
    [3, null],
  ]);
  await assertEqualCopy(place);

  place.pipeline(['{table: t, columns: {n: {onMisfit: text}}}', 'u']);
  match((await place.run('types', '.')).out, /n +INTEGER +string +is kept: the column is text/);
  equal((await place.run('drop', '.', '--table', 't', '--yes')).code, 0);
  await place.catchUp();
  deepEqual(await place.rows('SELECT id, n FROM t ORDER BY id'), [
    [1, '1'],
    [2, 'two'],
    [3, null],
  ]);
  await assertEqualCopy(place);
});

test('spec: P5, S18 a table dropped or renamed while running is named, others go on', async () => {
  using place = new LakePlace();
  place.exec(`${TABLES}; CREATE TABLE v (id INTEGER PRIMARY KEY)`);
  place.pipeline(['t', 'u', 'v']);
  const running = place.start('run', '.');
  await running.saw('v: existing rows copied');
  place.exec('DROP TABLE v; ALTER TABLE t RENAME TO t2; INSERT INTO t2 VALUES (9, 9)');
  place.exec('INSERT INTO u VALUES (2, 2)');
  const gone = { t: 'SOURCE-TABLE-RENAMED', u: 'streaming', v: 'SOURCE-TABLE-MISSING' };
  await becomes(place, gone);
  await place.documents('merge', '.');
  deepEqual(await place.rows('SELECT id FROM u ORDER BY id'), [[1], [2]]);
  deepEqual(await place.rows('SELECT id FROM t'), [[1]], 'what there was stays readable');

  // Asking to go on does not make the reason disappear.
  equal((await place.run('resume', '.', '--table', 'v')).code, 0);
  await becomes(place, { ...gone, t: 'SOURCE-TABLE-MISSING' });
  const verify = await place.run('verify', '.');
  equal(verify.code, 1);
  match(verify.out, /app\.u +equal/);
  match(verify.out, /app\.v +not compared: .* \[SOURCE-TABLE-MISSING\]/);

  place.exec('ALTER TABLE t2 RENAME TO t; CREATE TABLE v (id INTEGER PRIMARY KEY)');
  place.exec('INSERT INTO v VALUES (7)');
  equal((await place.run('resume', '.', '--table', 't')).code, 0);
  await becomes(place, { t: 'streaming', u: 'streaming', v: 'streaming' });
  await assertEqualCopy(place);
  deepEqual(await place.rows('SELECT id FROM t_live ORDER BY id'), [[1], [9]]);
  deepEqual(await place.rows('SELECT id FROM v_live'), [[7]]);
  running.child.kill('SIGTERM');
  equal((await running.ended).code, 130);

  place.exec('DROP TABLE v');
  match(await place.catchUp(3), /v: halted, .* \[SOURCE-TABLE-MISSING\]\n +next: /);
  deepEqual(await states(place), { t: 'streaming', u: 'streaming', v: 'SOURCE-TABLE-MISSING' });
});

test('spec: L2, P5 a column with a name of ours is refused until it has another', async () => {
  using place = new LakePlace();
  place.exec(`${TABLES};
    CREATE TABLE odd (_firn_op TEXT, id INTEGER PRIMARY KEY, "_FIRN_x" BLOB);
    INSERT INTO odd VALUES ('mine', 1, x'00')`);
  place.pipeline(['"*"']);
  const check = await place.run('check', '.');
  equal(check.code, 1);
  match(check.out, /app\.odd: Column _firn_op .*\n? +\[SOURCE-RESERVED-COLUMN\]\n.*rename: \{/);
  match(await place.catchUp(3), /odd: halted, .* \[SOURCE-RESERVED-COLUMN\]\n +next: .*rename:/);
  deepEqual(await states(place), { odd: 'SOURCE-RESERVED-COLUMN', t: 'streaming', u: 'streaming' });
  deepEqual(await place.rows('SELECT id FROM t'), [[1]]);
  place.pipeline(['{table: odd, rename: {_firn_op: op, _FIRN_x: x}}', '"*"']);
  await place.catchUp();
  place.exec(`UPDATE odd SET _firn_op = 'changed'`);
  await place.catchUp();
  deepEqual(await place.rows('SELECT op, id, x FROM odd'), [['changed', 1, '\\x00']]);
  deepEqual(await place.rows('SELECT _firn_op, op FROM odd_ledger'), [['u', 'changed']]);
  await assertEqualCopy(place);
});

test('spec: B11, P3 drop and bootstrap start a table over beside the others', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  const running = place.start('run', '.');
  await running.saw('u: existing rows copied');
  place.exec('UPDATE t SET n = 2; UPDATE u SET n = 2');
  await place.documents('merge', '.');
  const asked = await place.documents('bootstrap', '.', '--table', 't');
  equal(asked.at(-1)?.['halted'], null);
  deepEqual(await place.rows('SELECT n FROM t'), [[2]]);

  const [dropped] = await place.documents('drop', '.', '--table', 't', '--yes');
  deepEqual(dropped?.['removed'], ['app.t', 'app.t_ledger']);
  place.exec('INSERT INTO t VALUES (2, 2)');
  await becomes(place, { t: 'streaming', u: 'streaming' });
  await assertEqualCopy(place);
  running.child.kill('SIGTERM');
  equal((await running.ended).code, 130);

  equal((await place.run('drop', '.', '--table', 'u', '--yes')).code, 0);
  equal((await place.run('query', '.', 'SELECT * FROM u')).code, 2, 'it is gone');
  const unknown = await place.run('drop', '.', '--table', 'nope', '--yes');
  equal(unknown.code, 2);
  match(unknown.err, /PIPELINE-UNKNOWN-TABLE: There is no table nope; there are t/);
  await place.catchUp();
  await assertEqualCopy(place);
  deepEqual(await place.rows('SELECT id, n FROM u'), [[1, 2]]);
});
