/**
 * Where output goes. Answers and events go to stdout, everything about the work itself to stderr.
 * Colour and moving progress are for terminals; in a pipe or a file there are plain lines.
 */
import { styleText } from 'node:util';
import { stringifyJson } from '../../kernel/lossless-json.ts';
import { printableJson } from './printable.ts';
import type { Redactor } from './redact.ts';

/** What is used of `process.stdout` and `process.stderr`. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** Whether a reader has yet to take what was written. */
  readonly writableNeedDrain?: boolean;
  write(text: string): unknown;
  once?(event: 'drain', listener: () => void): unknown;
}

/** Colours of the program, by meaning. */
export type Tone = 'good' | 'warning' | 'bad' | 'strong' | 'quiet';

/** Output of one command. */
export interface Terminal {
  /** One JSON document per line in place of text for people. */
  readonly json: boolean;
  /** stderr is a terminal: progress may move. */
  readonly moving: boolean;
  /** Columns of the terminal. */
  readonly columns: number;
  /** Text for people on stdout; nothing with `--json`. */
  line(text?: string): void;
  /** Text for people on stderr, with `--json` too. */
  note(text: string): void;
  /** One JSON document on one line of stdout; nothing without `--json`. */
  document(value: unknown): void;
  /**
   * The user's own data on stdout, as it is: never redacted. Resolves when more can be taken: an
   * answer of any size waits for a slow reader instead of filling the memory.
   */
  data(text: string): Promise<void>;
  /** Lines of `owner` that stay below all others until they change; `[]` takes them away. */
  progress(owner: string, lines: readonly string[]): void;
  /** Takes all progress away. */
  endProgress(): void;
  /** Colours `text` if output goes to a terminal. */
  paint(tone: Tone, text: string): string;
}

const FORMATS = {
  good: 'green',
  warning: 'yellow',
  bad: 'red',
  strong: 'bold',
  quiet: 'dim',
} as const;

/** What a terminal is made of. */
export interface TerminalOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly json: boolean;
  readonly redact: Redactor;
  /** `NO_COLOR` and `TERM` decide on colour, as everywhere (no-color.org). */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Output to two streams. */
export function createTerminal(options: TerminalOptions): Terminal {
  const { stdout, stderr, json, redact, environment } = options;
  const plain = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  // Both: what is painted may go to either.
  const colour = stdout.isTTY === true && stderr.isTTY === true && !plain && !json;
  const moving = stderr.isTTY === true && environment['TERM'] !== 'dumb' && !json;
  const moved = new Map<string, readonly string[]>();
  let shown: readonly string[] = [];
  const clear = (): void => {
    if (shown.length > 0) stderr.write(`\r\u001B[${shown.length}A\u001B[0J`);
  };
  const draw = (lines: readonly string[]): void => {
    shown = lines;
    if (shown.length > 0) stderr.write(`${shown.join('\n')}\n`);
  };
  /** Writes above the progress lines. */
  const write = (stream: OutputStream, text: string): void => {
    const kept = shown;
    clear();
    stream.write(text);
    draw(kept);
  };
  return {
    json,
    moving,
    columns: stderr.columns ?? stdout.columns ?? 80,
    line: (text = '') => {
      if (!json) write(stdout, `${redact(text)}\n`);
    },
    note: (text) => write(stderr, `${redact(text)}\n`),
    document: (value) => {
      if (json) write(stdout, `${printableJson(redact(stringifyJson(value)))}\n`);
    },
    data: (text) => {
      write(stdout, text);
      if (stdout.writableNeedDrain !== true || stdout.once === undefined) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      stdout.once('drain', resolve);
      return promise;
    },
    progress: (owner, lines) => {
      if (!moving) return;
      clear();
      moved.set(owner, lines.map(redact));
      draw([...moved.values()].flat());
    },
    endProgress: () => {
      clear();
      moved.clear();
      shown = [];
    },
    paint: (tone, text) =>
      colour ? styleText(FORMATS[tone], text, { validateStream: false }) : text,
  };
}
