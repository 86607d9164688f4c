/**
 * Tables, columns and files with names that try to break out: of SQL, of paths, of a terminal. They
 * are copied, merged, proved and queried like any others, and nothing is written beside the lake.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { LakePlace } from '../support/lake-place.ts';

const NAMES = [
  'a`b',
  `it's "quoted"`,
  'line\nbreak',
  'tab\tand \u001B[31mred\u001B[0m',
  '../../etc/passwd',
  'a/b\\c',
  '😀',
  'x'.repeat(64),
  'x'.repeat(63),
  '\u202Ereversed',
  't; DROP TABLE users; --',
  "'); DELETE FROM t; --",
  'select',
  ' lead and trail ',
  '%2e%2e',
  '$1',
  '*',
  'a.b.c',
  'CON',
  '#{}[]&!|>',
  'ünï',
];

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const columnOf = (name: string): string => `${name} col`;

/** Everything below a folder by its path, but what the program and SQLite keep for themselves. */
function outside(place: LakePlace): readonly string[] {
  return readdirSync(dirname(place.folder)).filter((name) => /passwd|DROP|red|etc/.test(name));
}

test('spec: S17 hostile names of tables and columns go all the way and no further', async () => {
  using place = new LakePlace();
  const database = place.open();
  for (const name of NAMES) {
    const column = quote(columnOf(name));
    database.exec(`CREATE TABLE ${quote(name)} (${column} TEXT NOT NULL PRIMARY KEY, n INTEGER)`);
    database.prepare(`INSERT INTO ${quote(name)} VALUES (?, 1), ('old', 1)`).run(name);
  }
  const before = outside(place);
  // The file that init writes must name each of them so that it is found again.
  equal((await place.run('init', 'app.db')).code, 0);
  await place.catchUp();
  for (const name of NAMES) {
    database.exec(`UPDATE ${quote(name)} SET n = 2 WHERE ${quote(columnOf(name))} = 'old'`);
    database.prepare(`DELETE FROM ${quote(name)} WHERE ${quote(columnOf(name))} = ?`).run(name);
  }
  const said = await place.catchUp();
  for (const mark of ['\u001B', '\u202E', '\t']) ok(!said.includes(mark), 'nothing to obey');
  const [proof] = await place.documents('verify', '.');
  equal(proof?.['equal'], true);
  equal((proof?.['tables'] as readonly unknown[] | undefined)?.length, NAMES.length);
  const each = NAMES.map((name) => `SELECT ${quote(columnOf(name))}, n FROM ${quote(name)}`);
  const rows = await place.rows(each.join(' UNION ALL '));
  deepEqual(
    rows,
    NAMES.map(() => ['old', 2]),
  );
  const history = await place.run('history', '.', "'); DELETE FROM t; --", 'old', '--json');
  equal(history.code, 0, history.err);
  equal((JSON.parse(history.out) as { rows: unknown[] }).rows.length, 1);
  equal((await place.run('history', '.', 'a`b', "old' OR '1'='1")).code, 1, 'a key is no SQL');

  for (const name of readdirSync(join(place.lake, 'app'))) {
    ok(/^[a-z0-9_-]{1,80}$/.test(name), `a plain folder: ${name}`);
  }
  deepEqual(outside(place), before);
  deepEqual(
    new Set(readdirSync(place.folder).map((name) => name.replace(/^app\.db.*/, 'app.db'))),
    new Set(['app.db', 'firn.yaml', 'lake', 'runtime']),
  );
  equal((await place.run('uninstall', '.', '--yes')).code, 0);
  deepEqual(ownObjects(database), []);
  process.stdout.write(`hostile names: ${NAMES.length} tables, as many columns\n`);
});

function ownObjects(database: DatabaseSync): readonly unknown[] {
  return database.prepare(`SELECT name FROM sqlite_master WHERE name GLOB '_firn_*'`).all();
}

const FILES = [
  `it's "my" data.db`,
  '-v.db',
  'a b; rm -rf x.db',
  '$(touch pwned).db',
  '😀.db',
  '%2e%2e?mode=memory#x.db',
  'line\nbreak.db',
];

test('spec: S17, P13 files with hostile names are copied from and to', async () => {
  for (const [at, name] of FILES.entries()) {
    using place = new LakePlace();
    place.exec('CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (7)');
    renameSync(place.database, place.path(name));
    const lake = `lake of ${name}`;
    const run = await place.run('run', `sqlite:${name}`, '--into', lake, '--once');
    equal(run.code, 0, `${run.out}${run.err}`);
    const query = await place.run('query', lake, 'SELECT id FROM t', '--format', 'csv');
    equal(query.out, 'id\n7\n', query.err);
    const verify = await place.run('verify', lake);
    equal(verify.code, 0, verify.err);
    ok(existsSync(join(place.folder, lake, 'catalog.db')), `${at}`);
    ok(!existsSync(place.path('pwned')));
    const file = readFileSync(join(place.folder, lake, 'firn.yaml'), 'utf8');
    ok(/^name: "?[a-z0-9_]{1,64}"?$/m.test(file), file.slice(0, 200));
  }
  process.stdout.write(`hostile files: ${FILES.length} databases and lakes\n`);
});

test('a lake below a folder with a hostile name is read by its path again', async () => {
  using place = new LakePlace();
  place.exec('CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (7)');
  const folder = place.path(`50% "off" & 'more' #1 ?`);
  mkdirSync(folder);
  equal((await place.run('run', 'app.db', '--into', join(folder, 'a b'), '--once')).code, 0);
  place.exec('INSERT INTO t VALUES (8); DELETE FROM t WHERE id = 7');
  equal((await place.run('run', 'app.db', '--into', join(folder, 'a b'), '--once')).code, 0);
  equal((await place.run('verify', join(folder, 'a b'))).code, 0);
});
