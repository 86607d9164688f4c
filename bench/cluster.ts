/**
 * One real pipeline on a development cluster: from its file to the first rows of a base, how fresh
 * ledger and base are at a steady pace, and the orders workload beside the embedded engine. A
 * database server and a cluster are started for it and ended.
 *
 * `npm run bench cluster -- [--rows 200000] [--changes 100000] [--parts first,fresh,orders]`. Linux
 * only.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readSettings } from '../src/devcluster/cluster-settings.ts';
import type { ClusterSettings } from '../src/devcluster/cluster-settings.ts';
import { lookAt } from '../src/devcluster/dev-cluster.ts';
import { pipelineSections } from '../src/devcluster/pipeline-sections.ts';
import { CLUSTER_VARIABLE, laneParts, startLaneCluster } from '../tools/servers/lane-cluster.ts';
import type { OrdersServer } from './mysql/orders-server.ts';
import { loadOrders, playChanges, startOrdersServer } from './mysql/orders-server.ts';
import { CHANGES_PER_TRANSACTION } from './mysql/workload.ts';
import type { Measured, MeasuredRun } from './support/measured-process.ts';
import { cpuMsOf, startMeasured } from './support/measured-process.ts';

const PROGRAM = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const COMMIT_SEC = 5;
const MERGE_SEC = 30;
const BEATS_PER_SEC = 10;
const ROWS_PER_BEAT = 20;
const FRESH_SEC = 180;
/** Rows that come at first are not counted: the engines compile what they run. */
const WARM_SEC = 60;

interface Bench {
  readonly server: OrdersServer;
  readonly cluster: ClusterSettings;
}

type EngineName = 'embedded' | 'cluster';

function line(name: string, text: string): void {
  process.stdout.write(`  ${name.padEnd(46)} ${text}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** What a line of `firn run --json` tells. */
interface RunEvent {
  readonly event?: string;
  readonly rows?: number;
  readonly rowsInserted?: number;
  readonly tables?: readonly { readonly rows?: number }[];
}

function committedRows({ event, tables = [] }: RunEvent): number {
  if (event !== 'committed') return 0;
  return tables.reduce((sum, { rows = 0 }) => sum + rows, 0);
}

/** Writes the file of a pipeline over all tables of a database. */
function writePipeline({ server, cluster }: Bench, database: string, engine: EngineName): string {
  const folder = join(server.folder, `${database}-${engine}`);
  mkdirSync(folder);
  const { port, username, password } = new URL(server.url(database));
  writeFileSync(join(folder, 'password'), password, { mode: 0o600 });
  const sections = pipelineSections(cluster, 'mysql');
  const text = [
    `name: ${database}_${engine}`,
    'source:',
    `  {type: mysql, host: 127.0.0.1, port: ${port}, user: ${username}, tls: "off",`,
    '   password: {file: ./password}}',
    `tables: ["${database}.*"]`,
    engine === 'cluster' ? sections : 'lake: {warehouse: ./lake}',
    `ledger: {commitInterval: ${COMMIT_SEC}s}`,
    `base: {mergeInterval: ${MERGE_SEC}s}`,
  ];
  writeFileSync(join(folder, 'firn.yaml'), `${text.join('\n')}\n`);
  return folder;
}

function run(
  folder: string,
  words: readonly string[],
  onEvent: (event: RunEvent) => void,
): MeasuredRun {
  return startMeasured({
    command: [process.execPath, PROGRAM, 'run', 'firn.yaml', '--json', ...words],
    cwd: folder,
    onLine: (text) => onEvent(JSON.parse(text) as RunEvent),
  });
}

async function end(running: MeasuredRun): Promise<void> {
  const ended = running.done.catch(() => null);
  running.signal('SIGINT');
  await ended;
}

/** From the start of the program with a new file to rows that readers of the base see. */
async function first(bench: Bench): Promise<void> {
  const { server } = bench;
  await server.sql.query('CREATE DATABASE first');
  await server.sql.query('CREATE TABLE first.t (id INT PRIMARY KEY, v VARCHAR(20))');
  await server.sql.query("INSERT INTO first.t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  const published = Promise.withResolvers<number>();
  const startMs = performance.now();
  const running = run(writePipeline(bench, 'first', 'cluster'), [], ({ event }) => {
    if (event === 'published') published.resolve(performance.now() - startMs);
  });
  line(
    'file to first rows of the base',
    seconds(await Promise.race([published.promise, over(running)])),
  );
  await end(running);
}

async function over(running: MeasuredRun): Promise<never> {
  await running.done;
  throw new Error('the pipeline ended too early');
}

/** How long each row waited, by the order in which rows came. */
class Waits {
  readonly #committedMs: number[] = [];
  readonly #waitedMs: number[] = [];
  #rows = 0;

  /** A beat of rows was committed at the source. */
  beat(): void {
    this.#committedMs.push(performance.now());
  }

  /** So many rows more have arrived. */
  arrived(rows: number): void {
    this.#rows += rows;
    while (this.#waitedMs.length < Math.floor(this.#rows / ROWS_PER_BEAT)) {
      const at = this.#committedMs[this.#waitedMs.length];
      this.#waitedMs.push(performance.now() - (at ?? Number.NaN));
    }
  }

  get rows(): number {
    return this.#rows;
  }

  text(): string {
    const counted = this.#waitedMs.slice(WARM_SEC * BEATS_PER_SEC);
    const sorted = counted.toSorted((left, right) => left - right);
    const at = (share: number): string => seconds(sorted[Math.floor(sorted.length * share)] ?? -1);
    return `p50 ${at(0.5)}, p95 ${at(0.95)}, ${sorted.length * ROWS_PER_BEAT} rows`;
  }
}

async function fresh(bench: Bench): Promise<void> {
  const { sql } = bench.server;
  await sql.query('CREATE DATABASE beat');
  await sql.query('CREATE TABLE beat.t (id BIGINT AUTO_INCREMENT PRIMARY KEY, v BIGINT)');
  const [ledger, base] = [new Waits(), new Waits()];
  const published = Promise.withResolvers<void>();
  const running = run(writePipeline(bench, 'beat', 'cluster'), [], (event) => {
    if (event.event === 'published') published.resolve();
    ledger.arrived(committedRows(event));
    if (event.event === 'merged') base.arrived(event.rowsInserted ?? 0);
  });
  await Promise.race([published.promise, over(running)]);
  const startMs = performance.now();
  const beats = (WARM_SEC + FRESH_SEC) * BEATS_PER_SEC;
  for (let beat = 0; beat < beats; beat++) {
    const values = Array.from({ length: ROWS_PER_BEAT }, (_, index) => `(${beat + index})`);
    await sql.query(`INSERT INTO beat.t (v) VALUES ${values.join()}`);
    ledger.beat();
    base.beat();
    await sleep(Math.max(0, startMs + ((beat + 1) * 1000) / BEATS_PER_SEC - performance.now()));
  }
  const untilMs = performance.now() + 120_000;
  while (base.rows < beats * ROWS_PER_BEAT && performance.now() < untilMs) await sleep(250);
  await end(running);
  const pace = BEATS_PER_SEC * ROWS_PER_BEAT;
  line(`${pace} changes/s, commits every ${COMMIT_SEC} s: ledger`, ledger.text());
  line(`${pace} changes/s, merges every ${MERGE_SEC} s: base`, base.text());
}

/** CPU time of the cluster's servers so far. */
async function clusterCpuMs({ cluster }: Bench): Promise<number> {
  const servers = await lookAt(laneParts(cluster));
  return servers.reduce((sum, { pid }) => sum + (pid === null ? 0 : cpuMsOf(pid)), 0);
}

async function timed(
  bench: Bench,
  engine: EngineName,
  what: { readonly name: string; readonly folder: string },
): Promise<void> {
  const beforeMs = await clusterCpuMs(bench);
  const measured: Measured = await run(what.folder, ['--once'], () => {}).done;
  const othersMs = engine === 'cluster' ? (await clusterCpuMs(bench)) - beforeMs : 0;
  const cpu = `${seconds(measured.cpuMs)} CPU of Firn, ${seconds(othersMs)} of the cluster`;
  line(`${what.name}: ${engine}`, `${seconds(measured.wallMs)} wall, ${cpu}`);
}

async function orders(bench: Bench, rows: number, changes: number): Promise<void> {
  const { server } = bench;
  await loadOrders(server, rows);
  const engines = ['embedded', 'cluster'] as const;
  const folders = new Map(engines.map((name) => [name, writePipeline(bench, 'shop', name)]));
  const all = async (name: string): Promise<void> => {
    for (const [engine, folder] of folders) await timed(bench, engine, { name, folder });
  };
  await all(`bootstrap of ${rows.toLocaleString('en')} orders`);
  const transactions = Math.floor(changes / CHANGES_PER_TRANSACTION);
  await playChanges(server, { rows, transactions, seed: 1 });
  await all(`${changes.toLocaleString('en')} changes, with base`);
}

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    changes: { type: 'string', default: '100000' },
    parts: { type: 'string', default: 'first,fresh,orders' },
  },
});
const parts = values.parts.split(',');
const lane = await startLaneCluster();
if (lane.kind === 'absent') throw new Error(lane.reason);
try {
  const cluster = readSettings(lane.env[CLUSTER_VARIABLE] ?? '');
  if (cluster === null) throw new Error('no cluster');
  const server = await startOrdersServer('mysql');
  try {
    const bench: Bench = { server, cluster };
    if (parts.includes('first')) await first(bench);
    if (parts.includes('fresh')) await fresh(bench);
    if (parts.includes('orders')) {
      await orders(bench, Number.parseInt(values.rows, 10), Number.parseInt(values.changes, 10));
    }
  } finally {
    await server.close();
  }
} finally {
  await lane.end();
}
