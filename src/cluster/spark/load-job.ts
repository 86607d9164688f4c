/**
 * The statements of a first copy by Spark (docs/spec/cluster.md E24, E25): a view of the source by
 * JDBC for each range of the key, and one INSERT of all of them into a branch of the base that only
 * this copy has. The password is a reference that Spark's own machines resolve: Firn does not know
 * it, and no statement has it.
 *
 * The driver is MariaDB's for both servers: it takes the password from the environment of the
 * process that connects, and reads an answer as it comes.
 */
import type { ClusterConfig } from '../../config/pipeline-config.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { TableSchema } from '../../model/table-schema.ts';
import { quoteMysqlName } from '../../mysql/quote-name.ts';
import type { ConnectorSource } from '../cluster-plan.ts';
import { MISFIT_MARK, loadColumn } from './load-column.ts';
import type { LoadColumn } from './load-column.ts';
import { branchOf, bucketOf, columnList } from './merge-subject.ts';
import type { MergeSubject } from './merge-subject.ts';
import { sparkName, sparkText } from './spark-text.ts';

/** Rows of an answer that a task of Spark holds at a time. */
const FETCH_ROWS = 1000;

/** A server that says nothing for so long is given up, in milliseconds. */
const SILENCE_MS_MAX = 600_000;

/** Stands in for the name of the user where it is set; nobody sets it. */
const USER_VARIABLE = 'FIRN_SOURCE_USER';

/**
 * Which columns are NULL, a digit each: a value that a function of the server or the driver gives
 * up, as for one that is too long, is not taken for one of them.
 */
const NULLS = 'c_nulls';

type Options = readonly (readonly [key: string, value: string])[];

/** One copy. Texts stand for values that are put in later. */
export interface LoadRun {
  readonly branch: string;
  /** What each connection runs first. */
  readonly session: string;
  /** What follows the list of a SELECT, per range. */
  readonly ranges: readonly string[];
}

/** How Spark reaches the source. */
export interface LoadSource {
  readonly options: Options;
  /** Connections that read at the same time. */
  readonly connections: number;
}

/**
 * How Spark reaches the source of a pipeline.
 *
 * @throws {FirnError} CLUSTER-SECRET when the password is none that Spark's machines can find
 */
export function loadSource(source: ConnectorSource, spark: ClusterConfig['spark']): LoadSource {
  const { host, port, user, tls, connectTimeoutMs, readConnections: connections } = source;
  const variable = passwordVariable(source, spark);
  const place = host.includes(':') ? `[${host}]` : host;
  const parameters = [
    // Spark writes names as MySQL quotes them only where the address says so.
    'permitMysqlScheme=true',
    `sslMode=${SSL_MODES[tls === 'off' || tls === 'verify-ca' ? tls : 'verify']}`,
    // Without TLS the login fetches the server's key, by which the password is sent encrypted.
    ...(tls === 'off' ? ['allowPublicKeyRetrieval=true'] : []),
    'allowLocalInfile=false',
    'tcpKeepAlive=true',
    `connectTimeout=${connectTimeoutMs}`,
    `socketTimeout=${SILENCE_MS_MAX}`,
    ...(variable === null
      ? []
      : ['credentialType=ENV', `userKey=${USER_VARIABLE}`, `pwdKey=${variable}`]),
  ];
  const options = [
    ['url', `jdbc:mysql://${place}:${port}/?${parameters.join('&')}`],
    ['driver', 'org.mariadb.jdbc.Driver'],
    ['user', user],
    ['fetchsize', String(FETCH_ROWS)],
  ] as const;
  return { options, connections };
}

const SSL_MODES = { off: 'disable', 'verify-ca': 'verify-ca', verify: 'verify-full' } as const;

function passwordVariable(
  { password }: ConnectorSource,
  { passwordVariable: named }: ClusterConfig['spark'],
): string | null {
  if (named !== null || password === null) return named;
  if (password.kind === 'env') return password.name;
  throw new FirnError('CLUSTER-SECRET', {
    what: 'The source’s password is in no environment variable, and Spark can be told of nothing else: with cluster.bootstrap: spark, cluster.spark.passwordVariable names one.',
    where: 'source.password',
  });
}

/** A query whose only row says `same`, 1 or 0: whether a connection is at the mark's server. */
export function sameServerQuery(source: LoadSource, isSame: string): readonly [string, string] {
  const query = `SELECT CAST(IF(${isSame}, 1, 0) AS CHAR) AS same`;
  const own = [['query', query] as const];
  return [jdbcView('firn_server', [...source.options, ...own]), 'SELECT same FROM firn_server'];
}

/** The statements that make the view of each range. */
export function rangeViews(
  source: LoadSource,
  schema: TableSchema,
  run: LoadRun,
): readonly string[] {
  const columns = carriedColumns(schema);
  const nulls = schema.columns.map(({ sourceName }) => `ISNULL(${quoteMysqlName(sourceName)})`);
  const list = [
    ...columns.map(({ select }, index) => `${select} AS ${passed(index)}`),
    `CONCAT(${nulls.join(', ')}) AS ${NULLS}`,
  ].join(', ');
  const passes = [
    ...columns.map((column, index) => `${passed(index)} ${column.passes}`),
    `${NULLS} STRING`,
  ].join(', ');
  return run.ranges.map((range, index) => {
    return jdbcView(rangeView(index), [
      ...source.options,
      ['customSchema', passes],
      ['sessionInitStatement', run.session],
      ['query', `SELECT ${list} ${range}`],
    ]);
  });
}

/** Writes the rows of all ranges to the branch. */
export function loadStatement(
  subject: MergeSubject,
  { schema, source }: { readonly schema: TableSchema; readonly source: LoadSource },
  run: LoadRun,
): string {
  const columns = carriedColumns(schema);
  const { formerColumns } = subject;
  const values = columns.map((column, index) => {
    return `  ${fitting(column, index)} AS ${sparkName(subject.columns[index] ?? '')}`;
  });
  const nothing = formerColumns.map((name) => `  NULL AS ${sparkName(name)}`);
  const views = run.ranges.map((_, index) => `  SELECT * FROM ${rangeView(index)}`);
  return `INSERT INTO ${branchOf(subject, run.branch)} (${columnList([...subject.columns, ...formerColumns])})
SELECT /*+ COALESCE(${source.connections}) */
${[...values, ...nothing].join(',\n')}
FROM (
${views.join('\n  UNION ALL\n')}
)`;
}

/** Counts rows and different keys of one bucket of the branch. */
export function keysQuery(subject: MergeSubject, branch: string, bucket: number | string): string {
  return `SELECT count(*) AS rows, count(DISTINCT ${columnList(subject.keys)}) AS keys
FROM ${branchOf(subject, branch)}
WHERE ${bucketOf(subject, null)} = ${bucket}`;
}

/** The value, NULL where the source says so; any other ends the statement by the column's place. */
function fitting(column: Carried, index: number): string {
  const raw = passed(index);
  const value = column.value === null ? raw : column.value(raw);
  const misfit = `raise_error(${sparkText(`${MISFIT_MARK}${index}`)})`;
  return `CASE substring(${NULLS}, ${index + 1}, 1) WHEN '0' THEN coalesce(${value}, ${misfit}) END`;
}

type Carried = Extract<LoadColumn, { kind: 'carried' }>;

/** All columns; one that is refused is a programmer's error. */
function carriedColumns({ columns }: TableSchema): readonly Carried[] {
  return columns.map((column) => {
    const found = loadColumn(column);
    if (found.kind === 'carried') return found;
    throw new TypeError(`column ${column.name} was refused`);
  });
}

/** Columns have names of their own on their way: a name of the source is in no view. */
function passed(index: number): string {
  return `c${index}`;
}

function rangeView(index: number): string {
  return `firn_range_${index}`;
}

function jdbcView(name: string, options: Options): string {
  const list = options.map(([key, value]) => `  ${key} ${sparkText(value)}`).join(',\n');
  return `CREATE OR REPLACE TEMPORARY VIEW ${name} USING jdbc OPTIONS (\n${list}\n)`;
}
