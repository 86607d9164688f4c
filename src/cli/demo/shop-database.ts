/** The demo's shop: customers, orders, order lines with a two-column key, in a SQLite database. */
import { DatabaseSync } from 'node:sqlite';
import type { Dice } from './dice.ts';

/** What a new shop holds. */
export interface ShopSize {
  readonly customers: number;
  readonly orders: number;
}

/** States an order goes through; the last two are ends. */
const ORDER_STATES = ['new', 'paid', 'packed', 'shipped', 'cancelled'] as const;

/** Number of articles that the shop sells. */
const ARTICLES = 400;

const FIRST_NAMES = ['Ada', 'Bo', 'Chen', 'Dora', 'Emil', 'Fatma', 'Goran', 'Hanna', 'Ivo', 'Jun'];
const LAST_NAMES = ['Alm', 'Berg', 'Costa', 'Dietz', 'Eklund', 'Fontana', 'Gruber', 'Haas', 'Ito'];
const CITIES = ['Bergen', 'Chur', 'Graz', 'Kiruna', 'Lhasa', 'Nuuk', 'Quito', 'Zermatt'];

const SCHEMA = `
  CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    city TEXT NOT NULL,
    points INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers(id),
    state TEXT NOT NULL,
    total REAL NOT NULL,
    ordered_at TEXT NOT NULL
  );
  CREATE TABLE order_lines (
    order_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    article INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    price REAL NOT NULL,
    PRIMARY KEY (order_id, line)
  );
`;

/** Opens the shop like any program would: WAL mode, waiting for others. */
export function openShop(path: string): DatabaseSync {
  const shop = new DatabaseSync(path, { timeout: 10_000 });
  shop.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  return shop;
}

/** A price with two digits after the point. */
export function drawPrice(dice: Dice): number {
  return (100 + dice.below(9900)) / 100;
}

/** Makes a filled shop at `path`, which must not be there yet. */
export function createShop(path: string, size: ShopSize, dice: Dice): { readonly rows: number } {
  const shop = openShop(path);
  try {
    shop.exec(SCHEMA);
    shop.exec('BEGIN');
    const customer = shop.prepare('INSERT INTO customers (name, city, points) VALUES (?, ?, ?)');
    for (let id = 1; id <= size.customers; id++) {
      const name = `${dice.oneOf(FIRST_NAMES)} ${dice.oneOf(LAST_NAMES)}`;
      customer.run(name, dice.oneOf(CITIES), dice.below(1000));
    }
    let rows = size.customers;
    const add = orderWriter(shop, dice);
    for (let id = 1; id <= size.orders; id++) {
      const day = String(1 + dice.below(28)).padStart(2, '0');
      const state = dice.oneOf(ORDER_STATES);
      const customerId = 1 + dice.below(size.customers);
      rows += add({ customerId, state, orderedAt: `2026-09-${day} 12:00:00` }).rows;
    }
    shop.exec('COMMIT');
    return { rows };
  } finally {
    shop.close();
  }
}

/** An order to be written; its lines are drawn. */
export interface NewOrder {
  readonly customerId: number;
  readonly state: string;
  readonly orderedAt: string;
}

/** Prepares writing an order with one to four lines; gives its id and the number of rows. */
export function orderWriter(
  shop: DatabaseSync,
  dice: Dice,
): (order: NewOrder) => { readonly id: number; readonly rows: number } {
  const insertOrder = shop.prepare(
    'INSERT INTO orders (customer_id, state, total, ordered_at) VALUES (?, ?, ?, ?)',
  );
  const insertLine = shop.prepare(
    'INSERT INTO order_lines (order_id, line, article, quantity, price) VALUES (?, ?, ?, ?, ?)',
  );
  return ({ customerId, state, orderedAt }) => {
    const lines = Array.from({ length: 1 + dice.below(4) }, () => ({
      article: 1 + dice.below(ARTICLES),
      quantity: 1 + dice.below(5),
      price: drawPrice(dice),
    }));
    const total = lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
    const { lastInsertRowid } = insertOrder.run(
      customerId,
      state,
      Math.round(total * 100) / 100,
      orderedAt,
    );
    for (const [index, { article, quantity, price }] of lines.entries()) {
      insertLine.run(lastInsertRowid, index + 1, article, quantity, price);
    }
    return { id: Number.parseInt(String(lastInsertRowid), 10), rows: 1 + lines.length };
  };
}
