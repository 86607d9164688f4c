/**
 * One run of the program: a command line in, an exit code out. The only place that catches what a
 * command throws.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { systemClock } from '../kernel/clock.ts';
import { parseJson } from '../kernel/lossless-json.ts';
import { systemRandom } from '../kernel/random.ts';
import { flagOption, textOption } from './command.ts';
import type { CommandContext } from './command.ts';
import { EXIT } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { createLog, isLogLevel } from './output/log.ts';
import type { Log } from './output/log.ts';
import { parseLine } from './program.ts';
import type { ParsedCommand } from './program.ts';
import { printable } from './output/printable.ts';
import { createRedactor } from './output/redact.ts';
import { errorDocument, exitCodeOf, showError } from './output/render-error.ts';
import { abortOnSignals } from './signals.ts';
import { createTerminal } from './output/terminal.ts';
import type { Terminal } from './output/terminal.ts';

/** Runs the command that `words` name. Never throws. */
export async function runProgram(words: readonly string[]): Promise<ExitCode> {
  endQuietlyWithoutReader();
  const parsed = await parseLine(
    words,
    {
      out: (text) => process.stdout.write(text),
      error: (text) => process.stderr.write(text),
    },
    programVersion(),
  );
  return parsed.kind === 'shown' ? parsed.exitCode : runCommand(parsed.command);
}

/** `firn query … | head` is no error. */
function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.halted);
    });
  }
}

function programVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  // Our own file, part of the package.
  return (parseJson(text) as { readonly version: string }).version;
}

async function runCommand({ name, load, input }: ParsedCommand): Promise<ExitCode> {
  const { env: environment } = process;
  const redact = createRedactor(environment, process.argv.slice(2));
  const json = flagOption(input, 'json') || textOption(input, 'format') === 'json';
  const { stdout, stderr } = process;
  const terminal = createTerminal({ stdout, stderr, json, redact, environment });
  const level = textOption(input, 'logLevel') ?? 'silent';
  const log = await createLog(isLogLevel(level) ? level : 'silent', {
    write: (line) => stderr.write(line),
    redact,
  });
  const report = (error: unknown): ExitCode => reportError({ terminal, log, error });
  process.on('uncaughtException', (error) => process.exit(report(error)));
  const signal = abortOnSignals(() => terminal.note('stopping; once more to stop at once'));
  const context: CommandContext = {
    terminal,
    log,
    clock: systemClock,
    random: systemRandom,
    signal,
    environment,
    version: programVersion(),
    program: printable(environment['FIRN_COMMAND'] ?? 'firn'),
    ask: json ? () => Promise.resolve(null) : askPerson,
  };
  try {
    const command = await load();
    log.debug({ command: name }, 'command starts');
    return await command(context, input);
  } catch (error) {
    return signal.aborted && isAbort(error) ? EXIT.interrupted : report(error);
  } finally {
    terminal.endProgress();
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function reportError(failed: {
  readonly terminal: Terminal;
  readonly log: Log;
  readonly error: unknown;
}): ExitCode {
  const { terminal, log, error } = failed;
  terminal.endProgress();
  log.error(errorDocument(error), 'command failed');
  showError(terminal, error, log.level === 'debug' || log.level === 'trace');
  return exitCodeOf(error);
}

async function askPerson(question: string): Promise<string | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const { createInterface } = await import('node:readline');
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await new Promise<string | null>((resolve) => {
    reader.once('close', () => resolve(null));
    reader.question(question, resolve);
  });
  reader.close();
  return answer;
}
