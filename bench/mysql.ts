/**
 * MySQL and MariaDB with the real program: bootstrap next to the server's own client, the binary
 * log to ledger and base, many idle tables, latency. A server is started for it and ended.
 *
 * `npm run bench mysql -- [--flavour mariadb] [--rows 2000000] [--changes 1000000] [--tables 1000]
 * [--parts a,b]`; parts are bootstrap, changes, long (10 M changes), idle (tables), latency (30 s).
 * Without `--parts` it is all but `long`. Linux only.
 */
import { appendFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ServerFlavour } from '../tools/servers/server-programs.ts';
import type { OrdersServer } from './mysql/orders-server.ts';
import { loadOrders, ordersDigest, playChanges, startOrdersServer } from './mysql/orders-server.ts';
import { CHANGES_PER_TRANSACTION } from './mysql/workload.ts';
import type { Measured, MeasuredRun } from './support/measured-process.ts';
import { cpuMsOf, startMeasured } from './support/measured-process.ts';

const PROGRAM = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const LONG_CHANGES = 10_000_000;
const LATENCY_SEC = 30;
const IDLE_SETTLE_MS = 15_000;
const IDLE_MS = 60_000;
const BEATS_PER_SEC = 20;
const ROWS_PER_BEAT = 50;

/** A pipeline made from an address reads the password from here later. */
const PASSWORDS = {
  SHOP_PASSWORD: 'bench',
  BEAT_PASSWORD: 'bench',
  IDLE_PASSWORD: 'bench',
  WARM_PASSWORD: 'bench',
};

interface Bench {
  readonly server: OrdersServer;
  readonly rows: number;
  readonly changes: number;
  /** Transactions played so far; each part goes on with another seed. */
  seed: number;
}

function line(name: string, text: string): void {
  process.stdout.write(`  ${name.padEnd(46)} ${text}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

function rate(count: number, ms: number): string {
  return Math.round((count / ms) * 1000).toLocaleString('en');
}

function firn(bench: Bench, words: readonly string[], onLine?: (text: string) => void) {
  const wish = {
    command: [process.execPath, PROGRAM, ...words],
    cwd: bench.server.folder,
    env: { ...PASSWORDS, NODE_COMPILE_CACHE: join(bench.server.folder, 'compiled') },
  };
  return startMeasured(onLine === undefined ? wish : { ...wish, onLine });
}

/** Files and bytes of a lake. */
function sizeOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const bytes = files.reduce(
    (sum, file) => sum + statSync(join(file.parentPath, file.name)).size,
    0,
  );
  return `${files.length} files, ${megabytes(bytes)}`;
}

function report(name: string, count: number, measured: Measured): void {
  const { wallMs, cpuMs, rssBytesMax } = measured;
  line(name, `${seconds(wallMs)} wall, ${rate(count, wallMs)} rows/s`);
  line('  CPU, rows per CPU second', `${seconds(cpuMs)}, ${rate(count, cpuMs)}`);
  line('  peak RSS', megabytes(rssBytesMax));
}

/**
 * The server's own client reads all rows of `orders` to nowhere. Its CPU time says what a CPU
 * second of this machine is worth in these minutes.
 */
async function selectAll({ server }: Bench): Promise<Measured> {
  const command = [...server.client, '--quick', '-e', 'SELECT * FROM shop.orders'];
  const select = await startMeasured({ command, cwd: server.folder }).done;
  const text = `${seconds(select.wallMs)} wall, ${seconds(select.cpuMs)} CPU`;
  line("the server's client, SELECT * to nowhere", text);
  return select;
}

function timesClient(cpuMs: number, client: Measured): string {
  return `${(cpuMs / client.cpuMs).toFixed(1)}x that of the client`;
}

async function bootstrap(bench: Bench): Promise<void> {
  const { server, rows } = bench;
  const select = await selectAll(bench);
  const serverCpuMs = cpuMsOf(server.pid);
  const words = ['run', server.url('shop'), '--into', 'lake', '--once'];
  const measured = await firn(bench, words).done;
  report(`bootstrap of ${rows.toLocaleString('en')} rows, published`, rows, measured);
  line('  wall against the client', `${(measured.wallMs / select.wallMs).toFixed(2)}x`);
  line('  CPU', timesClient(measured.cpuMs, select));
  line('  CPU of the server meanwhile', seconds(cpuMsOf(server.pid) - serverCpuMs));
  line('  lake', sizeOf(join(server.folder, 'lake')));
}

/** Rows that a line of `firn run --json` says were committed to ledgers. */
function committedRows(text: string): number {
  const event = JSON.parse(text) as {
    readonly event?: string;
    readonly tables?: readonly { readonly rows?: number }[];
  };
  if (event.event !== 'committed') return 0;
  return (event.tables ?? []).reduce((sum, table) => sum + (table.rows ?? 0), 0);
}

/** Whether a line of `firn run --json` tells of a base that was merged. */
function isMerged(text: string): boolean {
  const event = JSON.parse(text) as { readonly event?: string };
  return event.event === 'merged';
}

/** Whether a line of `firn run --json` tells that all tables are open and captured. */
function isStarted(text: string): boolean {
  const event = JSON.parse(text) as { readonly event?: string };
  return event.event === 'started';
}

async function changes(bench: Bench, count: number): Promise<void> {
  const { server, rows } = bench;
  const transactions = Math.floor(count / CHANGES_PER_TRANSACTION);
  const startMs = performance.now();
  await playChanges(server, { rows, transactions, seed: bench.seed });
  bench.seed += 1;
  line(
    `${count.toLocaleString('en')} row changes by the server`,
    seconds(performance.now() - startMs),
  );
  const select = await selectAll(bench);
  const serverCpuMs = cpuMsOf(server.pid);
  const ledger = { rows: 0, wallMs: 0, cpuMs: 0 };
  const merged = { wallMs: 0, cpuMs: 0 };
  const runMs = performance.now();
  const run: MeasuredRun = firn(
    bench,
    ['run', server.url('shop'), '--into', 'lake', '--once', '--json'],
    (text) => {
      const committed = committedRows(text);
      if (isMerged(text)) {
        merged.wallMs = performance.now() - runMs;
        merged.cpuMs = run.cpuMs();
      }
      if (committed === 0) return;
      ledger.rows += committed;
      ledger.wallMs = performance.now() - runMs;
      ledger.cpuMs = run.cpuMs();
    },
  );
  const measured = await run.done;
  line(
    'to the last commit of the ledger',
    `${seconds(ledger.wallMs)}, ${rate(ledger.rows, ledger.wallMs)} rows/s`,
  );
  line(
    '  CPU, rows per CPU second',
    `${seconds(ledger.cpuMs)}, ${rate(ledger.rows, ledger.cpuMs)}`,
  );
  line('  CPU', timesClient(ledger.cpuMs, select));
  line('to ledger and merged base', `${seconds(merged.wallMs)} wall, ${seconds(merged.cpuMs)} CPU`);
  line('  CPU', timesClient(merged.cpuMs, select));
  report('with compaction, whole process', count, measured);
  line('  CPU of the server meanwhile', seconds(cpuMsOf(server.pid) - serverCpuMs));
  line('  lake', sizeOf(join(server.folder, 'lake')));
  const proof = await firn(bench, ['verify', 'lake']).done.then(
    ({ wallMs }) => `equal, ${seconds(wallMs)}`,
    (error: unknown) => `NOT EQUAL: ${String(error)}`,
  );
  line('verify', proof);
  line('  rows, sum(amount), sum(quantity)', await ordersDigest(server));
}

/**
 * A first run, of one row: what Node compiled for it is kept, as it is for whoever uses the program
 * a second time.
 */
async function warmUp(bench: Bench): Promise<void> {
  const { server } = bench;
  await server.sql.query('CREATE DATABASE warm');
  await server.sql.query('CREATE TABLE warm.t (id INT PRIMARY KEY)');
  await server.sql.query('INSERT INTO warm.t VALUES (1)');
  const words = ['run', server.url('warm'), '--into', 'warm', '--once'];
  await firn(bench, words).done;
}

async function idle(bench: Bench, tables: number): Promise<void> {
  const { server } = bench;
  await server.sql.query('CREATE DATABASE idle');
  for (let index = 0; index < tables; index++) {
    await server.sql.query(`CREATE TABLE idle.t${index} (id INT PRIMARY KEY, v VARCHAR(20))`);
    await server.sql.query(`INSERT INTO idle.t${index} VALUES (1, 'x')`);
  }
  const address = server.url('idle');
  const first = await firn(bench, ['run', address, '--into', 'idle', '--once']).done;
  const name = `${tables.toLocaleString('en')} tables`;
  line(`${name}, first run`, `${seconds(first.wallMs)}, ${seconds(first.cpuMs)} CPU`);
  const started = Promise.withResolvers<void>();
  const run = firn(bench, ['run', address, '--into', 'idle', '--json'], (text) => {
    if (isStarted(text)) started.resolve();
  });
  await Promise.race([started.promise, run.done]);
  line(`${name}, opened again`, `${seconds(run.cpuMs())} CPU`);
  await sleep(IDLE_SETTLE_MS);
  const cpuMs = run.cpuMs();
  await sleep(IDLE_MS);
  const percent = ((run.cpuMs() - cpuMs) / IDLE_MS) * 100;
  line(
    `${name}, idle: RSS, share of a core`,
    `${megabytes(run.rssBytes())}, ${percent.toFixed(1)} %`,
  );
  await end(run);
}

/** Ends a pipeline as a user would, by the signal of Ctrl-C. */
async function end(run: MeasuredRun): Promise<void> {
  const ended = run.done.catch(() => null);
  run.signal('SIGINT');
  await ended;
}

/**
 * Rows go in at a steady pace, the ledger commits every second; each row waits from its commit
 * until a commit of the ledger holds it.
 */
async function latency(bench: Bench): Promise<void> {
  const { server } = bench;
  await server.sql.query('CREATE DATABASE beat');
  await server.sql.query('CREATE TABLE beat.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, v BIGINT)');
  await server.sql.query('INSERT INTO beat.t (v) VALUES (0)');
  const committedMs: number[] = [];
  const waitedMs: number[] = [];
  await firn(bench, ['run', server.url('beat'), '--into', 'beat', '--once']).done;
  const file = join(server.folder, 'beat', 'firn.yaml');
  appendFileSync(file, '\nledger:\n  commitInterval: 1s\n');
  let rows = 0;
  const run = firn(bench, ['run', 'beat', '--json'], (text) => {
    rows += committedRows(text);
    while (waitedMs.length < Math.floor(rows / ROWS_PER_BEAT)) {
      waitedMs.push(performance.now() - (committedMs[waitedMs.length] ?? Number.NaN));
    }
  });
  await sleep(8000);
  const startMs = performance.now();
  for (let beat = 0; beat < LATENCY_SEC * BEATS_PER_SEC; beat++) {
    const values = Array.from({ length: ROWS_PER_BEAT }, (_, index) => `(${beat + index})`);
    await server.sql.query(`INSERT INTO beat.t (v) VALUES ${values.join()}`);
    committedMs.push(performance.now());
    const nextMs = startMs + ((beat + 1) * 1000) / BEATS_PER_SEC;
    await sleep(Math.max(0, nextMs - performance.now()));
  }
  await sleep(5000);
  await end(run);
  const sorted = waitedMs.toSorted((left, right) => left - right);
  const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? -1);
  const seen = `${sorted.length * ROWS_PER_BEAT} of ${committedMs.length * ROWS_PER_BEAT} rows`;
  line('1,000 changes/s: commit to ledger', `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${seen}`);
}

const { values } = parseArgs({
  options: {
    flavour: { type: 'string', default: 'mysql' },
    rows: { type: 'string', default: '2000000' },
    changes: { type: 'string', default: '1000000' },
    tables: { type: 'string', default: '1000' },
    parts: { type: 'string', default: 'bootstrap,changes,idle,latency' },
  },
});
const flavour: ServerFlavour = values.flavour === 'mariadb' ? 'mariadb' : 'mysql';
const parts = values.parts.split(',');
const server = await startOrdersServer(flavour);
try {
  const rows = Number.parseInt(values.rows, 10);
  const bench: Bench = { server, rows, changes: Number.parseInt(values.changes, 10), seed: 1 };
  line('server', `${flavour} ${server.version}`);
  await warmUp(bench);
  if (parts.some((part) => ['bootstrap', 'changes', 'long'].includes(part))) {
    await loadOrders(server, rows);
    await bootstrap(bench);
  }
  if (parts.includes('changes')) await changes(bench, bench.changes);
  if (parts.includes('long')) await changes(bench, LONG_CHANGES);
  if (parts.includes('idle')) await idle(bench, Number.parseInt(values.tables, 10));
  if (parts.includes('latency')) await latency(bench);
} finally {
  await server.close();
}
