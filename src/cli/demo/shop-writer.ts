/**
 * The demo's shop at work, in a process of its own like any application: short transactions at a
 * bounded rate until its input ends. It knows nothing of Firn.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../../kernel/clock.ts';
import type { Dice } from './dice.ts';
import { drawPrice, openShop, orderWriter } from './shop-database.ts';

/** The line on the writer's input that tells it of the new column. */
export const GIFT_NOTES = 'gift notes';

/** A shop that writes. */
export interface ShopWork {
  readonly path: string;
  readonly clock: Clock;
  readonly dice: Dice;
  readonly signal: AbortSignal;
  /** Asked before each round: whether orders have a gift note by now. */
  readonly hasGiftNotes: () => boolean;
}

/** Transactions per second. */
const RATE = 80;

/** Transactions between two pauses. */
const BURST = 4;

interface Shop {
  readonly database: DatabaseSync;
  readonly dice: Dice;
  /** Id of the newest order. */
  newest: number;
  readonly now: () => string;
  readonly add: ReturnType<typeof orderWriter>;
}

/** Writes until the signal aborts; gives the number of transactions. */
export async function workInShop(work: ShopWork): Promise<{ readonly transactions: number }> {
  const { clock, dice, signal } = work;
  const database = openShop(work.path);
  const count = database.prepare('SELECT max(id) AS orders FROM orders').get();
  const shop: Shop = {
    database,
    dice,
    newest: Number.parseInt(String(count?.['orders']), 10),
    now: () => new Date(clock.nowMs()).toISOString().slice(0, 19).replace('T', ' '),
    add: orderWriter(database, dice),
  };
  let transactions = 0;
  while (!signal.aborted) {
    for (let index = 0; index < BURST; index++) {
      database.exec('BEGIN IMMEDIATE');
      drawTransaction(shop, work.hasGiftNotes());
      database.exec('COMMIT');
      transactions += 1;
    }
    await clock.sleep((1000 * BURST) / RATE, signal);
  }
  database.close();
  return { transactions };
}

function drawTransaction(shop: Shop, hasGiftNotes: boolean): void {
  const { dice } = shop;
  const kind = dice.below(100);
  // Mostly the younger orders are worked on, as in a real shop.
  const order = Math.max(1, shop.newest - dice.below(dice.below(4) === 0 ? shop.newest : 100));
  if (kind < 40) placeOrder(shop, hasGiftNotes);
  else if (kind < 75) moveOrderOn(shop, order);
  else if (kind < 90) changeQuantity(shop, order);
  else if (kind < 97) givePoints(shop);
  else deleteOrder(shop, order);
}

function placeOrder(shop: Shop, hasGiftNotes: boolean): void {
  const { database, dice } = shop;
  const customerId = 1 + dice.below(1000);
  const { id } = shop.add({ customerId, state: 'new', orderedAt: shop.now() });
  shop.newest = id;
  if (hasGiftNotes && dice.below(2) === 0) {
    database.prepare('UPDATE orders SET gift_note = ? WHERE id = ?').run('Happy birthday!', id);
  }
}

const NEXT_STATE = `
  UPDATE orders SET state = CASE state
    WHEN 'new' THEN 'paid' WHEN 'paid' THEN 'packed' ELSE 'shipped' END
  WHERE id = ? AND state IN ('new', 'paid', 'packed')`;

function moveOrderOn({ database }: Shop, order: number): void {
  database.prepare(NEXT_STATE).run(order);
}

function changeQuantity({ database, dice }: Shop, order: number): void {
  const quantity = 1 + dice.below(9);
  const price = drawPrice(dice);
  database
    .prepare('UPDATE order_lines SET quantity = ?, price = ? WHERE order_id = ? AND line = 1')
    .run(quantity, price, order);
  database
    .prepare(
      `UPDATE orders SET total = (
        SELECT round(sum(quantity * price), 2) FROM order_lines WHERE order_id = orders.id
      ) WHERE id = ? AND EXISTS (SELECT 1 FROM order_lines WHERE order_id = orders.id)`,
    )
    .run(order);
}

function givePoints({ database, dice }: Shop): void {
  const customer = 1 + dice.below(1000);
  database.prepare('UPDATE customers SET points = points + 10 WHERE id = ?').run(customer);
}

function deleteOrder({ database }: Shop, order: number): void {
  database.prepare('DELETE FROM order_lines WHERE order_id = ?').run(order);
  database.prepare('DELETE FROM orders WHERE id = ?').run(order);
}
