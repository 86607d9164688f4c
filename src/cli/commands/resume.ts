/** `firn resume FILE --table T`: lets a halted table go on, and says why it was halted. */
import { textArgument, textOption } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { haltIn } from '../halt-text.ts';
import { printable } from '../output/printable.ts';
import { requestOwner } from '../request-owner.ts';

/** A table whose cause is still there halts again, with the same reason. */
export const resume: Command = async (context, input) => {
  const { terminal } = context;
  const table = textOption(input, 'table') ?? '';
  const answer = await requestOwner(context, {
    file: textArgument(input, 0),
    command: 'resume',
    arguments: { table },
  });
  const was = haltIn(answer, 'was');
  terminal.document({ table, was });
  if (was === null) {
    terminal.line(`${printable(table)} was not halted`);
    return EXIT.done;
  }
  terminal.line(`${printable(table)} was halted: ${printable(was.what)} [${was.code}]`);
  terminal.line(`it goes on; if the cause is still there: ${was.remedy}`);
  return EXIT.done;
};
