/**
 * The merge that operators run by `spark-submit`, statement by statement on a real Spark: it merges
 * as Firn does, what needs a decision ends it before anything is written, and Firn goes on from it.
 */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { baseStateOf, headOf } from '../../src/base/base-table.ts';
import { SNAPSHOT_PROPERTY } from '../../src/cluster/spark/merge-job.ts';
import type { MergeRun } from '../../src/cluster/spark/merge-run.ts';
import { submittedMerge } from '../../src/cluster/spark/submit-job.ts';
import { MAIN_BRANCH, findRef } from '../../src/iceberg/snapshot.ts';
import { present } from '../../src/kernel/assert.ts';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { uuidV7 } from '../../src/kernel/identifiers.ts';
import { stateKeys } from '../../src/lake/table-state.ts';
import { mergeSubjectOf } from '../../src/pipeline/cluster/spark/spark-merge.ts';
import { tableText } from '../oracles/fold-events.ts';
import { readBase } from '../simulation/read-tables.ts';
import { TablePair } from '../simulation/table-pair.ts';
import { openSparkLake, skipWithoutSpark } from '../support/spark-lake.ts';
import type { SparkLake } from '../support/spark-lake.ts';
import { HISTORY_STEPS, historySchema } from './spark-history.ts';

/** What the table in docs/engines.md says to put in, and the statements with it. */
async function submitted(
  { context, parts }: SparkLake,
  { pair, seen }: { readonly pair: TablePair; readonly seen: bigint },
): Promise<{
  readonly properties: readonly (readonly [string, string])[];
  readonly statements: readonly string[];
}> {
  const { schema } = pair;
  const [ledger, base] = [await pair.ledger(), await pair.base()];
  const state = present(baseStateOf(base), 'the state of the base');
  const watermark = pair.completeTo();
  const ledgerSeen = ledger.metadata.lastSequenceNumber;
  const stamp = { pipeline: 'shop', writer: 'operator', commitId: newId(context) };
  const keys = stateKeys(stamp, { ...state, watermark, ledgerSeen });
  const run: MergeRun = {
    branch: `firn_merge_${newId(context)}`,
    ledgerSnapshot: present(headOf(ledger.metadata, MAIN_BRANCH), 'the head of the ledger'),
    from: state.watermark,
    to: watermark,
    late: null,
    truncate: null,
    buckets: null,
  };
  return {
    properties: Object.entries(keys).map(([key, value]) => [`${SNAPSHOT_PROPERTY}${key}`, value]),
    statements: submittedMerge(mergeSubjectOf(parts, { schema, base }), run, seen),
  };
}

function newId({ clock, random }: SparkLake['context']): string {
  return uuidV7(clock, random);
}

/** Runs the statements in order, as `run_sql.py` does; the one that refused to go on, or `null`. */
async function submit(
  lake: SparkLake,
  place: { readonly pair: TablePair; readonly seen: bigint },
): Promise<string | null> {
  const { properties, statements } = await submitted(lake, place);
  const session = await lake.open();
  await session.configure(properties);
  for (const statement of statements) {
    // A query is carried out where somebody asks for its rows.
    const isQuery = statement.startsWith('SELECT');
    try {
      await (isQuery ? session.query(statement) : session.execute(statement));
    } catch (error) {
      if (isFirnError(error) && /USER_RAISED_EXCEPTION/.test(error.what)) return statement;
      throw error;
    }
  }
  return null;
}

test('a merge without Spark Connect is one of Firn’s', { skip: skipWithoutSpark() }, async (t) => {
  const lake = await openSparkLake(t);
  const { context, engine } = lake;
  const table = { buckets: 4, formatVersion: 2 } as const;
  const schema = historySchema("sub'mitted", 1);
  const pair = await TablePair.open(context, engine, { ...table, schema });
  const other = historySchema('merged', 1);
  const twin = await TablePair.open(context, engine, { ...table, schema: other });
  const rowsOf = async (of: TablePair): Promise<readonly string[]> => {
    const rows = await readBase(engine, of);
    ok(rows.length > 0);
    return tableText(rows, of.schema.columns.length);
  };
  let seen = 0n;
  // Firn merges first, what is refused, and what it finds left.
  for (const [index, refused] of [null, 'rows came late', '', 'a truncate is in'].entries()) {
    const step = present(HISTORY_STEPS[index], 'a step');
    await step.play(pair, false);
    await step.play(twin, false);
    await twin.merge();
    if (refused !== null) {
      const { metadata } = await pair.base();
      const reason = await submit(lake, { pair, seen });
      if (refused === '') equal(reason, null);
      else ok(reason?.includes(refused), reason ?? 'not refused');
      const { refs } = (await pair.base()).metadata;
      deepEqual(Object.keys(refs).toSorted(), ['firn_state', 'main']);
      equal(
        findRef(metadata, MAIN_BRANCH)?.snapshotId === refs['main']?.snapshotId,
        refused !== '',
      );
    }
    equal((await pair.merge()).kind, refused === '' ? 'idle' : 'merged', step.name);
    deepEqual(await rowsOf(pair), await rowsOf(twin), step.name);
    deepEqual(await pair.watermark(), await twin.watermark());
    seen = present(headOf((await pair.ledger()).metadata, MAIN_BRANCH), 'the head of the ledger');
  }
});
