/**
 * The source changed behind the pipeline's back: an older copy restored, the file replaced while
 * running, everything of Firn's taken out. Never a silent loss, and nothing of ours left behind.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { copyFileSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { LakePlace } from '../support/lake-place.ts';

const TABLES = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
  CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT);
  INSERT INTO t VALUES (1, 'a'), (2, 'b')`;

/** Keeps a copy of the database as a backup does. */
function backUp(place: LakePlace): void {
  place.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  copyFileSync(place.database, place.path('backup.db'));
}

function removeDatabase(place: LakePlace): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${place.database}${end}`, { force: true });
}

function restore(place: LakePlace): void {
  removeDatabase(place);
  copyFileSync(place.path('backup.db'), place.database);
}

async function assertEqualCopy(place: LakePlace): Promise<void> {
  const { code, out, err } = await place.run('verify', '.');
  equal(code, 0, `${out}${err}`);
}

/** Each: what is written to the restored copy, so that its ids are below, equal to, above. */
const RESTORED = [
  ['nothing written', ''],
  ['as many changes', `INSERT INTO t VALUES (40, 'x'), (41, 'y')`],
  ['more changes', `INSERT INTO t VALUES (40, 'x'), (41, 'y'), (42, 'z'), (43, 'z')`],
  ['the same statements', `INSERT INTO t VALUES (4, 'd'); DELETE FROM t WHERE id = 1`],
] as const;

for (const [what, sql] of RESTORED) {
  test(`spec: S10, O7, B10 an older copy is restored, ${what}: a new epoch`, async () => {
    using place = new LakePlace();
    place.exec(TABLES);
    place.pipeline(['t', 'u']);
    await place.catchUp();
    place.exec(`INSERT INTO t VALUES (3, 'c')`);
    await place.catchUp();
    backUp(place);
    place.exec(`INSERT INTO t VALUES (4, 'd'); DELETE FROM t WHERE id = 1`);
    await place.catchUp();
    const before = await place.rows('SELECT * FROM t_ledger ORDER BY _firn_seq');
    restore(place);
    if (sql !== '') place.exec(sql);
    match(await place.catchUp(), /older copy was restored\. Epoch 2 starts, .* loaded again/);
    await assertEqualCopy(place);
    place.exec(`INSERT INTO t VALUES (90, 'after'); INSERT INTO u VALUES (1, 'after')`);
    await place.catchUp();
    await assertEqualCopy(place);
    const now = await place.rows('SELECT * FROM t_ledger ORDER BY _firn_epoch, _firn_seq');
    deepEqual(now.slice(0, before.length), before, 'what was recorded stays');
    equal(now.length, before.length + 1);
  });
}

test('spec: S10, B10 an older copy without a column is loaded again by itself', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  backUp(place);
  place.exec(`ALTER TABLE t ADD COLUMN w TEXT; INSERT INTO t VALUES (3, 'c', 'w')`);
  await place.catchUp();
  restore(place);
  place.exec(`INSERT INTO t VALUES (4, 'd')`);
  match(await place.catchUp(), /older copy was restored\. Epoch 2 starts/);
  await assertEqualCopy(place);
  deepEqual(await place.rows('SELECT id, v, w FROM t ORDER BY id'), [
    [1, 'a', null],
    [2, 'b', null],
    [4, 'd', null],
  ]);
});

test('spec: S10 a file replaced or removed while running is noticed', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  const running = place.start('run', '.');
  await running.saw('u: existing rows copied');
  backUp(place);
  place.exec(`INSERT INTO t VALUES (3, 'c')`);
  await running.saw('ledger');
  restore(place);
  place.exec(`INSERT INTO t VALUES (50, 'restored')`);
  await running.saw('Epoch 2 starts');
  await place.documents('merge', '.');
  await assertEqualCopy(place);
  deepEqual(await place.rows('SELECT id FROM t_live ORDER BY id'), [[1], [2], [50]]);
  removeDatabase(place);
  const { code, err } = await running.ended;
  equal(code, 2);
  match(err, /error SOURCE-MISSING: .*\(sqlite:\S+app\.db\)\nnext: /);
  match((await place.run('status', '.')).out, /halted SOURCE-MISSING: /);
});

/** Schema and rows of every table, and the settings that stay in the file. */
function contentOf(path: string): unknown {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const schema = database
      .prepare(`SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name`)
      .all();
    const tables = schema.filter(({ type }) => type === 'table').map(({ name }) => String(name));
    return {
      schema,
      rows: tables.map((name) => database.prepare(`SELECT * FROM "${name}"`).all()),
      settings: ['journal_mode', 'user_version', 'application_id', 'auto_vacuum', 'encoding'].map(
        (name) => database.prepare(`PRAGMA ${name}`).get(),
      ),
    };
  } finally {
    database.close();
  }
}

for (const mode of ['delete', 'wal']) {
  test(`spec: S16 uninstall leaves a database in ${mode} mode as it was`, async () => {
    using place = new LakePlace();
    place.exec(`PRAGMA journal_mode = ${mode}; PRAGMA user_version = 7;
      CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT UNIQUE COLLATE NOCASE);
      CREATE TABLE w (a TEXT NOT NULL, b BLOB NOT NULL, PRIMARY KEY (b, a)) WITHOUT ROWID;
      CREATE TABLE plain (x);
      CREATE INDEX i ON t (v DESC) WHERE v > 'a'; CREATE VIEW seen AS SELECT v FROM t;
      CREATE TRIGGER mine AFTER INSERT ON t BEGIN UPDATE t SET v = upper(v) WHERE id = NEW.id; END;
      INSERT INTO t(v) VALUES ('a'); INSERT INTO w VALUES ('a', x'00'); INSERT INTO plain VALUES (1)`);
    const before = contentOf(place.database);
    place.pipeline(['"*"']);
    await place.catchUp();
    ok(JSON.stringify(contentOf(place.database)).includes('_firn_log'));

    const refused = await place.run('uninstall', '.');
    equal(refused.code, 2, 'there is nobody to ask');
    match(refused.err, /CONFIG-CONFIRM/);
    match(refused.out, /runs in the source:\n(?: {2}DROP [^\n]+;\n)+/);
    equal((await place.run('uninstall', '.', '--yes')).code, 0);
    deepEqual(contentOf(place.database), before);
    match((await place.run('uninstall', '.', '--yes')).out, /nothing of Firn/);

    // Changes nobody recorded: the next run says so, and loads everything again.
    place.exec(`INSERT INTO t(v) VALUES ('b')`);
    match(await place.catchUp(), /Epoch 2 starts, and every table is loaded again/);
    await assertEqualCopy(place);
  });
}
