/** The demo's shop: customers, orders, order lines with a two-column key. */
import type { ShopStore } from './demo-shop.ts';
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

/** Rows of one INSERT while the shop is made. */
const ROWS_AT_ONCE = 250;

const LINE_COLUMNS = '(order_id, line, article, quantity, price)';

/** A price with two digits after the point. */
export function drawPrice(dice: Dice): number {
  return (100 + dice.below(9900)) / 100;
}

type Values = readonly (string | number)[];

async function insertAll(store: ShopStore, into: string, rows: readonly Values[]): Promise<void> {
  for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
    const part = rows.slice(from, from + ROWS_AT_ONCE);
    const holes = part.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
    await store.run(`INSERT INTO ${into} VALUES ${holes}`, part.flat());
  }
}

/** Fills the tables of a new shop. */
export async function fillShop(
  store: ShopStore,
  size: ShopSize,
  dice: Dice,
): Promise<{ readonly rows: number }> {
  const customers: Values[] = [];
  for (let id = 1; id <= size.customers; id++) {
    const name = `${dice.oneOf(FIRST_NAMES)} ${dice.oneOf(LAST_NAMES)}`;
    customers.push([id, name, dice.oneOf(CITIES), dice.below(1000)]);
  }
  const orders: Values[] = [];
  const lines: Values[] = [];
  for (let id = 1; id <= size.orders; id++) {
    const day = String(1 + dice.below(28)).padStart(2, '0');
    const state = dice.oneOf(ORDER_STATES);
    const customerId = 1 + dice.below(size.customers);
    const drawn = drawLines(dice);
    orders.push([id, customerId, state, drawn.total, `2026-09-${day} 12:00:00`]);
    lines.push(...drawn.lines.map((line) => [id, ...line]));
  }
  await store.run('BEGIN');
  await insertAll(store, 'customers (id, name, city, points)', customers);
  await insertAll(store, 'orders (id, customer_id, state, total, ordered_at)', orders);
  await insertAll(store, `order_lines ${LINE_COLUMNS}`, lines);
  await store.run('COMMIT');
  return { rows: customers.length + orders.length + lines.length };
}

/** An order to be written; its lines are drawn. */
export interface NewOrder {
  readonly customerId: number;
  readonly state: string;
  readonly orderedAt: string;
}

/** One to four lines without their order's id, and their sum. */
function drawLines(dice: Dice): { readonly lines: readonly Values[]; readonly total: number } {
  let total = 0;
  const lines = Array.from({ length: 1 + dice.below(4) }, (_, index) => {
    const quantity = 1 + dice.below(5);
    const price = drawPrice(dice);
    total += quantity * price;
    return [index + 1, 1 + dice.below(ARTICLES), quantity, price];
  });
  return { lines, total: Math.round(total * 100) / 100 };
}

/** Writes an order with one to four lines; gives its id. */
export async function writeOrder(store: ShopStore, order: NewOrder, dice: Dice): Promise<number> {
  const { lines, total } = drawLines(dice);
  const id = await store.run(
    'INSERT INTO orders (customer_id, state, total, ordered_at) VALUES (?, ?, ?, ?)',
    [order.customerId, order.state, total, order.orderedAt],
  );
  for (const line of lines) {
    await store.run(`INSERT INTO order_lines ${LINE_COLUMNS} VALUES (?, ?, ?, ?, ?)`, [
      id,
      ...line,
    ]);
  }
  return id;
}
