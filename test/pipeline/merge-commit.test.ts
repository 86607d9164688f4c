/** What one merge commits: one snapshot, little more than the change, right for every spec. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAIN_BRANCH } from '../../src/iceberg/snapshot.ts';
import { LAST_ADDED } from '../../src/iceberg/table-update.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { readState } from '../../src/lake/table-state.ts';
import { pipelineWorld } from './pipeline-world.ts';

const DDL = `CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
  WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 20000)
  INSERT INTO users SELECT value, 'name of user ' || value FROM n`;
const SETUP = { ddl: DDL, tables: 'users' };

test('spec: M12, M14 — one change is one small commit in one bucket', async (t) => {
  const world = pipelineWorld(t, { ...SETUP, options: 'base: {buckets: 8}' });
  await world.runOnce();
  const before = await world.base();
  world.database.exec("UPDATE users SET name = 'new' WHERE id = 777");
  await world.runOnce();
  const { metadata } = await world.base();
  const added = metadata.snapshots.filter(
    ({ snapshotId }) => !before.metadata.snapshots.some((old) => old.snapshotId === snapshotId),
  );
  assert.equal(added.length, 1);
  const summary = added[0]?.summary ?? {};
  assert.equal(summary['changed-partition-count'], '1');
  assert.equal(summary['added-position-deletes'], '1');
  assert.equal(summary['added-records'], '1');
  const total = Number.parseInt(summary['total-files-size'] ?? '', 10);
  const written = Number.parseInt(summary['added-files-size'] ?? '', 10);
  assert.ok(written * 20 < total, `${written} of ${total} bytes`);
  const state = readState(metadata, MAIN_BRANCH);
  assert(state?.kind === 'base');
  assert.equal(summary['firn.watermark'], `${state.watermark.epoch}:${state.watermark.seq}`);
});

test('spec: M15 — after another bucket count, deletes stay under the spec of their file', async (t) => {
  const world = pipelineWorld(t, { ...SETUP, options: 'base: {buckets: 4}' });
  await world.runOnce();
  await world.withLake(async ({ catalog }) => {
    const { identifier, metadata } = await world.base();
    const [field] = metadata.partitionSpecs[0]?.fields ?? [];
    assert(field);
    const transform = { kind: 'bucket', count: 8 } as const;
    const spec = { specId: 1, fields: [{ ...field, fieldId: 1001, name: '_firn_8', transform }] };
    const outcome = await catalog.commit([
      {
        identifier,
        requirements: [],
        updates: [
          { kind: 'add-spec', spec },
          { kind: 'set-default-spec', specId: LAST_ADDED },
        ],
      },
    ]);
    assert.equal(outcome.kind, 'committed');
  });
  world.database.exec(
    "UPDATE users SET name = 'x' WHERE id % 100 = 0; DELETE FROM users WHERE id = 5",
  );
  await world.runOnce();
  const files = await world.withLake(async ({ store }) => {
    const { metadata } = await world.base();
    return scanFiles({ store }, { metadata, ref: MAIN_BRANCH });
  });
  assert.deepEqual(new Set(files.map((scan) => scan.file.specId)), new Set([0, 1]));
  for (const scan of files) {
    for (const deletes of scan.deletes) {
      assert.equal(deletes.specId, scan.file.specId);
      assert.deepEqual(deletes.partition, scan.file.partition);
    }
  }
  assert.equal(await world.isEqual(), true);
});
