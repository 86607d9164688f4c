/** `firn drop FILE --table T`: removes a table's lake tables and state, to start over. */
import { flagOption, textArgument, textOption } from '../command.ts';
import type { Command } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { EXIT } from '../exit-code.ts';
import { withExistingPipeline } from '../open-pipeline.ts';
import { printable } from '../output/printable.ts';

/** The source is not touched. Exit code 1 when the person said no. */
export const drop: Command = async (context, input) => {
  const { terminal } = context;
  const table = textOption(input, 'table') ?? '';
  return withExistingPipeline(context, textArgument(input, 0), async (service) => {
    const plan = await service.dropPlan(table);
    if (!terminal.json) {
      terminal.line('removes from the lake, with all their files:');
      for (const name of plan) terminal.line(`  ${printable(name)}`);
    }
    const text = `Remove ${plan.length} lake tables?`;
    if (!(await confirmed(context, { yes: flagOption(input, 'yes'), text }))) return EXIT.no;
    await service.request('drop', { table });
    terminal.document({ table, removed: plan });
    terminal.line(`removed; a pipeline that still lists ${printable(table)} loads it again`);
    return EXIT.done;
  });
};
