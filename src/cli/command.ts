/** What every command is given and gives back. */
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { Random } from '../kernel/random.ts';
import type { ExitCode } from './exit-code.ts';
import type { Log } from './output/log.ts';
import type { Terminal } from './output/terminal.ts';

/** The world of one command. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted by SIGINT and SIGTERM: finish what is complete and end. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How the user called the program: `firn`, or `./firn` in a checkout. */
  readonly program: string;
  /** Of this program. */
  readonly version: string;
  /** Asks a person; `null` when there is nobody to ask. */
  readonly ask: (question: string) => Promise<string | null>;
}

/** Arguments in order (a variadic one is a list) and options by name, as commander parsed them. */
export interface CommandInput {
  readonly arguments: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** A command. */
export type Command = (context: CommandContext, input: CommandInput) => Promise<ExitCode>;

/** A required argument; the parser has checked that it is there. */
export function textArgument(input: CommandInput, index: number): string {
  const value = input.arguments[index];
  return typeof value === 'string' ? value : '';
}

/** An argument that may be left out. */
export function optionalArgument(input: CommandInput, index: number): string | null {
  const value = input.arguments[index];
  return typeof value === 'string' ? value : null;
}

/** The words of a variadic argument. */
export function listArgument(input: CommandInput, index: number): readonly string[] {
  const value = input.arguments[index];
  return Array.isArray(value) ? value.map(String) : [];
}

/** The value of an option, or `null` when it was not given. */
export function textOption(input: CommandInput, name: string): string | null {
  const value = input.options[name];
  return typeof value === 'string' ? value : null;
}

/** Whether a flag was given. */
export function flagOption(input: CommandInput, name: string): boolean {
  return input.options[name] === true;
}

/** The items of an option that takes a list, `a,b`; `null` when it was not given. */
export function listOption(input: CommandInput, name: string): readonly string[] | null {
  const text = textOption(input, name);
  if (text === null) return null;
  const items = text.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) {
    throw new FirnError('CONFIG-USAGE', { what: `--${name} takes names with commas between them` });
  }
  return items;
}
