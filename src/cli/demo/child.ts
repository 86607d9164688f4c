/** The demo's other processes: Firn itself, started as a user would start it. */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';

/** A child process whose output is read line by line. */
export interface Child {
  readonly processId: number;
  /** Writes a line to its input. */
  tell(text: string): void;
  /** Ends its input. */
  endInput(): void;
  signal(name: 'SIGTERM' | 'SIGKILL'): void;
  readonly ended: Promise<ChildEnd>;
  /** How it ended, or `null` while it runs. */
  endedAs(): ChildEnd | null;
}

/** How a child ended: exit code (`null` after a signal), and what it said on stderr. */
export interface ChildEnd {
  readonly code: number | null;
  readonly complaint: string;
}

/** What a child is given. */
export interface ChildOptions {
  /** Called with each line of its output. */
  readonly onLine: (line: string) => void;
  /** Variables beside those of this process. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Characters of complaint kept: the last ones say why it ended. */
const COMPLAINT_MAX = 4000;

/**
 * Starts this program again with other words.
 *
 * @param words command and arguments
 */
export function startFirn(words: readonly string[], options: ChildOptions): Child {
  const program = process.argv[1] ?? '';
  // In a group of its own: Ctrl-C in a terminal reaches only the demo, which ends it in order.
  const child = spawn(process.execPath, [program, ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...options.environment },
  });
  let complaint = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (text: string) => {
    complaint = `${complaint}${text}`.slice(-COMPLAINT_MAX);
  });
  // A child that has ended takes no more input: its end is seen below.
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', options.onLine);
  let end: ChildEnd | null = null;
  const ended = new Promise<ChildEnd>((resolve) => {
    const onEnd = (how: ChildEnd): void => {
      end ??= how;
      resolve(end);
    };
    child.once('error', (error) => onEnd({ code: null, complaint: error.message }));
    child.once('close', (code) => onEnd({ code, complaint }));
  });
  return {
    processId: child.pid ?? 0,
    tell: (text) => child.stdin.write(`${text}\n`),
    endInput: () => child.stdin.end(),
    signal: (name) => child.kill(name),
    ended,
    endedAs: () => end,
  };
}
