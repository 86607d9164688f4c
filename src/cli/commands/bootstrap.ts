/**
 * `firn bootstrap FILE --table T`: loads one table again while the others go on. `firn bootstrap
 * FILE --join`: helps the process that runs the pipeline, from any machine.
 */
import { loadPipelineFile } from '../../config/load-pipeline-file.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { PipelineEvent } from '../../pipeline/pipeline-event.ts';
import { flagOption, textArgument, textOption } from '../command.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { haltIn } from '../halt-text.ts';
import { withExistingPipeline } from '../open-pipeline.ts';
import { printable } from '../output/printable.ts';
import { eventDocument, lineOf } from '../output/run-reporter.ts';
import { RunTotals } from '../output/run-totals.ts';
import { requestOwner } from '../request-owner.ts';

/** How often progress makes a line where nothing moves. */
const PLAIN_MS = 5000;

/** Ends when the new copy is published, with exit code 3 when it halted instead. */
export const bootstrap: Command = async (context, input) => {
  const { terminal } = context;
  const table = textOption(input, 'table');
  const isJoin = flagOption(input, 'join');
  if (isJoin === (table !== null)) {
    const what = 'say either --table, to load a table again, or --join, to help with loading';
    throw new FirnError('CONFIG-USAGE', { what });
  }
  if (table === null) return join(context, textArgument(input, 0));
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

/** Ends when no table of the pipeline waits for chunks; exit code 130 after a signal. */
async function join(context: CommandContext, file: string): Promise<ExitCode> {
  const { name } = loadPipelineFile(file);
  const onEvent = joinReporter(context, name);
  await withExistingPipeline(context, { file, onEvent }, (service) => service.join());
  context.terminal.progress(name, []);
  context.terminal.document({ event: 'ended', pipeline: name });
  if (context.signal.aborted) return EXIT.interrupted;
  if (!context.terminal.json) context.terminal.line('no table needs loading');
  return EXIT.done;
}

/** Shows what a helper does: the copies' progress, which is that of all who load. */
function joinReporter(
  { terminal, clock }: CommandContext,
  pipeline: string,
): (event: PipelineEvent) => void {
  const totals = new RunTotals(clock.monotonicMs());
  let saidMs = -Infinity;
  return (event) => {
    const nowMs = clock.monotonicMs();
    if (terminal.json) {
      terminal.document(eventDocument(event, pipeline, clock.nowMs()));
      return;
    }
    totals.take(event, nowMs);
    const line = lineOf(event);
    if (line !== null) terminal.line(line);
    if (event.kind !== 'bootstrap-progress') return;
    // The last line is the stream's, which is read elsewhere.
    if (terminal.moving)
      terminal.progress(pipeline, totals.movingLines(pipeline, nowMs).slice(0, -1));
    else if (nowMs - saidMs >= PLAIN_MS) {
      terminal.line(totals.takeSummary(nowMs) ?? '');
      saidMs = nowMs;
    }
  };
}
