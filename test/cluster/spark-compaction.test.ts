/**
 * Compaction by a real Spark: fewer files, the same rows with the same ids, the state of before.
 * And what Spark must not write is not published.
 */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { baseStateOf } from '../../src/base/base-table.ts';
import { mergeBase } from '../../src/base/merge-base.ts';
import type { MergeOutcome } from '../../src/base/merge-base.ts';
import { MAIN_BRANCH, findRef, refSnapshot } from '../../src/iceberg/snapshot.ts';
import { present } from '../../src/kernel/assert.ts';
import { isFirnError } from '../../src/kernel/firn-error.ts';
import { parseColumnType } from '../../src/model/column-type.ts';
import type { TableSchema } from '../../src/model/table-schema.ts';
import { commitTables } from '../../src/lake/commit-table.ts';
import { scanFiles } from '../../src/lake/scan-files.ts';
import { compactOnSpark } from '../../src/pipeline/cluster/spark/spark-compaction.ts';
import type { StatementSession } from '../../src/pipeline/cluster/spark/spark-branch.ts';
import { mergeOnSpark } from '../../src/pipeline/cluster/spark/spark-merge.ts';
import type { SparkMergeParts } from '../../src/pipeline/cluster/spark/spark-merge.ts';
import type { LoadedTable } from '../../src/ports/catalog.ts';
import { tableText } from '../oracles/fold-events.ts';
import { commitTsUs } from '../simulation/model-places.ts';
import { readBase } from '../simulation/read-tables.ts';
import { changeBatch } from '../simulation/row-cells.ts';
import type { TextChange } from '../simulation/row-cells.ts';
import { TablePair } from '../simulation/table-pair.ts';
import { openSparkLake, skipWithoutSpark } from '../support/spark-lake.ts';
import type { SparkLake } from '../support/spark-lake.ts';

function schemaOf(namespace: string): TableSchema {
  const columns = [
    ['id', 'long'],
    ["no'te", 'string'],
  ] as const;
  return {
    table: { namespace, table: 'items' },
    version: 1,
    columns: columns.map(([name, sourceType], index) => {
      const type = present(parseColumnType(sourceType), sourceType);
      return { id: index + 1, name, sourceName: name, sourceType, type };
    }),
    keyColumnIds: [1],
  };
}

/** Merges by this process: small files in each of two buckets, and deletes in some of them. */
async function manyFiles(pair: TablePair): Promise<void> {
  for (let round = 1n; round <= 10n; round++) {
    const row = (id: bigint): TextChange['values'] => [String(id), `in ${round}`];
    const changes: TextChange[] = Array.from({ length: 30 }, (_, at) => {
      const id = round * 100n + BigInt(at);
      return { op: 'c', seq: round, row: 2 * at + 1, values: row(id) };
    });
    // One of about fifteen: its file stays.
    if (round > 1n) changes.push({ op: 'd', seq: round, row: 80, values: row(round * 100n - 99n) });
    await pair.append(changeBatch(pair.schema, changes, { epoch: 1, commitTsUs }));
    await pair.flush(round);
    const [ledger, base] = [await pair.ledger(), await pair.base()];
    const request = { schema: pair.schema, ledger, base, ref: MAIN_BRANCH, commitTsUs: null };
    await mergeBase(pair.mergeParts(), request);
  }
}

async function rowsOf(lake: SparkLake, pair: TablePair): Promise<readonly string[]> {
  return tableText(await readBase(lake.engine, pair), 2);
}

/** Live rows and dead ones, as the newest snapshot says. */
function totalsOf({ metadata }: LoadedTable): { readonly rows: number; readonly dead: number } {
  const summary = refSnapshot(metadata, MAIN_BRANCH)?.summary ?? {};
  const total = (key: string): number => Number.parseInt(summary[key] ?? '', 10);
  const dead = total('total-position-deletes');
  return { rows: total('total-records') - dead, dead };
}

/** Takes changes into the ledger, and has Spark merge what is there. */
async function mergeOf(
  { parts }: Pick<SparkLake, 'parts'>,
  pair: TablePair,
  changes: readonly TextChange[],
): Promise<MergeOutcome> {
  const [first] = changes;
  if (first !== undefined) {
    await pair.append(changeBatch(pair.schema, changes, { epoch: 1, commitTsUs }));
    await pair.flush(first.seq);
  }
  const [ledger, base] = [await pair.ledger(), await pair.base()];
  const request = { schema: pair.schema, ledger, base, ref: MAIN_BRANCH, commitTsUs: null };
  return mergeOnSpark(parts, request);
}

/** Spark merges and compacts, and again. */
async function twoRounds(lake: SparkLake): Promise<void> {
  const { context, engine, parts } = lake;
  const schema = schemaOf('twice');
  const pair = await TablePair.open(context, engine, { schema, buckets: 1, formatVersion: 2 });
  const changes = (seq: bigint, op: 'c' | 'd', [from, to]: [number, number]): TextChange[] =>
    Array.from({ length: to - from }, (_, at) => {
      return { op, seq, row: 2 * at + (op === 'd' ? 0 : 1), values: [String(from + at), ''] };
    });
  await mergeOf(lake, pair, changes(1n, 'c', [0, 100]));
  for (const [seq, dead] of [30, 60].entries()) {
    await mergeOf(lake, pair, changes(BigInt(seq + 2), 'd', [dead - 30, dead]));
    // In the second round main has what the first one left: all that moves it is Firn's.
    present(await compactOnSpark(parts, { schema, base: await pair.base() }), 'a report');
    deepEqual(totalsOf(await pair.base()), { rows: 100 - dead, dead: 0 });
  }
  // Somebody's own rewrite leaves more deletes than there are rows; then comes a truncate.
  await mergeOf(lake, pair, changes(4n, 'd', [60, 85]));
  const call = "CALL firn.system.rewrite_data_files('twice.items'";
  await (await lake.open()).execute(`${call}, options => map('rewrite-all', 'true'))`);
  deepEqual(totalsOf(await pair.base()), { rows: -10, dead: 25 });
  const last: TextChange[] = [{ op: 't', seq: 5n, row: 1, values: [] }];
  last.push({ op: 'c', seq: 5n, row: 3, values: ['7', 'after'] });
  const adds = (sql: string): string => sql.replace('INSERT OVERWRITE', 'INSERT INTO');
  await rejects(mergeOf({ parts: writing(parts, adds) }, pair, last), isMismatch, 'old rows stay');
  const outcome = await mergeOf(lake, pair, []);
  equal(outcome.kind === 'merged' && outcome.report.rowsDeleted, 15);
  equal((await rowsOf(lake, pair)).length, 1);
}

const BESIDE = { skip: skipWithoutSpark(), concurrency: true };

test('files of small buckets become few (spec: M28)', BESIDE, async (t) => {
  const lake = await openSparkLake(t);
  const { context, engine, parts } = lake;
  const versions = ([2, 3] as const).map((formatVersion) =>
    t.test(`version ${formatVersion}`, async () => {
      const schema = schemaOf(`v${formatVersion}`);
      const pair = await TablePair.open(context, engine, { schema, buckets: 2, formatVersion });
      await manyFiles(pair);
      const session = await lake.open();
      const ids = formatVersion === 2 ? '' : ', _row_id, _last_updated_sequence_number AS seq';
      const query = `SELECT id${ids} FROM firn.${schema.table.namespace}.items ORDER BY id`;
      const [rows, lineage] = [await rowsOf(lake, pair), await session.query(query)];
      const before = await pair.base();
      const report = present(await compactOnSpark(parts, { schema, base: before }), 'a report');
      ok(report.filesBefore >= 16 && report.filesAfter <= 2, JSON.stringify(report));
      deepEqual(await rowsOf(lake, pair), rows);
      const after = await pair.base();
      deepEqual(await (await lake.open()).query(query), lineage);
      deepEqual(baseStateOf(after), baseStateOf(before));
      const files = await scanFiles(context, { metadata: after.metadata, ref: MAIN_BRANCH });
      deepEqual(
        files.flatMap(({ deletes }) => deletes),
        [],
      );
      deepEqual(totalsOf(after), { rows: 291, dead: 0 });
      equal(findRef(after.metadata, 'firn_state')?.snapshotId, after.metadata.currentSnapshotId);
      deepEqual(Object.keys(after.metadata.refs).toSorted(), ['firn_state', 'main']);
      equal(await compactOnSpark(parts, { schema, base: after }), null, 'it is worth nothing more');
    }),
  );
  const rounds = t.test('no deletes stay behind', () => twoRounds(lake));
  await Promise.all([...versions, rounds]);
});

/** Parts whose sessions run another statement in place of the merge's. */
function writing(parts: SparkMergeParts, other: (sql: string) => string): SparkMergeParts {
  const openSession = (): StatementSession => {
    const session = parts.openSession();
    return {
      configure: (pairs) => session.configure(pairs),
      query: (sql) => session.query(sql),
      close: () => session.close(),
      execute: (sql) => session.execute(/^(?:MERGE|CALL|INSERT)/.test(sql) ? other(sql) : sql),
    };
  };
  return { ...parts, openSession };
}

function isMismatch(error: unknown): boolean {
  return isFirnError(error, 'MERGE-COUNT-MISMATCH');
}

test('what is wrong is not published (spec: M25)', { skip: skipWithoutSpark() }, async (t) => {
  const lake = await openSparkLake(t);
  const { context, engine, parts } = lake;
  const schema = schemaOf('wrong');
  const pair = await TablePair.open(context, engine, { schema, buckets: 2, formatVersion: 2 });
  await manyFiles(pair);
  const rows = await rowsOf(lake, pair);
  // An update of a row, the delete of another.
  const update = { op: 'u', seq: 11n, row: 1, values: ['1005', 'changed'] } as const;
  const changes: readonly TextChange[] = [
    update,
    { op: 'd', seq: 11n, row: 2, values: ['1006', ''] },
  ];
  await pair.append(changeBatch(schema, changes, { epoch: 1, commitTsUs }));
  await pair.flush(11n);
  const branch = /branch_firn_\w+?_[0-9a-f-]{36}/;
  const into = (sql: string): string => `firn.wrong.items.\`${branch.exec(sql)?.[0] ?? ''}\``;
  const columns = "(id, `no'te`)";
  const wrong: Readonly<Record<string, (sql: string) => string>> = {
    'a row too few': (sql) => `DELETE FROM ${into(sql)} WHERE id IN (1005, 1006)`,
    'a row too many': (sql) => `INSERT INTO ${into(sql)} ${columns} VALUES (9000, ''), (9001, '')`,
    'rows of others gone': (sql) => `DELETE FROM ${into(sql)} WHERE id > 500`,
    'a key twice': (sql) => `INSERT INTO ${into(sql)} ${columns} VALUES (1005, 'changed')`,
  };
  for (const [name, other] of Object.entries(wrong)) {
    await t.test(name, async () => {
      const [ledger, base] = [await pair.ledger(), await pair.base()];
      const request = { schema, ledger, base, ref: MAIN_BRANCH, commitTsUs: null };
      await rejects(mergeOnSpark(writing(parts, other), request), isMismatch);
      deepEqual(await rowsOf(lake, pair), rows);
    });
  }
  for (const foreignChanges of ['halt', 'accept'] as const) {
    await t.test(`a compaction that loses a row, policy ${foreignChanges}`, async () => {
      const loses = (sql: string): string => {
        const name = /firn_compact_[0-9a-f-]{36}/.exec(sql)?.[0] ?? '';
        return `DELETE FROM firn.wrong.items.\`branch_${name}\` WHERE id = 1000`;
      };
      const policy = { ...context, foreignChanges };
      const commit: SparkMergeParts['commit'] = async (request) =>
        present((await commitTables(policy, [request]))[0], 'a result');
      const wrongly = writing({ ...parts, context: policy, commit }, loses);
      const request = { schema, base: await pair.base() };
      await rejects(compactOnSpark(wrongly, request), (error) =>
        isFirnError(error, 'MERGE-BRANCH-WRONG'),
      );
      deepEqual(await rowsOf(lake, pair), rows);
    });
  }
  await t.test('two rows of one identity that differ', async () => {
    const differs = { ...update, values: ['1005', 'otherwise'] };
    await pair.appendAgain(changeBatch(schema, [differs], { epoch: 1, commitTsUs }));
    await rejects(mergeOf(lake, pair, []), (error) =>
      isFirnError(error, 'MERGE-IDENTITY-CONFLICT'),
    );
  });
});
