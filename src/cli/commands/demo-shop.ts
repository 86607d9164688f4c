/** The demo's writer process: not listed, works in the shop until its input ends. */
import process from 'node:process';
import { createDice } from '../demo/dice.ts';
import { GIFT_NOTES, workInShop } from '../demo/shop-writer.ts';
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
  const { transactions } = await workInShop({
    path: textArgument(input, 0),
    clock: context.clock,
    dice: createDice(context.random),
    signal: ended.signal,
    hasGiftNotes: () => hasGiftNotes,
  });
  process.stdout.write(`${JSON.stringify({ transactions })}\n`);
  return EXIT.done;
};
