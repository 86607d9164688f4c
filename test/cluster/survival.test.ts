/**
 * Each process of a cluster, and Firn itself, is killed while changes come and merges run. Then the
 * tables are those of the embedded engine, and each record of the topics is in a ledger once.
 */
import { notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerName } from '../../src/devcluster/cluster-settings.ts';
import type { Running } from '../cli/firn-process.ts';
import { openCluster, skipWithoutCluster } from './support/dev-cluster.ts';
import type { DevCluster } from './support/dev-cluster.ts';
import { EnginePair, skipPair } from './support/engine-pair.ts';

const VICTIMS = [
  'connect',
  'taskmanager',
  'firn',
  'jobmanager',
  'gateway',
  'spark',
  'kafka',
  'firn',
] as const satisfies readonly (ServerName | 'firn')[];

/** Rows of a round; each round has numbers of its own. */
const ROWS = 200;

/** Changes of one round: inserts, a change of keys, updates, deletes, two tables at once. */
function statementsOf(round: number): readonly string[] {
  const [first, last] = [round * 1000, round * 1000 + ROWS - 1];
  const rows = Array.from({ length: ROWS }, (_, at) => `(${first + at}, ${round}, 'n${at}')`);
  const own = `id BETWEEN ${first} AND ${last}`;
  return [
    `INSERT INTO notes VALUES ${rows.join(', ')}`,
    'START TRANSACTION',
    `UPDATE notes SET v = v + 1 WHERE ${own} AND id % 3 = 0`,
    `INSERT INTO totals SELECT ${round}, SUM(v) FROM notes`,
    `UPDATE notes SET id = id + 500 WHERE ${own} AND id % 7 = 0`,
    'COMMIT',
    `DELETE FROM notes WHERE ${own} AND id % 5 = 0`,
    'UPDATE totals SET v = v + 1',
    // The same rows in every round: what the merges rewrite.
    `UPDATE notes SET v = ${round} WHERE id < 100`,
  ];
}

/** A pipeline that is started again where it ended by itself. */
class Run {
  readonly #pair: EnginePair;
  #running: Running;
  #code: number | null | 'runs' = 'runs';
  #said = '';
  restarts = 0;

  constructor(pair: EnginePair) {
    this.#pair = pair;
    this.#running = this.#start();
  }

  /** Starts it again where it has ended; a table that halted is none of the outcomes. */
  keepUp(): void {
    if (this.#code === 'runs') return;
    notEqual(this.#code, 3, `a table halted: ${this.#said}`);
    this.restarts += 1;
    this.#running = this.#start();
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#running.child.kill(signal);
    await this.#running.ended;
  }

  #start(): Running {
    const running = this.#pair.start('cluster');
    this.#code = 'runs';
    void this.#watch(running);
    return running;
  }

  async #watch(running: Running): Promise<void> {
    const { code, out, err } = await running.ended;
    if (running !== this.#running) return;
    this.#code = code;
    this.#said = `${out}${err}`;
  }
}

/** Kills one process, lets changes come meanwhile, and brings it back. */
async function strike(
  victim: (typeof VICTIMS)[number],
  parts: { readonly cluster: DevCluster; readonly run: Run; readonly write: () => Promise<void> },
): Promise<void> {
  const { cluster, run, write } = parts;
  await write();
  if (victim === 'firn') {
    await run.end('SIGKILL');
    await write();
  } else {
    await cluster.kill(victim);
    await write();
    await sleep(2000);
    await cluster.start(victim);
  }
  run.keepUp();
}

const skip = skipWithoutCluster() === false ? skipPair('mysql') : skipWithoutCluster();

test('spec: E16 — whatever is killed, the tables are equal afterwards', { skip }, async (t) => {
  const cluster = openCluster();
  t.after(async () => {
    const down = (await cluster.look()).filter(({ state }) => state !== 'ready');
    for (const { name } of down) await cluster.start(name);
  });
  const pair = await EnginePair.open(t, 'mysql');
  await pair.server.run(
    'CREATE TABLE notes (id INT PRIMARY KEY, v INT, note VARCHAR(20))',
    'CREATE TABLE totals (round INT PRIMARY KEY, v BIGINT)',
  );
  let round = 0;
  const write = async (): Promise<void> => pair.server.run(...statementsOf(round++));
  await write();
  await pair.configure(t);
  await Promise.all([pair.catchUp('embedded'), pair.catchUp('cluster')]);
  const run = new Run(pair);
  for (const victim of VICTIMS) {
    const startedMs = performance.now();
    await strike(victim, { cluster, run, write });
    t.diagnostic(`${victim}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  }
  await write();
  await run.end('SIGTERM');
  await Promise.all([pair.catchUp('embedded'), pair.catchUp('cluster')]);
  const found = pair.compare(['notes', 'totals']);
  t.diagnostic(`${JSON.stringify(found)}, ${run.restarts} restarts`);
  ok(found.rows > 1000 && found.ledgerRows > 2000);
});
