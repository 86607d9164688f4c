/** The initial copy, step by step: what is committed when, and what a cut-off one goes on from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyTable, publishCopy } from '../../src/bootstrap/bootstrap-table.ts';
import { COPY_LIMITS } from '../../src/bootstrap/copy-parts.ts';
import type { BootstrapParts } from '../../src/bootstrap/copy-parts.ts';
import { MAIN_BRANCH } from '../../src/iceberg/snapshot.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { CommitRequest } from '../../src/lake/commit-request.ts';
import type { LakeContext } from '../../src/lake/lake-context.ts';
import { commitTables, publishBranch, removeRef } from '../../src/lake/commit-table.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import type { BaseState } from '../../src/lake/table-state.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { openEngine, openSource } from '../../src/pipeline/adapters.ts';
import type { Catalog, LoadedTable } from '../../src/ports/catalog.ts';
import type { RowEngine } from '../../src/ports/row-engine.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import { pipelineWorld } from './pipeline-world.ts';
import type { PipelineWorld } from './pipeline-world.ts';

const ROWS = 100;
const DDL = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
  WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ${ROWS})
  INSERT INTO users SELECT value, 'name of user ' || value FROM n`;

/** What a watched bootstrap did, in order. */
interface Step {
  readonly what: 'low-mark' | 'own-branch' | 'chunk' | 'commit' | 'publish';
  readonly request: CommitRequest | null;
}

interface Watched {
  readonly steps: Step[];
  /** Runs a bootstrap of ten rows a commit; dies after `dieAfter` commits. */
  run(options?: {
    readonly dieAfter?: number;
    readonly schemaVersion?: number;
    /** In place of reading chunks. */
    readonly load?: NonNullable<BootstrapParts['load']>;
  }): Promise<void>;
}

class SimulatedDeath extends Error {}

/** What a bootstrap works with, each step noted; dies before the commit after `dieAfter`. */
function watchedParts(watched: {
  readonly context: LakeContext;
  readonly engine: RowEngine;
  readonly source: ChangeSource;
  readonly note: (what: Step['what'], request?: CommitRequest) => void;
  readonly dieAfter: number;
}): BootstrapParts {
  const { context, engine, source, note, dieAfter } = watched;
  const { catalog } = context;
  let commits = 0;
  return {
    context,
    engine,
    async commit(request) {
      if (commits++ === dieAfter) throw new SimulatedDeath();
      note('commit', request);
      const [result] = await commitTables(context, [request]);
      assert(result);
      return result;
    },
    source: {
      ...source,
      identify: () => source.identify(),
      border: (request) => source.border(request),
      async *bootstrap(request) {
        for await (const chunk of source.bootstrap(request)) {
          note('chunk');
          yield chunk;
        }
      },
    },
    lowMark() {
      note('low-mark');
      return source.lowMark(1);
    },
    loadBase: () => lakeTable(catalog, 'users'),
    loadLedger: () => lakeTable(catalog, 'users_ledger'),
    job: (run) => run(),
    removeRef: (request) => removeRef(context, request),
    publish(request) {
      note('publish');
      return publishBranch(context, request);
    },
    async newBranch() {
      note('own-branch');
      return `firn_bootstrap_${uuidV7(systemClock, systemRandom)}`;
    },
    onProgress: () => undefined,
  };
}

/** A bootstrap of the world's table whose every step is seen. */
async function watch(world: PipelineWorld): Promise<Watched> {
  const { config } = world;
  const adapters = { config, clock: systemClock, random: systemRandom };
  const steps: Step[] = [];
  const schema = await world.schema();
  return {
    steps,
    run: (options = {}) =>
      world.withLake(async ({ store, catalog }) => {
        const source = await openSource(adapters);
        const runtimeFolder = world.folder;
        const engine = await openEngine({ ...adapters, store, use: 'watched', runtimeFolder });
        const queues = createTableQueues();
        const context = {
          ...adapters,
          store,
          catalog,
          queues,
          pipeline: 'shop',
          writer: `writer-${steps.length}`,
        };
        const note = (what: Step['what'], request?: CommitRequest): void => {
          steps.push({ what, request: request ?? null });
        };
        const parts = watchedParts({
          context,
          engine,
          source,
          note,
          dieAfter: options.dieAfter ?? Infinity,
        });
        const version = options.schemaVersion ?? schema.version;
        const read: TableSchema = { ...schema, version };
        try {
          const { signal } = new AbortController();
          const limits = { ...COPY_LIMITS, chunkRowsMax: 10, groupBytesMax: 1 };
          const request = { schema: read, epoch: 1, limits, signal };
          const { load } = options;
          const branch = await copyTable(load === undefined ? parts : { ...parts, load }, request);
          const { completeTo: to } = await source.highMark(1);
          await publishCopy(parts, request, { branch, to });
        } catch (error) {
          if (!(error instanceof SimulatedDeath)) throw error;
        } finally {
          await engine.close();
          await source.close();
        }
      }),
  };
}

async function lakeTable(catalog: Catalog, name: string): Promise<LoadedTable> {
  const table = await catalog.loadTable({ namespace: 'shop', name });
  assert(table);
  return table;
}

/** States that were committed to bootstrap branches, in order. */
function branchStates(steps: readonly Step[]): readonly BaseState[] {
  return steps.flatMap(({ request }) => (request?.state.kind === 'base' ? [request.state] : []));
}

test('spec: B1, B3, B8 — low mark, branch, chunks, publish; main shows nothing before', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  const before = await world.base();
  const watched = await watch(world);
  await watched.run({ dieAfter: 5 });
  const kinds = watched.steps.map((step) => step.what);
  assert.deepEqual(kinds.slice(0, 4), ['low-mark', 'own-branch', 'commit', 'chunk']);
  const [start] = branchStates(watched.steps);
  assert(start);
  assert.deepEqual(start.watermark, start.lowMark);
  assert.equal(watched.steps[2]?.request?.parentless, true);
  const cut = await world.base();
  assert.equal(cut.metadata.currentSnapshotId, before.metadata.currentSnapshotId);
  assert.deepEqual(await world.rows('SELECT count(*) FROM users'), [[`${ROWS}`]]);
  const branch = Object.keys(cut.metadata.refs).find((ref) => ref.startsWith('firn_bootstrap_'));
  assert(branch);
  const first = cut.metadata.snapshots.find((one) => {
    return (
      one.parentSnapshotId === null && one.snapshotId !== before.metadata.snapshots[0]?.snapshotId
    );
  });
  assert.equal(first?.summary['total-records'], '0');
});

test('spec: B5, B9 — a cut-off copy goes on after its last chunk, and no row is there twice', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  const watched = await watch(world);
  await watched.run({ dieAfter: 5 });
  const done = branchStates(watched.steps).at(-1)?.bootstrap?.rows;
  assert.equal(done, 40);
  world.events.length = 0;
  world.database.exec("UPDATE users SET name = 'later' WHERE id IN (3, 99)");
  await world.runOnce();
  const progress = world.events.flatMap((event) =>
    event.kind === 'bootstrap-progress' ? [event.rows] : [],
  );
  assert.equal(progress[0], 40);
  assert.equal(progress.at(-1), ROWS);
  assert.equal(await world.isEqual(), true);
  assert.deepEqual(await world.rows('SELECT count(*), count(DISTINCT id) FROM users'), [
    [`${ROWS}`, `${ROWS}`],
  ]);
});

test('spec: E25 — a copy that was begun by chunks is ended by chunks', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  const watched = await watch(world);
  const loads: BaseState[] = [];
  const load = async ({ state }: { readonly state: BaseState }): Promise<number> => {
    loads.push(state);
    throw new SimulatedDeath();
  };
  await watched.run({ load });
  assert.deepEqual(
    loads.map(({ bootstrap }) => [bootstrap?.cursor, bootstrap?.chunksDone]),
    [[null, false]],
  );
  await watched.run({ dieAfter: 3 });
  await watched.run({ load });
  assert.equal(loads.length, 1);
  assert.deepEqual(await world.rows('SELECT count(*), count(DISTINCT id) FROM users'), [
    [`${ROWS}`, `${ROWS}`],
  ]);
});

test('spec: B4, B10 — other columns start the copy again, the old branch goes', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  const watched = await watch(world);
  await watched.run({ dieAfter: 5 });
  const [old] = (await world.baseRefs()).filter((ref) => ref.startsWith('firn_bootstrap_'));
  await watched.run({ dieAfter: 3, schemaVersion: 2 });
  const branches = (await world.baseRefs()).filter((ref) => ref.startsWith('firn_bootstrap_'));
  assert.equal(branches.length, 1);
  assert.notEqual(branches[0], old);
  assert.equal(branchStates(watched.steps).at(-1)?.bootstrap?.rows, 20);
  assert.deepEqual((await world.base()).metadata.refs[MAIN_BRANCH]?.kind, 'branch');
});

test('spec: B10 — a copy that lacks a column of the ledger’s rows is not published', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  const watched = await watch(world);
  world.database.exec('ALTER TABLE users ADD COLUMN note TEXT');
  world.database.exec("UPDATE users SET note = 'n'");
  await world.runOnce();
  // It reads the columns of before, and what filled the new one is before its low mark.
  await assert.rejects(watched.run(), { code: 'BOOTSTRAP-RESTARTED' });
  assert.deepEqual(await world.rows('SELECT count(note) FROM users'), [[`${ROWS}`]]);
  await world.runOnce();
  assert.equal(await world.isEqual(), true);
});

test('spec: B13 — small tables are copied, then published, and one that stops stops alone', async (t) => {
  const ddl = ['a', 'b', 'c'].map(
    (name) => `CREATE TABLE ${name} (id INTEGER PRIMARY KEY, n INTEGER);
      INSERT INTO ${name} VALUES (1, ${name === 'b' ? "'two'" : '1'});`,
  );
  const world = pipelineWorld(t, { ddl: ddl.join('\n'), tables: 'a, b, c' });
  await world.runOnce();
  const steps = world.events.flatMap((event) => {
    const isStep = event.kind === 'published' || event.kind === 'halted';
    return isStep || (event.kind === 'bootstrap-progress' && event.rows > 0)
      ? [`${event.kind} ${event.table}`]
      : [];
  });
  assert.deepEqual(
    [...new Set(steps)],
    [
      'bootstrap-progress shop.a',
      'halted shop.b',
      'bootstrap-progress shop.c',
      'published shop.a',
      'published shop.c',
    ],
  );
  assert.deepEqual(await world.rows('SELECT n FROM a UNION ALL SELECT n FROM c'), [['1'], ['1']]);
});
