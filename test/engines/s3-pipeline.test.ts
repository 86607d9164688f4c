/**
 * A whole pipeline whose warehouse is on a real S3-compatible server: copied, merged, proved and
 * queried by the program, and read by PyIceberg from the bucket, value by value.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hashedPath, plainName } from '../../src/iceberg/layout/hashed-layout.ts';
import { present } from '../../src/kernel/assert.ts';
import { createS3ObjectStore } from '../../src/storage/s3/s3-object-store.ts';
import { freePort } from '../../tools/servers/database-server.ts';
import { S3_KEYS, startS3Server } from '../../tools/servers/s3-server.ts';
import type { RunningS3Server } from '../../tools/servers/s3-server.ts';
import { LakePlace } from '../support/lake-place.ts';
import { TEST_BUCKET, makeBucket, storeOptions } from '../support/s3-bucket.ts';
import type { PyRow } from './pyiceberg.ts';
import { pythonSkip, readRows, runPython } from './pyiceberg.ts';
import { answerRows, ordered, sourceRows } from './torture-table.ts';
import { TortureWork, WORK_SCHEMA, WORK_TABLES } from './torture-work.ts';

const skip = pythonSkip();
const ROUNDS = 3;
/** Enough for files of which only parts are fetched. */
const WIDE_ROWS = 40_000;
const WAREHOUSE = `s3://${TEST_BUCKET}/shop/lake`;

const folder = mkdtempSync(join(tmpdir(), 'firn-s3-pipeline-'));
const place = new LakePlace({
  AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
});
const database = place.open();
const work = new TortureWork(database, 11);
let server: RunningS3Server | null = null;

function pipelineFile(endpoint: string, warehouse = WAREHOUSE): string {
  return [
    'name: app',
    'source: {type: sqlite, path: ./app.db, pollInterval: 20ms}',
    'tables: ["*"]',
    'lake:',
    `  warehouse: ${warehouse}`,
    `  s3: {endpoint: "${endpoint}", hashedLayout: true}`,
    '  catalog: {type: sqlite, path: ./catalog.db}',
    'ledger: {commitInterval: 100ms}',
    'base: {mergeInterval: 1s}',
    '',
  ].join('\n');
}

before(async () => {
  if (skip !== false) return;
  server = await startS3Server('seaweedfs', folder);
  await makeBucket(server.endpoint);
  process.env['FIRN_CATALOG_PROPERTIES'] = JSON.stringify({
    's3.endpoint': server.endpoint,
    's3.access-key-id': S3_KEYS.accessKeyId,
    's3.secret-access-key': S3_KEYS.secretAccessKey,
    's3.region': 'us-east-1',
  });
  database.exec(WORK_SCHEMA);
  work.fill();
  database.exec(`CREATE TABLE wide(id INTEGER PRIMARY KEY, word TEXT, bulk TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${WIDE_ROWS})
    INSERT INTO wide SELECT i, 'w' || i % 50, hex(randomblob(60)) FROM n`);
  place.write('firn.yaml', pipelineFile(server.endpoint));
});

after(async () => {
  delete process.env['FIRN_CATALOG_PROPERTIES'];
  place[Symbol.dispose]();
  await server?.end();
  rmSync(folder, { recursive: true, force: true });
});

/** Source, PyIceberg and `firn query` must agree on every base; the last two on every ledger. */
async function assertAllSame(): Promise<string> {
  let said = '';
  for (const table of WORK_TABLES) {
    const name = table.table;
    const fromPython = (of: string) =>
      ordered(readRows({ catalogPath: place.path('catalog.db'), table: `app.${of}` }));
    const rows = fromPython(name);
    deepEqual(rows, ordered(sourceRows(database, table)), `base of ${name}`);
    const changes = fromPython(`${name}_ledger`);
    for (const [asked, expected] of [
      [name, rows],
      [`${name}_live`, rows],
      [`${name}_ledger`, changes],
    ] as const) {
      const answer = await place.query(`SELECT * FROM ${asked}`);
      deepEqual(ordered(answerRows(answer)), expected, asked);
    }
    said += ` ${name} ${rows.length}+${changes.length}`;
  }
  return said;
}

test('check says that the bucket can be used', { skip }, async () => {
  const { code, out } = await place.run('check', place.file);
  equal(code, 0, out);
  match(out, /The lake can be read, written, listed and\s+cleaned:\s+s3:/);
});

test('a warehouse on S3 holds what a folder would hold', { skip }, async () => {
  await place.catchUp();
  process.stdout.write(`bootstrap on S3: rows of base + ledger alike:${await assertAllSame()}\n`);
  for (let round = 0; round < ROUNDS; round++) {
    work.round();
    await place.catchUp();
  }
  process.stdout.write(`${ROUNDS} merges on S3: alike:${await assertAllSame()}\n`);
  const proof = await place.run('verify', place.file);
  equal(proof.code, 0, `${proof.out}${proof.err}`);
  const maintained = await place.run('maintain', place.file);
  equal(maintained.code, 0, `${maintained.out}${maintained.err}`);
  await assertAllSame();
});

test('large files are read in part, and alike', { skip }, async () => {
  database.exec(`UPDATE wide SET word = 'changed', bulk = bulk || '.' WHERE id % 50 = 1;
    DELETE FROM wide WHERE id % 77 = 0; INSERT INTO wide VALUES(-1, NULL, 'new')`);
  await place.catchUp();
  for (const sql of [
    'SELECT count(*) AS n, sum(id) AS s FROM wide',
    'SELECT word, count(*) AS n, min(id) AS low FROM wide GROUP BY word ORDER BY word NULLS LAST',
    'SELECT id, bulk FROM wide WHERE id < 60 ORDER BY id',
  ]) {
    const expected = database.prepare(sql).all();
    const texts = (rows: readonly object[]): readonly string[] =>
      rows.map((row) => Object.values(row).map(String).join('|'));
    deepEqual(texts((await place.query(sql)).rows), texts(expected), sql);
    deepEqual(texts((await place.query(sql.replace('wide', 'wide_live'))).rows), texts(expected));
  }
  const proof = await place.run('verify', place.file, '--table', 'wide');
  equal(proof.code, 0, `${proof.out}${proof.err}`);
});

test(
  'a client of firn catalog serve brings keys only, and reads from the bucket',
  { skip },
  async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const serving = place.start('catalog', 'serve', place.file, '--port', `${port}`, '--json');
    const given = process.env['FIRN_CATALOG_PROPERTIES'];
    try {
      await serving.saw(url);
      process.env['FIRN_CATALOG_PROPERTIES'] = JSON.stringify({
        's3.access-key-id': S3_KEYS.accessKeyId,
        's3.secret-access-key': S3_KEYS.secretAccessKey,
        's3.region': 'us-east-1',
      });
      const [name = '', ...lines] = runPython('test/engines/read.py', ['rows', url, 'app.torture'])
        .trimEnd()
        .split('\n');
      equal(name, '"app.torture"');
      const rows = lines.map((line) => JSON.parse(line) as PyRow);
      const table = present(WORK_TABLES[0], 'a table');
      deepEqual(ordered(rows), ordered(sourceRows(database, table)));
    } finally {
      process.env['FIRN_CATALOG_PROPERTIES'] = given;
      serving.child.kill('SIGTERM');
      await serving.ended;
    }
  },
);

test('all of the lake is in the bucket, and nothing stays on this machine', { skip }, async () => {
  const options = storeOptions(server?.endpoint ?? '', join(folder, 'copies'));
  const store = createS3ObjectStore({ ...options, warehouse: WAREHOUSE });
  const kinds = new Set<string>();
  for await (const { location } of store.list(store.root)) {
    kinds.add(/(?:\.avro|\.parquet|\.metadata\.json)$|\/_firn\//.exec(location)?.[0] ?? location);
  }
  deepEqual([...kinds].toSorted(), ['.avro', '.metadata.json', '.parquet', '/_firn/']);
  for await (const { location } of store.list(store.root)) {
    if (!location.endsWith('.parquet')) continue;
    ok(location.endsWith(`/data/${hashedPath(plainName(location))}`), location);
  }
  const left = readdirSync(place.path('.firn-stage'), { recursive: true, withFileTypes: true });
  deepEqual(
    left.filter((entry) => entry.isFile()).map(({ name }) => name),
    [],
  );
});

/** What check answers with another file, or other keys. */
async function findingOf(file: string, environment: Readonly<Record<string, string>>) {
  using elsewhere = new LakePlace(environment);
  elsewhere.open().exec('CREATE TABLE t (id INTEGER PRIMARY KEY)');
  elsewhere.write('firn.yaml', file);
  const { code, out } = await elsewhere.run('check', elsewhere.file, '--json');
  equal(code, 1, out);
  const { findings } = JSON.parse(out) as {
    readonly findings: readonly { readonly code: string; readonly message: string }[];
  };
  const found = findings.find(({ message }) => message.includes('cannot be used'));
  ok(found !== undefined, out);
  ok(!out.includes('not-the-secret'));
  return found;
}

test('check names what is wrong with a bucket', { skip }, async () => {
  const endpoint = server?.endpoint ?? '';
  const keys = {
    AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
  };
  const wrong = { ...keys, AWS_SECRET_ACCESS_KEY: 'not-the-secret' };
  equal((await findingOf(pipelineFile(endpoint), wrong)).code, 'STORAGE-REMOTE-DENIED');
  equal((await findingOf(pipelineFile(endpoint), {})).code, 'CONFIG-SECRET-MISSING');
  const noBucket = pipelineFile(endpoint, 's3://firn-none/lake');
  equal((await findingOf(noBucket, keys)).code, 'STORAGE-REMOTE-NO-BUCKET');
  const unreachable = await findingOf(pipelineFile('http://127.0.0.1:9'), keys);
  equal(unreachable.code, 'STORAGE-REMOTE-FAILED');
  match(unreachable.message, /ECONNREFUSED/);
});
