/** The demo's shop in a SQLite database. */
import { relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import type { DemoShop, ShopStore } from './demo-shop.ts';

const SCHEMA = [
  `CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    city TEXT NOT NULL,
    points INTEGER NOT NULL DEFAULT 0
  )`,
  `CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers(id),
    state TEXT NOT NULL,
    total REAL NOT NULL,
    ordered_at TEXT NOT NULL
  )`,
  `CREATE TABLE order_lines (
    order_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    article INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    price REAL NOT NULL,
    PRIMARY KEY (order_id, line)
  )`,
];

/** Opens the shop like any program would: WAL mode, waiting for others. */
export function openSqliteStore(path: string): ShopStore {
  const shop = new DatabaseSync(path, { timeout: 10_000 });
  shop.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  const statements = new Map<string, StatementSync>();
  const statement = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const prepared = shop.prepare(sql);
    statements.set(sql, prepared);
    return prepared;
  };
  const run = (sql: string, values: readonly (string | number)[] = []): number => {
    const { lastInsertRowid } = statement(sql).run(...values);
    return Number.parseInt(String(lastInsertRowid), 10);
  };
  return {
    run: (sql, values) => Promise.resolve(run(sql, values)),
    number: (sql) => {
      const row = statement(sql).get() ?? {};
      return Promise.resolve(Number.parseInt(String(Object.values(row)[0]), 10));
    },
    close: () => Promise.resolve(shop.close()),
  };
}

/** A shop in the SQLite database at `path`, inside the demo's folder. */
export function sqliteShop(path: string): DemoShop {
  return {
    kind: 'SQLite',
    connector: null,
    where: relative('.', path),
    source: ['type: sqlite', 'path: ./shop.db'],
    prefix: '',
    environment: {},
    address: path,
    schema: SCHEMA,
    advice: 'run app.db --into lake     your own SQLite database',
    open: () => Promise.resolve(openSqliteStore(path)),
    close: () => Promise.resolve(),
  };
}
