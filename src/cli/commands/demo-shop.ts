/** The demo's writer process: not listed, works in the shop until its input ends. */
import process from 'node:process';
import type { ShopStore } from '../demo/demo-shop.ts';
import { SERVER_VARIABLE, SERVER_WORD } from '../demo/demo-shop.ts';
import { createDice } from '../demo/dice.ts';
import { GIFT_NOTES, workInShop } from '../demo/shop-writer.ts';
import { openSqliteStore } from '../demo/sqlite-shop.ts';
import { textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';

/** Ends with its parent, whatever happens to that one: the input ends then. */
export const demoShop: Command = async (context, input) => {
  const ended = new AbortController();
  let hasGiftNotes = false;
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (text: string) => {
    hasGiftNotes ||= text.includes(GIFT_NOTES);
  });
  process.stdin.on('end', () => ended.abort());
  const address = textArgument(input, 0);
  const store =
    address === SERVER_WORD
      ? await openServerStore(context.environment[SERVER_VARIABLE] ?? '')
      : openSqliteStore(address);
  const { transactions } = await workInShop({
    store,
    clock: context.clock,
    dice: createDice(context.random),
    signal: ended.signal,
    hasGiftNotes: () => hasGiftNotes,
  });
  await store.close();
  process.stdout.write(`${JSON.stringify({ transactions })}\n`);
  return EXIT.done;
};

async function openServerStore(address: string): Promise<ShopStore> {
  const { openMysqlStore } = await import('../demo/mysql-shop.ts');
  return openMysqlStore(address);
}
