/**
 * The fault wrappers do exactly the fault that was planned, once, at the operation that was meant.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { systemRandom as random } from '../../src/kernel/random.ts';
import type { Catalog, LoadedTable } from '../../src/ports/catalog.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { createMemoryCatalog, createMemoryPointers } from '../../src/storage/memory-catalog.ts';
import { createMemoryObjectStore } from '../../src/storage/memory-object-store.ts';
import { a, committed, createBoth, loaded, stepsOf } from '../conformance/catalog-under-test.ts';
import { catalogConformance } from '../conformance/catalog.ts';
import { listedNames, rejectsWith } from '../conformance/object-store.ts';
import { appendCommit, propertyCommit, sampleMetadata } from '../conformance/sample-table.ts';
import { FaultPlan, SimulatedCrash } from './fault-plan.ts';
import type { Fault } from './fault-plan.ts';
import { faultyCatalog } from './faulty-catalog.ts';
import { faultyObjectStore } from './faulty-object-store.ts';

const source = { clock, random };
const content = Buffer.from('content');
const never = Number.MAX_SAFE_INTEGER;

function memory(): { readonly store: ObjectStore; readonly catalog: Catalog } {
  const store = createMemoryObjectStore('memory://lake');
  return { store, catalog: createMemoryCatalog({ name: 'firn', store, clock, random }) };
}

catalogConformance('without a fault the wrappers change nothing', () => {
  const plan = new FaultPlan(never, { kind: 'crash-before' });
  const store = createMemoryObjectStore('memory://lake');
  const pointers = createMemoryPointers('0193f0a0-0000-7000-8000-000000000000');
  const connect = (view: ObjectStore): Catalog =>
    faultyCatalog(
      createMemoryCatalog({ name: 'firn', store: view, clock, random, pointers }),
      plan,
    );
  return Promise.resolve({
    catalog: connect(store),
    store: faultyObjectStore(store, plan),
    connect: (view: ObjectStore) => Promise.resolve(connect(view)),
    close: () => Promise.resolve(),
  });
});

test('operations of store and catalog are numbered together', async () => {
  const plan = new FaultPlan(never, { kind: 'crash-before' });
  const { store, catalog } = memory();
  const [faultyStore, faulty] = [faultyObjectStore(store, plan), faultyCatalog(catalog, plan)];
  await faultyStore.write('memory://lake/a', content);
  await faulty.loadTable(a);
  await listedNames(faultyStore, 'memory://lake');
  await faultyStore.remove('memory://lake/a');
  deepEqual(plan.operations, [
    { name: 'store.write', effect: true },
    { name: 'catalog.loadTable', effect: false },
    { name: 'store.list', effect: false },
    { name: 'store.remove', effect: true },
  ]);
  ok(!plan.fired && !plan.crashed);
});

for (const kind of ['crash-before', 'crash-after'] as const) {
  test(`${kind}: the effect ${kind === 'crash-after' ? 'is' : 'is not'} there, then all is dead`, async () => {
    const plan = new FaultPlan(3, { kind });
    const { store, catalog } = memory();
    const [faultyStore, faulty] = [faultyObjectStore(store, plan), faultyCatalog(catalog, plan)];
    const expected = [0, 1, 2].map((name) => `memory://lake/${name}`);
    for (const location of expected.slice(0, 2)) await faultyStore.write(location, content);
    const listing = faultyStore.list('memory://lake')[Symbol.asyncIterator]();
    await listing.next();
    await rejects(faultyStore.write('memory://lake/2', content), SimulatedCrash);
    deepEqual(
      await listedNames(store, store.root),
      kind === 'crash-after' ? expected : expected.slice(0, 2),
    );
    ok(plan.crashed && plan.fired);
    await rejects(faultyStore.write('memory://lake/3', content), SimulatedCrash);
    await rejects(faultyStore.read('memory://lake/0'), SimulatedCrash);
    await rejects(faulty.listNamespaces(), SimulatedCrash);
    await rejects(listing.next(), SimulatedCrash);
    equal(await store.readIfPresent('memory://lake/3'), null);
    await faulty.close();
  });
}

/** Two tables and a commit of one snapshot to the first, as its operation 0. */
async function commitUnder(fault: Fault): Promise<{
  readonly plan: FaultPlan;
  readonly table: LoadedTable;
  readonly catalog: Catalog;
  readonly faulty: Catalog;
}> {
  const plan = new FaultPlan(0, fault);
  const { store, catalog } = memory();
  const connect = (): Promise<Catalog> => Promise.resolve(catalog);
  const [table] = await createBoth({ catalog, store, connect, close: () => catalog.close() });
  ok(table !== undefined);
  return { plan, table, catalog, faulty: faultyCatalog(catalog, plan) };
}

async function steps(catalog: Catalog): Promise<string[]> {
  return stepsOf((await loaded(catalog, a)).metadata);
}

test('answer-lost: the commit is there, its answer is unknown', async () => {
  const { plan, table, catalog, faulty } = await commitUnder({ kind: 'answer-lost' });
  equal((await faulty.commit([appendCommit(table, { step: '1' }, source)])).kind, 'unknown');
  deepEqual(await steps(catalog), ['1']);
  ok(plan.fired && !plan.crashed);
  committed(await faulty.commit([propertyCommit(table, 'k', 'v')]));
});

test('answer-lost: a write is there, its caller sees an error', async () => {
  const { store } = memory();
  const faulty = faultyObjectStore(store, new FaultPlan(0, { kind: 'answer-lost' }));
  await rejectsWith('STORAGE-IO', () => faulty.write('memory://lake/a', content));
  deepEqual(await store.read('memory://lake/a'), new Uint8Array(content));
});

test('answer-late: the commit comes with a later operation', async () => {
  const fault: Fault = { kind: 'answer-late', operations: 2 };
  const { plan, table, catalog, faulty } = await commitUnder(fault);
  equal((await faulty.commit([appendCommit(table, { step: '1' }, source)])).kind, 'unknown');
  deepEqual(await steps(catalog), []);
  deepEqual(await steps(faulty), []);
  deepEqual(await steps(faulty), ['1']);
  await plan.settle();
  deepEqual(await steps(catalog), ['1']);
});

test('answer-late: a commit that comes too late for its requirements changes nothing', async () => {
  const { plan, table, catalog, faulty } = await commitUnder({ kind: 'answer-late' });
  equal((await faulty.commit([appendCommit(table, { step: 'late' }, source)])).kind, 'unknown');
  committed(await catalog.commit([appendCommit(table, { step: 'other' }, source)]));
  await plan.settle();
  deepEqual(await steps(catalog), ['other']);
});

test('answer-late: a table is created with a later operation', async () => {
  const { store, catalog } = memory();
  await catalog.ensureNamespace('shop');
  const faulty = faultyCatalog(catalog, new FaultPlan(0, { kind: 'answer-late' }));
  const metadata = sampleMetadata(store.root, source);
  await rejectsWith('CATALOG-CREATE-UNKNOWN', () => faulty.createTable(a, metadata));
  equal(await catalog.loadTable(a), null);
  const created = await faulty.createTable(a, metadata);
  deepEqual(await loaded(catalog, a), created);
});

test('conflict: nothing is changed; an operation that knows no conflict goes on', async () => {
  const { plan, table, catalog, faulty } = await commitUnder({ kind: 'conflict' });
  const outcome = await faulty.commit([appendCommit(table, { step: '1' }, source)]);
  ok(outcome.kind === 'conflict' && plan.fired);
  deepEqual(outcome.identifier, a);
  deepEqual(await steps(catalog), []);
  const other = new FaultPlan(0, { kind: 'conflict' });
  equal((await faultyCatalog(catalog, other).listTables('shop')).length, 2);
  ok(!other.fired);
});

test('foreign: somebody else commits first', async () => {
  let inner: Catalog | null = null;
  const { table, catalog, faulty } = await commitUnder({
    kind: 'foreign',
    act: async () => {
      ok(inner !== null);
      committed(await inner.commit([appendCommit(table, { step: 'foreign' }, source)]));
    },
  });
  inner = catalog;
  const outcome = await faulty.commit([appendCommit(table, { step: 'ours' }, source)]);
  equal(outcome.kind, 'conflict');
  deepEqual(await steps(catalog), ['foreign']);
});
