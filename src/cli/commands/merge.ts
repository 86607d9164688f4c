/** `firn merge FILE`: merges all ledgers into their bases now. */
import { textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { requestOwner } from '../request-owner.ts';

/** Ends when every base holds what its ledger held. */
export const merge: Command = async (context, input) => {
  const { terminal } = context;
  await requestOwner(context, { file: textArgument(input, 0), command: 'merge', arguments: {} });
  terminal.document({ merged: true });
  terminal.line('merged');
  return EXIT.done;
};
