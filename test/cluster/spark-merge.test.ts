/**
 * Merges by a real Spark give the base that the embedded engine gives, and the fold: with every
 * type, hostile names, rows above complete-to, rows that come again and come late, truncates, other
 * columns, in both formats.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { baseStateOf } from '../../src/base/base-table.ts';
import { findRef } from '../../src/iceberg/snapshot.ts';
import { mergeOnSpark } from '../../src/pipeline/cluster/spark/spark-merge.ts';
import { compactOnSpark } from '../../src/pipeline/cluster/spark/spark-compaction.ts';
import { ownedBranches } from '../../src/pipeline/state/branch-list.ts';
import type { TextRow } from '../oracles/fold-events.ts';
import { tableText } from '../oracles/fold-events.ts';
import { noCounts, playHistory } from '../simulation/random-history.ts';
import { readBase } from '../simulation/read-tables.ts';
import { TablePair } from '../simulation/table-pair.ts';
import type { PairWorker } from '../simulation/table-pair.ts';
import { openSparkLake, skipWithoutSpark } from '../support/spark-lake.ts';
import type { SparkLake } from '../support/spark-lake.ts';
import { HISTORY_STEPS, historySchema } from './spark-history.ts';

const skip = skipWithoutSpark();
/** Two short histories, one of each format, in which everything happens that can. */
const USUAL = { seed: 362, runs: 2 };
const FIRST_SEED = Number.parseInt(process.env['FIRN_SEED'] ?? `${USUAL.seed}`, 10);
const RUNS = Number.parseInt(process.env['FIRN_RUNS'] ?? `${USUAL.runs}`, 10);

function sparkWorker({ parts }: SparkLake): PairWorker {
  return {
    merge: (request) => mergeOnSpark(parts, request),
    compact: (request) => compactOnSpark(parts, request),
  };
}

for (const formatVersion of [2, 3] as const) {
  test(`version ${formatVersion}: both engines give one base (spec: M27)`, { skip }, async (t) => {
    const lake = await openSparkLake(t);
    const { context, engine } = lake;
    const table = { buckets: 4, formatVersion };
    const schema = historySchema("na'me`space", 1);
    const worker = sparkWorker(lake);
    const spark = await TablePair.open(context, engine, { ...table, schema, worker });
    const plain = historySchema('embedded', 1);
    const embedded = await TablePair.open(context, engine, { ...table, schema: plain });
    for (const { name, play } of HISTORY_STEPS) {
      await t.test(name, async () => {
        await play(spark, true);
        await play(embedded, false);
        const outcome = await spark.merge();
        await embedded.merge();
        equal(outcome.kind, 'merged');
        const rows = await rowsOf(lake, spark);
        deepEqual(rows, await rowsOf(lake, embedded));
        deepEqual(await spark.watermark(), await embedded.watermark());
        const { metadata } = await spark.base();
        const state = baseStateOf(await spark.base());
        equal(state?.ledgerSeen, (await spark.ledger()).metadata.lastSequenceNumber);
        deepEqual(Object.keys(metadata.refs).toSorted(), ['firn_state', 'main']);
        equal(findRef(metadata, 'firn_state')?.snapshotId, findRef(metadata, 'main')?.snapshotId);
        deepEqual([...(await ownedBranches(lake.parts.state))], []);
        equal((await spark.merge()).kind, 'idle');
      });
    }
  });
}

async function rowsOf({ engine }: SparkLake, pair: TablePair): Promise<readonly string[]> {
  const rows: readonly TextRow[] = await readBase(engine, pair);
  ok(rows.length > 0);
  return tableText(rows, pair.schema.columns.length);
}

test('random histories give the fold (spec: M26)', { skip: skip || RUNS === 0 }, async (t) => {
  const lake = await openSparkLake(t);
  const counts = noCounts();
  const play = { ...lake, worker: sparkWorker(lake), steps: 18 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const formatVersion = seed % 2 === 0 ? 2 : 3;
    try {
      await playHistory({ ...play, formatVersion }, seed, counts);
    } catch (cause) {
      throw new Error(`FIRN_SEED=${seed} FIRN_RUNS=1 repeats it`, { cause });
    }
  }
  t.diagnostic(JSON.stringify(counts));
  ok(counts.merges > 0 && counts.rowsCompared > 0);
  if (FIRST_SEED !== USUAL.seed || RUNS < USUAL.runs) return;
  const { truncates, rereads, repeats, columns } = counts;
  for (const [what, count] of Object.entries({ truncates, rereads, repeats, columns })) {
    ok(count > 0, `no ${what}: other changes of random-history.ts have made another history of it`);
  }
});
