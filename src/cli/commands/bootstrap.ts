/** `firn bootstrap FILE --table T`: loads one table again while the others go on. */
import { textArgument, textOption } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { haltIn } from '../halt-text.ts';
import { printable } from '../output/printable.ts';
import { requestOwner } from '../request-owner.ts';

/** Ends when the new copy is published, with exit code 3 when it halted instead. */
export const bootstrap: Command = async (context, input) => {
  const { terminal } = context;
  const table = textOption(input, 'table') ?? '';
  const answer = await requestOwner(context, {
    file: textArgument(input, 0),
    command: 'bootstrap',
    arguments: { table },
  });
  const halt = haltIn(answer, 'halted');
  // The owner opens all its tables anew for this one, and does not wait for it.
  const started = typeof answer === 'object' && answer !== null && 'started' in answer;
  terminal.document({ table, started, halted: halt });
  if (started) {
    terminal.line(`${printable(table)} is being loaded again: firn status tells when it is done`);
    return EXIT.done;
  }
  if (halt === null) {
    terminal.line(`${printable(table)} is loaded again`);
    return EXIT.done;
  }
  const head = `${terminal.paint('bad', 'halted')} ${printable(table)}`;
  terminal.line(`${head}: ${printable(halt.what)} [${halt.code}]`);
  terminal.line(`next: ${halt.remedy}`);
  return EXIT.halted;
};
