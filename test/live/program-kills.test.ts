/**
 * Firn killed at random moments, its server killed and started again, the log rotated all the
 * time, under a writer at full speed: the copy is equal in the end and nothing is there twice.
 * `FIRN_SEED` draws other moments; `FIRN_RUNS` says how often Firn is killed, the server two
 * fifths as often (50 for the whole campaign).
 */
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerFlavour } from '../../tools/servers/server-programs.ts';
import { SERVER_FLAVOURS } from '../../tools/servers/server-programs.ts';
import type { Workplace } from '../cli/firn-process.ts';
import { Choice } from '../simulation/random-choice.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import { expectEqual, liveWorkplace, writePipelineFile } from './support/live-pipeline.ts';
import type { LiveServer } from './support/live-server.ts';
import {
  createDatabase,
  openLiveServer,
  skipWithout,
  startPrivateServer,
} from './support/live-server.ts';
import { createWriterTables, startWriter } from './support/live-writer.ts';

const SEED = Number.parseInt(process.env['FIRN_SEED'] ?? '1', 10);
const KILLS = Number.parseInt(process.env['FIRN_RUNS'] ?? '8', 10);
const SERVER_KILLS = Math.max(2, Math.round((KILLS * 2) / 5));

/** A process lives this long at most: long enough for bootstrap, commits and a merge. */
const LIFE_MS_MAX = 4000;
/** Exit code after a signal and a clean end. */
const INTERRUPTED = 130;
const TABLES = ['items', 'pairs', 'events'];
const WRITER = { seed: SEED, sessions: 4, transactionsMax: 50_000, pauseMs: 1 };

/** Starts the pipeline, and ends it after a while: at once, or in order. */
async function runFor(
  place: Workplace,
  moment: { readonly ms: number; readonly signal: 'SIGKILL' | 'SIGTERM' },
): Promise<void> {
  const { child, ended } = place.start('run', 'firn.yaml');
  await Promise.race([sleep(moment.ms), ended]);
  if (child.exitCode !== null) {
    const { code, out, err } = await ended;
    throw new Error(`the pipeline ended by itself with ${code}: ${out}${err}`);
  }
  child.kill(moment.signal);
  const { code, err } = await ended;
  if (moment.signal === 'SIGTERM') equal(code, INTERRUPTED, err);
}

async function prepared(t: Parameters<typeof createDatabase>[0], server: LiveServer) {
  const database = await createDatabase(t, server);
  await createWriterTables(server, database.name);
  const place = liveWorkplace(database);
  writePipelineFile(place, { server, database, tables: TABLES });
  return { database, place };
}

function title(flavour: ServerFlavour, what: string): string {
  return `${flavour}: ${what}`;
}

for (const flavour of SERVER_FLAVOURS) {
  const skip = skipWithout(flavour);

  test(title(flavour, 'Firn is killed (spec: Y2, P6, L4)'), { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const { database, place } = await prepared(t, server);
    using _ = place;
    const again = `FIRN_SEED=${SEED} FIRN_RUNS=${KILLS} npm run test:live`;
    t.diagnostic(`${KILLS} kills; repeat with ${again}`);
    const writer = await startWriter(t, server, { ...WRITER, database: database.name });
    const choice = new Choice(SEED);
    for (let kill = 0; kill < KILLS; kill++) {
      await runFor(place, { ms: 200 + choice.below(LIFE_MS_MAX), signal: 'SIGKILL' });
    }
    t.diagnostic(`${await writer.stop()} transactions`);
    await expectEqual(place, server, database);
  });

  test(title(flavour, 'the server is killed (spec: Y2, Y3)'), { skip }, async (t) => {
    const server = await startPrivateServer(t, flavour);
    const { database, place } = await prepared(t, server);
    using _ = place;
    const writer = await startWriter(t, server, { ...WRITER, database: database.name });
    const run = place.start('run', 'firn.yaml');
    const choice = new Choice(SEED);
    for (let kill = 0; kill < SERVER_KILLS; kill++) {
      await writer.more(50 + choice.below(300));
      await server.stop('SIGKILL');
      await sleep(choice.below(1500));
      await server.restart();
    }
    await writer.more(50);
    await writer.stop();
    // A pipeline that did not go on by itself has ended before this, with another code.
    run.child.kill('SIGTERM');
    const { code, out, err } = await run.ended;
    equal(code, INTERRUPTED, out + err);
    await expectEqual(place, server, database);
  });

  test(title(flavour, 'the log is rotated all the time (spec: Y1)'), { skip }, async (t) => {
    const server = await startPrivateServer(t, flavour, ['max_binlog_size=16384']);
    const { database, place } = await prepared(t, server);
    using _ = place;
    const writer = await startWriter(t, server, { ...WRITER, database: database.name });
    const choice = new Choice(SEED);
    for (let life = 0; life < 3; life++) {
      const ended = runFor(place, { ms: 2000 + choice.below(2000), signal: 'SIGTERM' });
      for (let turn = 0; turn < 10; turn++) {
        await server.run('FLUSH BINARY LOGS');
        await sleep(choice.below(150));
      }
      await ended;
    }
    await writer.stop();
    await expectEqual(place, server, database);
  });

  test(title(flavour, 'the network breaks again and again (spec: Y6)'), { skip }, async (t) => {
    const server = await openLiveServer(t, flavour);
    const { database, place } = await prepared(t, server);
    using _ = place;
    const proxy = await startFaultProxy(t, server);
    writePipelineFile(place, { server: proxy, database, tables: TABLES });
    const writer = await startWriter(t, server, { ...WRITER, database: database.name });
    const choice = new Choice(SEED);
    const run = place.start('run', 'firn.yaml');
    for (let cut = 0; cut < 6; cut++) {
      const afterBytes = 2000 + choice.below(60_000);
      proxy.plan(() => ({ kind: cut % 3 === 2 ? 'silent' : 'cut', afterBytes }));
      await sleep(700 + choice.below(1000));
      if (cut % 3 === 0) proxy.cutAll();
    }
    proxy.plan(() => ({ kind: 'none' }));
    proxy.cutAll();
    await writer.more(100);
    await writer.stop();
    // A pipeline that did not go on by itself has ended before this, with another code.
    run.child.kill('SIGTERM');
    const { code, out, err } = await run.ended;
    equal(code, INTERRUPTED, out + err);
    await expectEqual(place, server, database);
  });
}
