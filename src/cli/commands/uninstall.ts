/** `firn uninstall FILE`: takes out of the source everything Firn put into it, shown first. */
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import { flagOption, textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { EXIT } from '../exit-code.ts';
import { withPipeline } from '../open-pipeline.ts';
import { printable } from '../output/printable.ts';

/** The lake stays as it is. Exit code 1 when the person said no. */
export const uninstall: Command = (context, input) => {
  const { terminal } = context;
  const config = loadPipelineFile(textArgument(input, 0));
  return withPipeline(context, { config }, async (service) => {
    const plan = await service.uninstallPlan();
    if (plan.length === 0) {
      terminal.document({ removed: [] });
      terminal.line('there is nothing of Firn in the source');
      return EXIT.done;
    }
    if (!terminal.json) {
      terminal.line('runs in the source:');
      for (const statement of plan) terminal.line(`  ${printable(statement)};`);
    }
    const text = `Run these ${plan.length} statements?`;
    if (!(await confirmed(context, { yes: flagOption(input, 'yes'), text }))) return EXIT.no;
    await service.uninstall();
    terminal.document({ removed: plan });
    terminal.line('done: the source is as it was before Firn, apart from its own rows');
    return EXIT.done;
  });
};
