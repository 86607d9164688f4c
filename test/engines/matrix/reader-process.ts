/**
 * A reader of the matrix as a process of its own that answers on a line of JSON each
 * (`reader.py`, `SparkReader.java`, `FlinkReader.java`). An engine starts once and reads all.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** Cells as text, one form per kind of value, or null. */
export interface ReadRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Rows, or the words in which the engine refused. */
export type ReadAnswer =
  | ({ readonly kind: 'rows' } & ReadRows)
  | { readonly kind: 'refused'; readonly error: string };

/** What is started. */
export interface ReaderProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

interface Line extends Partial<ReadRows> {
  readonly error?: string;
  readonly version?: string;
}

const PATIENCE_MS = 120_000;
const ERROR_KEPT = 8_000;
/** Clock ticks of /proc, by convention of all Linux systems in use. */
const TICKS_PER_SECOND = 100;

/** A running reader. Requests are answered in order, one at a time. */
export class ReaderProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #errors = '';
  /** Wall time of all requests. */
  seconds = 0;

  constructor({ command, args, environment }: ReaderProgram) {
    const child = spawn(command, args, {
      // chDB reads what lies below the folder in which it was started.
      cwd: tmpdir(),
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = `${this.#errors}${text}`.slice(-ERROR_KEPT);
    });
    // A process that ended: the next answer is missing, which says so.
    child.stdin.on('error', () => undefined);
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Opens a lake under `name`; gives the engine’s version. */
  async open(name: string, setup: string): Promise<string> {
    const { error, version } = await this.#ask('open', name, setup);
    if (error !== undefined || version === undefined) throw new Error(`${name}: ${error}`);
    return version;
  }

  /** Runs a query on an open lake; `kinds` says what each column holds. */
  async read(
    name: string,
    query: string,
    kinds: Readonly<Record<string, string>> = {},
  ): Promise<ReadAnswer> {
    const line = await this.#ask('read', name, query, JSON.stringify(kinds));
    if (line.error !== undefined) return { kind: 'refused', error: line.error };
    return { kind: 'rows', columns: line.columns ?? [], rows: line.rows ?? [] };
  }

  /** CPU time of the process so far. */
  cpuSeconds(): number {
    const text = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(verb: string, ...fields: readonly string[]): Promise<Line> {
    const began = performance.now();
    const words = fields.map((field) => Buffer.from(field).toString('base64'));
    this.#child.stdin?.write(`${[verb, ...words].join('\t')}\n`);
    const late = AbortSignal.timeout(PATIENCE_MS);
    const next = await Promise.race([this.#lines.next(), sleep(PATIENCE_MS, null, { ref: false })]);
    this.seconds += (performance.now() - began) / 1000;
    if (next === null || next.done === true) {
      const what = late.aborted ? 'did not answer' : 'ended';
      throw new Error(`the reader ${what}:\n${this.#errors}`);
    }
    return JSON.parse(next.value) as Line;
  }
}
