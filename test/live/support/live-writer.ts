/** A random writer beside a test: its tables, its process, what it committed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveServer } from './live-server.ts';

/** How a writer writes. */
export interface WriterWish {
  readonly database: string;
  readonly seed: number;
  /** Connections that write at once. */
  readonly sessions: number;
  /** It ends by itself after so many. */
  readonly transactionsMax: number;
  /** Pause of a session after each transaction; 0 for full speed. */
  readonly pauseMs: number;
}

/** A wish, and where to write: the argument of `writer-process.ts`. */
export interface WriterOrder extends WriterWish {
  readonly host: string;
  readonly port: number;
}

/** A writer that writes. */
export interface LiveWriter {
  /** Transactions committed, as last heard. */
  readonly committed: number;
  /** Waits until so many more are committed. */
  more(transactions: number): Promise<void>;
  /** Ends it and gives the number of transactions that it committed. */
  stop(): Promise<number>;
}

const TABLES = [
  `items (id BIGINT PRIMARY KEY, n INT NOT NULL, note VARCHAR(80), amount DECIMAL(12,2),
    at DATETIME(6))`,
  `pairs (a SMALLINT UNSIGNED, b VARCHAR(12) COLLATE utf8mb4_general_ci, v TEXT,
    PRIMARY KEY (a, b))`,
  `events (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, kind TINYINT, body VARCHAR(80))`,
];

/** The tables that a writer writes, with some rows in each. */
export async function createWriterTables(server: LiveServer, database: string): Promise<void> {
  await server.run(...TABLES.map((table) => `CREATE TABLE ${database}.${table}`));
  const numbers = Array.from({ length: 500 }, (_, index) => index);
  const rows = (row: (n: number) => string): string => numbers.map((n) => row(n)).join();
  await server.run(
    `INSERT INTO ${database}.items VALUES ${rows((n) => `(${n * 3}, ${n}, 'n${n}', ${n}.5, NULL)`)}`,
    `INSERT INTO ${database}.pairs VALUES ${rows((n) => `(${n % 40}, 'k${n % 37}-${n}', 'v')`)}`,
    `INSERT INTO ${database}.events (kind, body) VALUES ${rows((n) => `(${n % 5}, 'e${n}')`)}`,
  );
}

/** Starts a writer on the writer tables of a database; it ends with the test at the latest. */
export async function startWriter(
  t: TestContext,
  server: LiveServer,
  wish: WriterWish,
): Promise<LiveWriter> {
  const order: WriterOrder = { ...wish, host: server.host, port: server.port };
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'writer-process.ts'), JSON.stringify(order)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  t.after(() => child.kill('SIGKILL'));
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close');
  const heard = { committed: 0 };
  createInterface({ input: child.stdout }).on('line', (line) => {
    heard.committed = Number.parseInt(line, 10);
  });
  const more = async (transactions: number): Promise<void> => {
    const wanted = Math.min(heard.committed + transactions, wish.transactionsMax);
    while (heard.committed < wanted) {
      if (child.exitCode !== null) throw new Error(`the writer ended with ${child.exitCode}`);
      await sleep(20);
    }
  };
  await more(1);
  return {
    get committed() {
      return heard.committed;
    },
    more,
    stop: async () => {
      child.stdin.end();
      await closed;
      return heard.committed;
    },
  };
}
