/**
 * An application that writes to a SQLite database until it is told to end: every kind of statement,
 * few keys, transactions of one to a dozen rows. Run as a process of its own: `node shop-writer.ts
 * app.db SEED`. Ends by SIGTERM and prints how many transactions it made.
 */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { Choice } from '../simulation/random-choice.ts';

/** Milliseconds between two transactions at most. */
const PAUSE_MS_MAX = 12;

/** The tables of the shop, with some rows. */
export function createShop(path: string): void {
  const db = new DatabaseSync(path);
  db.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL, note BLOB);
    CREATE TABLE lines (order_id INTEGER, line INTEGER, product TEXT UNIQUE, quantity INTEGER,
      PRIMARY KEY (order_id, line)) WITHOUT ROWID;
    CREATE TABLE customers (name TEXT PRIMARY KEY NOT NULL, city TEXT);
  `);
  const order = db.prepare('INSERT INTO orders VALUES (?, ?, ?, ?)');
  db.exec('BEGIN');
  for (let id = 1; id <= 3000; id++) order.run(id, `customer ${id % 50}`, id / 4, null);
  for (let at = 0; at < 50; at++) {
    db.prepare('INSERT INTO customers VALUES (?, ?)').run(`customer ${at}`, null);
  }
  db.exec('COMMIT');
  db.close();
}

/** Statements over few keys, so that they meet; each is one that SQLite can refuse by its keys. */
function writeSome(db: DatabaseSync, choice: Choice): void {
  const id = choice.below(4000);
  const line = choice.below(3);
  const product = `product ${choice.below(300)}`;
  const name = `customer ${choice.below(60)}`;
  const run = (sql: string, ...values: (string | number | null)[]): void => {
    db.prepare(sql).run(...values);
  };
  switch (choice.below(9)) {
    case 0:
      return run("INSERT OR IGNORE INTO orders VALUES (?, ?, ?, x'00ff')", id, name, id / 8);
    case 1:
      return run('UPDATE orders SET total = total + 1, customer = ? WHERE id = ?', name, id);
    case 2:
      return run('DELETE FROM orders WHERE id = ?', id);
    case 3:
      return run('UPDATE OR IGNORE orders SET id = ? WHERE id = ?', id + 5000, id);
    case 4:
      return run('INSERT OR REPLACE INTO lines VALUES (?, ?, ?, 1)', id % 200, line, product);
    case 5:
      return run('UPDATE lines SET quantity = quantity + 1 WHERE order_id = ?', id % 200);
    case 6:
      return run('DELETE FROM lines WHERE order_id = ? AND line = ?', id % 200, line);
    case 7:
      return run(
        'INSERT INTO customers VALUES (?, ?) ON CONFLICT DO UPDATE SET city = excluded.city',
        name,
        `city ${id}`,
      );
    default:
      return run('DELETE FROM customers WHERE name = ?', name);
  }
}

async function main(path: string, seed: number): Promise<void> {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA busy_timeout = 10000');
  const choice = new Choice(seed);
  const end = new AbortController();
  process.once('SIGTERM', () => end.abort());
  let transactions = 0;
  process.stdout.write('ready\n');
  while (!end.signal.aborted) {
    db.exec('BEGIN IMMEDIATE');
    const count = 1 + choice.below(12);
    for (let statement = 0; statement < count; statement++) writeSome(db, choice);
    // An application gives up a transaction now and then: nothing of it may be seen.
    db.exec(choice.once(10) ? 'ROLLBACK' : 'COMMIT');
    transactions += 1;
    await sleep(choice.below(PAUSE_MS_MAX));
  }
  db.close();
  process.stdout.write(`${transactions}\n`);
}

if (import.meta.main) await main(process.argv[2] ?? '', Number(process.argv[3] ?? '1'));
