/** The command line: declarations made into a parser, a parsed line made into a command’s end. */
import { Command as Parser, CommanderError, Option } from 'commander';
import type { Command, CommandInput } from './command.ts';
import { COMMAND_GROUPS } from './declarations.ts';
import type { CommandDeclaration } from './declarations.ts';
import { EXIT } from './exit-code.ts';
import type { ExitCode } from './exit-code.ts';
import { LOG_LEVELS } from './output/log.ts';

/** A command that was asked for, not loaded yet. */
export interface ParsedCommand {
  readonly name: string;
  readonly load: () => Promise<Command>;
  readonly input: CommandInput;
}

/** What a command line says: a command, or text that was shown in its place. */
export type ParsedLine =
  | { readonly kind: 'command'; readonly command: ParsedCommand }
  | { readonly kind: 'shown'; readonly exitCode: ExitCode };

const EPILOGUE = `
Exit codes: 0 done, 1 the answer is no, 2 wrong usage or pipeline file,
            3 halted, an operator must act, 130 interrupted after a clean flush

Try it:     firn demo
Your data:  firn run app.db --into lake`;

/** How a parser shows its text. */
export interface ParserOutput {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

function addCommand(
  program: Parser,
  declaration: CommandDeclaration,
  group: { readonly title: string; readonly chosen: (command: ParsedCommand) => void },
): void {
  const { name, load, summary } = declaration;
  const hidden = declaration.hidden === true;
  const parser = program
    .command(name, { hidden })
    .allowUnknownOption(hidden)
    .summary(summary)
    .description(summary)
    .helpGroup(group.title);
  for (const [form, text] of declaration.arguments) parser.argument(form, text);
  for (const [flags, text] of declaration.options) {
    // A table to act on is not optional, although it is named and not placed.
    const required = flags === '--table <table>' && text.startsWith('the table');
    parser.addOption(new Option(flags, text).makeOptionMandatory(required));
  }
  parser.option('--json', 'one JSON document, or one per line for events');
  parser.addOption(
    new Option('--log-level <level>', 'log to stderr from this level on')
      .choices(LOG_LEVELS)
      .default('silent'),
  );
  parser.action((...values: unknown[]) => {
    const positional = values.slice(0, declaration.arguments.length);
    group.chosen({ name, load, input: { arguments: positional, options: parser.opts() } });
  });
}

/** The parser; `chosen` is told which command a line asks for. */
function createParser(output: ParserOutput, chosen: (command: ParsedCommand) => void): Parser {
  const program = new Parser('firn')
    .description('Copies operational databases into Apache Iceberg and keeps the copy right.')
    .usage('COMMAND [options]')
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.error, getOutHelpWidth: () => 96 })
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText('after', EPILOGUE)
    .helpCommand(false)
    .showHelpAfterError('(firn COMMAND --help shows how)')
    .helpOption('-h, --help', 'show this, or the options of a command');
  for (const [title, declarations] of COMMAND_GROUPS) {
    for (const declaration of declarations) addCommand(program, declaration, { title, chosen });
  }
  return program;
}

/**
 * Reads a command line. Help, the version and usage errors are shown through `output`.
 *
 * @param words the words after the program's name
 */
export async function parseLine(
  words: readonly string[],
  output: ParserOutput,
  version: string,
): Promise<ParsedLine> {
  let command: ParsedCommand | null = null;
  const parser = createParser(output, (chosen) => {
    command = chosen;
  });
  parser.version(version, '-V, --version', 'show the version');
  try {
    await parser.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'shown', exitCode: error.exitCode === 0 ? EXIT.done : EXIT.usage };
  }
  return command === null ? { kind: 'shown', exitCode: EXIT.usage } : { kind: 'command', command };
}
