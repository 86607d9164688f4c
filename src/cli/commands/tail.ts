/** `firn tail FILE [TABLE]`: ledger rows as they arrive, until stopped. */
import { optionalArgument, textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { changeWord, placeOf } from '../output/history-view.ts';
import { withExistingPipeline } from '../open-pipeline.ts';
import type { TailRows } from '../../pipeline/view/lake-reader.ts';
import { fit, printable } from '../output/printable.ts';

/** Ends only by a signal, which is its normal end. */
export const tail: Command = async (context, input) => {
  const { terminal, clock, signal } = context;
  const table = optionalArgument(input, 1);
  await withExistingPipeline(context, textArgument(input, 0), async (service) => {
    const reader = await service.reader();
    if (!terminal.json) terminal.note('waiting for changes; Ctrl-C ends');
    for await (const rows of reader.tail({ table, clock, signal })) {
      for (const row of rows.rows) {
        const width = terminal.moving ? terminal.columns : null;
        const line = terminal.json ? rowDocument(rows, row) : rowLine(rows, row, width);
        await terminal.data(`${line}\n`);
      }
    }
  });
  return EXIT.interrupted;
};

type Row = TailRows['rows'][number];

function rowDocument({ table, columns }: TailRows, row: Row): string {
  const fields = columns.map((column, index) => [column, row[index] ?? null] as const);
  return JSON.stringify({ table, row: Object.fromEntries(fields) });
}

/** `shop.orders  update  id=5  total=12.50`, on a terminal cut to its width. */
function rowLine({ table, columns }: TailRows, row: Row, width: number | null): string {
  const own = (name: string): string | null => row[columns.indexOf(name)] ?? null;
  const fields = columns.flatMap((column, index) => {
    const value = row[index] ?? null;
    return column.startsWith('_firn_') || value === null ? [] : [`${column}=${value}`];
  });
  const op = changeWord(own('_firn_op')).padEnd(10);
  const line = printable([table, op, placeOf(columns, row), ...fields].join('  '));
  return width === null ? line : fit(line, width);
}
