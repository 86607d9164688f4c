/** `firn history FILE TABLE KEY…`: every ledger row of one key, in order. */
import { answerFormat, writeAnswer } from '../output/answer-output.ts';
import { listArgument, textArgument } from '../command.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import { historyView } from '../output/history-view.ts';
import { withExistingPipeline } from '../open-pipeline.ts';

/** Exit code 1 when the ledger has no change of this key. */
export const history: Command = async (context, input) => {
  const format = answerFormat(input);
  const count = await withExistingPipeline(context, textArgument(input, 0), async (service) => {
    const reader = await service.reader();
    const key = listArgument(input, 2);
    const { answer, session } = await reader.history(textArgument(input, 1), key);
    try {
      const shown = format === 'table' ? historyView(answer) : answer;
      return await writeAnswer(context, shown, { format });
    } finally {
      await session.close();
    }
  });
  if (count === 0 && format === 'table') {
    context.terminal.note(
      'the ledger holds no change of this key: it was copied by the bootstrap, changed before the ledger’s retention, or never was',
    );
  }
  if (context.signal.aborted) return EXIT.interrupted;
  return count === 0 ? EXIT.no : EXIT.done;
};
