/** Errors as a user meets them: what, where, what to do next; and the exit code that follows. */
import { unreachable } from '../../kernel/assert.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import type { Disposition } from '../../kernel/error-spec.ts';
import { EXIT } from '../exit-code.ts';
import type { ExitCode } from '../exit-code.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** Exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): ExitCode {
  return isFirnError(error) ? exitCodeFor(error.disposition) : EXIT.halted;
}

/**
 * Whether a pipeline that ended with it may start again by itself. One that found another writer
 * may not: two that start over forgive each other's commits for ever (docs/spec/commit.md C7).
 */
export function mayStartAgain(error: unknown): boolean {
  if (!isFirnError(error) || error.disposition === 'refuse') return false;
  return error.code !== 'LEDGER-OTHER-WRITER';
}

function exitCodeFor(disposition: Disposition): ExitCode {
  switch (disposition) {
    case 'refuse':
      return EXIT.usage;
    case 'retry':
    case 'refresh':
    case 'verify':
    case 'dead-letter':
    case 'halt-table':
    case 'halt-pipeline':
      return EXIT.halted;
    default:
      return unreachable(disposition);
  }
}

/** `what (where)`; of several lines the first one gets the place. */
function sentence(what: string, where: string | null): string {
  if (where === null) return harmless(what);
  const [first = '', ...rest] = what.split('\n');
  const colon = first.endsWith(':');
  const head = colon ? first.slice(0, -1) : first;
  return harmless([`${head} (${where})${colon ? ':' : ''}`, ...rest].join('\n'));
}

/** Names and messages of drivers come from outside; lines stay lines. */
function harmless(text: string): string {
  return text.split('\n').map(printable).join('\n');
}

/** An error as part of a JSON document. */
export function errorDocument(error: unknown): Readonly<Record<string, unknown>> {
  if (isFirnError(error)) {
    const { code, disposition, what, where, remedy } = error;
    return { code, disposition, what, where, remedy };
  }
  return {
    code: 'BUG',
    disposition: 'halt-pipeline',
    what: messageOf(error),
    where: null,
    remedy: BUG,
  };
}

const BUG =
  'This is a bug in Firn. Please report it with what you did; --log-level debug adds the stack.';

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Shows an error: one JSON document with `--json`, else two or three lines on stderr. */
export function showError(terminal: Terminal, error: unknown, withStack: boolean): void {
  if (terminal.json) return terminal.document({ error: errorDocument(error) });
  if (isFirnError(error)) {
    terminal.note(
      `${terminal.paint('bad', 'error')} ${error.code}: ${sentence(error.what, error.where)}`,
    );
    terminal.note(`${terminal.paint('strong', 'next:')} ${error.remedy}`);
  } else {
    terminal.note(`${terminal.paint('bad', 'error')}: ${harmless(messageOf(error))}`);
    terminal.note(`${terminal.paint('strong', 'next:')} ${BUG}`);
  }
  if (withStack && error instanceof Error) terminal.note(stackOf(error));
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\ncaused by ${stackOf(error.cause)}` : own;
}
