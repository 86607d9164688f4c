/** Random commits, faults and cleanups against a simple model of the table. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  appendTo,
  baseState,
  foreignAppend,
  headId,
  reload,
  storedFiles,
  testFile,
  testLake,
  testTable,
} from '../../test/support/lake-fixture.ts';
import type { Fault, TestLake } from '../../test/support/lake-fixture.ts';
import type { DataFile } from '../iceberg/manifest.ts';
import type { LoadedTable } from '../ports/catalog.ts';
import { removeExpiredFiles } from './cleanup-files.ts';
import type { CommitRequest } from './commit-request.ts';
import { commitTables } from './commit-table.ts';
import { removeOrphanFiles } from './orphan-files.ts';
import { reachableFiles } from './reachable-files.ts';
import { scanFiles } from './scan-files.ts';

/** What a table should hold: data files with their age and delete files. */
interface ModelFile {
  readonly file: DataFile;
  readonly age: bigint;
  readonly deletes: readonly DataFile[];
}

interface World {
  readonly lake: TestLake;
  table: LoadedTable;
  model: readonly ModelFile[];
}

const pick = fc.nat(1000);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('append'), bucket: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete'), which: pick }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('overwrite'), which: pick }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('compact'), which: pick, count: fc.nat(4) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('foreign') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('state'), times: fc.nat(40) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const fault: fc.Arbitrary<Fault | null> = fc.constantFrom(
  'lost',
  'late',
  'dropped',
  'conflict',
  null,
  null,
);

async function commit(world: World, changes: Partial<CommitRequest>): Promise<bigint> {
  const { lake, table } = world;
  const request = appendTo(table, [], { state: baseState(1n), rebase: 'never', ...changes });
  const [result] = await commitTables(lake.context, [request]);
  assert.equal(result?.kind, 'committed');
  const { identifier } = table;
  const { tableUuid } = table.metadata;
  const { expired } = result;
  await removeExpiredFiles(lake.context, { identifier, tableUuid, expired });
  world.table = result.table;
  return result.table.metadata.lastSequenceNumber;
}

/** The chosen file of the model, and the files around it of the same partition. */
function chosen(world: World, which: number): ModelFile | null {
  return world.model[which % Math.max(1, world.model.length)] ?? null;
}

async function rewrite(
  world: World,
  old: readonly ModelFile[],
  operation: 'overwrite' | 'replace',
): Promise<void> {
  const { context } = world.lake;
  const file = await testFile(context, world.table, {
    bucket: Number.parseInt(String(old[0]?.file.partition[0]), 10),
    rows: 1n,
  });
  const removed = old.flatMap((item) => [item.file, ...item.deletes]);
  const explicit = old.reduce((age, item) => (item.age > age ? item.age : age), 0n);
  const dataSequenceNumber = operation === 'replace' ? explicit : null;
  const number = await commit(world, { operation, added: [file], removed, dataSequenceNumber });
  const kept = world.model.filter((item) => !old.includes(item));
  world.model = [...kept, { file, age: dataSequenceNumber ?? number, deletes: [] }];
}

async function run(world: World, action: Step): Promise<void> {
  const { context, other } = world.lake;
  switch (action.kind) {
    case 'append': {
      const file = await testFile(context, world.table, { bucket: action.bucket });
      const age = await commit(world, { added: [file] });
      world.model = [...world.model, { file, age, deletes: [] }];
      return;
    }
    case 'foreign': {
      const file = await testFile(context, world.table);
      world.table = await foreignAppend(other, world.table, [file]);
      const age = world.table.metadata.lastSequenceNumber;
      world.model = [...world.model, { file, age, deletes: [] }];
      return;
    }
    case 'state':
      for (let count = 0; count < action.times; count++) await commit(world, {});
      return;
    case 'delete': {
      const target = chosen(world, action.which);
      if (target === null) return;
      // One delete file per data file: the new one takes the place of the earlier one.
      const deletes = await testFile(context, world.table, { deletesIn: target.file, rows: 1n });
      const removed = target.deletes;
      await commit(world, { operation: 'overwrite', added: [deletes], removed });
      const next = { ...target, deletes: [deletes] };
      world.model = world.model.map((item) => (item === target ? next : item));
      return;
    }
    case 'overwrite': {
      const target = chosen(world, action.which);
      if (target !== null) await rewrite(world, [target], 'overwrite');
      return;
    }
    case 'compact': {
      const target = chosen(world, action.which);
      if (target === null) return;
      const [bucket] = target.file.partition;
      const same = world.model.filter(({ file }) => file.partition[0] === bucket);
      await rewrite(world, same.slice(0, action.count + 1), 'replace');
      return;
    }
    default:
      assert.fail('a step without a case');
  }
}

function byPath(items: readonly ModelFile[]): ReadonlyMap<string, unknown> {
  const entries = items.map(({ file, age, deletes }) => {
    return [file.filePath, { age, deletes: deletes.map((item) => item.filePath) }] as const;
  });
  assert.equal(new Set(entries.map(([path]) => path)).size, entries.length, 'a path is there once');
  return new Map(entries);
}

async function check(world: World): Promise<void> {
  const { context } = world.lake;
  world.table = await reload(context, world.table);
  const { metadata } = world.table;
  const files = await scanFiles(context, { metadata, ref: 'main' });
  const found = files.map(({ file, dataSequenceNumber: age, deletes }) => ({ file, age, deletes }));
  assert.deepEqual(byPath(found), byPath(world.model));
  assert.ok(headId(world.table) !== null || world.model.length === 0);
}

test('spec: C4 spec: C6 spec: C16 commits under faults keep what a model keeps', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1 }),
      fc.array(fc.tuple(step, fault), { minLength: 1, maxLength: 25 }),
      async (seed, steps) => {
        const plain = testLake({ seed });
        const context = { ...plain.context, foreignChanges: 'accept' } as const;
        const lake = { ...plain, context };
        const world: World = { lake, table: await testTable(lake.context), model: [] };
        for (const [action, trouble] of steps) {
          lake.clock.move(1000);
          if (trouble !== null && action.kind !== 'foreign') lake.faults.push(trouble);
          await run(world, action);
          lake.faults.length = 0;
          await check(world);
        }
        const { identifier } = world.table;
        lake.clock.move(1000);
        await removeOrphanFiles(lake.context, { identifier, ageMsMin: 0 });
        const reached = await reachableFiles(lake.context, world.table);
        assert.deepEqual(new Set(await storedFiles(lake.context)), reached);
        for (const { snapshotId } of world.table.metadata.snapshots) {
          const tagged = { kind: 'tag', snapshotId } as const;
          const metadata = { ...world.table.metadata, refs: { tagged } };
          await scanFiles(lake.context, { metadata, ref: 'tagged' });
        }
      },
    ),
    { numRuns: 30 },
  );
});
