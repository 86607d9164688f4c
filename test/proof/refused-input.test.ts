/**
 * Input that cannot be used, given to the real program: each is refused by a registered code that
 * says what, where and what to do next, and leaves nothing behind that a corrected start trips
 * over.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERROR_REGISTRY } from '../../src/kernel/error-registry.ts';
import type { Ended } from '../cli/firn-process.ts';
import { LakePlace, documentsOf } from '../support/lake-place.ts';

const TABLE = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 1)';

/** What the program says of an error, for people and as a document, both complete. */
function assertCoded(ended: Ended, said: { readonly code: string; readonly exit: number }): void {
  const { code, exit } = said;
  equal(ended.code, exit, `${ended.out}${ended.err}`);
  ok(Object.hasOwn(ERROR_REGISTRY, code), code);
  match(ended.err, new RegExp(`^error ${code}: [^]+ \\(\\S*/[^]+\\)[^]*\nnext: \\S+ `));
  ok(!/at .*\.ts:\d+|BUG|bug in Firn/.test(ended.err), 'no stack, no bug');
}

const BROKEN = `name: My Shop
source: {type: sqlite, pth: ./app.db}
tables:
  - {table: t, columns: {v: {onMisfit: maybe}}}
lake: {warehouse: ./lake, catalog: {type: rset}}
ledger: {commitIntervall: 1s, retention: 1}
base: {buckets: 0}
engin: x
`;

const PROBLEMS = [
  '1:7  name: must be small letters',
  '2:9  source.path: is required',
  '2:24  source.pth: unknown option; did you mean path?',
  '4:40  tables[0].columns.v.onMisfit: must be one of halt, null, text',
  '5:43  lake.catalog.type: this version supports sqlite',
  '6:10  ledger.commitIntervall: unknown option; did you mean commitInterval?',
  '6:42  ledger.retention: must be a duration with its unit',
  '7:17  base.buckets: must be auto, or a whole number, 1 to 1024',
  '8:1  engin: unknown option; did you mean engine?',
];

test('spec: P12, P13 a broken pipeline file is refused with all its problems at once', async () => {
  using place = new LakePlace();
  place.exec(TABLE);
  place.write('firn.yaml', BROKEN);
  const commands = ['check', 'run', 'status', 'verify', 'types', 'uninstall', 'maintain'];
  for (const command of commands) {
    const ended = await place.run(command, '.');
    assertCoded(ended, { code: 'CONFIG-INVALID', exit: 2 });
    const lines = ended.err.split('\n').filter((line) => line.startsWith('  firn.yaml:'));
    equal(lines.length, PROBLEMS.length, ended.err);
    for (const [at, problem] of PROBLEMS.entries()) {
      ok(lines[at]?.startsWith(`  firn.yaml:${problem}`), `${lines[at]} is not ${problem}`);
    }
  }
  ok(!existsSync(place.lake), 'nothing was made');
  for (const [content, said] of [
    ['name: [', /firn\.yaml:1:\d+ {2}this is not YAML/],
    ['', /firn\.yaml:1:1 {2}the file is empty/],
    ['name: app\nname: app', /firn\.yaml:2:1/],
  ] as const) {
    place.write('firn.yaml', content);
    const ended = await place.run('run', '.');
    assertCoded(ended, { code: 'CONFIG-INVALID', exit: 2 });
    match(ended.err, said);
  }
  place.write('firn.yaml', Uint8Array.of(0xff, 0xfe, 0, 1));
  assertCoded(await place.run('run', '.'), { code: 'CONFIG-UNREADABLE', exit: 2 });
  process.stdout.write(`refused files: ${commands.length} commands, ${PROBLEMS.length} problems\n`);
});

/** Each: how the database is made, and what `check` and `run --once` then say. */
const DATABASES: readonly (readonly [
  what: string,
  make: (place: LakePlace) => unknown,
  code: string,
  exit: number,
])[] = [
  ['missing', () => undefined, 'SOURCE-MISSING', 2],
  ['a folder', (place) => mkdirSync(place.database), 'SOURCE-NOT-A-DATABASE', 2],
  ['text', (place) => place.write('app.db', 'x'.repeat(5000)), 'SOURCE-NOT-A-DATABASE', 2],
  ['encrypted', (place) => place.write('app.db', scrambled(0)), 'SOURCE-NOT-A-DATABASE', 2],
  ['damaged', (place) => place.write('app.db', scrambled(100)), 'SOURCE-DAMAGED', 3],
];

/** A database with all bytes from `from` on changed. */
function scrambled(from: number): Uint8Array {
  using place = new LakePlace();
  place.exec(TABLE);
  const bytes = readFileSync(place.database);
  for (let at = from; at < bytes.length; at++) bytes[at] = (at * 7919) & 0xff;
  return bytes;
}

for (const [what, make, code, exit] of DATABASES) {
  test(`spec: P13, P15 a database that is ${what} is refused as ${code}`, async () => {
    using place = new LakePlace();
    place.pipeline(['t']);
    make(place);
    for (const words of [['check'], ['types'], ['run', '--once']]) {
      const [command = '', ...more] = words;
      assertCoded(await place.run(command, '.', ...more), { code, exit });
      const { out } = await place.run(command, '.', ...more, '--json');
      const [document] = documentsOf(out).slice(-1);
      equal((document?.['error'] as { code: string } | undefined)?.code, code);
    }
  });
}

test('spec: P13 an empty file is a database without the tables that are asked for', async () => {
  using place = new LakePlace();
  place.write('app.db', '');
  place.pipeline(['t']);
  const check = await place.run('check', '.');
  equal(check.code, 1);
  match(check.out, /error +app\.t: The database has no table t\. \[SOURCE-TABLE-MISSING\]/);
  const run = await place.run('run', '.', '--once');
  assertCoded(run, { code: 'PIPELINE-NO-TABLES', exit: 2 });
  match(run.err, /The database has no table t\. \[SOURCE-TABLE-MISSING\]/);
  place.exec(TABLE);
  await place.catchUp();
  deepEqual(await place.rows('SELECT id FROM t'), [[1]]);
});

/** Lakes that cannot be used: `file` is a file, `lake` a lake with another catalog. */
const LAKES: readonly (readonly [lake: string, code: string, exit: number])[] = [
  ['{warehouse: ./file}', 'STORAGE-NOT-A-FOLDER', 3],
  ['{warehouse: ./file/below}', 'STORAGE-NOT-A-FOLDER', 3],
  ['{warehouse: ./new, catalog: {type: sqlite, path: ./file/c.db}}', 'STORAGE-NOT-A-FOLDER', 3],
  ['{warehouse: ./new, catalog: {type: sqlite, path: ./lake}}', 'CATALOG-CANNOT-OPEN', 3],
  ['{warehouse: ./new, catalog: {type: sqlite, path: ./file}}', 'CATALOG-CORRUPT', 3],
  ['{warehouse: ./lake, catalog: {type: sqlite, path: ./c.db}}', 'CATALOG-OTHER-WAREHOUSE', 3],
];

test('spec: P4, P13 a lake that cannot be used is refused, and nothing in it changes', async () => {
  using place = new LakePlace();
  place.exec(TABLE);
  place.pipeline(['t']);
  await place.catchUp();
  place.exec('INSERT INTO t VALUES (2, 2)');
  const file = readFileSync(place.file, 'utf8');
  place.write('file', 'no catalog and no folder, '.repeat(100));
  const before = filesOf(place);
  for (const [lake, code, exit] of LAKES) {
    place.write('firn.yaml', file.replace('{warehouse: ./lake}', lake));
    assertCoded(await place.run('run', '.', '--once'), { code, exit });
    deepEqual(filesOf(place), before, code);
  }
  place.write(
    'firn.yaml',
    file.replace('./lake}', './lake, catalog: {type: sqlite, path: a/b/c}}'),
  );
  place.write('firn.yaml', file);
  await place.catchUp();
  deepEqual(await place.rows('SELECT id FROM t ORDER BY id'), [[1], [2]]);
});

/** Paths of everything in the lake, and the text that must stay as it is. */
function filesOf(place: LakePlace): readonly string[] {
  const names = readdirSync(place.lake, { recursive: true, encoding: 'utf8' });
  return [
    ...names.filter((name) => !/catalog\.db-/.test(name)),
    readFileSync(place.path('file'), 'utf8'),
  ];
}

test('a catalog in a folder that is not there yet gets the folder', async () => {
  using place = new LakePlace();
  place.exec(TABLE);
  place.pipeline(['t']);
  const file = readFileSync(place.file, 'utf8');
  place.write(
    'firn.yaml',
    file.replace('./lake}', './lake, catalog: {type: sqlite, path: ./deep/er/c.db}}'),
  );
  await place.catchUp();
  ok(existsSync(place.path('deep/er/c.db')));
  deepEqual(await place.rows('SELECT id FROM t'), [[1]]);
});

const STATEMENTS = [
  'DELETE FROM t',
  'CREATE TABLE x AS SELECT 1',
  'SELECT 1; SELECT 2',
  "ATTACH 'x.db'",
  "COPY t TO 'stolen.csv'",
  'PRAGMA database_list',
  "SET memory_limit = '1TB'",
  'INSTALL httpfs',
  'EXPLAIN ANALYZE SELECT 1',
  '',
];

const FILES = [
  "SELECT * FROM 'app.db'",
  "SELECT * FROM read_text('firn.yaml')",
  "SELECT * FROM read_csv('/etc/passwd')",
  "SELECT * FROM glob('*')",
  "SELECT * FROM sqlite_scan('app.db', 't')",
  "SELECT getenv('HOME')",
];

test('spec: P9, P10 query takes one SELECT over the lake and opens no other file', async () => {
  using place = new LakePlace();
  place.exec(TABLE);
  place.pipeline(['t']);
  await place.catchUp();
  const before = readdirSync(place.folder);
  for (const statement of [...STATEMENTS, ...FILES]) {
    const ended = await place.run('query', '.', statement);
    equal(ended.code, 2, `${statement}\n${ended.out}${ended.err}`);
    equal(ended.out, '');
    match(ended.err, /^error QUERY-(?:NOT-SELECT|FAILED): [^]+\nnext: \S/);
    ok(!ended.err.includes('root:'), 'no content of a file');
  }
  deepEqual(readdirSync(place.folder), before);
  deepEqual(await place.rows('SELECT count(*) FROM t'), [[1]]);
  process.stdout.write(`refused queries: ${STATEMENTS.length} statements, ${FILES.length} files\n`);
});
