/**
 * What proves to a REST catalog who asks stays where it is kept: a catalog that repeats it in every
 * answer, and a program that logs all it can, leave no trace of it.
 */
import { deepEqual, equal, match } from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LakePlace } from '../support/lake-place.ts';
import { restError, startRestStub } from '../support/rest-stub.ts';
import { ServedLakePlace } from '../support/served-lake.ts';

const SECRET = 'canary-client-secret-4f1';
const TOKEN = 'canary-token-0b7d55e2';

test('no secret of a catalog in anything written (spec: P8, spec: K8)', async () => {
  using place = new LakePlace({ CATALOG_SECRET: SECRET });
  const served = await ServedLakePlace.open({ folder: place.folder, token: TOKEN });
  await using tokens = await startRestStub();
  tokens.answer = ({ body }) =>
    new URLSearchParams(body).get('client_secret') === SECRET
      ? { status: 200, body: { access_token: TOKEN, token_type: 'bearer', expires_in: 3600 } }
      : { status: 401, body: { error: 'invalid_client' } };
  await using hostile = await startRestStub();
  hostile.answer = ({ headers }) =>
    restError(400, 'BadRequestException', `you sent ${headers.authorization ?? 'nothing'}`);
  place.exec('PRAGMA journal_mode = WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT)');
  place.exec(`INSERT INTO t VALUES (1, 'a')`);
  const write = (name: string, uri: string, secret: string): string =>
    place.write(
      name,
      [
        'name: app',
        'source: {type: sqlite, path: ./app.db}',
        'tables: [t]',
        'lake:',
        '  warehouse: ./warehouse',
        '  catalog:',
        '    type: rest',
        `    uri: ${uri}`,
        `    auth: {type: oauth2, clientId: me, clientSecret: ${secret}, tokenUri: "${tokens.uri}"}`,
        '',
      ].join('\n'),
    );
  const good = write('firn.yaml', served.url, '{env: CATALOG_SECRET}');
  const bad = write('hostile.yaml', hostile.uri, '{env: CATALOG_SECRET}');
  const literal = write('literal.yaml', served.url, SECRET);
  let said = '';
  const run = async (...words: readonly string[]): Promise<number | null> => {
    const { code, out, err } = await place.run(...words, '--log-level', 'trace');
    said += `${out}${err}`;
    return code;
  };
  try {
    equal(await run('check', good), 0, said);
    equal(await run('run', good, '--once'), 0, said);
    equal(await run('query', good, 'SELECT * FROM t'), 0, said);
    equal(await run('check', bad), 1);
    match(said, /you sent Bearer \*\*\*/);
    equal(await run('run', bad, '--once'), 3);
    equal(await run('check', literal), 2);
  } finally {
    await served.close();
  }
  deepEqual([said.includes(SECRET), said.includes(TOKEN)], [false, false]);
  const files = readdirSync(place.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'literal.yaml')
    .map((entry) => join(entry.parentPath, entry.name));
  const found = files.filter((path) => {
    const text = readFileSync(path, 'latin1');
    return text.includes(SECRET) || text.includes(TOKEN);
  });
  deepEqual(found, []);
});
