/**
 * Everything that a cluster is told, as files for people: the same texts that Firn sends, with
 * `{{...}}` where a value is put in at that moment. Equal plans give equal bytes, so that a change
 * of the pipeline file can be read as a change of these files. No secret is in them.
 */
import { partitionSpecToJson } from '../iceberg/partition-spec.ts';
import { schemaToJson } from '../iceberg/iceberg-schema.ts';
import { sortOrderToJson } from '../iceberg/sort-order.ts';
import { stringifyJson } from '../kernel/lossless-json.ts';
import type { TableDraft } from '../lake/create-table.ts';
import { formatTableName, keyColumns } from '../model/table-schema.ts';
import { quoteMysqlName } from '../mysql/quote-name.ts';
import { selectRange } from '../mysql/table-statements.ts';
import { selectExpression } from '../mysql/text-reader.ts';
import { connectorConfig } from './capture/connector-config.ts';
import { topicSettings } from './capture/topic-settings.ts';
import type { ClusterPlan, ClusterTable, RefusedTable } from './cluster-plan.ts';
import { ledgerStatements, startOffsets } from './flink/ledger-job.ts';
import { compactBucket } from './spark/compaction-job.ts';
import {
  SNAPSHOT_PROPERTY,
  catalogSettings,
  changesView,
  checkQuery,
  conflictsQuery,
  countsQuery,
  lateTruncateQuery,
  mergeStatement,
  replaceStatement,
  sessionSettings,
  surveyQuery,
} from './spark/merge-job.ts';
import { bootstrapObstacle, loadFile } from './spark/load-file.ts';
import type { MergeRun } from './spark/merge-run.ts';
import { subjectOf } from './spark/merge-subject.ts';
import { SUBMIT_COMMAND, SUBMIT_PROGRAM, submittedMerge } from './spark/submit-job.ts';
import type { MergeSubject } from './spark/merge-subject.ts';
import { sparkName } from './spark/spark-text.ts';

/** A generated file. */
export interface Artefact {
  /** With `/` between folders; of harmless characters. */
  readonly path: string;
  readonly text: string;
}

/**
 * All files of a plan, in order of their paths.
 *
 * @throws {FirnError} CLUSTER-SECRET
 */
export function clusterArtefacts(plan: ClusterPlan): readonly Artefact[] {
  const files: Artefact[] = [
    { path: 'README.md', text: readme(plan) },
    { path: 'kafka/topics.json', text: json(topicSettings(plan)) },
    ...(plan.source.type === 'mysql' ? [connectorFile(plan)] : []),
    ...(plan.tables.length === 0
      ? []
      : [{ path: 'flink/ledgers.sql', text: sqlFile(plan, ledgerJob(plan)) }]),
    ...(plan.tables.some(({ base }) => base !== null) ? SUBMIT_FILES : []),
    ...plan.tables.flatMap((table) => tableFiles(plan, table)),
  ];
  return files.toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

function connectorFile(plan: ClusterPlan): Artefact {
  const connector = { name: plan.name, config: connectorConfig(plan) };
  return { path: 'connect/connector.json', text: json(connector) };
}

const SUBMIT_FILES: readonly Artefact[] = [
  { path: 'spark/submit.sh', text: SUBMIT_COMMAND },
  { path: 'spark/run_sql.py', text: SUBMIT_PROGRAM },
];

function json(value: unknown): string {
  return `${stringifyJson(value, 2)}\n`;
}

function ledgerJob(plan: ClusterPlan): readonly string[] {
  const { partitions } = plan.cluster.kafka;
  const offsets = Array.from({ length: partitions }, (_, index) => `{{next offset ${index}}}`);
  return ledgerStatements(plan, {
    job: plan.name,
    branch: '{{branch}}',
    logName: '{{log name}}',
    offsets: () => startOffsets(offsets),
  });
}

function tableFiles(plan: ClusterPlan, table: ClusterTable): readonly Artefact[] {
  const { label, ledger, base, deadLetters } = table;
  const files: Artefact[] = [
    { path: `tables/${label}.ledger.json`, text: json(createRequest(ledger)) },
    { path: `tables/${label}.dead-letters.json`, text: json(createRequest(deadLetters)) },
  ];
  if (base === null) return files;
  return [
    ...files,
    { path: `tables/${label}.base.json`, text: json(createRequest(base)) },
    // What the query of another source is depends on its database.
    ...(plan.source.type === 'mysql' ? bootstrapFiles(plan, table) : []),
    { path: `spark/${label}/merge.sql`, text: sqlFile(plan, mergeFile(plan, table)) },
    { path: `spark/${label}/merge-late.sql`, text: sqlFile(plan, lateFile(plan, table)) },
    { path: `spark/${label}/submit.sql`, text: sqlFile(plan, submitFile(plan, table)) },
    { path: `spark/${label}/compact.sql`, text: sqlFile(plan, compactFile(plan, table)) },
  ];
}

/** How the rows that are there at first are read; nothing where that is refused. */
function bootstrapFiles(plan: ClusterPlan, table: ClusterTable): readonly Artefact[] {
  const { label } = table;
  if (plan.cluster.bootstrap === 'firn') {
    return [{ path: `bootstrap/${label}.sql`, text: sqlFile(plan, [bootstrapQuery(table)]) }];
  }
  if (bootstrapObstacle(plan, table) !== null) return [];
  const statements = commented([...settingLines(plan), ...loadFile(plan, table)]);
  return [{ path: `spark/${label}/bootstrap.sql`, text: sqlFile(plan, statements) }];
}

/** What is sent to the catalog (Iceberg REST specification, `CreateTableRequest`). */
function createRequest(draft: TableDraft): unknown {
  const { identifier, schema, spec, sortOrder, properties, formatVersion = 2 } = draft;
  return {
    namespace: [identifier.namespace],
    request: {
      name: identifier.name,
      location: '{{location}}',
      schema: schemaToJson(schema),
      'partition-spec': partitionSpecToJson(spec),
      'write-order': sortOrderToJson(sortOrder),
      'stage-create': false,
      properties: { 'format-version': String(formatVersion), ...properties },
    },
  };
}

const MERGE_RUN: MergeRun = {
  branch: '{{branch}}',
  ledgerSnapshot: '{{ledger snapshot}}',
  from: { epoch: '{{watermark epoch}}', seq: '{{watermark seq}}' },
  to: { epoch: '{{complete-to epoch}}', seq: '{{complete-to seq}}' },
  late: null,
  truncate: null,
  buckets: '{{buckets}}',
};

const LATE_RUN: MergeRun = {
  ...MERGE_RUN,
  late: {
    lowest: { epoch: '{{lowest epoch}}', seq: '{{lowest seq}}' },
    newFiles: '{{new files}}',
    lowMark: { epoch: '{{low mark epoch}}', seq: '{{low mark seq}}' },
    changesCount: true,
  },
  truncate: {
    epoch: '{{truncate epoch}}',
    seq: '{{truncate seq}}',
    row: '{{truncate row}}',
  },
};

/** Statements with a line above each that says what it is for. */
type Commented = readonly (readonly [comment: string | null, statement: string])[];

function mergeFile(plan: ClusterPlan, table: ClusterTable): readonly string[] {
  const subject = subjectOf(plan, table);
  return commented([...settingLines(plan), ...mergeLines(subject, MERGE_RUN)]);
}

function mergeLines(subject: MergeSubject, run: MergeRun): Commented {
  return [
    ['What the merge reads, in one row.', surveyQuery(subject, run)],
    [
      'Only where two rows share an identity. No row, or the table halts: they differ.',
      conflictsQuery(subject, run),
    ],
    ['The newest change of each key.', changesView(subject, run)],
    ['Only after a truncate: the base is what came after it.', replaceStatement(subject, run)],
    ['{{buckets}} are those of the changes.', mergeStatement(subject, run)],
    [
      'Afterwards, for one of the buckets: no key is wrong, or nothing is published.',
      checkQuery(subject, run, '{{bucket}}'),
    ],
  ];
}

function lateFile(plan: ClusterPlan, table: ClusterTable): readonly string[] {
  const subject = subjectOf(plan, table);
  const truncates = lateTruncateQuery(subject, LATE_RUN) ?? '';
  return commented([
    [
      'A merge whose new files hold rows at or below the watermark, and after a truncate.',
      truncates,
    ],
    [null, surveyQuery(subject, LATE_RUN)],
    [null, changesView(subject, LATE_RUN)],
    ['The counts and buckets of what is left.', countsQuery(subject)],
    [null, mergeStatement(subject, LATE_RUN)],
  ]);
}

function submitFile(plan: ClusterPlan, table: ClusterTable): readonly string[] {
  const run = { ...MERGE_RUN, buckets: null };
  const seen = '{{ledger snapshot of the last merge}}';
  const statements = submittedMerge(subjectOf(plan, table), run, seen);
  return [...commented(settingLines(plan)), ...statements];
}

function compactFile(plan: ClusterPlan, table: ClusterTable): readonly string[] {
  const run = { branch: '{{branch}}', bucket: '{{bucket}}' };
  return commented([...settingLines(plan), [null, compactBucket(subjectOf(plan, table), run)]]);
}

/** What Firn puts into the session: what every session has, and what tells this one apart. */
function settingLines(plan: ClusterPlan): Commented {
  const keys = ['firn.pipeline', 'firn.writer', 'firn.commit-id', 'firn.source-id'];
  const base = ['firn.ledger-uuid', 'firn.ledger-seen', 'firn.watermark', 'firn.low-mark'];
  const own = [...keys, ...base].map(
    (key) => [`${SNAPSHOT_PROPERTY}${key}`, `{{${key}}}`] as const,
  );
  return [...catalogSettings(plan), ...sessionSettings(), ...own].map(([key, value], index) => {
    const about = index === 0 ? 'Settings of the session.' : null;
    return [about, `SET ${sparkName(key)}=${value}`];
  });
}

function commented(lines: Commented): readonly string[] {
  return lines.map(([comment, statement]) => {
    return comment === null ? statement : `-- ${comment}\n${statement}`;
  });
}

/** The first chunk of a table's rows, as Firn's workers read it from the source. */
function bootstrapQuery({ schema }: ClusterTable): string {
  const keys = keyColumns(schema);
  // No flavour reads other expressions in this version.
  const list = (columns: readonly (typeof keys)[number][]): string => {
    return columns.map((column) => selectExpression(column, 'mysql')).join(', ');
  };
  return selectRange(
    {
      name: `${quoteMysqlName(schema.table.namespace)}.${quoteMysqlName(schema.table.table)}`,
      list: list(schema.columns),
      keyList: list(keys),
      keys: keys.map(({ sourceName }) => ({ name: quoteMysqlName(sourceName), labels: null })),
      index: null,
    },
    {
      after: keys.map((_, index) => `{{key ${index + 1} before the chunk}}`),
      upTo: keys.map((_, index) => `{{key ${index + 1} at its end}}`),
      limit: null,
    },
  );
}

function sqlFile(plan: ClusterPlan, statements: readonly string[]): string {
  const head = `-- Generated by firn generate for pipeline ${plan.config.name}, epoch ${plan.epoch}.`;
  return `${head}\n\n${statements.join(';\n\n')};\n`;
}

/** One line of Markdown, whatever is in the text. */
function inline(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ').replaceAll(/[`<>|*_[\]\\]/g, '\\$&');
}

const OWN_READER =
  'Changes come into the topics by `firn run` itself, which reads the database: there is no connector.';

function readme(plan: ClusterPlan): string {
  const { config, name, source, tables, refused } = plan;
  const isRead = source.type !== 'mysql';
  const carried = tables.map(({ schema, label, base }) => {
    const about = base === null ? 'ledger only' : 'ledger and base';
    return `* ${inline(formatTableName(schema.table))}: ${about}, files \`${label}\``;
  });
  const line = ({ table, reason }: RefusedTable): string => {
    return `* ${inline(formatTableName(table))}: ${inline(reason)}`;
  };
  const left = refused.map(line);
  const unread = tables.flatMap((table) => {
    const reason = bootstrapObstacle(plan, table);
    return reason === null ? [] : [line({ table: table.schema.table, reason })];
  });
  return `${[
    `# Pipeline ${config.name} on a cluster`,
    '',
    `Generated by \`firn generate\`: what Firn tells the services under the name \`${name}\`. Values in`,
    '`{{...}}` are put in when it is told. Changes by hand have no effect; change the pipeline file.',
    '',
    '| files | told to |',
    '| --- | --- |',
    '| `kafka/topics.json` | Kafka: topics and their settings |',
    ...(isRead ? [] : ['| `connect/connector.json` | Kafka Connect: the Debezium connector |']),
    '| `tables/*.json` | the catalog: ledgers, bases, dead letters |',
    '| `flink/ledgers.sql` | Flink: the job that appends to the ledgers |',
    ...(isRead ? [] : ['| `bootstrap/*.sql` | the source: how existing rows are read by Firn |']),
    '| `spark/*/*.sql` | Spark: merges of ledgers into bases, compaction, first copies if asked |',
    '| `spark/submit.sh` | you, for a `submit.sql` where there is no Spark Connect |',
    '',
    ...(isRead ? [OWN_READER, ''] : []),
    '## Tables',
    '',
    ...(carried.length === 0 ? ['None.'] : carried),
    ...(left.length === 0 ? [] : ['', '## Not carried by this engine', '', ...left]),
    ...(unread.length === 0 ? [] : ['', '## Not loaded by Spark', '', ...unread]),
  ].join('\n')}\n`;
}
