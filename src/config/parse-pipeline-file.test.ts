/** Pipeline files: what a good one means, what is said about each kind of bad one, and where. */
import { deepEqual, doesNotMatch, equal, ok, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { isFirnError } from '../kernel/firn-error.ts';
import { parsePipelineFile } from './parse-pipeline-file.ts';

const FILE = '/data/firn.yaml';
const GOOD = [
  'name: shop',
  'source: {type: sqlite, path: ./app.db}',
  'tables: [orders]',
  'lake: {warehouse: lake}',
];

/** A good file with one line replaced, or with one line more. */
function withLine(line: string): string {
  const key = line.split(':')[0] ?? '';
  const at = GOOD.findIndex((good) => good.startsWith(`${key}:`));
  return (at < 0 ? [...GOOD, line] : GOOD.with(at, line)).join('\n');
}

/** The problems of a file, one line each, `line:column  path: message`. */
function problemsOf(text: string): readonly string[] {
  try {
    parsePipelineFile(text, FILE);
    return [];
  } catch (error) {
    ok(isFirnError(error, 'CONFIG-INVALID'));
    return error.what
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace('firn.yaml:', ''));
  }
}

test('defaults are filled in, units become part of the names, paths become absolute', () => {
  const { tables, ...rest } = parsePipelineFile(GOOD.join('\n'), FILE);
  deepEqual(rest, {
    name: 'shop',
    fileName: FILE,
    source: { type: 'sqlite', path: '/data/app.db', pollIntervalMs: 250 },
    lake: {
      warehouse: '/data/lake',
      s3: null,
      catalog: { type: 'sqlite', path: '/data/lake/catalog.db', name: 'firn' },
      readers: [],
    },
    ledger: { commitIntervalMs: 10_000, retentionMs: 604_800_000, beforeImages: 'key', raw: false },
    base: {
      mergeIntervalMs: 60_000,
      buckets: 'auto',
      bucketBy: null,
      deleteFormat: 'position-deletes',
      foreignChanges: 'halt',
    },
    engine: 'embedded',
    cluster: null,
  });
  deepEqual(
    tables.map(({ pattern, exclude }) => [pattern, exclude]),
    [['orders', []]],
  );
});

test('a warehouse on S3 keeps its catalog and its stage on this machine', () => {
  const lake =
    'lake: {warehouse: s3://bucket/a/b/, catalog: {type: sqlite, path: c.db},' +
    ' s3: {endpoint: "http://127.0.0.1:9000", secretAccessKey: {file: key}, cache: 1GiB}}';
  const parsed = parsePipelineFile(withLine(lake), FILE).lake;
  equal(parsed.warehouse, 's3://bucket/a/b');
  equal(parsed.catalog.type === 'sqlite' && parsed.catalog.path, '/data/c.db');
  deepEqual(parsed.s3, {
    endpoint: 'http://127.0.0.1:9000',
    region: 'us-east-1',
    pathStyle: null,
    accessKeyId: null,
    secretAccessKey: { kind: 'file', path: '/data/key' },
    sessionToken: null,
    credentials: null,
    hashedLayout: false,
    stage: '/data/.firn-stage/shop',
    cacheBytes: 1024 ** 3,
  });
});

test('a catalog of another program is named with how it knows who asks', () => {
  const rest = (more: string): string =>
    withLine(`lake: {warehouse: lake, catalog: {type: rest, uri: "https://host/api"${more}}}`);
  const defaults = {
    type: 'rest',
    uri: 'https://host/api',
    warehouse: null,
    auth: { type: 'none' },
    storageKeys: 'own',
    allowPlainHttp: false,
    timeoutMs: 60_000,
  };
  deepEqual(parsePipelineFile(rest(''), FILE).lake.catalog, defaults);
  const oauth = ', auth: {type: oauth2, clientId: me, clientSecret: {env: S}}';
  deepEqual(parsePipelineFile(rest(oauth), FILE).lake.catalog, {
    ...defaults,
    auth: {
      type: 'oauth2',
      clientId: 'me',
      clientSecret: { kind: 'env', name: 'S' },
      tokenUri: null,
      scope: 'catalog',
    },
  });
  for (const host of ['127.0.0.1:8181', 'localhost', '[::1]:1']) {
    const here = withLine(`lake: {warehouse: l, catalog: {type: rest, uri: "http://${host}/x"}}`);
    equal(parsePipelineFile(here, FILE).lake.catalog.type, 'rest');
  }
  const elsewhere = ', allowPlainHttp: true, uri: "http://host"';
  const plain = rest('').replace('uri: "https://host/api"', elsewhere.slice(2));
  equal(parsePipelineFile(plain, FILE).lake.catalog.type, 'rest');
});

test('a MySQL source is verified over TLS unless it says otherwise', () => {
  const text = GOOD.with(1, 'source: {type: mysql, host: db, user: firn, password: {env: PW}}');
  const { source, tables } = parsePipelineFile(
    text.with(2, 'tables: [shop.orders, shop.*, "*.*"]').join('\n'),
    FILE,
  );
  deepEqual(source, {
    type: 'mysql',
    host: 'db',
    port: 3306,
    user: 'firn',
    password: { kind: 'env', name: 'PW' },
    tls: 'verify',
    tlsCa: null,
    serverId: 'auto',
    onSwap: 'halt',
    connectTimeoutMs: 10_000,
    heartbeatIntervalMs: 10_000,
    readConnections: 2,
  });
  equal(tables.length, 3);
});

test('a table may be a name or a section, and column names are any text', () => {
  const text = withLine(
    'tables: [42, {table: b*, exclude: [x], rename: {__proto__: y}, columns: {constructor: {onMisfit: null}}}]',
  );
  const [first, second] = parsePipelineFile(text, FILE).tables;
  equal(first?.pattern, '42');
  deepEqual(second?.exclude, ['x']);
  deepEqual(Object.entries(second?.rename ?? {}), [['__proto__', 'y']]);
  equal(second?.rename['toString'], undefined);
  deepEqual(Object.entries(second?.columns ?? {}), [['constructor', { onMisfit: 'null' }]]);
});

test('sections that say nothing are sections left out', () => {
  const text = [...GOOD, 'ledger:', 'base: # later'].join('\n');
  equal(parsePipelineFile(text, FILE).ledger.commitIntervalMs, 10_000);
});

const section = 'each a name, or a section with table, exclude, rename, columns, onDrop';
const CASES: readonly (readonly [text: string, ...problems: string[]])[] = [
  ['', '1:1  the file is empty'],
  ['# nothing', '1:1  the file is empty'],
  ['[1]', '1:1  must be a section with name, source, tables, lake, ledger, base, engine, cluster'],
  [
    'a: [',
    '1:5  this is not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  ['\tname: x', '1:1  this is not YAML: Tabs are not allowed as indentation'],
  [withLine('name: My Shop'), '1:7  name: must be small letters, digits and `_`, at most 64'],
  [
    withLine('name:'),
    '1:6  name: has no value; it must be small letters, digits and `_`, at most 64',
  ],
  [withLine('name: ../x'), '1:7  name: must be small letters, digits and `_`, at most 64'],
  [[...GOOD, 'name: shop'].join('\n'), '5:1  name: written twice; first in line 1'],
  [withLine('ledgr: {}'), '5:1  ledgr: unknown option; did you mean ledger?'],
  [withLine('Engine: x'), '5:1  Engine: unknown option; did you mean engine?'],
  [
    withLine('__proto__: {polluted: 1}'),
    '5:1  __proto__: unknown option; known here: name, source, tables, lake, ledger, base, engine, cluster',
  ],
  [
    withLine('<<: {name: x}'),
    '5:1  <<: unknown option; known here: name, source, tables, lake, ledger, base, engine, cluster',
  ],
  [
    withLine('source: mysql://u:canary@h/d'),
    '2:9  source: must be a section with type: sqlite or mysql or debezium',
  ],
  [
    withLine('source: {path: x}'),
    '2:9  source: needs the option type: sqlite or mysql or debezium',
  ],
  [
    withLine('source: {type: tidb}'),
    '2:16  source.type: this version supports sqlite, mysql, debezium',
  ],
  [
    withLine('source: {type: mysql, password: hunter2, tls: prefer, serverId: 0}'),
    '2:9  source.host: is required; it is a text',
    '2:9  source.user: is required; it is a text',
    '2:33  source.password: a secret does not belong in this file; write {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT, ...]}',
    '2:47  source.tls: must be one of verify, verify-ca, off',
    '2:65  source.serverId: must be auto, or a whole number, 1 to 4294967295',
  ],
  [
    withLine('source: {type: mysql, host: db, user: firn, tls: verify-ca}'),
    '2:9  source.tlsCa: is required with tls: verify-ca',
    '3:10  tables[0]: must be written with its database: shop.orders, shop.*',
  ],
  [
    withLine('source: {type: sqlite, pth: x}'),
    '2:9  source.path: is required; it is a path',
    '2:24  source.pth: unknown option; did you mean path?',
  ],
  [
    withLine('source: {type: sqlite, path: ~/x.db}'),
    '2:30  source.path: `~` is not expanded; write the whole path',
  ],
  [withLine('tables: []'), `3:9  tables: needs at least 1 item; ${section}`],
  [withLine('tables: a'), `3:9  tables: must be a list; ${section.replace('each', 'each item')}`],
  [withLine('tables: [a, b, a]'), '3:16  tables[2]: this table is listed twice'],
  [withLine("tables: ['']"), '3:10  tables[0].table: must be a text'],
  [
    withLine('tables: [{table: a, rename: {x: z, y: z}}]'),
    '3:10  tables[0].rename: two columns get the same name',
  ],
  [
    withLine('tables: [{table: a, rename: {x: _firn_op}}]'),
    '3:10  tables[0].rename: names that start with `_firn_` are Firn’s own; choose another',
  ],
  [
    withLine('tables: [{table: a, columns: {x: {onMisfit: txt}}}]'),
    '3:45  tables[0].columns.x.onMisfit: must be one of halt, null, text; did you mean text?',
  ],
  [
    withLine('lake: {warehouse: gs://bucket/p}'),
    '4:19  lake.warehouse: must be a path of this machine in this version, not an address',
  ],
  ...['s3://B/p', 's3://bucket/a/../b', 's3://bucket//b', 's3a://bucket/p', 's3://'].map(
    (address): [string, string] => [
      withLine(`lake: {warehouse: '${address}', catalog: {type: sqlite, path: c.db}}`),
      '4:19  lake.warehouse: must be s3://bucket/prefix, with the bucket’s name as it is in S3',
    ],
  ),
  [
    withLine('lake: {warehouse: s3://bucket/p}'),
    '4:7  lake.catalog.path: is required where the warehouse is on S3',
  ],
  [
    withLine('lake: {warehouse: l, catalog: {type: rest, uri: "http://127.0.0.1.example"}}'),
    '4:31  lake.catalog: must be asked over https://, or allowPlainHttp must be true',
  ],
  [
    withLine(
      'lake: {warehouse: l, catalog: {type: rest, uri: "https://h", auth: ' +
        '{type: oauth2, clientId: i, clientSecret: {env: S}, tokenUri: "http://t"}}}',
    ),
    '4:31  lake.catalog: must be asked over https://, or allowPlainHttp must be true',
  ],
  [
    withLine('lake: {warehouse: l, catalog: {type: rest, uri: "https://h", storageKeys: vended}}'),
    '4:31  lake.catalog: gives out keys (storageKeys: vended) only for a warehouse on s3://',
  ],
  [
    withLine('lake: {warehouse: l, catalog: {type: rest, uri: "https://me:pw@h"}}'),
    '4:49  lake.catalog.uri: must be an address such as https://host:port/path',
  ],
  [
    withLine('lake: {warehouse: lake, s3: {region: eu-west-1}}'),
    '4:29  lake.s3: is only for a warehouse on s3://',
  ],
  [
    withLine('lake: {warehouse: s3://bucket, s3: {endpoint: "http://a:b@host"}}'),
    '4:47  lake.s3.endpoint: must be an address such as https://host:port',
  ],
  [
    withLine('lake: {warehouse: s3://bucket, s3: {secretAccessKey: hunter2}}'),
    '4:54  lake.s3.secretAccessKey: a secret does not belong in this file; write {env: NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT, ...]}',
  ],
  [
    withLine('ledger: {commitInterval: 10}'),
    '5:26  ledger.commitInterval: must be a duration with its unit (ms, s, m, h, d), 100ms to 1h',
  ],
  [
    withLine('ledger: {commitInterval: 99ms}'),
    '5:26  ledger.commitInterval: must be a duration with its unit (ms, s, m, h, d), 100ms to 1h',
  ],
  [withLine('ledger: {raw: yes}'), '5:15  ledger.raw: must be true or false'],
  [
    withLine('base: {buckets: 0}'),
    '5:17  base.buckets: must be auto, or a whole number, 1 to 1024',
  ],
  [
    withLine('base: {buckets: 1e3x}'),
    '5:17  base.buckets: must be auto, or a whole number, 1 to 1024',
  ],
  [
    withLine('engine: clustr'),
    '5:9  engine: must be one of embedded, cluster; did you mean cluster?',
  ],
  [withLine('engine: !x embedded'), '5:9  this is not YAML: Unresolved tag: !x'],
  [
    withLine('engine: !!str embedded'),
    '5:15  tags (`!name`) are not used in a pipeline file; write the plain value',
  ],
  [
    withLine('base: &b {}\nledger: *b'),
    '6:9  aliases (`*name`) are not used in a pipeline file; write the value out',
  ],
  [withLine('? {a: 1}\n: 2'), '5:3  a key must be a plain name'],
  [
    `%YAML 1.1\n---\n${GOOD.join('\n')}`,
    '1:1  directives (`%YAML`) are not used in a pipeline file; take it out',
  ],
  [
    `${GOOD.join('\n')}\n---\nname: b\n`,
    '5:1  this is not YAML: Source contains multiple documents; please use YAML.parseAllDocuments()',
  ],
];

test(`bad files are refused with places and remedies (spec: P12; ${CASES.length} cases)`, () => {
  for (const [text, ...problems] of CASES) deepEqual(problemsOf(text), problems, text);
});

test('all problems are found at once', () => {
  const text = 'nme: x\nsource: {type: y}\ntables: []\nlake: {}\nengine: z';
  deepEqual(
    problemsOf(text).map((line) => line.split(' ')[0]),
    ['1:1', '1:1', '2:16', '3:9', '4:7', '5:9'],
  );
});

test('what was written is never quoted: it may be a secret in the wrong place', () => {
  const lines = [
    'name: canary-1',
    'source: {type: canary-2, password: canary-3}',
    'tables: {canary: canary-4}',
    'lake: canary-5',
    'ledger: {commitInterval: canary-6, raw: canary-7, beforeImages: canary-8}',
    'base: {buckets: canary-9}',
    'engine: canary-10',
  ];
  const problems = problemsOf(lines.join('\n'));
  ok(problems.length >= 8);
  doesNotMatch(problems.join('\n'), /canary/);
});

test('size, depth and the number of messages are bounded', () => {
  deepEqual(problemsOf(' '.repeat(300_000)), ['1:1  the file is larger than 256 KiB']);
  const deep = `${GOOD.join('\n')}\nbase: ${'['.repeat(20)}${']'.repeat(20)}`;
  ok(problemsOf(deep).includes('5:22  this is nested more than 16 levels deep'));
  ok(problemsOf('['.repeat(100_000)).join('').endsWith('this is nested more than 16 levels deep'));
  const many = Array.from({ length: 200 }, (_, index) => `zz${index}: 1`).join('\n');
  const problems = problemsOf(many);
  equal(problems.length, 51);
  equal(problems.at(-1), 'and 154 more');
});

test('an alias bomb costs nothing', () => {
  const bomb = ['a: &a [x]'];
  for (let level = 0; level < 30; level++) {
    const name = String.fromCharCode(98 + (level % 24));
    bomb.push(`${name}${level}: &${name}${level} [*a, *a, *a, *a, *a, *a, *a, *a, *a]`);
  }
  throws(
    () => parsePipelineFile(bomb.join('\n'), FILE),
    (error) => isFirnError(error, 'CONFIG-INVALID'),
  );
});
