/**
 * The statements of one merge on Spark (docs/spec/merge.md M1, M3, M7, M10, M13): the newest change
 * per key of a window of the ledger, into a branch of the base that only this merge has. What tells
 * a merge apart (commit id, watermark) stands in the settings of its session, from where Spark puts
 * it into the snapshot: rows and watermark are one commit.
 *
 * The window is read by bounds at one snapshot of the ledger: rows above the base's watermark, up
 * to the ledger's complete-to; bounds of the files keep all others unread. Rows that arrived late,
 * at or below the watermark in files that no merge has seen, take {@link lateStatements}.
 */
import { REREAD_ROW } from '../../model/change-sequence.ts';
import { assert } from '../../kernel/assert.ts';
import type { TableDraft } from '../../lake/create-table.ts';
import type { ClusterPlan, ClusterTable } from '../cluster-plan.ts';
import { NO_SUBSTITUTION, aboveMark, atOrBelowMark, sparkName, sparkPath } from './spark-text.ts';
import type { MarkText } from './spark-text.ts';

/** What differs from one merge to the next. Texts stand for values that are put in later. */
export interface MergeRun {
  /** Branch of the base that this merge writes; never used again. */
  readonly branch: string;
  /** Snapshot of the ledger that is read. */
  readonly ledgerSnapshot: bigint | string;
  /** Snapshot of the ledger that the last merge read; for late rows only. */
  readonly seenSnapshot: bigint | string;
  /** Watermark of the base. */
  readonly from: MarkText;
  /** Watermark that the merge brings. */
  readonly to: MarkText;
  /** The newest truncate of the window: earlier changes do not count; `null`: none. */
  readonly truncate: (MarkText & { readonly row: number | string }) | null;
  /** Buckets of all keys that change, as a list with commas. */
  readonly buckets: string;
}

/** Settings of a merge's session, besides those that go into its snapshot. */
export function sessionSettings(): readonly (readonly [key: string, value: string])[] {
  return [
    NO_SUBSTITUTION,
    ['spark.sql.session.timeZone', 'UTC'],
    ['spark.sql.ansi.enabled', 'true'],
    // The base is not moved: the changes are brought to its buckets (storage-partitioned join).
    ['spark.sql.sources.v2.bucketing.enabled', 'true'],
    ['spark.sql.sources.v2.bucketing.pushPartValues.enabled', 'true'],
    ['spark.sql.sources.v2.bucketing.shuffle.enabled', 'true'],
    ['spark.sql.sources.v2.bucketing.allowCompatibleTransforms.enabled', 'true'],
    ['spark.sql.requireAllClusterKeysForCoPartition', 'false'],
    ['spark.sql.iceberg.planning.preserve-data-grouping', 'true'],
  ];
}

/** Keys that go into the snapshot start so. */
export const SNAPSHOT_PROPERTY = 'spark.sql.iceberg.snapshot-property.';

const CHANGES = 'firn_changes';
const LATE_KEYS = 'firn_late_keys';

/** A merge's statements by what they are for. */
export interface MergeStatements {
  /** Gives no row unless two rows of one identity differ, which halts the table. */
  readonly conflicts: string;
  /** Gives the newest truncate of the window: epoch, seq, row; NULLs when there is none. */
  readonly truncates: string;
  /** Makes the view of one change per key. */
  readonly changes: string;
  /** Gives the buckets of the keys that change. */
  readonly buckets: string;
  /** Removes every row; only when the window holds a truncate. */
  readonly truncate: string;
  readonly merge: string;
}

/** The statements of a merge. The table must have a base. */
export function mergeStatements(
  plan: ClusterPlan,
  table: ClusterTable,
  run: MergeRun,
): MergeStatements {
  const window = `${aboveMark(run.from)} AND ${atOrBelowMark(run.to)}`;
  const ledger = ledgerAt(plan, table, run.ledgerSnapshot);
  const keys = keyNames(table);
  const values = ['_firn_op', ...table.columns.map(({ column }) => column.name)].map(sparkName);
  const identity = ['`_firn_epoch`', '`_firn_seq`', '`_firn_row`'];
  return {
    conflicts: `SELECT ${identity.join(', ')} FROM ${ledger}
WHERE ${window} AND \`_firn_op\` <> 't' AND \`_firn_row\` <> ${REREAD_ROW}
GROUP BY ${[...identity, '`_firn_schema`', ...keys].join(', ')}
HAVING count(DISTINCT struct(${values.join(', ')})) > 1
LIMIT 1`,
    truncates: `SELECT newest.\`_firn_epoch\`, newest.\`_firn_seq\`, newest.\`_firn_row\` FROM (
  SELECT max(struct(${identity.join(', ')})) AS newest FROM ${ledger}
  WHERE ${window} AND \`_firn_op\` = 't'
)`,
    changes: changesView(table, {
      ledger,
      where: `\`_firn_op\` <> 't'\n    AND ${window}${afterTruncate(run)}`,
    }),
    buckets: `SELECT DISTINCT ${bucketOf(plan, table, CHANGES)} FROM ${CHANGES}`,
    truncate: `DELETE FROM ${branchOf(plan, table, run)}`,
    merge: mergeInto(plan, table, run),
  };
}

/**
 * Statements for rows that arrived late. A late row counts only if it is no repeat of one that the
 * ledger held before, and if nothing newer of its key is retained: base rows carry no sequence, so
 * an old change must never overwrite them.
 */
export function lateStatements(
  plan: ClusterPlan,
  table: ClusterTable,
  run: MergeRun,
): readonly string[] {
  const keys = keyNames(table);
  const options = `WITH (\`start-snapshot-id\` = '${run.seenSnapshot}', \`end-snapshot-id\` = '${run.ledgerSnapshot}')`;
  const isLate = keys.map((key) => `l.${key} = late.${key}`).join(' AND ');
  const isSame = ['`_firn_epoch`', '`_firn_seq`', '`_firn_row`', ...keys]
    .map((column) => `seen.${column} = newest.${column}`)
    .join(' AND ');
  const newest = changesView(table, {
    ledger: `${ledgerAt(plan, table, run.ledgerSnapshot)} AS l`,
    where: `${atOrBelowMark(run.to)}
    AND (\`_firn_op\` = 't' OR EXISTS (SELECT 1 FROM ${LATE_KEYS} AS late WHERE ${isLate}))`,
    alsoTruncates: true,
    keep: `${atOrBelowMark(run.from)} AND (\`_firn_row\` = ${REREAD_ROW} OR NOT EXISTS (
  SELECT 1 FROM ${ledgerAt(plan, table, run.seenSnapshot)} AS seen WHERE ${isSame}
))`,
  });
  return [
    `DROP VIEW IF EXISTS ${LATE_KEYS}`,
    // Kept as rows: a statement that reads one table twice with different options would read one.
    `CACHE TABLE ${LATE_KEYS} AS SELECT DISTINCT ${keys.join(', ')}
FROM ${ledgerPath(plan, table)} ${options}
WHERE \`_firn_op\` <> 't' AND ${atOrBelowMark(run.from)}`,
    newest,
    mergeInto(plan, table, run),
    `DROP VIEW ${LATE_KEYS}`,
  ];
}

function ledgerPath({ catalogName }: ClusterPlan, { ledger }: ClusterTable): string {
  const { namespace, name } = ledger.identifier;
  return sparkPath(catalogName, namespace, name);
}

function ledgerAt(plan: ClusterPlan, table: ClusterTable, snapshot: bigint | string): string {
  return `${ledgerPath(plan, table)} VERSION AS OF ${snapshot}`;
}

function baseOf({ base }: ClusterTable): TableDraft {
  assert(base !== null, 'only a table with a base is merged');
  return base;
}

function branchOf({ catalogName }: ClusterPlan, table: ClusterTable, { branch }: MergeRun): string {
  const { namespace, name } = baseOf(table).identifier;
  return sparkPath(catalogName, namespace, name, `branch_${branch}`);
}

/** Lake names of the key columns in the order of the schema's columns, in backticks. */
function keyNames({ columns }: ClusterTable): readonly string[] {
  return columns.filter(({ isKey }) => isKey).map(({ column }) => sparkName(column.name));
}

function afterTruncate({ truncate }: MergeRun): string {
  if (truncate === null) return '';
  const { epoch, seq, row } = truncate;
  return `\n    AND (${aboveMark(truncate)} OR (\`_firn_epoch\` = ${epoch} AND \`_firn_seq\` = ${seq} AND \`_firn_row\` > ${row}))`;
}

/** Which rows of the ledger a view of changes is made of. */
interface ChangesRequest {
  readonly ledger: string;
  readonly where: string;
  /** `where` takes truncates too, which are changes of every key. */
  readonly alsoTruncates?: boolean;
  /** Which of the newest changes count. */
  readonly keep?: string;
}

/**
 * One change per key. Of re-reads with one sequence the one in the younger file counts: Firn's
 * names of files go up with time.
 */
function changesView(table: ClusterTable, request: ChangesRequest): string {
  const { ledger, where, alsoTruncates = false, keep } = request;
  const order = [
    '`_firn_epoch` DESC',
    '`_firn_seq` DESC',
    '`_firn_row` DESC',
    "substring_index(`_file`, '/', -1) DESC",
    '`_pos` DESC',
  ].join(', ');
  const own = ['_firn_op', '_firn_epoch', '_firn_seq', '_firn_row'].map(sparkName);
  const columns = [...own, ...table.columns.map(({ column }) => sparkName(column.name))].join(', ');
  const sequence = 'struct(`_firn_epoch`, `_firn_seq`, `_firn_row`)';
  const lastTruncate = `max(CASE WHEN \`_firn_op\` = 't' THEN ${sequence} END) OVER () AS \`_firn_truncated\``;
  const ranked = `SELECT *, row_number() OVER (
    PARTITION BY ${keyNames(table).join(', ')} ORDER BY ${order}
  ) AS \`_firn_rank\`${alsoTruncates ? `, ${lastTruncate}` : ''}
  FROM ${ledger}
  WHERE ${where}`;
  const conditions = [
    '`_firn_rank` = 1',
    ...(alsoTruncates
      ? ["`_firn_op` <> 't'", `(\`_firn_truncated\` IS NULL OR ${sequence} > \`_firn_truncated\`)`]
      : []),
    ...(keep === undefined ? [] : [keep]),
  ];
  return `CREATE OR REPLACE TEMPORARY VIEW ${CHANGES} AS
SELECT ${columns} FROM (
  ${ranked}
) AS newest
WHERE ${conditions.join('\n  AND ')}`;
}

/** The bucket of a row of `relation`, by the same function that partitions the base. */
function bucketOf(plan: ClusterPlan, table: ClusterTable, relation: string): string {
  const { spec, schema } = baseOf(table);
  const field = spec.fields[0];
  assert(field?.transform.kind === 'bucket', 'a base is partitioned by a bucket');
  const column = schema.fields.find(({ id }) => id === field.sourceId);
  assert(column !== undefined, 'the bucket column is one of the base');
  const catalog = sparkName(plan.catalogName);
  return `${catalog}.system.bucket(${field.transform.count}, ${relation}.${sparkName(column.name)})`;
}

/** Every column by name: a column that the base has and the plan has not is left alone. */
function mergeInto(plan: ClusterPlan, table: ClusterTable, run: MergeRun): string {
  const names = table.columns.map(({ column }) => sparkName(column.name));
  const keys = keyNames(table);
  const updates = names.filter((name) => !keys.includes(name));
  const on = keys.map((key) => `base.${key} = changed.${key}`);
  const update =
    updates.length === 0
      ? ''
      : `WHEN MATCHED THEN UPDATE SET\n${updates.map((name) => `  base.${name} = changed.${name}`).join(',\n')}\n`;
  return `MERGE INTO ${branchOf(plan, table, run)} AS base
USING ${CHANGES} AS changed
ON ${on.join(' AND ')}
  AND ${bucketOf(plan, table, 'base')} IN (${run.buckets})
WHEN MATCHED AND changed.\`_firn_op\` = 'd' THEN DELETE
${update}WHEN NOT MATCHED AND changed.\`_firn_op\` <> 'd' THEN INSERT (
  ${names.join(', ')}
) VALUES (
  ${names.map((name) => `changed.${name}`).join(', ')}
)`;
}
