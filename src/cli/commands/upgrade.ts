/** `firn upgrade FILE TABLE...`: bases of Iceberg format version 2 become ones of version 3. */
import type { TableUpgrade } from '../../pipeline/control/upgrade-table.ts';
import { flagOption, listArgument, textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { confirmed } from '../confirm.ts';
import { EXIT } from '../exit-code.ts';
import { withExistingPipeline } from '../open-pipeline.ts';
import { formatAmount } from '../output/human-text.ts';
import { printable } from '../output/printable.ts';

/** There is no way back, so it asks. Exit code 1 when the person said no. */
export const upgrade: Command = async (context, input) => {
  const { terminal } = context;
  const names = listArgument(input, 1);
  return withExistingPipeline(context, textArgument(input, 0), async (service) => {
    const plan = await service.upgradePlan(names);
    const due = plan.tables.filter(({ formatVersion }) => formatVersion < 3);
    if (!terminal.json) {
      for (const { table, formatVersion } of plan.tables) {
        const next = formatVersion < 3 ? 'becomes version 3' : 'stays as it is';
        terminal.line(`${printable(table)}: Iceberg format version ${formatVersion}, ${next}`);
      }
      if (due.length > 0) terminal.line(ONE_WAY);
      for (const reader of plan.readersLeft) {
        terminal.line(`${terminal.paint('warning', 'reader')} ${reader}: ${UNSURE}`);
      }
    }
    const text = `Upgrade ${formatAmount(due.length, 'table')}?`;
    const yes = flagOption(input, 'yes') || due.length === 0;
    if (!(await confirmed(context, { yes, text }))) return EXIT.no;
    const tables: unknown[] = [];
    for (const { table } of due) {
      // Made by the owner, the same program.
      const report = (await service.request('upgrade', { table })) as TableUpgrade;
      tables.push({ table, ...report });
      const vectors = formatAmount(report.vectors, 'deletion vector');
      const files = formatAmount(report.deleteFiles, 'position-delete file');
      const what = report.deleteFiles === 0 ? '' : `, ${vectors} in place of ${files}`;
      terminal.line(`${printable(table)}: format version 3${what}`);
    }
    terminal.document({ tables });
    return EXIT.done;
  });
};

const ONE_WAY =
  'Engines that read no deletion vectors cannot open such a table, and there is no way back ' +
  'but loading it again.';

const UNSURE = 'named under lake.readers; not every version of it reads deletion vectors rightly';
