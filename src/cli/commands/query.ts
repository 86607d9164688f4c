/** `firn query FILE "SQL"`: one SELECT over the lake; how fresh each table is goes to stderr. */
import type { TableFreshness } from '../../pipeline/view/lake-reader.ts';
import { answerFormat, writeAnswer } from '../output/answer-output.ts';
import { textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { formatAgo } from '../output/human-text.ts';
import { withExistingPipeline } from '../open-pipeline.ts';
import { printable } from '../output/printable.ts';

/** Reads only; nobody else is disturbed. */
export const query: Command = async (context, input) => {
  const { terminal, clock, signal } = context;
  const format = answerFormat(input);
  await withExistingPipeline(context, textArgument(input, 0), async (service) => {
    const reader = await service.reader();
    const { answer, freshness, session } = await reader.query(textArgument(input, 1), signal);
    try {
      await writeAnswer(context, answer, { format, more: { freshness } });
    } finally {
      await session.close();
    }
    if (format !== 'json') {
      terminal.note(terminal.paint('quiet', freshnessLine(freshness, clock.nowMs())));
    }
  });
  return signal.aborted ? EXIT.interrupted : EXIT.done;
};

function freshnessLine(freshness: readonly TableFreshness[], nowMs: number): string {
  const tables = freshness.map(({ table, ledgerMs, baseMs }) => {
    const ledger = ledgerMs === null ? 'no ledger' : `ledger ${formatAgo(ledgerMs, nowMs)}`;
    const base = baseMs === null ? 'no base' : `base ${formatAgo(baseMs, nowMs)}`;
    return `${printable(table)}: ${base}, ${ledger}`;
  });
  return `last commits: ${tables.join('; ')}`;
}
