/** `firn maintain FILE`: one round of retention, compaction and cleaning up, now. */
import { textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { formatCount } from '../output/human-text.ts';
import type { MaintenanceReport } from '../../pipeline/control/maintain-tables.ts';
import { printable } from '../output/printable.ts';
import { requestOwner } from '../request-owner.ts';
import { textTable } from '../output/text-table.ts';

/** Never changes what a table's readers see. */
export const maintain: Command = async (context, input) => {
  const { terminal } = context;
  const answer = await requestOwner(context, {
    file: textArgument(input, 0),
    command: 'maintain',
    arguments: {},
  });
  // Made by the owner, the same program.
  const reports = Array.isArray(answer) ? (answer as readonly MaintenanceReport[]) : [];
  terminal.document({ tables: reports });
  const lines = textTable(
    [
      { title: 'table', align: 'left' },
      { title: 'ledger files expired', align: 'right' },
      { title: 'base files compacted', align: 'right' },
      { title: 'left-over files removed', align: 'right' },
    ],
    reports.map((report) => [
      printable(report.table),
      formatCount(report.ledgerFilesExpired),
      formatCount(report.baseFilesCompacted),
      formatCount(report.orphansRemoved),
    ]),
  );
  for (const line of lines) terminal.line(line);
  return EXIT.done;
};
