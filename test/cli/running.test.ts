/** A pipeline that runs: others reach it, a second owner is refused, signals end it in order. */
import { equal, match } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { Workplace } from './firn-process.ts';

const PIPELINE = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t VALUES (1, 'a')";

function pipelineFile(name: string): string {
  return [
    `name: ${name}`,
    `source: {type: sqlite, path: ./${name}.db}`,
    'tables: [t]',
    `lake: {warehouse: ./${name}}`,
    '',
  ].join('\n');
}

async function runningPipeline(): Promise<void> {
  using place = new Workplace();
  place.sql('app.db', PIPELINE);
  const pipeline = place.start('run', 'app.db', '--into', 'lake', '--json');
  await pipeline.saw('"event":"published"');

  const second = await place.run('run', 'lake');
  equal(second.code, 3, second.out);
  match(second.err, /PIPELINE-OWNED/);

  place.sql('app.db', "INSERT INTO t VALUES (2, 'b')");
  await pipeline.saw('"event":"committed"');

  equal((await place.run('merge', 'lake')).code, 0);
  const query = await place.run('query', 'lake', 'SELECT count(*) AS n FROM t', '--format', 'csv');
  equal(query.out, 'n\n2\n');
  match((await place.run('status', 'lake')).out, /running for .* process \d+/);
  equal((await place.run('verify', 'lake')).code, 0);

  place.sql('app.db', "UPDATE t SET v = 'c' WHERE id = 1");
  await place.run('verify', 'lake');
  pipeline.child.kill('SIGTERM');
  const ended = await pipeline.ended;
  equal(ended.code, 130, ended.err);
  match(ended.err, /^stopping; once more to stop at once\n$/);
  const live = await place.run(
    'query',
    'lake',
    'SELECT v FROM t_live ORDER BY id',
    '--format',
    'csv',
  );
  equal(live.out, 'v\nc\nb\n', live.err);
}

async function tailFollows(): Promise<void> {
  using place = new Workplace();
  place.sql('app.db', PIPELINE);
  const file = `${pipelineFile('app')}ledger: {commitInterval: 200ms}\n`;
  writeFileSync(place.path('firn.yaml'), file);
  const pipeline = place.start('run', '.', '--json');
  await pipeline.saw('"event":"published"');
  const tail = place.start('tail', '.', '--json');
  const seen = tail.saw('"_firn_op":"c"');
  // Only what arrives after its start is shown, so there is always something on its way.
  let id = 10;
  const writing = setInterval(() => {
    id += 1;
    place.sql('app.db', `INSERT INTO t VALUES (${id}, 'x')`);
  }, 200);
  try {
    await seen;
  } finally {
    clearInterval(writing);
  }
  tail.child.kill('SIGINT');
  equal((await tail.ended).code, 130);
}

async function severalPipelines(): Promise<void> {
  using place = new Workplace();
  for (const name of ['one', 'two', 'gone'])
    writeFileSync(place.path(`${name}.yaml`), pipelineFile(name));
  place.sql('one.db', PIPELINE);
  place.sql('two.db', PIPELINE);
  const ended = await place.run('run', 'one.yaml', 'gone.yaml', 'two.yaml', '--once');
  equal(ended.code, 2, ended.err);
  match(ended.err, /SOURCE-MISSING.*gone\.db/);
  for (const name of ['one', 'two']) {
    match(ended.out, new RegExp(`${name} {2}t: existing rows copied, 1 row`));
    equal((await place.run('verify', `${name}.yaml`)).code, 0);
  }
}

async function folderOfPipelines(): Promise<void> {
  using place = new Workplace();
  for (const name of ['one', 'two']) {
    place.sql(`${name}.db`, PIPELINE);
    writeFileSync(place.path(`${name}.yaml`), pipelineFile(name));
  }
  writeFileSync(place.path('broken.yml'), 'name: [');
  const owner = place.start('run', 'one.yaml', '--json');
  await owner.saw('"event":"published"');
  // A file that cannot be read, and one that somebody else runs, stop nothing.
  const all = place.start('run', '.', '--json');
  await Promise.all([all.saw('CONFIG-INVALID'), all.saw('"event":"published"')]);
  await Promise.all([all.saw('PIPELINE-OWNED'), all.saw('one starts again in 30 s')]);
  place.sql('two.db', "INSERT INTO t VALUES (2, 'b')");
  await all.saw('"event":"committed"');
  all.child.kill('SIGTERM');
  equal((await all.ended).code, 3);
  owner.child.kill('SIGTERM');
  equal((await owner.ended).code, 130);
}

async function toldAtItsEnd(): Promise<void> {
  using place = new Workplace();
  place.sql('app.db', PIPELINE);
  const first = await place.run('run', 'app.db', '--into', 'lake', '--once');
  match(first.out, /capturing 1 table: t\n.* t: existing rows copied, 1 row\n$/);
  match((await place.run('run', 'lake', '--once')).out, /capturing 1 table: t\n.* nothing new\n$/);
  place.sql('app.db', "INSERT INTO t VALUES (2, 'b')");
  const third = await place.run('run', 'lake', '--once');
  match(third.out, /ledger: t 1 change, .* behind the source; base: \+1 -0 rows\n$/);
}

async function lakeChecked(): Promise<void> {
  using place = new Workplace();
  place.sql('app.db', PIPELINE);
  equal((await place.run('init', 'app.db')).code, 0);
  const file = readFileSync(place.path('firn.yaml'), 'utf8');
  writeFileSync(place.path('firn.yaml'), file.replace('./lake', './app.db/lake'));
  const check = await place.run('check', '.');
  equal(check.code, 1);
  match(check.out, /error +The lake cannot be made at .*\n.* is not a folder\. \[warehouse\]/);
  const run = await place.run('run', '.', '--once');
  match(run.err, /^error STORAGE-/);
}

// Each waits for other processes most of the time.
suite('running pipelines', { concurrency: 3, timeout: 120_000 }, () => {
  test(
    'a running pipeline is asked, not doubled, and ends in order (spec: P1, P3, P7)',
    runningPipeline,
  );
  test('tail shows what arrives, until it is stopped', tailFollows);
  test(
    'several pipelines in one process: one that fails does not stop the others',
    severalPipelines,
  );
  test('a folder of pipelines: one that cannot run rests, the others go on', folderOfPipelines);
  test('catching up once says what came of it', toldAtItsEnd);
  test('check says that a lake cannot be made, and makes nothing', lakeChecked);
});
