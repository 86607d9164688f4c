/**
 * The statements of one merge on Spark (docs/spec/merge.md M1, M3, M7, M10, M13): the newest change
 * per key of a window of the ledger, into a branch of the base that only this merge has, in one
 * snapshot. What tells a merge apart (commit id, watermark) stands in the settings of its session,
 * from where Spark puts it into the snapshot: rows and watermark are one commit.
 *
 * The window is read by bounds at one snapshot of the ledger: rows above the base's watermark, up
 * to the ledger's complete-to; bounds of the files keep all others unread. Rows that arrived late,
 * at or below the watermark in files that no merge has seen, widen it. A late row counts only if it
 * is no repeat of one that the ledger held before, and nothing newer of its key is retained: base
 * rows carry no sequence, so an old change must never overwrite them.
 */
import type { ClusterPlan } from '../cluster-plan.ts';
import { IS_REREAD, isAfterTruncate, isNew, isRead } from './merge-run.ts';
import type { MergeRun } from './merge-run.ts';
import { branchOf, bucketOf, columnList, ledgerAt } from './merge-subject.ts';
import type { MergeSubject } from './merge-subject.ts';
import { NO_SUBSTITUTION, aboveMark, atOrBelowMark, sparkName } from './spark-text.ts';

type Settings = readonly (readonly [key: string, value: string])[];

/** Settings of a merge's session, besides those that go into its snapshot. */
export function sessionSettings(): Settings {
  return [
    NO_SUBSTITUTION,
    ['spark.sql.session.timeZone', 'UTC'],
    ['spark.sql.ansi.enabled', 'true'],
    // Names of the lake differ by capital letters too.
    ['spark.sql.caseSensitive', 'true'],
    ['spark.sql.sources.partitionOverwriteMode', 'static'],
    // The base is not moved: the changes are brought to its buckets (storage-partitioned join).
    ['spark.sql.sources.v2.bucketing.enabled', 'true'],
    ['spark.sql.sources.v2.bucketing.pushPartValues.enabled', 'true'],
    ['spark.sql.sources.v2.bucketing.shuffle.enabled', 'true'],
    ['spark.sql.sources.v2.bucketing.allowCompatibleTransforms.enabled', 'true'],
    ['spark.sql.requireAllClusterKeysForCoPartition', 'false'],
    ['spark.sql.iceberg.planning.preserve-data-grouping', 'true'],
    ...HASH_JOIN,
  ];
}

/**
 * Where the changes of no bucket take more than this in the shuffle, they are looked up by hash:
 * the base is not sorted then (measured: 10 M rows, 3 to 4 of 10 CPU seconds). Spark asks for both:
 * the second must not be above the first. More changes are sorted, which needs no memory.
 */
export const HASH_JOIN: Settings = [
  ['spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold', '16MB'],
  ['spark.sql.adaptive.advisoryPartitionSizeInBytes', '16MB'],
];

/** Settings that give a session the lake's catalog; without an address Spark has it already. */
export function catalogSettings(
  plan: Pick<ClusterPlan, 'cluster' | 'config' | 'catalogName'>,
): Settings {
  const { cluster, config, catalogName } = plan;
  if (cluster.catalogUri === null) return [];
  const name = `spark.sql.catalog.${catalogName}`;
  return [
    [name, 'org.apache.iceberg.spark.SparkCatalog'],
    [`${name}.type`, 'rest'],
    [`${name}.uri`, cluster.catalogUri],
    // A table is looked at as it is now, never as another session saw it.
    [`${name}.cache-enabled`, 'false'],
    ...(config.lake.s3 === null
      ? []
      : ([[`${name}.io-impl`, 'org.apache.iceberg.aws.s3.S3FileIO']] as const)),
  ];
}

/** Keys that go into the snapshot start so. */
export const SNAPSHOT_PROPERTY = 'spark.sql.iceberg.snapshot-property.';

const CHANGES = 'firn_changes';
const PLACE = ['_firn_epoch', '_firn_seq', '_firn_row'] as const;

/**
 * Counts of what the merge reads, as one row: `events`, `doubles` (rows that share an identity with
 * another), `ties` (re-reads that share a place), `truncate` (the newest, or NULL), and, unless
 * there is one of these or a late row, `upserts`, `deletes` and `buckets` of the keys that change.
 * Rows are counted by place first: however often one key changes, no list of its changes is held.
 */
export function surveyQuery(subject: MergeSubject, run: MergeRun): string {
  const keys = columnList(subject.keys);
  const newest = '`_firn_newest`.`_firn_op`';
  return `SELECT
  coalesce(sum(\`_firn_events\`), 0) AS events,
  coalesce(sum(\`_firn_doubles\`), 0) AS doubles,
  coalesce(sum(\`_firn_ties\`), 0) AS ties,
  max(CASE WHEN ${newest} = 't'
    THEN struct(${columnList(PLACE, '`_firn_newest`')}) END) AS truncate,
  count_if(${newest} NOT IN ('d', 't')) AS upserts,
  count_if(${newest} = 'd') AS deletes,
  collect_set(CASE WHEN ${newest} <> 't'
    THEN ${bucketOf(subject, null)} END) AS buckets
FROM (
  SELECT ${keys}, sum(\`_firn_rows\`) AS \`_firn_events\`,
    max(struct(${columnList([...PLACE, '_firn_op'])})) AS \`_firn_newest\`,
    sum(CASE WHEN ${IS_REREAD} THEN 0 ELSE \`_firn_rows\` - 1 END) AS \`_firn_doubles\`,
    sum(CASE WHEN ${IS_REREAD} THEN \`_firn_rows\` - 1 ELSE 0 END) AS \`_firn_ties\`
  FROM (
    SELECT ${columnList([...subject.keys, ...PLACE])},
      max(\`_firn_op\`) AS \`_firn_op\`, count(*) AS \`_firn_rows\`
    FROM ${ledgerAt(subject, run.ledgerSnapshot)}
    WHERE ${isRead(run)}
    GROUP BY ${columnList([...subject.keys, ...PLACE])}
  )
  GROUP BY ${keys}
)`;
}

/**
 * Gives the place of a change that has two contents, which halts the table; no row otherwise. Of
 * rows of different versions of the schema only the op is compared: one lacks what another has.
 */
export function conflictsQuery(subject: MergeSubject, run: MergeRun): string {
  const identity = columnList([...subject.keys, ...PLACE]);
  return `SELECT ${columnList(PLACE)} FROM (
  SELECT ${identity}, \`_firn_schema\`,
    min(\`_firn_op\`) AS \`_firn_low\`, max(\`_firn_op\`) AS \`_firn_high\`,
    count(DISTINCT struct(${columnList(subject.columns)})) AS \`_firn_contents\`
  FROM ${ledgerAt(subject, run.ledgerSnapshot)}
  WHERE ${isRead(run)} AND \`_firn_op\` <> 't' AND NOT ${IS_REREAD}
  GROUP BY ${identity}, \`_firn_schema\`
)
GROUP BY ${identity}
HAVING max(\`_firn_contents\`) > 1 OR min(\`_firn_low\`) <> max(\`_firn_high\`)
LIMIT 1`;
}

/** Gives a truncate that arrived late and was never seen before, which halts the table. */
export function lateTruncateQuery(subject: MergeSubject, run: MergeRun): string | null {
  const { late, from } = run;
  if (late?.changesCount !== true) return null;
  const isPast = `${atOrBelowMark(from)} AND ${aboveMark(late.lowMark)}`;
  return `SELECT ${columnList(PLACE)} FROM ${ledgerAt(subject, run.ledgerSnapshot)}
WHERE ${isRead(run)} AND ${isPast} AND \`_firn_op\` = 't'
GROUP BY ${columnList(PLACE)}
HAVING bool_and(${isNew(late)})
LIMIT 1`;
}

/**
 * Makes the view of one change per key. Of re-reads with one sequence the one in the younger file
 * counts: Firn's names of files go up with time.
 */
export function changesView(subject: MergeSubject, run: MergeRun): string {
  const keys = columnList(subject.keys);
  const { late, from } = run;
  const order = [
    ...PLACE.map((name) => `${sparkName(name)} DESC`),
    ...(late === null ? [] : ['`_firn_is_new` DESC']),
    "substring_index(`_file`, '/', -1) DESC",
    '`_pos` DESC',
  ].join(', ');
  const afterTruncate = isAfterTruncate(run);
  const counts = `${aboveMark(from)} AND (NOT ${IS_REREAD} OR \`_firn_is_new\`)`;
  const lateChange =
    late?.changesCount === true
      ? ` OR (NOT \`_firn_is_known\` AND ${aboveMark(late.lowMark)})`
      : '';
  const isLate = `${atOrBelowMark(from)} AND \`_firn_is_new\` AND (${IS_REREAD}${lateChange})`;
  const keep = late === null ? '' : `\n  AND ((${counts}) OR (${isLate}))`;
  return `CREATE OR REPLACE TEMPORARY VIEW ${CHANGES} AS
SELECT ${columnList(['_firn_op', ...subject.columns])} FROM (
  SELECT *, row_number() OVER (
    PARTITION BY ${keys} ORDER BY ${order}
  ) AS \`_firn_rank\`${late === null ? '' : knownBefore(subject)}
  FROM ${late === null ? ledgerAt(subject, run.ledgerSnapshot) : markedRows(subject, run)}
  WHERE ${isRead(run)} AND \`_firn_op\` <> 't'
)
WHERE \`_firn_rank\` = 1${afterTruncate === null ? '' : `\n  AND ${afterTruncate}`}${keep}`;
}

/** Whether the identity of a row is in a file that a merge has seen. */
function knownBefore({ keys }: MergeSubject): string {
  return `,
    max(NOT \`_firn_is_new\`) OVER (
      PARTITION BY ${columnList([...keys, ...PLACE])}
    ) AS \`_firn_is_known\``;
}

/** The ledger's rows with whether their files are new. */
function markedRows(subject: MergeSubject, run: MergeRun): string {
  const { late } = run;
  const columns = ['_firn_op', ...PLACE, ...subject.columns, '_file', '_pos'];
  return `(
    SELECT ${columnList(columns)}, ${late === null ? 'true' : isNew(late)} AS \`_firn_is_new\`
    FROM ${ledgerAt(subject, run.ledgerSnapshot)}
  )`;
}

/** Counts of the view as one row: `upserts`, `deletes`, `buckets`. */
export function countsQuery(subject: MergeSubject): string {
  return `SELECT
  count_if(\`_firn_op\` <> 'd') AS upserts,
  count_if(\`_firn_op\` = 'd') AS deletes,
  collect_set(${bucketOf(subject, null)}) AS buckets
FROM ${CHANGES}`;
}

/** Replaces every row of the base by the view's: what a truncate leaves. */
export function replaceStatement(subject: MergeSubject, run: MergeRun): string {
  const { columns, formerColumns } = subject;
  const nothing = formerColumns.map((name) => `, NULL AS ${sparkName(name)}`).join('');
  return `INSERT OVERWRITE ${branchOf(subject, run.branch)} (${columnList([...columns, ...formerColumns])})
SELECT ${columnList(columns)}${nothing} FROM ${CHANGES}
WHERE \`_firn_op\` <> 'd'`;
}

/** Merges the view into the base. Every column is named: their order in the base is its own. */
export function mergeStatement(subject: MergeSubject, run: MergeRun): string {
  const { columns, keys, formerColumns } = subject;
  const on = keys.map((key) => `base.${sparkName(key)} = changed.${sparkName(key)}`);
  const updates = [
    ...columns
      .filter((name) => !keys.includes(name))
      .map((name) => `  base.${sparkName(name)} = changed.${sparkName(name)}`),
    ...formerColumns.map((name) => `  base.${sparkName(name)} = NULL`),
  ];
  const update =
    updates.length === 0 ? '' : `WHEN MATCHED THEN UPDATE SET\n${updates.join(',\n')}\n`;
  return `MERGE INTO ${branchOf(subject, run.branch)} AS base
USING ${CHANGES} AS changed
ON ${on.join(' AND ')}${inBuckets(subject, run)}
WHEN MATCHED AND changed.\`_firn_op\` = 'd' THEN DELETE
${update}WHEN NOT MATCHED AND changed.\`_firn_op\` <> 'd' THEN INSERT (
  ${columnList(columns)}
) VALUES (
  ${columnList(columns, 'changed')}
)`;
}

/** Keeps files of other buckets unread. */
function inBuckets(subject: MergeSubject, { buckets }: MergeRun): string {
  if (buckets === null) return '';
  const list = typeof buckets === 'string' ? buckets : buckets.join(', ');
  return `\n  AND ${bucketOf(subject, 'base')} IN (${list})`;
}

/**
 * Counts the keys of one bucket, or of all, that the branch does not have as it should, each once
 * or, after a delete, not at all: `wrong`, of `keys`.
 */
export function checkQuery(
  subject: MergeSubject,
  run: MergeRun,
  bucket: number | string | null,
): string {
  const { keys } = subject;
  const on = keys.map((key) => `base.${sparkName(key)} = changed.${sparkName(key)}`).join(' AND ');
  const inBucket = bucket === null ? '' : ` WHERE ${bucketOf(subject, null)} = ${bucket}`;
  return `SELECT count(*) AS \`keys\`,
  count_if(\`_firn_found\` <> CASE WHEN \`_firn_op\` = 'd' THEN 0 ELSE 1 END) AS wrong
FROM (
  SELECT ${columnList(keys, 'changed')}, max(changed.\`_firn_op\`) AS \`_firn_op\`,
    count(base.${sparkName(keys[0] ?? '')}) AS \`_firn_found\`
  FROM (SELECT * FROM ${CHANGES}${inBucket}) AS changed
  LEFT JOIN (
    SELECT ${columnList(keys)} FROM ${branchOf(subject, run.branch)}${inBucket}
  ) AS base ON ${on}
  GROUP BY ${columnList(keys, 'changed')}
)`;
}
