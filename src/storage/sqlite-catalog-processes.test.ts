/** Several processes commit to one SQLite catalog at once, and some of them are killed. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { a, b, createBoth, loaded, stepsOf } from '../../test/conformance/catalog-under-test.ts';
import type { Work } from '../../test/conformance/committing-process.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { systemRandom as random } from '../kernel/random.ts';
import type { Catalog } from '../ports/catalog.ts';
import { createLocalObjectStore } from './local-object-store.ts';
import { openSqliteCatalog } from './sqlite-catalog.ts';

const script = fileURLToPath(
  new URL('../../test/conformance/committing-process.ts', import.meta.url),
);

/** A process at work and the steps that it was told are committed. */
interface Worker {
  readonly child: ChildProcess;
  readonly acknowledged: string[];
  /** Resolves once the process and its output are at their end. */
  readonly ended: Promise<unknown>;
}

function startWorker(work: Work, onStep: (worker: Worker) => void): Worker {
  const child = spawn(process.execPath, [script, JSON.stringify(work)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const worker: Worker = { child, acknowledged: [], ended: once(child, 'close') };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    worker.acknowledged.push(...lines);
    onStep(worker);
  });
  return worker;
}

async function withCatalog(
  body: (catalog: Catalog, work: Omit<Work, 'worker' | 'steps'>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'firn-processes-'));
  const [path, lake] = [join(folder, 'catalog.db'), join(folder, 'lake')];
  const store = createLocalObjectStore({ folder: lake, clock, random });
  const catalog = await openSqliteCatalog({ path, name: 'firn', store, clock, random });
  try {
    const connect = (): Promise<Catalog> => Promise.resolve(catalog);
    await createBoth({ catalog, store, connect, close: () => catalog.close() });
    await body(catalog, { folder: lake, path, tables: [a, b] });
    const database = new DatabaseSync(path);
    equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
    database.close();
  } finally {
    await catalog.close();
    await rm(folder, { recursive: true });
  }
}

test('spec: C14 spec: C15 several processes lose and double no commit', () =>
  withCatalog(async (catalog, work) => {
    const steps = 8;
    const workers = ['x', 'y', 'z'].map((worker) =>
      startWorker({ ...work, worker, steps }, () => {}),
    );
    await Promise.all(workers.map(({ ended }) => ended));
    for (const { child } of workers) equal(child.exitCode, 0);
    const expected = workers.flatMap(({ acknowledged }) => acknowledged).toSorted();
    equal(expected.length, workers.length * steps);
    const done = stepsOf((await loaded(catalog, a)).metadata);
    deepEqual(done.toSorted(), expected);
    deepEqual(stepsOf((await loaded(catalog, b)).metadata), done);
    for (const { acknowledged } of workers) {
      const own = done.filter((step) => acknowledged.includes(step));
      deepEqual(own, acknowledged);
    }
  }));

test('spec: C15 a process that is killed leaves each commit whole or absent', () =>
  withCatalog(async (catalog, work) => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 5; round++) {
      const worker = `k${round}`;
      const killed = startWorker({ ...work, worker, steps: 1000 }, ({ child, acknowledged }) => {
        if (acknowledged.length < 2 + round || child.killed) return;
        // At some moment of the next commit.
        void clock.sleep(round * 1.3).then(() => child.kill('SIGKILL'));
      });
      await killed.ended;
      equal(killed.child.signalCode, 'SIGKILL');
      acknowledged.push(...killed.acknowledged);
      const done = stepsOf((await loaded(catalog, a)).metadata);
      deepEqual(stepsOf((await loaded(catalog, b)).metadata), done);
      const told = done.filter((step) => acknowledged.includes(step));
      deepEqual(told, acknowledged);
      equal(new Set(done).size, done.length);
      // Each killed process had at most one commit that it was not told about, or could not tell.
      ok(done.length - told.length <= round + 1, `${done.length - told.length} unknown commits`);
    }
  }));
