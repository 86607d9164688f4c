/**
 * A base that differs from its source is found out, named by key, and repaired through the ledger.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeTarget, baseStateOf, bucketingOf, headOf } from '../../src/base/base-table.ts';
import { parsePipelineFile } from '../../src/config/parse-pipeline-file.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { systemRandom } from '../../src/kernel/random.ts';
import { commitTables } from '../../src/lake/commit-table.ts';
import { createTableQueues } from '../../src/lake/table-queues.ts';
import { ColumnBuilder } from '../../src/model/column-builder.ts';
import { openEngine, openLake } from '../../src/pipeline/adapters.ts';
import { openStateFolder } from '../../src/pipeline/state/state-folder.ts';
import { viewTables } from '../../src/pipeline/view/lake-view.ts';
import type { VerifyReport } from '../../src/pipeline/view/verify-tables.ts';
import { pipelineWorld } from './pipeline-world.ts';
import type { PipelineWorld } from './pipeline-world.ts';

const DDL = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
  INSERT INTO users VALUES (1, 'a'), (2, 'b'), (3, 'c')`;

/** Adds a row to the base that the source never had, as a bug of a writer would. */
async function spoilBase(world: PipelineWorld): Promise<void> {
  const text = [
    'name: shop',
    'source: {type: sqlite, path: ./app.db}',
    'tables: [users]',
    'lake: {warehouse: ./lake}',
  ].join('\n');
  const config = parsePipelineFile(text, `${world.folder}/firn.yaml`);
  const adapters = { config, clock: systemClock, random: systemRandom };
  const { store, catalog } = await openLake(adapters);
  const runtimeFolder = world.folder;
  const engine = await openEngine({ ...adapters, store, use: 'spoil', runtimeFolder });
  const state = openStateFolder(store, 'shop');
  const [view] = await viewTables({ store, catalog, state });
  assert(view?.base);
  const { base, schema } = view;
  const bucketing = bucketingOf(base.metadata, schema);
  const writer = engine.baseWriter(writeTarget(base.metadata), { schema, bucketing });
  const builders = schema.columns.map((column) => new ColumnBuilder(column.type));
  builders[0]?.appendBigInt(99n);
  builders[1]?.appendString('never there');
  await writer.append({ schema, rowCount: 1, columns: builders.map((one) => one.finish()) });
  const baseState = baseStateOf(base);
  assert(baseState);
  const [result] = await commitTables(
    {
      store,
      catalog,
      clock: systemClock,
      random: systemRandom,
      pipeline: 'shop',
      writer: 'spoiler',
      queues: createTableQueues(),
    },
    [
      {
        identifier: base.identifier,
        tableUuid: base.metadata.tableUuid,
        ref: 'main',
        parentId: headOf(base.metadata, 'main'),
        operation: 'append',
        added: await writer.finish(),
        removed: [],
        dataSequenceNumber: null,
        state: baseState,
        parentless: false,
        schema: null,
        rebase: 'never',
      },
    ],
  );
  assert.equal(result?.kind, 'committed');
  await engine.close();
  await catalog.close();
}

test('spec: P14 — verify names the key that differs, repair settles it through the ledger', async (t) => {
  const world = pipelineWorld(t, { ddl: DDL, tables: 'users' });
  await world.runOnce();
  const verify = (repair: boolean): Promise<VerifyReport> =>
    world.with((pipeline) => pipeline.verify({ table: null, repair }));
  await spoilBase(world);
  const found = await verify(false);
  assert.equal(found.equal, false);
  const [proof] = found.tables;
  assert(proof?.kind === 'compared');
  assert.deepEqual(
    proof.result.differences.map(({ key, kind }) => [...key, kind]),
    [['99', 'missing-in-source']],
  );
  assert.equal((await verify(true)).equal, true);
  assert.equal((await verify(false)).equal, true);
  const ops = await world.rows('SELECT _firn_op, _firn_row, id FROM users_ledger');
  assert.deepEqual(ops, [['d', '2147483647', '99']]);
});
