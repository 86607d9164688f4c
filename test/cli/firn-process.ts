/** Runs the real program as a process, in a folder and with a runtime folder of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Compiled code is kept between runs, as the launcher keeps it. */
const COMPILED = fileURLToPath(new URL('../../.cache/compiled', import.meta.url));

/** How long a text of the output is waited for. */
const PATIENCE_MS = 60_000;

/** How a run of the program ended. */
export interface Ended {
  /** As a shell reports it: 128 and the number of the signal that ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A program that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when its output holds `text`; throws with the output after a minute. */
  saw(text: string): Promise<void>;
}

/** A folder with databases and pipelines, gone at the end. */
export class Workplace implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'firn-cli-'));
  readonly #children = new Set<ChildProcess>();
  readonly #environment: Readonly<Record<string, string>>;

  constructor(environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment;
    mkdirSync(join(this.folder, 'runtime'), { mode: 0o700 });
  }

  /** Starts the program with these words. */
  start(...words: readonly string[]): Running {
    const child = spawn(process.execPath, [PROGRAM, ...words], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        NODE_COMPILE_CACHE: COMPILED,
        XDG_RUNTIME_DIR: join(this.folder, 'runtime'),
        ...this.#environment,
      },
    });
    this.#children.add(child);
    let out = '';
    let err = '';
    const waiting = new Set<() => void>();
    const look = (): void => {
      for (const wake of waiting) wake();
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      look();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      look();
    });
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (code, signal) => {
        this.#children.delete(child);
        resolve({ code: signal === null ? code : 128 + constants.signals[signal], out, err });
      });
    });
    return { child, ended, saw: (text) => saw(text) };

    function saw(text: string): Promise<void> {
      return new Promise((resolve, reject) => {
        const patience = setTimeout(() => {
          reject(new Error(`still without "${text}":\n${out}${err}`));
        }, PATIENCE_MS);
        const wake = (): void => {
          if (!out.includes(text) && !err.includes(text)) return;
          waiting.delete(wake);
          clearTimeout(patience);
          resolve();
        };
        waiting.add(wake);
        wake();
        void ended.then(() => {
          clearTimeout(patience);
          return reject(new Error(`ended without "${text}":\n${out}${err}`));
        });
      });
    }
  }

  /** Runs the program to its end. */
  run(...words: readonly string[]): Promise<Ended> {
    return this.start(...words).ended;
  }

  /** Runs SQL in a database of the folder. */
  sql(name: string, statements: string): void {
    const database = new DatabaseSync(join(this.folder, name), { timeout: 5000 });
    try {
      database.exec(statements);
    } finally {
      database.close();
    }
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
