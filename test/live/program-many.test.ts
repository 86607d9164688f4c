/**
 * Many tables in one log: a hot one does not starve quiet ones and costs them no commits, and the
 * log is kept for all of them. `FIRN_TABLES=1000` also measures what so many idle tables cost the
 * real program.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatusDocument } from '../../src/monitor/status-document.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { liveWorkplace, writePipelineFile } from './support/live-pipeline.ts';
import { LivePlace } from './support/live-place.ts';
import { createDatabase, openLiveServer, skipWithout } from './support/live-server.ts';
import type { LiveDatabase, LiveServer } from './support/live-server.ts';

const TABLES = Number.parseInt(process.env['FIRN_TABLES'] ?? '0', 10);

/** Tables of a quiet kind in the test of the lane. */
const QUIET = 8;
/** Those of them that get a change. */
const TOUCHED = 4;

interface Prepared {
  readonly server: LiveServer;
  readonly database: LiveDatabase;
  readonly names: readonly string[];
}

async function prepared(t: TestContext, flavour: ServerFlavour, count: number): Promise<Prepared> {
  const server = await openLiveServer(t, flavour);
  const database = await createDatabase(t, server);
  const names = Array.from({ length: count }, (_, index) => `q_${1000 + index}`);
  await server.run(`USE ${database.name}`);
  for (const table of names) {
    await server.run(`CREATE TABLE ${table} (id INT PRIMARY KEY, note VARCHAR(100))`);
  }
  return { server, database, names };
}

function commitsOf({ tables }: StatusDocument): ReadonlyMap<string, number | null> {
  return new Map(tables.map(({ table, ledger }) => [table, ledger.lastCommitMs]));
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(`${flavour}: a hot table beside quiet ones (spec: Y5)`, { skip }, async (t) => {
    const { server, database, names } = await prepared(t, flavour, QUIET);
    const { name } = database;
    await server.run('CREATE TABLE hot (id INT AUTO_INCREMENT PRIMARY KEY, note VARCHAR(100))');
    const place = new LivePlace(t, { server, database, tables: ['q_*', 'hot'] });
    await place.expectEqual();
    const run = await place.start();
    const before = commitsOf(await place.status());
    const state = { isWriting: true, statements: 0 };
    const hot = await server.connect();
    const rows = Array.from({ length: 500 }, () => `(REPEAT('h', 100))`).join();
    const writing = (async () => {
      for (; state.isWriting; state.statements++) {
        await hot.query(`INSERT INTO ${name}.hot (note) VALUES ${rows}`);
      }
    })();
    for (const table of names.slice(0, TOUCHED)) {
      await server.run(`INSERT INTO ${table} VALUES (1, 'quiet')`);
      await run.saw(
        (event) =>
          event.kind === 'committed' &&
          event.tables.some((one) => one.table === `${name}.${table}`),
      );
    }
    const meanwhile = state.statements;
    await server.run('FLUSH BINARY LOGS');
    await run.saw((event) => event.kind === 'committed' && event.completeTo.seq > 0n);
    const after = commitsOf(await place.status());
    state.isWriting = false;
    await writing;
    hot.destroy();
    ok(meanwhile > 0, 'the hot table was written all the while');
    for (const table of names.slice(TOUCHED)) {
      const full = `${name}.${table}`;
      equal(after.get(full), before.get(full), `${table} has no commits because of the others`);
    }
    const [row] = await server.query('SELECT @@binlog_expire_logs_seconds AS kept');
    const { logKeptUntilMs, updatedAtMs } = await place.status();
    const aheadSec = ((logKeptUntilMs ?? 0) - updatedAtMs) / 1000 - Number(row?.['kept']);
    ok(aheadSec > -600 && aheadSec < 60, `the log is kept ${aheadSec} s longer than said`);
    await run.stop();
    await place.expectEqual();
    deepEqual(await place.rows('SELECT count(*) FROM q_1000'), [['1']]);
  });

  // A campaign by command; the lane, which may skip nothing, does not know it.
  if (TABLES === 0) continue;
  test(`${flavour}: ${TABLES} idle tables`, { skip }, async (t) => {
    const { server, database, names } = await prepared(t, flavour, TABLES);
    using place = liveWorkplace(database);
    writePipelineFile(place, { server, database, tables: ['q_*'] });
    const startedMs = performance.now();
    const first = await place.run('run', 'firn.yaml', '--once');
    equal(first.code, 0, first.err);
    t.diagnostic(`first run: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    const againMs = performance.now();
    const run = place.start('run', 'firn.yaml');
    await run.saw('epoch 1');
    t.diagnostic(`next start: ${((performance.now() - againMs) / 1000).toFixed(1)} s`);
    await sleep(10_000);
    const from = processFigures(run.child.pid ?? 0);
    await sleep(60_000);
    const to = processFigures(run.child.pid ?? 0);
    t.diagnostic(`idle: ${to.rssMb} MB, ${(((to.cpuSec - from.cpuSec) / 60) * 100).toFixed(1)} %`);
    for (const table of names) await server.run(`INSERT INTO ${table} VALUES (1, 'x')`);
    run.child.kill('SIGTERM');
    equal((await run.ended).code, 130);
    const caught = await place.run('run', 'firn.yaml', '--once');
    equal(caught.code, 0, caught.err);
    const proof = await place.run('verify', 'firn.yaml', '--json');
    equal(proof.code, 0, proof.err);
    match(proof.out, /"equal": ?true/);
  });
}

/** Memory and processor time of a process, as Linux counts them. */
function processFigures(pid: number): { readonly rssMb: number; readonly cpuSec: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticks = Number.parseInt(fields[11] ?? '0', 10) + Number.parseInt(fields[12] ?? '0', 10);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return { rssMb: Math.round(Number.parseInt(rss, 10) / 1024), cpuSec: ticks / 100 };
}
