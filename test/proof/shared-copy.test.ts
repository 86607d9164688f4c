/** A copy that several processes make, step by step: who may do what, and what comes too late. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { copyTable, publishCopy } from '../../src/bootstrap/bootstrap-table.ts';
import { COPY_LIMITS, branchState } from '../../src/bootstrap/copy-parts.ts';
import type { BootstrapParts, BootstrapTableRequest } from '../../src/bootstrap/copy-parts.ts';
import { askForShare, loadShared } from '../../src/bootstrap/shared-copy.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import type { CommitRequest, CommitResult } from '../../src/lake/commit-request.ts';
import { commitTables, publishBranch, removeRef } from '../../src/lake/commit-table.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import { openEngine, openSource } from '../../src/pipeline/adapters.ts';
import type { OpenedLake } from '../../src/pipeline/adapters.ts';
import type { LoadedTable } from '../../src/ports/catalog.ts';
import type { ChangeSource } from '../../src/ports/source.ts';
import { pipelineWorld } from '../pipeline/pipeline-world.ts';
import type { PipelineWorld } from '../pipeline/pipeline-world.ts';

const ROWS = 80;
const DDL = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
  WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ${ROWS})
  INSERT INTO users SELECT value, 'name of user ' || value FROM n`;

/** One process: what it works with, and every commit it made. */
interface Process {
  readonly parts: BootstrapParts;
  readonly commits: CommitRequest[];
}

/** What happens around the steps of a process. */
interface Hooks {
  readonly beforeCommit?: (request: CommitRequest, count: number) => Promise<void>;
  readonly onChunk?: (cursor: string | null) => Promise<void>;
}

async function lakeTable({ catalog }: OpenedLake, name: string): Promise<LoadedTable> {
  const table = await catalog.loadTable({ namespace: 'shop', name });
  assert(table);
  return table;
}

/** A table in the lake, to be loaded again, and processes that can do it. */
interface Place {
  readonly request: BootstrapTableRequest;
  readonly process: (name: string, hooks?: Hooks) => Process;
}

async function inPlace(world: PipelineWorld, use: (place: Place) => Promise<void>): Promise<void> {
  await world.runOnce();
  const schema = await world.schema();
  const { config, folder } = world;
  const adapters = { config, clock: systemClock, random: systemRandom };
  await world.withLake(async (lake) => {
    const source = await openSource(adapters);
    const { store } = lake;
    const engine = await openEngine({ ...adapters, store, use: 'shared', runtimeFolder: folder });
    const { signal } = new AbortController();
    const limits = { ...COPY_LIMITS, chunkRowsMax: 10, groupBytesMax: 1, claimRows: 30, lookMs: 1 };
    try {
      await use({
        request: { schema, epoch: 1, limits, signal },
        process(name, hooks = {}) {
          const context = { ...adapters, ...lake, queues: createTableQueues(), pipeline: 'shop' };
          const commits: CommitRequest[] = [];
          const own = { context: { ...context, writer: name }, engine, source };
          return { commits, parts: partsOf(lake, own, { ...hooks, commits }) };
        },
      });
    } finally {
      await engine.close();
      await source.close();
    }
  });
}

function partsOf(
  lake: OpenedLake,
  own: Pick<BootstrapParts, 'context' | 'engine' | 'source'>,
  { commits, beforeCommit, onChunk }: Hooks & Pick<Process, 'commits'>,
): BootstrapParts {
  const { context, source } = own;
  return {
    ...own,
    async commit(request): Promise<CommitResult> {
      await beforeCommit?.(request, commits.length);
      const [result] = await commitTables(context, [request]);
      assert(result);
      if (result.kind === 'committed') commits.push(request);
      return result;
    },
    source: watched(source, onChunk),
    lowMark: () => source.lowMark(1),
    loadBase: () => lakeTable(lake, 'users'),
    loadLedger: () => lakeTable(lake, 'users_ledger'),
    job: (run) => run(),
    removeRef: (request) => removeRef(context, request),
    publish: (request) => publishBranch(context, request),
    newBranch: async () => `firn_bootstrap_${uuidV7(systemClock, systemRandom)}`,
    onProgress: () => undefined,
  };
}

function watched(source: ChangeSource, onChunk: Hooks['onChunk']): ChangeSource {
  return {
    ...source,
    identify: () => source.identify(),
    border: (request) => source.border(request),
    highMark: (epoch) => source.highMark(epoch),
    async *bootstrap(request) {
      for await (const chunk of source.bootstrap(request)) {
        yield chunk;
        await onChunk?.(chunk.cursor);
      }
    },
  };
}

async function assertWhole(world: PipelineWorld): Promise<void> {
  assert.equal(await world.isEqual(), true);
  const counts = await world.rows('SELECT count(*), count(DISTINCT id) FROM users');
  assert.deepEqual(counts, [[`${ROWS}`, `${ROWS}`]]);
}

function rowsIn(commits: readonly CommitRequest[]): number {
  return commits
    .flatMap(({ added }) => added)
    .reduce((sum, file) => sum + Number(file.recordCount), 0);
}

async function newWorld(t: TestContext): Promise<PipelineWorld> {
  return pipelineWorld(t, { ddl: DDL, tables: 'users', options: 'base: {buckets: 1}' });
}

test('spec: B14, B18, C19 — asked between two commits, the owner shares what is left', async (t) => {
  const world = await newWorld(t);
  await inPlace(world, async ({ request, process }) => {
    const { schema, limits, signal } = request;
    const helper = process('helper');
    const ends: Promise<string>[] = [];
    let isAsked = false;
    const owner = process('owner', {
      async beforeCommit({ ref, state }, count) {
        const base = await helper.parts.loadBase();
        const task = { copy: { base, branch: ref }, isOwner: false };
        const part = { schema, limits, signal };
        // The branch, and two groups of the owner alone, are committed.
        if (count === 3 && !isAsked) {
          isAsked = true;
          assert.equal(await askForShare(helper.parts, part, task.copy), true);
          assert.equal(await askForShare(helper.parts, part, task.copy), false);
        }
        const isShared = state.kind === 'base' && (state.bootstrap?.shared ?? null) !== null;
        if (isShared && count > 3 && ends.length === 0) {
          ends.push(loadShared(helper.parts, part, task));
          while (rowsIn(helper.commits) === 0) await systemClock.sleep(1);
        }
      },
    });
    const branch = await copyTable(owner.parts, request);
    assert.deepEqual(await Promise.all(ends), ['done']);
    const { completeTo: to } = await owner.parts.source.highMark(1);
    await publishCopy(owner.parts, request, { branch, to });
    assert.equal(rowsIn(owner.commits) + rowsIn(helper.commits), ROWS);
    assert(rowsIn(helper.commits) > 0, 'the helper had its share');
    assert(helper.commits.every(({ parentless, ref }) => !parentless && ref === branch));
  });
  await assertWhole(world);
});

test('spec: B15, B16 — rows of a claim that was taken over meanwhile are not committed', async (t) => {
  const world = await newWorld(t);
  await inPlace(world, async ({ request, process }) => {
    const { schema, limits, signal } = request;
    const asker = process('asker');
    let isLate = false;
    let isAsked = false;
    const heir = process('heir');
    const slow = process('slow', {
      async beforeCommit({ ref }, count) {
        if (count !== 2 || isAsked) return;
        isAsked = true;
        const base = await asker.parts.loadBase();
        await askForShare(asker.parts, request, { base, branch: ref });
      },
      async onChunk() {
        const base = await asker.parts.loadBase();
        const branch = Object.keys(base.metadata.refs).find((ref) => ref.startsWith('firn_boot'));
        const isShared = JSON.stringify(base.metadata.snapshots.at(-1)?.summary).includes('claims');
        if (isLate || branch === undefined || !isShared) return;
        isLate = true;
        // It takes over what the owner before it has claimed, and everything else.
        const part = { schema, limits, signal };
        const task = { copy: { base, branch }, isOwner: true };
        assert.equal(await loadShared(heir.parts, part, task), 'done');
      },
    });
    const branch = await copyTable(slow.parts, request);
    assert(isLate);
    assert.equal(rowsIn(slow.commits) + rowsIn(heir.commits), ROWS);
    const { completeTo: to } = await heir.parts.source.highMark(1);
    await publishCopy(heir.parts, request, { branch, to });
  });
  await assertWhole(world);
});

test('a helper that is told to stop gives its range back, and nobody waits for a lease', async (t) => {
  const world = await newWorld(t);
  await inPlace(world, async ({ request, process }) => {
    const { schema, limits } = request;
    const stop = new AbortController();
    const helper = process('helper', { onChunk: async () => stop.abort() });
    let isAsked = false;
    let isStopped = false;
    const owner = process('owner', {
      async beforeCommit({ ref, state }, count) {
        const base = await helper.parts.loadBase();
        const copy = { base, branch: ref };
        if (count === 2 && !isAsked) {
          isAsked = true;
          await askForShare(helper.parts, request, copy);
        }
        const shared = state.kind === 'base' ? (state.bootstrap?.shared ?? null) : null;
        if (isStopped || shared === null || shared.claims.length === 0) return;
        isStopped = true;
        const part = { schema, limits, signal: stop.signal };
        const stopped = loadShared(helper.parts, part, { copy, isOwner: false });
        await assert.rejects(stopped, { code: 'BOOTSTRAP-STOPPED' });
        const { bootstrap } = branchState(await helper.parts.loadBase(), ref);
        assert.deepEqual(
          bootstrap?.shared?.claims.map(({ holder }) => holder),
          [null],
        );
      },
    });
    const branch = await copyTable(owner.parts, request);
    assert(isStopped);
    const { completeTo: to } = await owner.parts.source.highMark(1);
    await publishCopy(owner.parts, request, { branch, to });
  });
  await assertWhole(world);
});
