/**
 * `firn catalog connect` as a program: what it prints, what it refuses, and that no secret shows.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { Workplace } from './firn-process.ts';

const FILE = 'name: app\nsource: {type: sqlite, path: ./app.db}\ntables: ["*"]\n';
const SECRETS = {
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-bucket',
  FIRN_CATALOG_TOKEN: 'secret-of-the-server',
};

function placeWith(lake: string): Workplace {
  const place = new Workplace(SECRETS);
  writeFileSync(place.path('firn.yaml'), `${FILE}${lake}\n`);
  return place;
}

test('lines to paste go to stdout, the rest to stderr', async () => {
  using place = placeWith('lake: {warehouse: ./lake}');
  const { code, out, err } = await place.run('catalog', 'connect', 'pyiceberg', 'firn.yaml');
  equal(code, 0, err);
  equal(
    out,
    [
      'from pyiceberg.catalog.sql import SqlCatalog',
      '',
      'catalog = SqlCatalog("firn", **{',
      `    "uri": "sqlite:///${place.path('lake/catalog.db')}",`,
      `    "warehouse": "file://${place.path('lake')}",`,
      '})',
      '',
      'catalog.load_table("NAMESPACE.TABLE").scan().to_arrow()',
      '',
    ].join('\n'),
  );
  equal(err, 'for Python with PyIceberg:\n');
});

test('one JSON document, which names the secrets and shows none', async () => {
  using place = placeWith(
    'lake: {warehouse: "s3://shop/lake", catalog: {type: sqlite, path: ./catalog.db}}',
  );
  for (const engine of ['spark', 'trino', 'duckdb', 'flink']) {
    const words = ['catalog', 'connect', engine, 'firn.yaml', '--json'];
    const { code, out } = await place.run(...words, '--uri', 'https://lake.example/');
    equal(code, 0, out);
    const document = JSON.parse(out) as Readonly<Record<string, unknown>>;
    deepEqual(Object.keys(document), ['engine', 'where', 'setup', 'read', 'notes']);
    match(out, /FIRN_CATALOG_TOKEN/);
    ok(!out.includes('secret-of'), engine);
    ok(!out.includes('lake.example//'), out);
  }
});

test('wrong words are refused with what would be right', async () => {
  using place = placeWith('lake: {warehouse: ./lake}');
  for (const [words, expected] of [
    [['excel', 'firn.yaml'], /knows spark, trino, .*, not "excel"/],
    [['spark'], /takes an engine and a pipeline file/],
    [['spark', 'firn.yaml', '--uri', 'lake.example'], /--uri takes the address/],
    [['spark', 'firn.yaml', '--uri', 'https://me:word@lake.example'], /no user and no password/],
    [['trino', 'firn.yaml'], /Trino cannot open a SQLite catalog/],
    [['spark', 'none.yaml'], /none\.yaml/],
  ] as const) {
    const { code, err } = await place.run('catalog', 'connect', ...words);
    equal(code, 2, words.join(' '));
    match(err, expected);
    ok(!err.includes('me:word'));
  }
});
