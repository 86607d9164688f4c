/**
 * Commits through a REST catalog while answers are lost, cut, held and refused: eight writers of
 * Firn's, each with a table of its own, and eight at once on one table. Nothing that a writer was
 * told is committed is lost, nothing is applied twice, and no file of a commit is missing. The
 * server is Firn's; half of the requests lose their `Idempotency-Key` on the way. `FIRN_RUNS`:
 * faults that are injected (default 300); `FIRN_SEED` repeats a run.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ancestors } from '../../src/iceberg/snapshot.ts';
import { present } from '../../src/kernel/assert.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { FirnError } from '../../src/kernel/firn-error.ts';
import { seededRandom, systemRandom as random } from '../../src/kernel/random.ts';
import { commitTables } from '../../src/lake/commit-table.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import type { LoadedTable, TableCommit } from '../../src/ports/catalog.ts';
import { createLocalObjectStore } from '../../src/storage/local-object-store.ts';
import { noAuthorization } from '../../src/storage/rest/authorization.ts';
import { openRestCatalog } from '../../src/storage/rest/rest-catalog.ts';
import { appendCommit, propertyCommit } from '../conformance/sample-table.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { Fault, Passing } from '../support/fault-proxy.ts';
import { appendTo, reload, storedFiles, testFile, testTable } from '../support/lake-fixture.ts';
import { ServedLakePlace } from '../support/served-lake.ts';

const FAULTS = Number.parseInt(process.env['FIRN_RUNS'] ?? '300', 10);
const SEED = Number.parseInt(process.env['FIRN_SEED'] ?? '1', 10);
const WRITERS = [0, 1, 2, 3, 4, 5, 6, 7];
/** Of 256: how often a commit, and a read, is disturbed. */
const COMMIT_SHARE = 128;
const READ_SHARE = 16;
const PAUSES_FASTER = 20;
const MEDDLE_MS = 25;

/** Pauses are short; a time-out is not. */
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(signal === undefined ? ms / PAUSES_FASTER : ms, signal),
};

function problem(status: number, type: string): Fault {
  const body = JSON.stringify({ error: { message: 'by plan', type, code: status } });
  return { kind: 'answer', status, body };
}

/** Disturbs requests by a seed, and counts what it does. */
class Nemesis {
  readonly counts: Record<string, number> = {};
  /** Faults to commits so far. */
  injected = 0;
  #storm = 0;
  readonly #random = seededRandom(SEED);

  plan = ({ method, target, headers }: Passing): Fault | null => {
    if (target.startsWith('/v1/config')) return null;
    const [chance = 0, which = 0, size = 0, keyless = 0] = this.#random.bytes(4);
    // As a proxy would that does not know the header.
    if (keyless % 2 === 0) delete headers['idempotency-key'];
    if (this.#storm > 0) {
      this.#storm--;
      if (method === 'POST') this.#count('503 in a storm');
      return problem(503, 'ServiceUnavailableException');
    }
    if (method !== 'POST') {
      if (chance >= READ_SHARE) return null;
      const kinds = [problem(503, 'Busy'), { kind: 'cut' }, { kind: 'lost' }] as const;
      return kinds[which % 3] ?? null;
    }
    if (chance >= COMMIT_SHARE) return null;
    return this.#commitFault(which, size);
  };

  #commitFault(which: number, size: number): Fault {
    switch (which % 8) {
      case 0:
        return this.#count('409 out of nothing', problem(409, 'CommitFailedException'));
      case 1:
        return this.#count('lost after the commit', { kind: 'lost' });
      case 2:
        return this.#count('lost before the commit', { kind: 'reset' });
      case 3:
        return this.#count('cut in half', { kind: 'cut' });
      case 4:
        return this.#count('5xx after the commit', {
          kind: 'refused',
          status: [500, 502, 503, 504][size % 4] ?? 500,
          body: '<html>gateway</html>',
        });
      case 5:
      case 6:
        return this.#count('held and late', { kind: 'late', afterMs: size });
      default:
        this.#storm = size % 12;
        return this.#count('503 in a storm', problem(503, 'ServiceUnavailableException'));
    }
  }

  #count<T>(name: string, fault?: T): T {
    this.injected++;
    this.counts[name] = (this.counts[name] ?? 0) + 1;
    return fault as T;
  }

  said(): string {
    const list = Object.entries(this.counts).map(([name, count]) => `${count} ${name}`);
    return `${this.injected} faults (${list.join(', ')})`;
  }
}

interface World {
  readonly nemesis: Nemesis;
  /** Straight to the server. */
  readonly plain: LakeContext;
  /** Processes of their own, through the proxy. */
  readonly writers: readonly LakeContext[];
}

async function inWorld(body: (world: World) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'firn-catalog-faults-'));
  const place = await ServedLakePlace.open({ folder });
  const proxy = await startFaultProxy(place.url);
  const nemesis = new Nemesis();
  const warehouse = join(folder, 'warehouse');
  const store = createLocalObjectStore({ folder: warehouse, clock, random });
  const contextOf = async (uri: string, writer: string): Promise<LakeContext> => {
    const settings = { warehouse: null, authorization: noAuthorization, timeoutMs: 20_000 };
    const catalog = await openRestCatalog({ uri, ...settings, clock, random });
    const queues = createTableQueues();
    return { store, catalog, clock, random, pipeline: 'faults', writer, queues };
  };
  try {
    const plain = await contextOf(place.url, 'plain');
    const writers = WRITERS.map((number) => contextOf(proxy.endpoint, `writer-${number}`));
    const world = { nemesis, plain, writers: await Promise.all(writers) };
    proxy.plan = nemesis.plan;
    await body(world);
  } finally {
    await proxy[Symbol.asyncDispose]();
    await place.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs until it is done, as a supervisor would: what may pass is tried again. */
async function insisting<T>(run: () => Promise<T | null>): Promise<T> {
  for (;;) {
    try {
      const done = await run();
      if (done !== null) return done;
    } catch (error) {
      if (!(error instanceof FirnError)) throw error;
      ok(['retry', 'verify'].includes(error.disposition), error.message);
    }
  }
}

/** Paths of the files on main. */
async function pathsOf(
  context: LakeContext,
  { metadata }: LoadedTable,
): Promise<readonly string[]> {
  const files = await scanFiles(context, { metadata, ref: 'main' });
  return files.map(({ file }) => file.filePath).toSorted();
}

/** Appends one file, which must be there once in the end; gives its path. */
async function appendOnce(context: LakeContext, table: LoadedTable): Promise<string> {
  const file = await testFile(context, table);
  let tries = 0;
  return insisting(async () => {
    // What an earlier try left open is read from the table, not guessed; and from the very state
    // that the next try asserts, for the earlier one may be applied at any moment.
    const now = await reload(context, table);
    if (tries++ > 0 && (await pathsOf(context, now)).includes(file.filePath)) return file.filePath;
    const [result] = await commitTables(context, [appendTo(now, [file])]);
    ok(result !== undefined && result.kind !== 'replan');
    if (result.kind === 'committed') return file.filePath;
    throw result.error;
  });
}

/**
 * Another program that sets properties: a commit that is open then has to be made anew, and what
 * was made for it must not be taken away while it may still be applied.
 */
async function meddle(
  plain: LakeContext,
  tables: readonly LoadedTable[],
  over: AbortSignal,
): Promise<void> {
  for (let turn = 0; !over.aborted; turn++) {
    const table = present(tables[turn % tables.length], 'a table');
    await plain.catalog.commit([propertyCommit(table, 'turn', `${turn}`)]);
    await systemClock.sleep(MEDDLE_MS, over);
  }
}

test('spec: K2 eight writers on eight tables lose and double nothing', async () => {
  await inWorld(async ({ nemesis, plain, writers }) => {
    const tables = await Promise.all(WRITERS.map((number) => testTable(plain, `t${number}`)));
    const over = new AbortController();
    const meddling = meddle(plain, tables, over.signal);
    const working = writers.map(async (context, index) => {
      const table = present(tables[index], 'a table');
      const paths: string[] = [];
      while (nemesis.injected < FAULTS / 2) paths.push(await appendOnce(context, table));
      return paths;
    });
    const made = await Promise.all(working).finally(() => over.abort());
    await meddling;
    const stored = new Set(await storedFiles(plain));
    for (const [index, table] of tables.entries()) {
      const paths = await pathsOf(plain, await reload(plain, table));
      deepEqual(paths, made[index]?.toSorted());
      ok(paths.every((path) => stored.has(path)));
    }
    const count = made.reduce((sum, { length }) => sum + length, 0);
    process.stdout.write(`8 tables: ${count} commits, ${nemesis.said()}: 0 lost, 0 doubled\n`);
  });
});

function stepsOf({ metadata }: LoadedTable): readonly string[] {
  return metadata.snapshots.map(({ summary }) => summary['step'] ?? '');
}

/** Adds a snapshot with this step as an engine that is not Firn would. */
async function commitStep(context: LakeContext, table: LoadedTable, step: string): Promise<string> {
  let commit: TableCommit | null = null;
  return insisting(async () => {
    const now = await reload(context, table);
    if (stepsOf(now).includes(step)) return step;
    // The same commit as long as nobody knows of it: its copies assert one head.
    commit ??= appendCommit(now, { step }, { clock, random });
    const outcome = await context.catalog.commit([commit]);
    if (outcome.kind === 'committed') return step;
    if (outcome.kind === 'conflict') commit = null;
    return null;
  });
}

test('spec: K2 eight writers on one table lose and double nothing', async () => {
  await inWorld(async ({ nemesis, plain, writers }) => {
    const table = await testTable(plain);
    const made = await Promise.all(
      writers.map(async (context, index) => {
        const steps: string[] = [];
        while (nemesis.injected < FAULTS / 2) {
          steps.push(await commitStep(context, table, `${index}-${steps.length}`));
        }
        return steps;
      }),
    );
    const now = await reload(plain, table);
    deepEqual(stepsOf(now).toSorted(), made.flat().toSorted());
    const chain = [...ancestors(now.metadata, now.metadata.currentSnapshotId)];
    equal(chain.length, made.flat().length);
    process.stdout.write(
      `one table: ${chain.length} commits, ${nemesis.said()}: 0 lost, 0 doubled\n`,
    );
  });
});
