/**
 * What users and other programs do to a lake: rollbacks, restores, lost state, a second owner. Each
 * ends with a lake that equals its source, or with a named halt that says how to get there.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import { createFileEngine } from './file-engine.ts';
import { audit, catchUp, follow, haltsOf } from './follow.ts';
import type { Statement } from './model-database.ts';
import { SimulatedWorld } from './simulated-world.ts';

/** A test in a world with two tables of some rows. */
function accident(title: string, run: (world: SimulatedWorld) => Promise<void>): void {
  test(title, async () => {
    const world = new SimulatedWorld({ engineOf: createFileEngine });
    const { database } = world;
    for (const table of ['orders', 'lines']) {
      const columns = [['id', 'long'] as const, ['note', 'string'] as const];
      database.createTable(table, columns, 1);
    }
    database.transact([put('orders', 1, 'old'), put('orders', 2, 'old'), put('lines', 1, 'old')]);
    await world.clock.run(run(world));
  });
}

function put(table: string, id: number, note: string): Statement {
  return { do: 'insert', table, row: [String(id), note] };
}

function change(table: string, id: number, note: string): Statement {
  return { do: 'update', table, key: [String(id)], row: [String(id), note] };
}

/** Some transactions on both tables, a while apart. */
async function work(world: SimulatedWorld, from: number, count = 6): Promise<void> {
  for (let id = from; id < from + count; id++) {
    world.database.transact([
      put('orders', id, 'new'),
      change('orders', 1, `at ${id}`),
      put('lines', id, 'new'),
    ]);
    await world.clock.sleep(400);
  }
}

const REST_MS = 2500;

accident('a ledger rolled back while nobody ran halts by name (spec: L8, P5)', async (world) => {
  const first = follow(world);
  await work(world, 10);
  await world.clock.sleep(REST_MS);
  equal(await first.stop(), null);
  const before = await world.table('orders_ledger');
  await world.rollBack('orders_ledger', 2);
  await work(world, 20);
  await catchUp(world);
  deepEqual(await haltsOf(world), { 'shop.orders': 'LEDGER-STATE-OFF-CHAIN' });
  // The remedy: main goes back to where the tag is; then the table goes on.
  await world.moveMain('orders_ledger', before?.metadata.currentSnapshotId ?? null);
  const last = follow(world);
  await world.clock.sleep(500);
  await last.ask('resume', { table: 'orders' });
  await work(world, 30);
  await world.clock.sleep(REST_MS);
  equal(await last.stop(), null);
  await catchUp(world);
  deepEqual(await haltsOf(world), {});
  await audit(world);
});

accident('a source that is away for half an hour is waited for, for an hour not', async (world) => {
  const { database, clock } = world;
  const running = follow(world);
  for (const from of [10, 20]) {
    await work(world, from);
    await clock.sleep(REST_MS);
    database.isAway = true;
    await clock.sleep(30 * 60_000);
    equal(running.endedWith, null);
    database.isAway = false;
    await clock.sleep(60_000);
  }
  database.isAway = true;
  await clock.sleep(62 * 60_000);
  equal(running.endedWith, 'SOURCE-UNREACHABLE');
  database.isAway = false;
  await running.stop();
  await catchUp(world);
  await audit(world);
});

accident(
  'a ledger rolled back under a running pipeline halts by name (spec: C9, P5)',
  async (world) => {
    const running = follow(world);
    await work(world, 10);
    await world.rollBack('orders_ledger', 2);
    await work(world, 20);
    await world.clock.sleep(REST_MS);
    equal(await running.stop(), null);
    deepEqual(await haltsOf(world), { 'shop.orders': 'CATALOG-PARENT-LOST' });
    // The other remedy: the table starts over.
    const last = follow(world);
    await world.clock.sleep(500);
    await last.ask('drop', { table: 'orders' });
    await work(world, 30);
    await world.clock.sleep(REST_MS);
    equal(await last.stop(), null);
    await catchUp(world);
    deepEqual(await haltsOf(world), {});
    await audit(world);
  },
);

for (const when of ['stopped', 'running'] as const) {
  accident(`a base rolled back while ${when} goes on with resume (spec: M3, P5)`, async (world) => {
    const first = follow(world);
    await work(world, 10, 12);
    await world.clock.sleep(REST_MS);
    if (when === 'stopped') equal(await first.stop(), null);
    await world.rollBack('orders', 2);
    await work(world, 30);
    const last = when === 'stopped' ? follow(world) : first;
    await world.clock.sleep(REST_MS);
    deepEqual(await haltsOf(world), { 'shop.orders': 'MERGE-STATE-OFF-CHAIN' });
    // Maintenance leaves the halted table alone, and does not fail.
    await last.ask('maintain');
    await last.ask('resume', { table: 'orders' });
    await work(world, 40);
    await world.clock.sleep(REST_MS);
    equal(await last.stop(), null);
    await catchUp(world);
    deepEqual(await haltsOf(world), {});
    await audit(world);
  });
}

accident('a restored catalog goes on from its own place (spec: L10, L4)', async (world) => {
  const first = follow(world);
  await work(world, 10);
  await world.clock.sleep(REST_MS);
  equal(await first.stop(), null);
  const backup = await world.backUpCatalog();
  // The source keeps its log: as long as it does, nothing is missing, whatever the floor says.
  world.database.forget = () => undefined;
  const second = follow(world);
  await work(world, 20);
  await world.clock.sleep(REST_MS);
  equal(await second.stop(), null);
  await world.restoreCatalog(backup);
  await work(world, 30);
  await catchUp(world);
  deepEqual(await haltsOf(world), {});
  await audit(world);
});

accident(
  'behind a pruned log a restored catalog is loaded again (spec: O7, L12, B10)',
  async (world) => {
    const first = follow(world);
    await work(world, 10);
    await world.clock.sleep(REST_MS);
    equal(await first.stop(), null);
    const backup = await world.backUpCatalog();
    const second = follow(world);
    await work(world, 20);
    await world.clock.sleep(REST_MS);
    equal(await second.stop(), null);
    await world.restoreCatalog(backup);
    await work(world, 30);
    await catchUp(world);
    world.epoch = 2;
    deepEqual(await haltsOf(world), {});
    await audit(world);
  },
);

accident('a restored database is a new epoch, loaded again (spec: O7, L12, B10)', async (world) => {
  const first = follow(world);
  await work(world, 10);
  const backup = world.database.backUp();
  await work(world, 20);
  await world.clock.sleep(REST_MS);
  equal(await first.stop(), null);
  world.database.restore(backup);
  world.epoch = 2;
  const second = follow(world);
  await work(world, 40);
  await world.clock.sleep(REST_MS);
  equal(await second.stop(), null);
  await catchUp(world);
  deepEqual(await haltsOf(world), {});
  await audit(world);
});

for (const loss of ['lost', 'an old one'] as const) {
  accident(`the floor is ${loss}: no row is lost or doubled (spec: L11, L10)`, async (world) => {
    const state = openStateFolder(world.store, world.config.name);
    const first = follow(world);
    await work(world, 10);
    const old = await state.read('floor.json');
    await work(world, 20);
    await world.clock.sleep(REST_MS);
    equal(await first.stop(), null);
    ok(old !== null, 'there was a floor');
    if (loss === 'lost') await state.remove('floor.json');
    else await state.write('floor.json', old);
    await work(world, 30);
    await catchUp(world);
    deepEqual(await haltsOf(world), {});
    await audit(world);
  });
}

accident('of two owners one stops, nothing is doubled (spec: C7, P1)', async (world) => {
  const first = follow(world);
  await work(world, 10);
  const second = follow(world);
  await work(world, 20, 20);
  await world.clock.sleep(REST_MS);
  const ends = [first.endedWith, second.endedWith];
  deepEqual(
    ends.filter((end) => end !== null),
    ['LEDGER-OTHER-WRITER'],
    `one of two owners stops: ${String(ends)}`,
  );
  await Promise.all([first.stop(), second.stop()]);
  await catchUp(world);
  deepEqual(await haltsOf(world), {});
  await audit(world);
});

accident('somebody commits to every table all the time (spec: C8, C10, M12)', async (world) => {
  const running = follow(world);
  const end = new AbortController();
  const somebody = (async () => {
    while (!end.signal.aborted) {
      await world.commitForeign();
      await world.clock.sleep(230);
    }
  })();
  await work(world, 10, 10);
  await world.clock.sleep(REST_MS);
  end.abort();
  await somebody;
  equal(await running.stop(), null);
  await catchUp(world);
  deepEqual(await haltsOf(world), {});
  await audit(world);
});

accident(
  'a table dropped halts alone; made again it is loaded again (spec: S9, S18, P5)',
  async (world) => {
    const running = follow(world);
    await work(world, 10);
    world.database.dropTable('orders');
    await world.clock.sleep(REST_MS);
    deepEqual(await haltsOf(world), { 'shop.orders': 'SOURCE-TABLE-MISSING' });
    world.database.createTable(
      'orders',
      [
        ['id', 'long'],
        ['note', 'string'],
      ],
      1,
    );
    world.database.transact([put('orders', 1, 'another'), put('orders', 99, 'another')]);
    await work(world, 20);
    await running.ask('resume', { table: 'orders' });
    await work(world, 30);
    await world.clock.sleep(REST_MS);
    equal(await running.stop(), null);
    await catchUp(world);
    deepEqual(await haltsOf(world), {});
    await audit(world);
  },
);

accident(
  'a table dropped and made again between two looks is loaded again (spec: S9)',
  async (world) => {
    const running = follow(world);
    await work(world, 10);
    world.database.dropTable('orders');
    world.database.createTable(
      'orders',
      [
        ['id', 'long'],
        ['note', 'string'],
      ],
      1,
    );
    world.database.transact([put('orders', 1, 'another')]);
    await work(world, 20);
    await world.clock.sleep(REST_MS);
    equal(await running.stop(), null);
    await catchUp(world);
    deepEqual(await haltsOf(world), {});
    await audit(world);
  },
);
