/**
 * What capture costs a SQLite application, and how fast its journal is read. Ratios count: the same
 * statements run in turn against a database with and without Firn's triggers.
 *
 * `npm run bench sqlite-source [rows]`: orders with 8 columns (about 100 bytes), WAL, synchronous
 * NORMAL.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../src/kernel/clock.ts';
import { systemRandom } from '../src/kernel/random.ts';
import type { TableSchema } from '../src/model/table-schema.ts';
import type { ChangeSource } from '../src/ports/source.ts';
import { createSqliteSource } from '../src/sources/sqlite/source.ts';

const ROWS = Number.parseInt(process.argv[2] ?? '200000', 10);
const REPEATS = 3;

const DDL = `
  CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, status TEXT, total REAL,
    placed_at TEXT, note TEXT, quantity INTEGER, code TEXT);
  CREATE TABLE accounts(id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, balance INTEGER);`;
const INSERT = 'INSERT INTO orders VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)';

/** The statements measured, each with the rows of one transaction. */
const WORK = [
  { name: 'insert, 1,000 a transaction', rowsPerCommit: 1000, run: insertOrder },
  { name: 'update of one column, 1,000 a transaction', rowsPerCommit: 1000, run: updateOrder },
  { name: 'insert, 1 a transaction', rowsPerCommit: 1, run: insertOrder },
  { name: 'update, 1 a transaction', rowsPerCommit: 1, run: updateOrder },
  {
    name: 'insert with a unique text, 1,000 a transaction',
    rowsPerCommit: 1000,
    run: insertAccount,
  },
] as const;

let nextId = 0;

function insertOrder(db: DatabaseSync): (index: number) => void {
  const statement = db.prepare(INSERT);
  return () => {
    const id = ++nextId;
    const placed = '2026-11-21 10:00:00';
    const note = `left at the door of house ${id % 977}`;
    statement.run(id, id % 5000, 'shipped', id * 1.25, placed, note, id % 12, `code-${id}`);
  };
}

function updateOrder(db: DatabaseSync): (index: number) => void {
  const statement = db.prepare('UPDATE orders SET status = ?2 WHERE id = ?1');
  return (index) => statement.run(1 + ((index * 7919) % ROWS), `state ${index % 7}`);
}

function insertAccount(db: DatabaseSync): (index: number) => void {
  const statement = db.prepare('INSERT INTO accounts(email, balance) VALUES(?1, ?2)');
  return () => statement.run(`customer-${++nextId}@example.org`, nextId % 100);
}

interface Bench {
  readonly db: DatabaseSync;
  readonly path: string;
}

function openBench(folder: string, name: string): Bench {
  const path = join(folder, name);
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  db.exec(DDL);
  return { db, path };
}

function sourceOf(path: string): ChangeSource {
  return createSqliteSource({
    path,
    tables: [{ pattern: '*', exclude: [], rename: {}, columns: {}, onDrop: 'halt' }],
    namespace: 'bench',
    clock: systemClock,
    random: systemRandom,
    pollIntervalMs: 250,
  });
}

async function schemasOf(source: ChangeSource): Promise<TableSchema[]> {
  return (await source.discover()).map(({ table, columns, keyColumns }) => ({
    table,
    version: 1,
    columns: columns.map((column, index) => {
      return { id: index + 1, name: column.sourceName, ...column };
    }),
    keyColumnIds: keyColumns.map((key) => columns.findIndex((c) => c.sourceName === key) + 1),
  }));
}

function rate(db: DatabaseSync, work: (typeof WORK)[number], rows: number): number {
  const run = work.run(db);
  const start = performance.now();
  for (let done = 0; done < rows; done += work.rowsPerCommit) {
    db.exec('BEGIN');
    for (let row = 0; row < work.rowsPerCommit; row++) run(done + row);
    db.exec('COMMIT');
  }
  return (rows / (performance.now() - start)) * 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function thousands(value: number): string {
  return `${Math.round(value / 1000)} k/s`;
}

function measureTriggers(plain: Bench, captured: Bench): void {
  console.log('  cost of the triggers: rows written without, with, ratio of time');
  for (const work of WORK) {
    const rows = work.rowsPerCommit === 1 ? Math.min(ROWS, 10_000) : Math.min(ROWS, 100_000);
    const rates = { without: [] as number[], with: [] as number[] };
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      rates.without.push(rate(plain.db, work, rows));
      rates.with.push(rate(captured.db, work, rows));
    }
    const [without, within] = [median(rates.without), median(rates.with)];
    const ratio = (without / within).toFixed(2);
    console.log(`    ${work.name}: ${thousands(without)}, ${thousands(within)}, ${ratio}x`);
  }
}

async function measureReading(source: ChangeSource, path: string): Promise<void> {
  const tables = await schemasOf(source);
  const mark = await source.lowMark(1);
  const from = { ...mark.position };
  const db = new DatabaseSync(path);
  const run = insertOrder(db);
  db.exec('BEGIN');
  for (let row = 0; row < ROWS; row++) run(row);
  db.exec('COMMIT');
  db.close();
  const rates: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    let rows = 0;
    const start = performance.now();
    const events = source.stream({
      tables,
      from,
      epoch: 1,
      resolveSchema: () => Promise.reject(new Error('no new schema is expected')),
      beforeImages: false,
      signal: new AbortController().signal,
      once: true,
    });
    for await (const event of events) if (event.kind === 'changes') rows += event.batch.rowCount;
    rates.push((rows / (performance.now() - start)) * 1000);
  }
  console.log(`  reading the journal into columns (8 of them): ${thousands(median(rates))}`);
}

const folder = mkdtempSync(join(tmpdir(), 'firn-bench-'));
try {
  const plain = openBench(folder, 'plain.db');
  const captured = openBench(folder, 'captured.db');
  const source = sourceOf(captured.path);
  await source.prepare(await schemasOf(source));
  measureTriggers(plain, captured);
  await measureReading(source, captured.path);
  for (const { db } of [plain, captured]) db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  const mb = ({ path }: Bench): string => (statSync(path).size / 1e6).toFixed(0);
  console.log(`  file: ${mb(plain)} MB without, ${mb(captured)} MB with an unpruned journal`);
  await source.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
