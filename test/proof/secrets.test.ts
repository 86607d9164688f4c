/** Planted secrets are looked for in everything the program writes: output, log, state, status. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Workplace } from '../cli/firn-process.ts';

const ENVIRONMENT_CANARY = 'canary-env-93k2';
const ADDRESS_CANARY = 'canary-address-71x';
const FILE_CANARY = 'canary-file-55q';
const ROW_CANARY = 'canary-row-18w';
const CANARIES = [ENVIRONMENT_CANARY, ADDRESS_CANARY, FILE_CANARY, ROW_CANARY];

/** Forms in which a secret could hide. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'utf8');
  return [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')];
}

function findings(where: string, text: string): readonly string[] {
  return CANARIES.flatMap((canary) =>
    formsOf(canary).some((form) => text.includes(form)) ? [`${where}: ${canary}`] : [],
  );
}

/** Everything below a folder but the user's own rows: the database, data files and their bounds. */
function writtenFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(?:db|db-wal|db-shm|parquet|avro)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

test('no secret and no row value in anything written (spec: P8)', async () => {
  using place = new Workplace({ SHOP_PASSWORD: ENVIRONMENT_CANARY });
  const said: string[] = [];
  const run = async (...words: readonly string[]): Promise<number | null> => {
    const { code, out, err } = await place.run(...words, '--log-level', 'trace');
    said.push(...findings(`firn ${words[0] ?? ''}`, `${out}${err}`));
    return code;
  };
  place.sql(
    'app.db',
    `PRAGMA journal_mode = WAL;
     CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, name TEXT);
     INSERT INTO t VALUES (1, 1, '${ROW_CANARY}')`,
  );
  equal(await run('init', `mysql://me:${ADDRESS_CANARY}@localhost:1/shop`), 3);
  equal(await run('init', `${ENVIRONMENT_CANARY}.db`), 2);
  equal(await run('init', 'app.db'), 0);
  equal(await run('check', '.'), 0);
  equal(await run('run', '.', '--once'), 0);
  // A value that does not fit halts the table: the reason names the column, not the value.
  place.sql('app.db', `INSERT INTO t VALUES (2, '${ROW_CANARY}', 'x')`);
  equal(await run('run', '.', '--once'), 3);
  equal(await run('status', '.'), 0);
  equal(await run('status', '.', '--json'), 0);
  equal(await run('resume', '.', '--table', 't'), 0);
  await run('verify', '.');
  equal(await run('query', '.', `SELECT nothing FROM t WHERE name = 'x'`), 2);
  equal(await run('query', '.', `SELECT count(*) FROM t WHERE name = '${ROW_CANARY}'`), 0);

  const file = readFileSync(place.path('firn.yaml'), 'utf8');
  writeFileSync(
    place.path('bad.yaml'),
    `${file}\npassword: ${FILE_CANARY}\nengine: ${FILE_CANARY}\n`,
  );
  equal(await run('check', 'bad.yaml'), 2);
  deepEqual(said, []);

  const files = writtenFiles(place.folder).filter((path) => !path.endsWith('bad.yaml'));
  deepEqual(
    files.flatMap((path) => findings(path, readFileSync(path, 'latin1'))),
    [],
  );
  match(files.join('\n'), /halts\.json/);
});

test('the search finds what it looks for', () => {
  for (const canary of CANARIES) {
    for (const form of formsOf(canary)) equal(findings('here', `x${form}y`).length, 1);
  }
});
