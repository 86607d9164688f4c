/**
 * The demo's shop at work, in a process of its own like any application: short transactions at a
 * bounded rate until its input ends. It knows nothing of Firn.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { ShopStore } from './demo-shop.ts';
import type { Dice } from './dice.ts';
import { drawPrice, writeOrder } from './shop-database.ts';

/** The line on the writer's input that tells it of the new column. */
export const GIFT_NOTES = 'gift notes';

/** A shop that writes. */
export interface ShopWork {
  readonly store: ShopStore;
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
  readonly store: ShopStore;
  readonly dice: Dice;
  /** Id of the newest order. */
  newest: number;
  readonly now: () => string;
}

/** Writes until the signal aborts; gives the number of transactions. */
export async function workInShop(work: ShopWork): Promise<{ readonly transactions: number }> {
  const { clock, dice, signal, store } = work;
  const shop: Shop = {
    store,
    dice,
    newest: await store.number('SELECT max(id) AS orders FROM orders'),
    now: () => new Date(clock.nowMs()).toISOString().slice(0, 19).replace('T', ' '),
  };
  let transactions = 0;
  while (!signal.aborted) {
    for (let index = 0; index < BURST; index++) {
      await store.run('BEGIN');
      await drawTransaction(shop, work.hasGiftNotes());
      await store.run('COMMIT');
      transactions += 1;
    }
    await clock.sleep((1000 * BURST) / RATE, signal);
  }
  return { transactions };
}

async function drawTransaction(shop: Shop, hasGiftNotes: boolean): Promise<void> {
  const { dice } = shop;
  const kind = dice.below(100);
  // Mostly the younger orders are worked on, as in a real shop.
  const order = Math.max(1, shop.newest - dice.below(dice.below(4) === 0 ? shop.newest : 100));
  if (kind < 40) await placeOrder(shop, hasGiftNotes);
  else if (kind < 75) await shop.store.run(NEXT_STATE, [order]);
  else if (kind < 90) await changeQuantity(shop, order);
  else if (kind < 97) await shop.store.run(GIVE_POINTS, [1 + dice.below(1000)]);
  else await deleteOrder(shop, order);
}

const NEXT_STATE = `
  UPDATE orders SET state = CASE state
    WHEN 'new' THEN 'paid' WHEN 'paid' THEN 'packed' ELSE 'shipped' END
  WHERE id = ? AND state IN ('new', 'paid', 'packed')`;

const GIVE_POINTS = 'UPDATE customers SET points = points + 10 WHERE id = ?';

async function placeOrder(shop: Shop, hasGiftNotes: boolean): Promise<void> {
  const { store, dice } = shop;
  const customerId = 1 + dice.below(1000);
  const id = await writeOrder(store, { customerId, state: 'new', orderedAt: shop.now() }, dice);
  shop.newest = id;
  if (hasGiftNotes && dice.below(2) === 0) {
    await store.run('UPDATE orders SET gift_note = ? WHERE id = ?', ['Happy birthday!', id]);
  }
}

async function changeQuantity({ store, dice }: Shop, order: number): Promise<void> {
  await store.run(
    'UPDATE order_lines SET quantity = ?, price = ? WHERE order_id = ? AND line = 1',
    [1 + dice.below(9), drawPrice(dice), order],
  );
  await store.run(
    `UPDATE orders SET total = (
      SELECT round(sum(quantity * price), 2) FROM order_lines WHERE order_id = orders.id
    ) WHERE id = ? AND EXISTS (SELECT 1 FROM order_lines WHERE order_id = orders.id)`,
    [order],
  );
}

async function deleteOrder({ store }: Shop, order: number): Promise<void> {
  await store.run('DELETE FROM order_lines WHERE order_id = ?', [order]);
  await store.run('DELETE FROM orders WHERE id = ?', [order]);
}
