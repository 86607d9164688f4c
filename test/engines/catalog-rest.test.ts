/**
 * `firn catalog serve` as PyIceberg sees it: a table from its creation to its end, clients at once,
 * what is refused, and tables of Firn's own, read while Firn goes on committing to them.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseJson } from '../../src/kernel/lossless-json.ts';
import type { JsonObject } from '../../src/kernel/lossless-json.ts';
import { freePort } from '../../tools/servers/database-server.ts';
import type { Running } from '../cli/firn-process.ts';
import { LakePlace } from '../support/lake-place.ts';
import { objectAt } from '../support/rest-tables.ts';
import { describeTable, pythonSkip, readRows, runPython } from './pyiceberg.ts';
import type { PyRow } from './pyiceberg.ts';
import { answerRows, ordered } from './torture-table.ts';

const skip = pythonSkip();
const SCRIPT = 'test/engines/rest-client.py';
const STEPS = 3;
const CLIENTS = [0, 1, 2, 3, 4, 5, 6, 7];

const place = new LakePlace();
let server: Running | null = null;
let url = '';

before(async () => {
  if (skip !== false) return;
  place.exec('CREATE TABLE orders(id INTEGER PRIMARY KEY, total REAL, note TEXT)');
  place.exec(`INSERT INTO orders VALUES (1, 1.5, 'a'), (9007199254740993, NULL, 'ö')`);
  place.pipeline(['orders']);
  await place.catchUp();
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  server = place.start('catalog', 'serve', place.file, '--port', `${port}`, '--json');
  await server.saw(url);
});

after(async () => {
  server?.child.kill('SIGTERM');
  const ended = await server?.ended;
  place[Symbol.dispose]();
  if (ended !== undefined) equal(ended.code, 130, ended.err);
});

function run(mode: string, ...more: readonly string[]): JsonObject {
  return parseJson(runPython(SCRIPT, [mode, url, ...more])) as JsonObject;
}

test('PyIceberg makes, fills, evolves, renames and drops a table', { skip }, () => {
  deepEqual(run('life'), {
    rows: [
      { id: 1, n: 1, title: 'a', more: null },
      { id: 3, n: 3, title: 'ö', more: null },
      { id: 4, n: 2 ** 40, title: 'd', more: 'x' },
    ],
    first: [1, 2, 3],
    tag: 'True',
    properties: { b: '2' },
    specs: 2,
    staged: { made: 'at once' },
    namespaces: ['life.inner'],
    team: { team: 'us' },
    tables: ['later', 'staged'],
    exists: [false, true],
    same: 'True',
    left: ['app'],
  });
});

test('what must be refused is refused in PyIceberg’s own words', { skip }, () => {
  for (const [name, seen] of Object.entries(run('refused'))) equal(seen, 'as expected', name);
});

test('spec: R10 eight PyIceberg clients lose and double nothing', { skip }, () => {
  const seen = run('together', `${STEPS}`);
  const rows = CLIENTS.flatMap((client) =>
    Array.from({ length: STEPS }, (_, step) => client * 1000 + step),
  );
  const tables = objectAt(seen, 'tables');
  deepEqual(tables['rest.shared'], { rows, snapshots: rows.length });
  for (const client of CLIENTS) {
    const own = rows.filter((row) => Math.trunc(row / 1000) === client);
    deepEqual(tables[`rest.own${client}`], { rows: own, snapshots: STEPS });
  }
  equal(seen['conflictsOnEight'], 0);
  process.stdout.write(
    `8 clients on one table: ${JSON.stringify(seen['conflictsOnOne'])} conflicts\n`,
  );
});

function served(table: string): readonly PyRow[] {
  return ordered(readRows({ catalogPath: url, table: `app.${table}` }));
}

async function asked(table: string): Promise<readonly PyRow[]> {
  return ordered(answerRows(await place.query(`SELECT * FROM ${table}`)));
}

test('spec: R11 Firn’s tables are read over REST while Firn commits', { skip }, async () => {
  deepEqual(served('orders'), await asked('orders'));
  const pipeline = place.start('run', place.file, '--json');
  await pipeline.saw('"event":"started"');
  const seen = new Set<number>();
  for (let round = 2; round <= 6; round++) {
    place.exec(`INSERT INTO orders VALUES (${round}, ${round}, 'round')`);
    seen.add(served('orders_ledger').length);
  }
  pipeline.child.kill('SIGTERM');
  equal((await pipeline.ended).code, 130);
  await place.catchUp();
  ok(seen.size > 1, 'the ledger grew while it was read');
  deepEqual(served('orders'), await asked('orders'));
  deepEqual(served('orders_ledger'), await asked('orders_ledger'));
  equal(served('orders').length, 7);
  const through = describeTable({ catalogPath: url, table: 'app.orders' });
  const beside = describeTable({ catalogPath: `${place.lake}/catalog.db`, table: 'app.orders' });
  deepEqual(through, beside);
});
