/** How capture starts, and what is stored of a table whose topic is lost. */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { hurriedClock } from '../../../test/support/hurried-clock.ts';
import { testLake } from '../../../test/support/lake-fixture.ts';
import { present } from '../../kernel/assert.ts';
import { planCase } from '../../../tools/cluster-cases.ts';
import type { ClusterPlan } from '../../cluster/cluster-plan.ts';
import { desiredCapture } from '../../cluster/reconcile-plan.ts';
import { appliedToJson, fingerprintOf } from '../../cluster/reconcile-record.ts';
import { systemClock } from '../../kernel/clock.ts';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { systemRandom } from '../../kernel/random.ts';
import { createMemoryObjectStore } from '../../storage/memory-object-store.ts';
import { capturedTable } from '../captured-table.ts';
import type { CapturedTable } from '../captured-table.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import { storeHalts } from '../open-tables.ts';
import { haltOf, readHalts } from '../state/halts.ts';
import { openStateFolder } from '../state/state-folder.ts';
import { ServicePool } from './cluster-services.ts';
import { planRun } from './capture-plan.ts';
import { reconcileParts, startCapture } from './start-capture.ts';

/** Two tables of a pipeline. */
function captured(): Pick<ClusterPlan, 'config'> & { readonly tables: readonly CapturedTable[] } {
  const { config, tables } = planCase({
    flavour: 'mysql',
    tables: ['orders', 'items'].map((name) => {
      return { name: ['shop', name], columns: { id: 'int(11) not null' }, key: ['id'] } as const;
    }),
  });
  const shape = { columns: [], keyColumns: [], ledgerOnlyReason: null, rowsEstimate: null };
  const tablesOf = tables.map(({ schema }) => {
    const source = { table: schema.table, ...shape };
    return capturedTable({ schema, source, base: null, needsBootstrap: false, halt: null });
  });
  return { config, tables: tablesOf };
}

/** A connector that was told and ran; then somebody stopped it, before it had stored a place. */
async function stoppedEarly(): Promise<{
  readonly start: (resumes: boolean) => Promise<void>;
  readonly notes: string[];
}> {
  const { config, tables } = captured();
  const { context } = testLake();
  const state = openStateFolder(context.store, config.name);
  const desired = desiredCapture(planRun(config, 1, tables));
  const topic = { id: 'id', partitions: 1, isLeft: false };
  const fingerprint = fingerprintOf(present(desired.config, 'a connector'));
  const known = { fingerprint, hasRun: true, offsets: null };
  await state.write(
    'cluster.json',
    appliedToJson({
      topics: new Map(desired.topics.map(({ name }) => [name, topic])),
      connectors: new Map([[desired.name, known]]),
    }),
  );
  const connector = { state: 'STOPPED', tasks: [] as { readonly state: string }[] };
  const topics = desired.topics.map(({ name, partitions, config: settings }) => {
    return [
      name,
      { topicId: 'id', partitions, settings: new Map(Object.entries(settings)) },
    ] as const;
  });
  const place = { partition: {}, offset: { file: 'binlog.1', pos: 4 } };
  const services = {
    kafka: { describe: async () => new Map(topics) },
    connect: {
      config: async () => ({ ...desired.config, name: desired.name }),
      status: async () => connector,
      offsets: async () => (connector.state === 'RUNNING' ? [place] : []),
      resume: async () => {
        connector.state = 'RUNNING';
        connector.tasks = [{ state: 'RUNNING' }];
      },
    },
  };
  const notes: string[] = [];
  // What a start asks of its parts, and no more.
  const parts = {
    config,
    state,
    lake: context,
    clock: hurriedClock(400),
    source: { kind: 'mysql' },
    services: { of: async () => services },
    onEvent: ({ text }: { readonly text: string }) => notes.push(text),
  } as unknown as PipelineParts;
  return { start: (resumes) => startCapture(parts, { epoch: 1, tables, resumes }), notes };
}

test('one that was stopped before its first place starts when asked for (spec: E13)', async () => {
  const { start, notes } = await stoppedEarly();
  await rejects(start(false), (error) => {
    return isFirnError(error, 'CLUSTER-UNREACHABLE') && error.remedy.startsWith('firn apply FILE');
  });
  deepEqual(notes, []);
  await start(true);
  deepEqual(notes, ['Cluster: start connector firn.shop.1.']);
});

test('the halt of a lost topic stays until the table is loaded again (spec: E12)', async (t) => {
  const [clock, random] = [systemClock, systemRandom];
  const services = new ServicePool({ clock, random });
  t.after(() => services.close());
  const state = openStateFolder(createMemoryObjectStore('memory://lake', { clock }), 'shop');
  const { config, tables } = captured();
  const [items, orders] = tables;
  const run = {
    table: ({ table }: { readonly table: string }) => (table === 'orders' ? orders : items) ?? null,
  };
  let told = 0;
  const parts = await reconcileParts(
    { config, clock, services, state },
    { run, onLost: (lost) => (told += lost.length) },
  );
  const lost = [{ table: { namespace: 'shop', table: 'orders' }, what: 'its topic is gone' }];
  // Another table's merge halts in the same moment, and stores what the run knows.
  const conflict = new FirnError('MERGE-IDENTITY-CONFLICT', { what: 'two rows differ' });
  const merge = { scope: 'merge', recovery: 'operator', sinceMs: 0 } as const;
  const before = storeHalts({ state }, tables);
  const losing = parts.onLost(lost);
  if (items !== undefined) items.halt = haltOf(conflict, merge);
  await Promise.all([before, losing, storeHalts({ state }, tables)]);
  await storeHalts({ state }, tables);
  const stored = await readHalts(state);
  equal(stored.get('shop.orders')?.code, 'CLUSTER-TOPIC-LOST');
  equal(stored.get('shop.orders')?.recovery, 'bootstrap');
  equal(stored.get('shop.items')?.code, 'MERGE-IDENTITY-CONFLICT');
  equal(told, 1);
});
