/**
 * With `--json` every command prints one document, or one per line for events, and nothing else on
 * stdout, whatever its exit code; answers are whole however slowly they are read. No byte that is
 * written anywhere holds a secret of the environment or of an address.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson } from '../../src/kernel/lossless-json.ts';
import { LakePlace, documentsOf } from '../support/lake-place.ts';

const SECRETS = ['canary-in-environment-4417', 'canary-in-address-9125'] as const;

const TABLES = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER);
  CREATE TABLE u (id INTEGER PRIMARY KEY, v TEXT);
  INSERT INTO t VALUES (9223372036854775807, 1);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  INSERT INTO u SELECT i, hex(zeroblob(50)) FROM n`;

/** In order: words and the exit code that they must have here. */
const COMMANDS: readonly (readonly [words: string, code: number])[] = [
  ['init app.db', 0],
  ['init app.db', 2],
  ['check .', 0],
  ['types .', 0],
  ['status .', 2],
  ['query . SELECT+1', 2],
  ['run . --once', 0],
  ['run mysql://me:canary-in-address-9125@localhost:1/db --into x', 3],
  ['status .', 0],
  ['verify .', 0],
  ['verify . --table nope', 2],
  ['history . t 9223372036854775807', 1],
  ['merge .', 0],
  ['maintain .', 0],
  ['bootstrap . --table t', 0],
  ['resume . --table t', 0],
  ['query . DELETE+FROM+t', 2],
  ['drop . --table t', 2],
  ['drop . --table t --yes', 0],
  ['run . --once', 0],
  ['uninstall . --yes', 0],
  ['uninstall . --yes', 0],
  ['catalog serve . --port 99999', 2],
];

/** Bytes of a place in which one of the secrets is, by file. */
function filesWithSecrets(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => SECRETS.some((secret) => readFileSync(path).includes(secret)));
}

test('spec: P15, P8 every command with --json: documents, exit codes, no secret', async () => {
  using place = new LakePlace({ APP_PASSWORD: SECRETS[0], DATABASE_URL: `x://u:${SECRETS[1]}@h` });
  place.exec(TABLES);
  for (const [line, code] of COMMANDS) {
    const words = line.split(' ').map((word) => word.replaceAll('+', ' '));
    const ended = await place.run(...words, '--json', '--log-level', 'trace');
    equal(ended.code, code, `${line}\n${ended.out}${ended.err}`);
    const documents = line.startsWith('history') ? [parseJson(ended.out)] : documentsOf(ended.out);
    ok(documents.length > 0, `${line} says something`);
    if (code > 1) {
      const { error } = documents.at(-1) as { error: Record<string, unknown> };
      deepEqual(Object.keys(error), ['code', 'disposition', 'what', 'where', 'remedy'], line);
    }
    for (const secret of SECRETS) ok(!`${ended.out}${ended.err}`.includes(secret), line);
    // The log is one JSON record per line, on the other stream.
    const log = ended.err.split('\n').filter((text) => text.startsWith('{'));
    for (const record of log)
      equal(typeof (JSON.parse(record) as { level: unknown }).level, 'number');
  }
  deepEqual(filesWithSecrets(place.folder), []);
  place.write('planted', `x${SECRETS[0]}y`);
  deepEqual(filesWithSecrets(place.folder), [place.path('planted')], 'the search finds');
  process.stdout.write(`--json: ${COMMANDS.length} commands\n`);
});

test('spec: P15 events of a run and of a tail come one document per line', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  const running = place.start('run', '.', '--json');
  await running.saw('"table":"app.u","rows":5000');
  const tail = place.start('tail', '.', '--json');
  // A tail shows what comes after it began: rows go in until it shows one.
  const begun = tail.saw('begun').then(() => true);
  while (!(await Promise.race([begun, sleep(300, false)]))) {
    place.exec(`INSERT INTO u (v) VALUES ('begun')`);
  }
  place.exec(`INSERT INTO t VALUES (-9007199254740993, 2); ALTER TABLE t ADD COLUMN more TEXT`);
  place.exec(`INSERT INTO t VALUES (5, 5, 'line\nbreak')`);
  await tail.saw('line\\nbreak');
  place.exec(`INSERT INTO t(id, n) VALUES (6, 'x')`);
  await running.saw('"event":"halted"');
  running.child.kill('SIGTERM');
  tail.child.kill('SIGTERM');
  const events = documentsOf((await running.ended).out);
  const kinds = new Set(events.map((document) => document['event']));
  for (const kind of ['started', 'published', 'committed', 'schema-changed', 'halted', 'ended']) {
    ok(kinds.has(kind), `${kind} among ${JSON.stringify([...kinds])}`);
  }
  ok(events.every((document) => document['pipeline'] === 'app'));
  const rows = documentsOf((await tail.ended).out).map(({ row }) => row as Record<string, unknown>);
  // Rows of before the new column was seen are read again, as op r.
  const created = rows.filter((row) => row['_firn_op'] === 'c' && row['v'] !== 'begun');
  deepEqual(
    created.map(({ id }) => id),
    ['-9007199254740993', '5'],
  );
});

test('spec: P11 an answer is whole for a slow reader, and none for one that left', async () => {
  using place = new LakePlace();
  place.exec(TABLES);
  place.pipeline(['t', 'u']);
  await place.catchUp();
  const words = ['src/cli/main.ts', 'query', place.file, 'SELECT * FROM u', '--format', 'json'];
  const env = { ...process.env, XDG_RUNTIME_DIR: place.folder };
  const slow = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await sleep(3000);
  const ended = once(slow, 'close');
  const parts: Buffer[] = [];
  for await (const part of slow.stdout) parts.push(part as Buffer);
  deepEqual(await ended, [0, null]);
  const { rows } = parseJson(Buffer.concat(parts).toString()) as { rows: readonly unknown[] };
  equal(rows.length, 5000);

  const left = spawn(process.execPath, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  left.stdout.once('data', () => left.stdout.destroy());
  deepEqual(await once(left, 'close'), [0, null]);
});
