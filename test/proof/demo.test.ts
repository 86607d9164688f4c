/** The demo, whole: under a minute, equal in the end, and never in somebody else's folder. */
import { equal, match, ok } from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Workplace } from '../cli/firn-process.ts';

test('firn demo ends by itself with an equal copy, again in the same folder too', async () => {
  using place = new Workplace();
  for (const round of [1, 2]) {
    const started = performance.now();
    const { code, out, err } = await place.run('demo');
    equal(code, 0, `round ${round}\n${out}\n${err}`);
    ok(performance.now() - started < 60_000, 'under a minute');
    for (const table of ['customers', 'order_lines', 'orders']) {
      match(out, new RegExp(`${table} +[\\d,]+ rows in the shop, +[\\d,]+ in the lake: equal`));
    }
    match(out, /kill -9 \d+/);
    match(out, /the lake has the column after/);
    match(out, /insert .*new/);
    match(out, /firn query firn-demo "SELECT/);
  }
  equal((await place.run('query', 'firn-demo', 'SELECT count(*) FROM orders')).code, 0);
});

test('a folder that the demo did not make is left alone', async () => {
  using place = new Workplace();
  mkdirSync(place.path('firn-demo'));
  writeFileSync(place.path('firn-demo/mine.txt'), 'mine');
  const { code, err } = await place.run('demo');
  equal(code, 2);
  match(err, /CONFIG-DEMO-FOLDER/);
  ok(existsSync(place.path('firn-demo/mine.txt')));
});

test('a demo that is stopped ends its processes', async () => {
  using place = new Workplace();
  const demo = place.start('demo');
  await demo.saw('into the lake');
  demo.child.kill('SIGINT');
  equal((await demo.ended).code, 130);
  equal((await place.run('run', 'firn-demo', '--once')).code, 0, 'nobody owns the pipeline');
});
