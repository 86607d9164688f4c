/**
 * The program as a user runs it: start, first commit, and catching up with a SQLite database, next
 * to SQLite reading the same rows. Whole processes, measured from outside.
 *
 * `npm run bench whole-program`: 100,000 rows copied, then 500,000 changes (7 columns, ~90 bytes).
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const FIRN = join(import.meta.dirname, '..', 'firn');
const EXISTING_ROWS = 100_000;
const CHANGES = 500_000;
const REPEATS = 5;

const DDL = `CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, quantity INTEGER,
  amount REAL, status TEXT, note TEXT, created_at TEXT)`;

interface Timing {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Runs Firn to its end; CPU is user and system of the process and its threads. */
function firn(folder: string, ...words: readonly string[]): Timing {
  const startMs = performance.now();
  // `times` of the shell prints the CPU time of what it ran on its second line (POSIX).
  const script = '"$@"; code=$?; times >&2; exit $code';
  const run = spawnSync('/bin/sh', ['-c', script, 'sh', FIRN, ...words], {
    cwd: folder,
    encoding: 'utf8',
  });
  const wallMs = performance.now() - startMs;
  if (run.status !== 0) throw new Error(`firn ${words.join(' ')}: ${run.stderr}`);
  const cpu = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(run.stderr)?.slice(1).map(Number);
  const [userMin = 0, userSec = 0, sysMin = 0, sysSec = 0] = cpu ?? [];
  return { wallMs, cpuMs: ((userMin + sysMin) * 60 + userSec + sysSec) * 1000 };
}

/** Time from the start of a run to its first line about the ledger. */
async function timeToLedger(folder: string): Promise<number> {
  const startMs = performance.now();
  const run = spawn(FIRN, ['run', 'lake', '--once'], { cwd: folder });
  let atMs = 0;
  const listen = (chunk: Buffer): void => {
    if (atMs === 0 && chunk.includes('ledger')) atMs = performance.now() - startMs;
  };
  run.stdout.on('data', listen);
  run.stderr.on('data', listen);
  await once(run, 'exit');
  return atMs;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

function insertOrders(database: DatabaseSync, from: number, count: number): void {
  const insert = database.prepare('INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)');
  const created = '2026-11-21 10:00:00';
  for (let id = from; id < from + count; id += 1000) {
    database.exec('BEGIN');
    for (let row = id; row < Math.min(id + 1000, from + count); row++) {
      insert.run(row, row % 1000, row % 7, row * 1.5, 'shipped', `note of order ${row}`, created);
    }
    database.exec('COMMIT');
  }
}

function line(name: string, text: string): void {
  process.stdout.write(`  ${name.padEnd(46)} ${text}\n`);
}

async function catchUp(folder: string): Promise<void> {
  const path = join(folder, 'app.db');
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${DDL}`);
  insertOrders(database, 1, EXISTING_ROWS);
  const first = firn(folder, 'run', path, '--into', 'lake', '--once');
  const rate = Math.round((EXISTING_ROWS / first.wallMs) * 1000).toLocaleString('en');
  line(
    'first run: 100,000 rows copied, published',
    `${Math.round(first.wallMs)} ms, ${rate} rows/s`,
  );
  insertOrders(database, 1 + EXISTING_ROWS, CHANGES);
  const startMs = performance.now();
  let bytes = 0;
  for (const row of database.prepare('SELECT * FROM orders').iterate()) {
    bytes += String(row['note']).length;
  }
  const readMs = performance.now() - startMs;
  const idle = firn(folder, 'status', 'lake');
  const run = firn(folder, 'run', 'lake', '--once');
  const changes = Math.round((CHANGES / run.wallMs) * 1000).toLocaleString('en');
  const perCpu = Math.round((CHANGES / run.cpuMs) * 1000).toLocaleString('en');
  line('500,000 changes to ledger and merged base', `${Math.round(run.wallMs)} ms, ${changes}/s`);
  line('  per CPU second', perCpu);
  line('  against SELECT of all rows in the same runtime', `${(run.wallMs / readMs).toFixed(1)}x`);
  line('  of which start and stop (status)', `${Math.round(idle.wallMs)} ms`);
  const update = database.prepare('UPDATE orders SET quantity = quantity + 1 WHERE id <= ?');
  update.run(CHANGES);
  const ledgerMs = (await timeToLedger(folder)) - idle.wallMs;
  const ledgerRate = Math.round((CHANGES / ledgerMs) * 1000).toLocaleString('en');
  line(
    '500,000 updates, source to committed ledger',
    `${Math.round(ledgerMs)} ms, ${ledgerRate}/s`,
  );
  const proof = firn(folder, 'verify', 'lake');
  line('verify, 600,000 rows', `${Math.round(proof.wallMs)} ms, equal`);
  if (bytes === 0) throw new Error('nothing was read');
  database.close();
}

function starts(folder: string): void {
  const path = join(folder, 'small.db');
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL; ${DDL}`);
  insertOrders(database, 1, 10);
  const help = Array.from({ length: REPEATS }, () => firn(folder, '--help').wallMs);
  line('firn --help', `${Math.round(median(help))} ms`);
  const first = firn(folder, 'run', path, '--into', 'small', '--once').wallMs;
  line('first run of a small database, whole process', `${Math.round(first)} ms`);
  insertOrders(database, 11, 1);
  const later = firn(folder, 'run', 'small', '--once').wallMs;
  line('later run with one change, whole process', `${Math.round(later)} ms`);
  database.close();
}

const folder = mkdtempSync(join(tmpdir(), 'firn-bench-'));
try {
  starts(folder);
  await catchUp(folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
