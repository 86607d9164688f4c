/**
 * The real program on a real database with a real writer, killed at random moments: afterwards base
 * and source are equal and no change is in a ledger twice. `FIRN_SEED` draws other moments,
 * `FIRN_RUNS` more of them.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Workplace } from '../cli/firn-process.ts';
import { Choice } from '../simulation/random-choice.ts';
import { createShop } from './shop-writer.ts';

const SEED = Number.parseInt(process.env['FIRN_SEED'] ?? '1', 10);
const KILLS = Number.parseInt(process.env['FIRN_RUNS'] ?? '24', 10);

/** A process lives this long at most: long enough for bootstrap, commits and a merge. */
const LIFE_MS_MAX = 3500;

const WRITER = fileURLToPath(new URL('shop-writer.ts', import.meta.url));

/** Tables and their key columns. */
const TABLES = { orders: ['id'], lines: ['order_id', 'line'], customers: ['name'] } as const;

const PIPELINE_FILE = `
name: shop
source: {type: sqlite, path: ./app.db, pollInterval: 20ms}
tables: [${Object.keys(TABLES).join(', ')}]
lake: {warehouse: ./lake}
ledger: {commitInterval: 150ms}
base: {mergeInterval: 1s, buckets: 2}
`;

/** Rows of a query as the program prints them. */
async function query(place: Workplace, sql: string): Promise<readonly unknown[]> {
  const { code, out, err } = await place.run('query', 'firn.yaml', sql, '--json');
  equal(code, 0, err);
  return (JSON.parse(out) as { readonly rows: readonly unknown[] }).rows;
}

async function killOften(place: Workplace, choice: Choice): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    const { child, ended } = place.start('run', 'firn.yaml');
    await Promise.race([sleep(100 + choice.below(LIFE_MS_MAX)), ended]);
    if (child.exitCode !== null) {
      const { code, err } = await ended;
      throw new Error(`the pipeline ended by itself with ${code}: ${err}`);
    }
    child.kill('SIGKILL');
    await ended;
  }
}

test('killed at random moments, the program loses and doubles nothing (spec: P6, L4, P2, M1)', async (t) => {
  using place = new Workplace();
  const again = `FIRN_SEED=${SEED} FIRN_RUNS=${KILLS} node --test test/proof/kill-sweep.test.ts`;
  t.diagnostic(`${KILLS} kills; repeat with ${again}`);
  const path = join(place.folder, 'app.db');
  createShop(path);
  writeFileSync(join(place.folder, 'firn.yaml'), PIPELINE_FILE);
  const writer = spawn(process.execPath, [WRITER, path, String(SEED)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const transactions = lastNumber(writer);
  try {
    await killOften(place, new Choice(SEED));
  } finally {
    writer.kill('SIGTERM');
  }
  const written = await transactions;
  const caught = await place.run('run', 'firn.yaml', '--once');
  equal(caught.code, 0, caught.err);
  const proof = await place.run('verify', 'firn.yaml', '--json');
  equal(proof.code, 0, proof.out);
  let changes = 0;
  let rows = 0;
  for (const [table, keys] of Object.entries(TABLES)) {
    changes += await countChanges(place, table, keys);
    rows += await compareTable(place, { path, table, keys });
  }
  ok(changes > 0 && rows > 0);
  t.diagnostic(JSON.stringify({ kills: KILLS, transactions: written, changes, rows }));
});

/** What a process printed last, as a number, once it has ended. */
async function lastNumber(child: ChildProcess): Promise<number> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  return Number(output.trim().split('\n').at(-1));
}

/** Changes in a ledger; fails when one of them is there twice. */
async function countChanges(
  place: Workplace,
  table: string,
  keys: readonly string[],
): Promise<number> {
  const identity = ['_firn_epoch', '_firn_seq', '_firn_row', ...keys].join(', ');
  const twice = await query(
    place,
    `SELECT ${identity} FROM ${table}_ledger WHERE _firn_row < 2147483647
      GROUP BY ALL HAVING count(*) > 1 LIMIT 5`,
  );
  deepEqual(twice, [], `changes of ${table} that are in its ledger twice`);
  return (await query(place, `SELECT 1 AS one FROM ${table}_ledger`)).length;
}

/** The base read by the program and the table read from the database are the same. */
async function compareTable(
  place: Workplace,
  subject: { readonly path: string; readonly table: string; readonly keys: readonly string[] },
): Promise<number> {
  const { path, table, keys } = subject;
  // A BLOB has no text that both sides print alike, and hex() of NULL differs: both are spelled
  // out.
  const columns = table === 'orders' ? "id, customer, total, coalesce(hex(note), '') AS note" : '*';
  const sql = `SELECT ${columns} FROM ${table} ORDER BY ${keys.join(', ')}`;
  const db = new DatabaseSync(path, { readOnly: true });
  const source = db.prepare(sql).all();
  db.close();
  const base = await query(place, sql);
  const text = (list: readonly unknown[]): readonly string[] =>
    list.map((row) => JSON.stringify(row));
  deepEqual(text(base), text(source), `base (actual) and source (expected) of ${table}`);
  return base.length;
}
