/**
 * What a pipeline asks of a cluster, as data: the tables that can be carried, each with its topic,
 * its lake tables and how its columns arrive; and those that cannot, by name and reason. Everything
 * that is generated is made from this alone: equal plans give equal bytes.
 */
import type { ClusterConfig, PipelineConfig } from '../config/pipeline-config.ts';
import type { TableDraft } from '../lake/create-table.ts';
import { formatTableName, keyColumns } from '../model/table-schema.ts';
import type { Column, TableName, TableSchema } from '../model/table-schema.ts';
import { envelopeColumn } from './capture/envelope-column.ts';
import type { EnvelopeColumn } from './capture/envelope-column.ts';
import { feedColumn } from './capture/feed-column.ts';
import { epochName, isTopicName, tableLabel, tableTopic } from './cluster-names.ts';
import { deadLetterDraft, deadLetterIdentifier } from './dead-letter-table.ts';

/** A source table and the lake tables made for it. */
export interface PlannedTable {
  readonly schema: TableSchema;
  readonly ledger: TableDraft;
  /** `null`: ledger only. */
  readonly base: TableDraft | null;
  /** Source columns that the pipeline file leaves out: they stay off Kafka. */
  readonly excluded: readonly string[];
}

/** A column and how it arrives. */
export interface CarriedColumn {
  readonly column: Column;
  readonly envelope: Extract<EnvelopeColumn, { kind: 'carried' }>;
  readonly isKey: boolean;
}

/** A table that the cluster can carry. */
export interface ClusterTable extends PlannedTable {
  readonly topic: string;
  /** Where changes are set aside that cannot be read. */
  readonly deadLetters: TableDraft;
  /** Name of the table's files. */
  readonly label: string;
  readonly columns: readonly CarriedColumn[];
}

/** A table that it cannot, and why: a whole sentence. */
export interface RefusedTable {
  readonly table: TableName;
  readonly reason: string;
}

/** A source that a connector of Debezium reads. */
export type ConnectorSource = Extract<PipelineConfig['source'], { type: 'mysql' }>;

/** The source: one that a connector reads, or one that Firn itself reads into Kafka. */
export type ClusterSource = Extract<PipelineConfig['source'], { type: 'mysql' | 'sqlite' }>;

/** Everything that artefacts are made from. */
export interface ClusterPlan {
  readonly config: PipelineConfig;
  readonly cluster: ClusterConfig;
  readonly source: ClusterSource;
  /** Number of the epoch: a literal in everything generated for it. */
  readonly epoch: number;
  /** Name of the epoch's connector or feed, job, group and topics. */
  readonly name: string;
  /** Name of the lake's catalog at Flink and Spark. */
  readonly catalogName: string;
  /** In order of their names. */
  readonly tables: readonly ClusterTable[];
  readonly refused: readonly RefusedTable[];
}

/** What a plan is made from. */
export interface PlanRequest extends Pick<ClusterPlan, 'config' | 'cluster' | 'source' | 'epoch'> {
  readonly tables: readonly PlannedTable[];
  /** Tables that have no place in the lake. */
  readonly refused: readonly RefusedTable[];
}

/** What a catalog over REST is called, which has no name of its own. */
const DEFAULT_CATALOG = 'firn';

/** Name of the lake's catalog at Flink and Spark. */
export function catalogNameOf({ lake }: PipelineConfig): string {
  const { catalog } = lake;
  return catalog.type === 'sqlite' ? catalog.name : DEFAULT_CATALOG;
}

/** Sorts the tables into those that can be carried and those that cannot. */
export function planCluster(request: PlanRequest): ClusterPlan {
  const { config, cluster, source, epoch } = request;
  const name = epochName(config.name, epoch);
  const ordered = request.tables
    .map((planned) => ({ planned, text: formatTableName(planned.schema.table) }))
    .toSorted((left, right) => (left.text < right.text ? -1 : 1))
    .map(({ planned }) => planned);
  const topics = new Map<string, number>();
  for (const { schema } of ordered) {
    const topic = tableTopic(name, schema.table);
    topics.set(topic, (topics.get(topic) ?? 0) + 1);
  }
  const tables: ClusterTable[] = [];
  const refused = [...request.refused];
  for (const planned of ordered) {
    const topic = tableTopic(name, planned.schema.table);
    const reason = topicObstacle(topic, topics.get(topic) ?? 0) ?? nameObstacle(planned);
    const found = reason ?? carriedColumns(planned.schema, source);
    if (typeof found === 'string') {
      refused.push({ table: planned.schema.table, reason: found });
    } else {
      const identifier = deadLetterIdentifier(planned.ledger.identifier);
      const deadLetters = deadLetterDraft(config.name, identifier);
      const label = tableLabel(planned.schema.table);
      tables.push({ ...planned, topic, deadLetters, label, columns: found });
    }
  }
  const catalogName = catalogNameOf(config);
  return { config, cluster, source, epoch, name, catalogName, tables, refused };
}

function topicObstacle(topic: string, tableCount: number): string | null {
  if (!isTopicName(topic)) return 'The name of its topic would be longer than Kafka takes.';
  if (tableCount === 1) return null;
  return `Another captured table has the same topic ${topic}: what Kafka does not take in a name becomes _.`;
}

/** Names that Iceberg's readers in Java keep for themselves. */
const METADATA_COLUMNS: ReadonlySet<string> = new Set([
  '_file',
  '_pos',
  '_deleted',
  '_spec_id',
  '_partition',
  '_row_id',
  '_last_updated_sequence_number',
  '_change_type',
  '_change_ordinal',
  '_commit_snapshot_id',
]);

function nameObstacle({ schema, ledger }: PlannedTable): string | null {
  const { namespace, table } = schema.table;
  const columns = schema.columns.flatMap(({ name, sourceName }) => [name, sourceName]);
  if ([namespace, table, ...columns].some((name) => /[\n\r]/.test(name))) {
    return 'Flink cannot read names with a line break in them, not even quoted.';
  }
  // What stands behind a dollar sign is the name of a metadata table to Flink.
  if (ledger.identifier.name.includes('$')) {
    return `Flink cannot write a table with $ in its name (${table}).`;
  }
  const taken = schema.columns.find(({ name }) => METADATA_COLUMNS.has(name.toLowerCase()));
  if (taken === undefined) return null;
  return `Spark has a column ${taken.name} of its own in every table: give it another name in the lake (rename: {${taken.sourceName}: ...}).`;
}

/** Every column, or why one of them cannot be carried. */
function carriedColumns(
  schema: TableSchema,
  source: ClusterSource,
): readonly CarriedColumn[] | string {
  const keys = new Set(keyColumns(schema).map(({ id }) => id));
  const carried: CarriedColumn[] = [];
  for (const column of schema.columns) {
    const envelope = source.type === 'mysql' ? envelopeColumn(column) : feedColumn(column);
    if (envelope.kind === 'refused') return `Column ${column.sourceName} ${envelope.reason}.`;
    carried.push({ column, envelope, isKey: keys.has(column.id) });
  }
  return carried;
}
