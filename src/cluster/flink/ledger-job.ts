/**
 * The Flink job that appends a source's changes to its ledgers: one statement set for all tables of
 * an epoch. Envelopes are read as plain JSON, so that every change is an insert and no equality
 * delete can ever be written; columns are chosen by name. A change that cannot be read goes to the
 * table of dead letters with its place in the topic; a record that is no JSON leaves a gap in the
 * offsets, by which the publisher finds it. Each table is written on a branch that only this run
 * of the job has: what it commits late lands where nobody reads (docs/spec/ledger.md L3).
 */
import type { CarriedColumn, ClusterPlan, ClusterTable } from '../cluster-plan.ts';
import { changeIdentity } from './change-identity.ts';
import { flinkName, flinkOptions, flinkPath, flinkText } from './flink-text.ts';
import { timestampFromMicros } from './time-expressions.ts';

/** What differs from one run of the job to the next. */
export interface LedgerRun {
  /** Name of the job. */
  readonly job: string;
  /** Branch of every table that this run writes; never used again. */
  readonly branch: string;
  /**
   * The epoch's name of the source's log: what stands before the dot of its files' names; empty
   * where the log has no files.
   */
  readonly logName: string;
  /** Where the run starts: the next offset of every partition, as Flink's Kafka source reads it. */
  readonly offsets: (topic: string) => string;
}

/** Offsets of partitions in order, in the words of the option `scan.startup.specific-offsets`. */
export function startOffsets(next: readonly (bigint | string)[]): string {
  return next.map((offset, partition) => `partition:${partition},offset:${offset}`).join(';');
}

/** The statements of a run, in order; the last one starts the job. Each is sent by itself. */
export function ledgerStatements(plan: ClusterPlan, run: LedgerRun): readonly string[] {
  return [
    ...settings(plan, run),
    ...catalogStatements(plan),
    ...plan.tables.flatMap((table, index) => {
      const place = { plan, table, index, run };
      return [createSource(place), createRead(place)];
    }),
    `EXECUTE STATEMENT SET BEGIN\n\n${plan.tables
      .flatMap((table, index) => {
        const place = { plan, table, index, run };
        return [insertChanges(place), insertDeadLetters(place)];
      })
      .join('\n\n')}\n\nEND`,
  ];
}

/** One table of the job. */
interface Place {
  readonly plan: ClusterPlan;
  readonly table: ClusterTable;
  readonly index: number;
  readonly run: LedgerRun;
}

function settings({ config, cluster }: ClusterPlan, run: LedgerRun): readonly string[] {
  const pairs: Readonly<Record<string, string>> = {
    'execution.runtime-mode': 'streaming',
    'execution.checkpointing.interval': `${config.ledger.commitIntervalMs} ms`,
    'execution.checkpointing.mode': 'EXACTLY_ONCE',
    'parallelism.default': String(cluster.flink.parallelism),
    'pipeline.name': run.job,
    // Times are read as UTC.
    'table.local-time-zone': 'UTC',
    // What both statements of a table read is planned and run once. Without it each of them has all
    // expressions twice, and a table of fifty columns keeps the planner busy for minutes.
    'table.optimizer.reuse-optimize-block-with-digest-enabled': 'true',
  };
  return Object.entries(pairs).map(([key, value]) => `SET ${flinkText(key)} = ${flinkText(value)}`);
}

/** Without an address the catalog is one that Flink has already. */
function catalogStatements({ config, cluster, catalogName }: ClusterPlan): readonly string[] {
  if (cluster.catalogUri === null) return [];
  const { s3 } = config.lake;
  const options = flinkOptions({
    type: 'iceberg',
    'catalog-type': 'rest',
    uri: cluster.catalogUri,
    ...(s3 === null ? {} : { 'io-impl': 'org.apache.iceberg.aws.s3.S3FileIO' }),
  });
  return [`CREATE CATALOG IF NOT EXISTS ${flinkName(catalogName)} WITH ${options}`];
}

/** A temporary object of the session; names of source tables are no part of it. */
function temporary(kind: 'topic' | 'read', { index }: Place): string {
  return flinkPath('default_catalog', 'default_database', `${kind}_${index + 1}`);
}

function createSource(place: Place): string {
  const { plan, table, run } = place;
  const image = table.columns
    .map(({ column }) => `    ${flinkName(column.sourceName)} STRING`)
    .join(',\n');
  const block = changeIdentity(plan, run.logName)
    .fields.map((name) => `${flinkName(name)} STRING`)
    .join(', ');
  const options = flinkOptions({
    connector: 'kafka',
    topic: table.topic,
    'properties.bootstrap.servers': plan.cluster.kafka.bootstrapServers,
    'properties.group.id': plan.name,
    // Topics are Firn's own; a partition that is added later is seen when the job starts anew.
    'properties.allow.auto.create.topics': 'false',
    'scan.startup.mode': 'specific-offsets',
    'scan.startup.specific-offsets': run.offsets(table.topic),
    format: 'json',
    'json.fail-on-missing-field': 'false',
    'json.ignore-parse-errors': 'true',
  });
  return `CREATE TEMPORARY TABLE ${temporary('topic', place)} (
  \`op\` STRING,
  \`before\` ROW<
${image}
  >,
  \`after\` ROW<
${image}
  >,
  \`source\` ROW<${block}>,
  \`_firn_topic\` STRING METADATA FROM 'topic' VIRTUAL,
  \`_firn_partition\` INT METADATA FROM 'partition' VIRTUAL,
  \`_firn_offset\` BIGINT METADATA FROM 'offset' VIRTUAL
) WITH ${options}`;
}

const raw = (index: number): string => flinkName(`r${index + 1}`);
const value = (index: number): string => flinkName(`c${index + 1}`);

/**
 * Zero, which the planner cannot know: it does not put the expressions below into those above that
 * name them more than once. Without it each value has the choice of its image as often as it names
 * the text, and the code of a wide table outgrows the gateway.
 */
const APART = 'CAST(RAND() * 0 AS BIGINT)';

/** The image that counts: of a delete the one before, of anything else the one after. */
function createRead(place: Place): string {
  const { plan, table, run } = place;
  const images = table.columns.map(({ column }, index) => {
    const field = flinkName(column.sourceName);
    return `    CASE WHEN \`op\` = 'd' THEN \`before\`.${field} ELSE \`after\`.${field} END AS ${raw(index)}`;
  });
  const part = (name: string): string => `\`source\`.${flinkName(name)}`;
  const { seq, row, tx } = changeIdentity(plan, run.logName);
  const micros = `COALESCE(TRY_CAST(${part('ts_us')} AS BIGINT), TRY_CAST(${part('ts_ms')} AS BIGINT) * 1000)`;
  const values = table.columns.map(({ envelope }, index) => {
    return `  ${envelope.value(raw(index))} AS ${value(index)}`;
  });
  return `CREATE TEMPORARY VIEW ${temporary('read', place)} AS
SELECT
  \`op\`, \`_firn_topic\`, \`_firn_partition\`, \`_firn_offset\`, \`hasImage\`,
  \`seq\`, \`row\`, \`tx\`,
  CAST(${timestampFromMicros('`micros`')} AS TIMESTAMP_LTZ(6)) AS \`commitTs\`,
${[...table.columns.map((_, index) => `  ${raw(index)}`), ...values].join(',\n')}
FROM (
  SELECT
    \`op\`, \`_firn_topic\`, \`_firn_partition\`, \`_firn_offset\`,
    CASE WHEN \`op\` = 'd' THEN \`before\` IS NOT NULL ELSE \`after\` IS NOT NULL END AS \`hasImage\`,
    ${seq} AS \`seq\`,
    ${row} AS \`row\`,
    ${tx} AS \`tx\`,
    ${micros} + ${APART} AS \`micros\`,
${images.join(',\n')}
  FROM ${temporary('topic', place)}
)`;
}

/**
 * Why a change cannot be read: an empty text when it can. The reasons name no value. They are put
 * together by a function that the planner does not look into: from a CASE of so many branches it
 * would derive what each row fulfils. Both statements of a table ask it of the view of its changes,
 * which is so the largest part that they share.
 */
function problemOf({ plan, table, run }: Place): string {
  const known = changeIdentity(plan, run.logName).ops.map(flinkText).join(', ');
  const cases = [
    [`\`op\` IS NULL OR \`op\` NOT IN (${known})`, 'it has no operation that is known'],
    ['`seq` IS NULL OR `row` IS NULL OR `commitTs` IS NULL', 'it has no place in the log'],
    ["`op` <> 't' AND NOT `hasImage`", 'it has no row'],
    ...table.columns.flatMap((column, index) => columnCases(column, index)),
  ] as const;
  const lines = cases.map(([when, reason]) => `  CASE WHEN ${when} THEN ${flinkText(reason)} END`);
  return `CONCAT_WS('; ',\n${lines.join(',\n')}\n)`;
}

function columnCases(
  { column, envelope, isKey }: CarriedColumn,
  index: number,
): readonly (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  if (!envelope.isTotal) {
    const when = `${raw(index)} IS NOT NULL AND ${value(index)} IS NULL`;
    found.push([when, `column ${column.sourceName} cannot be read`]);
  }
  if (isKey) {
    const when = `\`op\` <> 't' AND ${value(index)} IS NULL`;
    found.push([when, `key column ${column.sourceName} is NULL`]);
  }
  return found;
}

function insertChanges(place: Place): string {
  const { plan, table, index, run } = place;
  const { namespace, name } = table.ledger.identifier;
  const target = flinkPath(plan.catalogName, namespace, name);
  const hint = flinkOptions({
    'uid-suffix': `ledger-${index + 1}`,
    branch: run.branch,
    'upsert-enabled': 'false',
    'distribution-mode': 'none',
  });
  const columns: readonly (readonly [lake: string, expression: string])[] = [
    ['_firn_op', '`op`'],
    ['_firn_epoch', String(plan.epoch)],
    ['_firn_seq', '`seq`'],
    ['_firn_row', '`row`'],
    ['_firn_tx', '`tx`'],
    ['_firn_commit_ts', '`commitTs`'],
    ['_firn_schema', String(table.schema.version)],
    ['_firn_topic', '`_firn_topic`'],
    ['_firn_partition', '`_firn_partition`'],
    ['_firn_offset', '`_firn_offset`'],
    ...table.columns.map(({ column }, at) => [column.name, value(at)] as const),
  ];
  return `INSERT INTO ${target} /*+ OPTIONS${hint} */ (
${columns.map(([lake]) => `  ${flinkName(lake)}`).join(',\n')}
)
SELECT
${columns.map(([, expression]) => `  ${expression}`).join(',\n')}
FROM ${temporary('read', place)}
WHERE ${problemOf(place)} = '';`;
}

function insertDeadLetters(place: Place): string {
  const { plan, table, index, run } = place;
  const { namespace, name } = table.deadLetters.identifier;
  const target = flinkPath(plan.catalogName, namespace, name);
  const hint = flinkOptions({
    'uid-suffix': `dead-letters-${index + 1}`,
    branch: run.branch,
    'upsert-enabled': 'false',
  });
  return `INSERT INTO ${target} /*+ OPTIONS${hint} */ (
  \`topic\`, \`partition\`, \`offset\`, \`epoch\`, \`seq\`, \`row\`, \`reason\`
)
SELECT
  \`_firn_topic\`, \`_firn_partition\`, \`_firn_offset\`,
  ${plan.epoch}, \`seq\`, \`row\`,
  ${problemOf(place)}
FROM ${temporary('read', place)}
WHERE ${problemOf(place)} <> '';`;
}
