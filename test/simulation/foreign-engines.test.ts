/**
 * Other engines at the lake's tables while a pipeline runs. Each ends with a lake that equals its
 * source, or with a named halt that says how to get there.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { DataFile } from '../../src/iceberg/manifest.ts';
import { MAIN_BRANCH, refSnapshot } from '../../src/iceberg/snapshot.ts';
import type { SnapshotOperation } from '../../src/iceberg/snapshot.ts';
import { currentSchema } from '../../src/iceberg/table-metadata.ts';
import type { TableUpdate } from '../../src/iceberg/table-update.ts';
import { present } from '../../src/kernel/assert.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { prepareSnapshot } from '../../src/lake/snapshot-producer.ts';
import { createFileEngine } from './file-engine.ts';
import { audit, catchUp, follow, haltsOf } from './follow.ts';
import { SimulatedWorld } from './simulated-world.ts';

const REST_MS = 2500;

/** A test in a world with a table of some rows. */
function sharing(title: string, run: (world: SimulatedWorld) => Promise<void>): void {
  test(title, async () => {
    const world = new SimulatedWorld({ engineOf: createFileEngine });
    const columns = [['id', 'long'] as const, ['note', 'string'] as const];
    world.database.createTable('orders', columns, 1);
    work(world, 1);
    await world.clock.run(run(world));
  });
}

function work(world: SimulatedWorld, from: number): void {
  for (let id = from; id < from + 6; id++) {
    world.database.transact([{ do: 'insert', table: 'orders', row: [String(id), 'new'] }]);
  }
}

/** Another engine commits to main of a table. */
async function commitForeign(
  world: SimulatedWorld,
  name: string,
  change: {
    readonly operation: SnapshotOperation;
    readonly added?: readonly DataFile[];
    readonly removed?: readonly DataFile[];
  },
): Promise<void> {
  const { identifier, metadata } = present(await world.table(name), name);
  const { updates, requirements } = await prepareSnapshot(world.foreign, {
    metadata,
    ref: MAIN_BRANCH,
    parent: refSnapshot(metadata, MAIN_BRANCH),
    operation: change.operation,
    added: change.added ?? [],
    removed: change.removed ?? [],
    dataSequenceNumber: null,
    summary: { 'engine-name': 'somebody' },
  });
  await world.foreign.catalog.commit([{ identifier, updates, requirements }]);
}

async function update(
  world: SimulatedWorld,
  name: string,
  updates: readonly TableUpdate[],
): Promise<void> {
  const { identifier } = present(await world.table(name), name);
  const outcome = await world.foreign.catalog.commit([{ identifier, requirements: [], updates }]);
  equal(outcome.kind, 'committed');
}

/** Live files of a table's main. */
async function filesOf(world: SimulatedWorld, name: string): Promise<readonly DataFile[]> {
  const { metadata } = present(await world.table(name), name);
  const files = await scanFiles(world.foreign, { metadata, ref: MAIN_BRANCH });
  return files.flatMap(({ file, deletes }) => [file, ...deletes]);
}

/** A copy of a data file under a name of another engine. */
async function copyOf(world: SimulatedWorld, file: DataFile): Promise<DataFile> {
  const filePath = file.filePath.replace(/[^/]+$/, '00000-0-theirs.parquet');
  await world.store.write(filePath, await world.store.read(file.filePath));
  return { ...file, filePath };
}

for (const name of ['orders', 'orders_ledger']) {
  const code = name === 'orders' ? 'MERGE-FOREIGN-CHANGE' : 'LEDGER-FOREIGN-CHANGE';
  sharing(
    `spec: X5, X6 rows that others add to ${name} halt, and are never merged`,
    async (world) => {
      const running = follow(world);
      await world.clock.sleep(REST_MS);
      work(world, 7);
      await world.clock.sleep(900);
      const [file] = await filesOf(world, name);
      const added = [await copyOf(world, present(file, 'a file'))];
      const head = (await world.table(name))?.metadata.currentSnapshotId ?? null;
      await commitForeign(world, name, { operation: 'append', added });
      work(world, 14);
      await world.clock.sleep(REST_MS);
      deepEqual(await haltsOf(world), { 'shop.orders': code });
      // The remedy: main goes back to where the state tag is; then the table goes on.
      await world.moveMain(name, head);
      await running.ask('resume', { table: 'orders' });
      work(world, 20);
      await world.clock.sleep(REST_MS);
      equal(await running.stop(), null);
      await catchUp(world);
      deepEqual(await haltsOf(world), {});
      await audit(world);
    },
  );
}

sharing('spec: X5 rows deleted by others come back with a bootstrap', async (world) => {
  const running = follow(world);
  await world.clock.sleep(REST_MS);
  const removed = await filesOf(world, 'orders');
  await commitForeign(world, 'orders', { operation: 'delete', removed });
  work(world, 10);
  await world.clock.sleep(REST_MS);
  deepEqual(await haltsOf(world), { 'shop.orders': 'MERGE-FOREIGN-CHANGE' });
  await running.ask('bootstrap', { table: 'orders' });
  await world.clock.sleep(REST_MS);
  equal(await running.stop(), null);
  await catchUp(world);
  deepEqual(await haltsOf(world), {});
  await audit(world);
});

sharing(
  'spec: X5, M12 a compaction by others under a running pipeline is gone on over',
  async (world) => {
    const running = follow(world);
    for (let round = 1; round < 4; round++) {
      work(world, round * 10);
      await world.clock.sleep(REST_MS);
      const [file] = (await filesOf(world, 'orders')).filter(({ content }) => content === 'data');
      const old = present(file, 'a file');
      const added = [{ ...(await copyOf(world, old)), filePath: `${old.filePath}-${round}` }];
      await world.store.write(`${old.filePath}-${round}`, await world.store.read(old.filePath));
      const dead = (await filesOf(world, 'orders')).some(({ referencedDataFile }) => {
        return referencedDataFile === old.filePath;
      });
      if (!dead)
        await commitForeign(world, 'orders', { operation: 'replace', added, removed: [old] });
    }
    work(world, 50);
    await world.clock.sleep(REST_MS);
    equal(await running.stop(), null);
    await catchUp(world);
    deepEqual(await haltsOf(world), {});
    await audit(world);
  },
);

sharing(
  'spec: X7 a column that others renamed halts, and goes on when it is undone',
  async (world) => {
    for (const name of ['orders', 'orders_ledger']) {
      const running = follow(world);
      await world.clock.sleep(REST_MS);
      const { metadata } = present(await world.table(name), name);
      const before = currentSchema(metadata);
      const fields = before.fields.map((field) => {
        return field.name === 'note' ? { ...field, name: 'remark' } : field;
      });
      const setTo = { kind: 'set-current-schema', schemaId: -1 } as const;
      await update(world, name, [{ kind: 'add-schema', schema: { ...before, fields } }, setTo]);
      work(world, name === 'orders' ? 10 : 20);
      await world.clock.sleep(REST_MS);
      equal(await running.stop(), null);
      const last = follow(world);
      await world.clock.sleep(REST_MS);
      deepEqual(await haltsOf(world), { 'shop.orders': 'PIPELINE-TABLE-EDITED' });
      await update(world, name, [{ kind: 'set-current-schema', schemaId: before.schemaId }]);
      await last.ask('resume', { table: 'orders' });
      await world.clock.sleep(REST_MS);
      equal(await last.stop(), null);
      await catchUp(world);
      deepEqual(await haltsOf(world), {});
      await audit(world);
    }
  },
);

sharing(
  'spec: X8 branches and tags of others stay, with their snapshots and files',
  async (world) => {
    const running = follow(world);
    await world.clock.sleep(REST_MS);
    const kept = new Map<string, readonly string[]>();
    for (const name of ['orders', 'orders_ledger']) {
      const { metadata } = present(await world.table(name), name);
      const snapshotId = present(metadata.currentSnapshotId, 'a head');
      await update(world, name, [
        { kind: 'set-snapshot-ref', name: 'theirs', ref: { kind: 'tag', snapshotId } },
        { kind: 'set-snapshot-ref', name: 'audit', ref: { kind: 'branch', snapshotId } },
      ]);
      kept.set(
        name,
        (await filesOf(world, name)).map(({ filePath }) => filePath),
      );
    }
    for (let round = 1; round < 14; round++) {
      work(world, round * 10);
      await world.clock.sleep(REST_MS);
    }
    equal(await running.stop(), null);
    // Long enough for everything else to expire.
    await world.clock.sleep(20 * 24 * 60 * 60_000);
    work(world, 200);
    await catchUp(world);
    const last = follow(world);
    await world.clock.sleep(REST_MS);
    await last.ask('maintain');
    equal(await last.stop(), null);
    for (const [name, files] of kept) {
      const { metadata } = present(await world.table(name), name);
      ok(metadata.snapshots.length < 12, `${name}: ${metadata.snapshots.length} snapshots`);
      for (const ref of ['theirs', 'audit']) {
        const there = await scanFiles(world.foreign, { metadata, ref });
        deepEqual(
          there.flatMap(({ file, deletes }) => [file, ...deletes]).map(({ filePath }) => filePath),
          files,
        );
        for (const path of files) ok((await world.store.readIfPresent(path)) !== null, path);
      }
      await update(world, name, [
        { kind: 'remove-snapshot-ref', name: 'theirs' },
        { kind: 'remove-snapshot-ref', name: 'audit' },
      ]);
    }
    await audit(world);
  },
);

sharing(
  'spec: X9 a ledger that somebody dropped is made anew, and the base loaded again',
  async (world) => {
    const first = follow(world);
    await world.clock.sleep(REST_MS);
    equal(await first.stop(), null);
    work(world, 10);
    const { identifier } = present(await world.table('orders_ledger'), 'the ledger');
    await world.foreign.catalog.dropTable(identifier);
    world.mayGoBack = true;
    await catchUp(world);
    deepEqual(await haltsOf(world), {});
    await audit(world);
  },
);

sharing(
  'spec: X9 a base that somebody dropped or replaced under a run halts by name',
  async (world) => {
    const running = follow(world);
    await world.clock.sleep(REST_MS);
    const { identifier, metadata } = present(await world.table('orders'), 'the base');
    await world.foreign.catalog.dropTable(identifier);
    work(world, 10);
    await world.clock.sleep(REST_MS);
    deepEqual(await haltsOf(world), { 'shop.orders': 'CATALOG-TABLE-GONE' });
    const tableUuid = metadata.tableUuid.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    const location = `${metadata.location}-x`;
    await world.foreign.catalog.createTable(identifier, { ...metadata, tableUuid, location });
    await running.ask('resume', { table: 'orders' });
    work(world, 20);
    await world.clock.sleep(REST_MS);
    deepEqual(await haltsOf(world), { 'shop.orders': 'CATALOG-TABLE-REPLACED' });
    equal(await running.stop(), null);
  },
);
