/**
 * CPU that `firn catalog serve` takes for one commit, on real disk with real syncs. The server is a
 * process of its own, measured from outside; clients commit one after the other to one table, then
 * eight at once to one table each. The tables have as many snapshots as Firn keeps, with as many
 * summary keys as it writes, and 12 columns.
 *
 * `npm run bench rest`: the goal is 5 ms of server CPU per commit.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseJson, stringifyJson } from '../src/kernel/lossless-json.ts';
import type { JsonObject } from '../src/kernel/lossless-json.ts';
import { SHOP, metadataOf, tablePath, textAt } from '../test/support/rest-tables.ts';
import { freePort } from '../tools/servers/database-server.ts';
import { cpuMsOf } from './support/measured-process.ts';

const MAIN = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts');
const SNAPSHOTS_KEPT = 100;
const SUMMARY_KEYS = 24;
const COLUMNS = 12;
const COMMITS = 400;
const TABLES = 8;
const REPEATS = 3;
const GOAL_MS = 5;

const fields = Array.from({ length: COLUMNS }, (_, index) => {
  return { id: index + 1, name: `column_${index}`, required: false, type: 'long' };
});
const summary = Object.fromEntries(
  Array.from({ length: SUMMARY_KEYS - 1 }, (_, index) => [`firn.key-${index}`, `value ${index}`]),
);

/** A client of one table, which knows its state from the answers to its own commits. */
class Client {
  readonly #url: string;
  readonly #table: string;
  #next = 1;
  #location = '';

  constructor(url: string, table: string) {
    this.#url = url;
    this.#table = table;
  }

  async #send(path: string, body: JsonObject): Promise<JsonObject> {
    const response = await fetch(`${this.#url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: stringifyJson(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return parseJson(text) as JsonObject;
  }

  /** Makes the table, with its snapshots. */
  async make(): Promise<void> {
    const schema = { type: 'struct', fields };
    const body = await this.#send(`${SHOP}/tables`, { name: this.#table, schema });
    const metadata = metadataOf({ status: 200, headers: new Headers(), body });
    this.#location = textAt(metadata, 'location');
    for (let count = 0; count < SNAPSHOTS_KEPT; count++) await this.commit();
  }

  /** An append to main; the oldest snapshot goes when there are enough. */
  async commit(): Promise<void> {
    const id = this.#next++;
    const head = id === 1 ? null : id - 1;
    const old = id - SNAPSHOTS_KEPT;
    const snapshot = {
      'snapshot-id': id,
      ...(head === null ? {} : { 'parent-snapshot-id': head }),
      'sequence-number': id,
      'timestamp-ms': 1_800_000_000_000 + id,
      'manifest-list': `${this.#location}/metadata/snap-${id}-0190a1b2-c3d4.avro`,
      summary: { operation: 'append', ...summary },
      'schema-id': 0,
    };
    await this.#send(tablePath(this.#table), {
      requirements: [{ type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': head }],
      updates: [
        { action: 'add-snapshot', snapshot },
        { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': id },
        ...(old < 1 ? [] : [{ action: 'remove-snapshots', 'snapshot-ids': [old] }]),
      ],
    });
  }
}

async function answers(url: string): Promise<void> {
  for (;;) {
    try {
      await fetch(`${url}/v1/config`);
      return;
    } catch {
      // Not yet.
      await sleep(50);
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'firn-bench-rest-'));
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
writeFileSync(
  join(folder, 'firn.yaml'),
  'name: app\nsource: {type: sqlite, path: ./app.db}\ntables: ["*"]\nlake: {warehouse: ./lake}\n',
);
const words = ['catalog', 'serve', folder, '--port', `${port}`];
const server = spawn(process.execPath, [MAIN, ...words], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const pid = server.pid ?? 0;

/** Server CPU and wall time per commit of `work`, which makes `commits`. */
async function measure(name: string, commits: number, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  const before = cpuMsOf(pid);
  await work();
  const cpuMs = (cpuMsOf(pid) - before) / commits;
  const perSec = (commits * 1000) / (performance.now() - startMs);
  process.stdout.write(`  ${name}: ${cpuMs.toFixed(2)} ms CPU per commit, `);
  process.stdout.write(`${perSec.toFixed(0)} commits/s\n`);
  return cpuMs;
}

/** Each client makes `count` commits, all clients at once. */
async function times(count: number, clients: readonly Client[]): Promise<void> {
  await Promise.all(
    clients.map(async (client) => {
      for (let done = 0; done < count; done++) await client.commit();
    }),
  );
}

try {
  await answers(url);
  await fetch(`${url}/v1/namespaces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"namespace":["shop"]}',
  });
  const clients = Array.from({ length: TABLES }, (_, index) => new Client(url, `t${index}`));
  await Promise.all(clients.map((client) => client.make()));
  let worst = 0;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const one = await measure('1 client, 1 table', COMMITS, () =>
      times(COMMITS, clients.slice(0, 1)),
    );
    const many = await measure(`${TABLES} clients, ${TABLES} tables`, COMMITS, () =>
      times(COMMITS / TABLES, clients),
    );
    worst = repeat === 0 ? Math.max(one, many) : Math.min(worst, Math.max(one, many));
  }
  const verdict = worst <= GOAL_MS ? 'reached' : 'MISSED';
  process.stdout.write(`  goal of ${GOAL_MS} ms: ${verdict} (${worst.toFixed(2)} ms)\n`);
  if (worst > GOAL_MS) process.exitCode = 1;
} finally {
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  rmSync(folder, { recursive: true, force: true });
}
