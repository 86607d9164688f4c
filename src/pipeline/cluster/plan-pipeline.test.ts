/** What `check`, `apply --dry-run` and `generate` plan for: the pipeline as it stands now. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { planCase } from '../../../tools/cluster-cases.ts';
import { NOTHING_APPLIED, appliedToJson } from '../../cluster/reconcile-record.ts';
import { systemClock } from '../../kernel/clock.ts';
import { systemRandom } from '../../kernel/random.ts';
import { openStore } from '../open-store.ts';
import { openStateFolder } from '../state/state-folder.ts';
import { planPipeline } from './plan-pipeline.ts';

test('a plan is for the epoch that the cluster was told last, not for the first one', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'firn-plan-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { config: given } = planCase({ flavour: 'mysql', tables: [] });
  const config = { ...given, lake: { ...given.lake, warehouse: folder } };
  const parts = { config, clock: systemClock, random: systemRandom };
  const source = { discover: () => Promise.resolve([]) };
  assert.equal((await planPipeline(parts, source)).name, `firn.${config.name}.1`);
  const connector = { fingerprint: '', hasRun: true, offsets: null };
  const names = ['1', '12', 'other.20'].map((end) => `firn.${config.name}.${end}`);
  const connectors = new Map(names.map((name) => [name, connector]));
  const { store } = await openStore(parts);
  const text = appliedToJson({ ...NOTHING_APPLIED, connectors });
  await openStateFolder(store, config.name).write('cluster.json', text);
  const plan = await planPipeline(parts, source);
  assert.deepEqual([plan.epoch, plan.name], [12, `firn.${config.name}.12`]);
});
