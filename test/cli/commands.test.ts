/** A user's own database, from the first command to the last, with the real program. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { Workplace } from './firn-process.ts';

const SHOP = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, born REAL);
  CREATE TABLE lines (a INTEGER NOT NULL, b TEXT NOT NULL, n INTEGER, PRIMARY KEY (a, b));
  CREATE TABLE notes (line TEXT);
  INSERT INTO users VALUES (1, 'Ada', 1815.5), (2, NULL, NULL), (9007199254740993, 'big', 0.1);
  INSERT INTO lines VALUES (1, 'x', 1), (1, 'y', 2);
`;

async function looksFirst(): Promise<void> {
  using place = new Workplace();
  place.sql('app.db', SHOP);

  const init = await place.run('init', 'app.db');
  equal(init.code, 0, init.err);
  match(init.out, /^wrote firn\.yaml: 3 tables of .*app\.db\nnext: {2}firn check firn\.yaml/);
  match(
    readFileSync(place.path('firn.yaml'), 'utf8'),
    /- lines +# 3 columns, key a, b, about 2 rows/,
  );
  equal((await place.run('init', 'app.db')).code, 2);

  const check = await place.run('check', '.', '--json');
  equal(check.code, 0, check.err);
  equal((JSON.parse(check.out) as { ok: boolean }).ok, true);
  ok(!existsSync(place.path('lake')), 'check makes nothing');

  const types = await place.run('types', '.');
  match(types.out, /id +key +INTEGER +long +halts the table/);

  equal((await place.run('status', '.')).code, 2, 'never run: nothing to show');

  const run = await place.run('run', '.', '--once');
  equal(run.code, 0, run.err);
  match(run.out, /app {2}users: existing rows copied, 3 rows/);
}

/** A place with a pipeline that has copied the shop once. */
async function copiedShop(): Promise<Workplace> {
  const place = new Workplace();
  place.sql('app.db', SHOP);
  equal((await place.run('init', 'app.db')).code, 0);
  equal((await place.run('run', '.', '--once')).code, 0);
  return place;
}

async function answers(): Promise<void> {
  using place = await copiedShop();

  place.sql(
    'app.db',
    "UPDATE users SET name = 'Augusta' WHERE id = 1; DELETE FROM lines WHERE b = 'x'",
  );
  const joined = await place.run('bootstrap', '.', '--join');
  equal(joined.code, 0, joined.err);
  equal(joined.out, 'no table needs loading\n');
  const unsaid = await place.run('bootstrap', '.');
  equal(unsaid.code, 2);
  match(unsaid.err, /--table.*--join/);

  const behind = await place.run('verify', '.');
  equal(behind.code, 1, behind.out);
  match(behind.out, /app\.users +different/);
  match(behind.out, /1: differs in name/);

  equal((await place.run('run', '.', '--once')).code, 0);
  const verify = await place.run('verify', '.');
  equal(verify.code, 0, verify.out);
  match(verify.out, /app\.lines +equal +1 rows in the source, 1 in the base/);
  match(verify.out, /app\.notes +not compared: ledger only/);

  const query = await place.run('query', '.', 'SELECT * FROM users ORDER BY id', '--json');
  const answer = JSON.parse(query.out) as { rows: readonly Record<string, unknown>[] };
  deepEqual(answer.rows.slice(0, 2), [
    { id: 1, name: 'Augusta', born: 1815.5 },
    { id: 2, name: null, born: null },
  ]);
  ok(query.out.includes('{"id":9007199254740993,"name":"big","born":0.1}'), 'every digit is kept');

  const history = await place.run('history', '.', 'lines', '1', 'x');
  equal(history.code, 0, history.err);
  match(history.out, /^change +at +sequence +a +b +n\ndelete +\S+ \S+ +1:\d+ +1 +x +1\n$/);
  equal((await place.run('history', '.', 'lines', '7', 'z')).code, 1);

  const status = await place.run('status', '.', '--json');
  const document = JSON.parse(status.out) as {
    version: number;
    tables: readonly { state: string }[];
  };
  equal(document.version, 1);
  deepEqual(
    document.tables.map(({ state }) => state),
    ['streaming', 'ledger-only', 'streaming'],
  );
  match((await place.run('status', '.')).out, /app\.users +streaming +3.* equal, /);

  equal((await place.run('drop', '.', '--table', 'lines')).code, 2, 'nobody to ask');
  equal((await place.run('drop', '.', '--table', 'lines', '--yes')).code, 0);
  equal((await place.run('query', '.', 'SELECT * FROM lines')).code, 2);
  equal((await place.run('uninstall', '.', '--yes')).code, 0);
  match((await place.run('uninstall', '.', '--yes')).out, /nothing of Firn/);
}

async function twoCommands(): Promise<void> {
  using place = new Workplace();
  place.sql('my app.db', SHOP);
  const first = await place.run(
    'run',
    'my app.db',
    '--into',
    'lake',
    '--tables',
    'users',
    '--once',
  );
  equal(first.code, 0, first.err);
  match(first.out, /^wrote lake\/firn\.yaml: 1 table\n/);
  match(readFileSync(place.path('lake/firn.yaml'), 'utf8'), /^name: my_app$/m);
  equal((await place.run('run', 'sqlite:my app.db', '--into', 'lake', '--once')).code, 0);
  const csv = await place.run(
    'query',
    'lake',
    'SELECT id, name FROM users ORDER BY id',
    '--format',
    'csv',
  );
  equal(csv.out, 'id,name\n1,Ada\n2,\n9007199254740993,big\n');

  place.sql('other.db', SHOP);
  const other = await place.run('run', 'other.db', '--into', 'lake', '--once');
  equal(other.code, 2);
  match(other.err, /CONFIG-SOURCE-DIFFERS/);
}

async function wrongByName(): Promise<void> {
  using place = new Workplace();
  place.sql('app.db', 'CREATE TABLE t (a INTEGER PRIMARY KEY)');
  const cases: readonly (readonly [words: readonly string[], code: number, text: RegExp])[] = [
    [['init', 'nope.db'], 2, /CONFIG-SOURCE-UNKNOWN: there is no such file/],
    [['init', '.'], 2, /CONFIG-SOURCE-UNKNOWN: this is a folder/],
    [['init', 'mysql://me:hunter2hunter2@localhost:1/db'], 3, /SOURCE-UNREACHABLE: .*localhost:1/],
    [
      ['init', 'app.db', '--tables', 'tt'],
      2,
      /PIPELINE-NO-TABLES: the database has no table tt; it has t/,
    ],
    [
      ['run', 'app.db'],
      2,
      /CONFIG-USAGE: this is a database.*\nnext: .*firn run .*app\.db --into lake/,
    ],
    [['run', 'nope.yaml'], 2, /CONFIG-NOT-FOUND/],
    [['run'], 2, /missing required argument 'file'/],
    [['resume', 'x'], 2, /required option '--table <table>' not specified/],
    [['rnu'], 2, /unknown command 'rnu'\n\(Did you mean run\?\)/],
    [['query', 'nope', 'SELECT 1'], 2, /CONFIG-NOT-FOUND/],
    [['catalog', 'serve', '.', '--port', '1'], 2, /CONFIG-NOT-FOUND/],
    [['catalog', 'paint', '.'], 2, /CONFIG-USAGE: firn catalog knows serve/],
  ];
  for (const [words, code, text] of cases) {
    const ended = await place.run(...words);
    equal(ended.code, code, `${words.join(' ')}\n${ended.err}`);
    match(ended.err, text);
    ok(!ended.err.includes('hunter2'), 'an address is never quoted');
    equal(ended.out, '');
  }
}

async function jsonError(): Promise<void> {
  using place = new Workplace();
  const ended = await place.run('check', 'nope.yaml', '--json');
  const { error } = JSON.parse(ended.out) as { error: { code: string; remedy: string } };
  equal(error.code, 'CONFIG-NOT-FOUND');
  ok(error.remedy.length > 0);
  equal(ended.code, 2);
}

// Each waits for other processes most of the time.
suite('commands', { concurrency: 3, timeout: 120_000 }, () => {
  test('a database is looked at before anything is made, then copied (spec: V6)', looksFirst);
  test('verify, query, history, status, drop and uninstall answer (spec: P15)', answers);
  test('two commands: run SOURCE --into DIR, then it goes on by DIR alone', twoCommands);
  test('what is wrong is said by name, with the next step and an exit code', wrongByName);
  test('with --json an error is one document too', jsonError);
});
