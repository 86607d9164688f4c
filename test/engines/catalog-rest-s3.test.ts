/**
 * A lake on S3 through `firn catalog serve`: PyIceberg is told where the files are, brings keys of
 * its own, reads Firn's tables, and fills a table of its own beside them.
 */
import { deepEqual, equal } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseJson } from '../../src/kernel/lossless-json.ts';
import type { JsonObject } from '../../src/kernel/lossless-json.ts';
import { freePort } from '../../tools/servers/database-server.ts';
import { S3_KEYS, startS3Server } from '../../tools/servers/s3-server.ts';
import type { RunningS3Server } from '../../tools/servers/s3-server.ts';
import type { Running } from '../cli/firn-process.ts';
import { LakePlace } from '../support/lake-place.ts';
import { TEST_BUCKET, makeBucket } from '../support/s3-bucket.ts';
import { pythonSkip, readRows, runPython } from './pyiceberg.ts';
import { answerRows, ordered } from './torture-table.ts';

const skip = pythonSkip();
const KEYS = {
  AWS_ACCESS_KEY_ID: S3_KEYS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: S3_KEYS.secretAccessKey,
};

const folder = mkdtempSync(join(tmpdir(), 'firn-rest-s3-'));
const place = new LakePlace(KEYS);
let bucket: RunningS3Server | null = null;
let server: Running | null = null;
let url = '';

before(async () => {
  if (skip !== false) return;
  bucket = await startS3Server('seaweedfs', folder);
  await makeBucket(bucket.endpoint);
  Object.assign(process.env, KEYS);
  place.exec('CREATE TABLE orders(id INTEGER PRIMARY KEY, note TEXT)');
  place.exec(`INSERT INTO orders VALUES (1, 'a'), (9007199254740993, 'ö')`);
  place.write(
    'firn.yaml',
    `name: app\nsource: {type: sqlite, path: ./app.db}\ntables: ["*"]\n` +
      `lake:\n  warehouse: s3://${TEST_BUCKET}/served/lake\n` +
      `  s3: {endpoint: "${bucket.endpoint}"}\n` +
      `  catalog: {type: sqlite, path: ./catalog.db}\n`,
  );
  await place.catchUp();
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  server = place.start('catalog', 'serve', place.file, '--port', `${port}`);
  await server.saw(url);
});

after(async () => {
  for (const name of Object.keys(KEYS)) delete process.env[name];
  server?.child.kill('SIGTERM');
  await server?.ended;
  place[Symbol.dispose]();
  await bucket?.end();
  rmSync(folder, { recursive: true, force: true });
});

test('PyIceberg reads and writes a lake on S3 through the server', { skip }, async () => {
  const asked = await place.query('SELECT * FROM orders');
  deepEqual(
    ordered(readRows({ catalogPath: url, table: 'app.orders' })),
    ordered(answerRows(asked)),
  );
  const text = runPython('test/engines/rest-client.py', ['life', url]);
  const seen = parseJson(text) as JsonObject;
  deepEqual(seen['first'], [1, 2, 3]);
  deepEqual(seen['left'], ['app']);
  equal((await fetch(`${url}/v1/namespaces/life`)).status, 404);
});
