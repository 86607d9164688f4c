/** Servers as processes: known again whatever happened to those who started them, and ended. */
import { deepEqual, equal, rejects, throws } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { identityOf, isRunning } from './process-table.ts';
import { endServer, findServer, logFile, refuseTakenPorts, startServer } from './server-process.ts';
import type { ServerPlace } from './server-process.ts';

const skip = process.platform === 'linux' ? false : 'the cluster needs Linux';
const TOLD = { instance: 'first', version: '1', startedAtMs: 5 };

function newPlace(t: TestContext): ServerPlace {
  const folder = mkdtempSync(join(tmpdir(), 'firn-server-'));
  const place = { folder, name: 'kafka' } as const;
  t.after(async () => {
    const left = findServer(place);
    if (left !== null) await endServer(place, left, { clock: systemClock, graceMs: 0 });
    rmSync(folder, { recursive: true });
  });
  return place;
}

function launch(folder: string, script: string) {
  return { command: ['/bin/sh', '-c', script], environment: {}, workFolder: folder };
}

const recordOf = ({ folder }: ServerPlace): string => join(folder, 'run', 'kafka.json');

test('a server is found again, with and without what was written of it', { skip }, async (t) => {
  const place = newPlace(t);
  equal(findServer(place), null);
  const script = 'echo hello; exec sleep 60';
  const server = await startServer(place, launch(place.folder, script), TOLD);
  deepEqual(findServer(place), server);
  const untold = { ...server, version: '', startedAtMs: 0 };
  for (const damaged of ['{"pid":', '{}', '[]']) {
    writeFileSync(recordOf(place), damaged);
    deepEqual(findServer(place), untold, damaged);
  }
  rmSync(recordOf(place));
  deepEqual(findServer(place), untold);
  equal(findServer({ ...place, name: 'spark' }), null);
  equal(findServer({ ...place, folder: `${place.folder}2` }), null);

  equal(await endServer(place, server, { clock: systemClock, graceMs: 5000 }), true);
  equal(findServer(place), null);
  equal(readFileSync(logFile(place), 'utf8'), 'hello\n');
});

test('a record of a process that is another one now is no server', { skip }, async (t) => {
  const place = newPlace(t);
  const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
  t.after(() => stranger.kill('SIGKILL'));
  await once(stranger, 'spawn');
  const identity = identityOf(stranger.pid ?? 0);
  equal(identity === null, false);
  if (identity === null) return;
  mkdirSync(join(place.folder, 'run'));
  const stale = { ...identity, ...TOLD, startTicks: '1' };
  writeFileSync(recordOf(place), JSON.stringify(stale));
  equal(findServer(place), null);
  // Also when it was found before, and the number was given to another one since.
  equal(await endServer(place, stale, { clock: systemClock, graceMs: 100 }), true);
  equal(isRunning(identity), true);
  equal(existsSync(recordOf(place)), false);
});

test('a server that does not heed SIGTERM is killed in time', { skip }, async (t) => {
  const place = newPlace(t);
  const script = 'trap "" TERM; echo deaf; while :; do sleep 1; done';
  const server = await startServer(place, launch(place.folder, script), TOLD);
  while (readFileSync(logFile(place), 'utf8') === '') {
    await systemClock.sleep(10);
  }
  const startMs = systemClock.monotonicMs();
  equal(await endServer(place, server, { clock: systemClock, graceMs: 200 }), true);
  equal(systemClock.monotonicMs() - startMs >= 200, true);
  equal(isRunning(server), false);
});

test('the log begins anew with each start, the one before is kept', { skip }, async (t) => {
  const place = newPlace(t);
  for (const word of ['one', 'two']) {
    const script = `echo ${word}; exec sleep 60`;
    const server = await startServer(place, launch(place.folder, script), TOLD);
    while (readFileSync(logFile(place), 'utf8') === '') {
      await systemClock.sleep(10);
    }
    await endServer(place, server, { clock: systemClock, graceMs: 5000 });
  }
  equal(readFileSync(logFile(place), 'utf8'), 'two\n');
  equal(readFileSync(`${logFile(place)}.1`, 'utf8'), 'one\n');
});

test('a program that is not there, and a port that is taken', { skip }, async (t) => {
  const place = newPlace(t);
  const nothing = { command: ['/nowhere/java'], environment: {}, workFolder: place.folder };
  await rejects(startServer(place, nothing, TOLD), { code: 'DEVCLUSTER-START' });
  const listener = createServer().listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  throws(() => refuseTakenPorts('connect', [port]), {
    code: 'DEVCLUSTER-PORT',
    message: new RegExp(`port ${port}, which connect needs, is taken by process ${process.pid} `),
  });
  listener.close();
  await once(listener, 'close');
  refuseTakenPorts('connect', [port]);
});
