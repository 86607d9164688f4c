/** `firn init SOURCE`: looks at a database and writes a commented pipeline file. */
import { relative, resolve } from 'node:path';
import { PIPELINE_FILE_NAME } from '../../config/load-pipeline-file.ts';
import { listOption, textArgument, textOption } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { formatAmount } from '../output/human-text.ts';
import { tellPassword, writeNewPipeline } from '../new-pipeline.ts';
import { printable } from '../output/printable.ts';
import { formatSource, parseSource } from '../source-argument.ts';

/** Never overwrites a file. */
export const init: Command = async (context, input) => {
  const { terminal } = context;
  const source = parseSource(textArgument(input, 0));
  const fileName = resolve(textOption(input, 'output') ?? PIPELINE_FILE_NAME);
  const config = await writeNewPipeline(context, {
    source,
    fileName,
    warehouse: './lake',
    tables: listOption(input, 'tables'),
  });
  const tables = config.tables.map(({ pattern }) => pattern);
  terminal.document({ pipeline: config.name, file: fileName, tables });
  const shown = printable(relative('.', fileName));
  terminal.line(
    `wrote ${shown}: ${formatAmount(tables.length, 'table')} of ${printable(formatSource(source))}`,
  );
  tellPassword(context, source);
  const { program } = context;
  terminal.line(`next:  ${program} check ${shown}, then ${program} run ${shown}`);
  return EXIT.done;
};
