/** The statements of a first copy by Spark as a plan shows them, before there is a run of one. */
import { assert } from '../../kernel/assert.ts';
import { keyColumns } from '../../model/table-schema.ts';
import { foreignSession, isSameServer } from '../../mysql/sessions/foreign-session.ts';
import { quoteMysqlName } from '../../mysql/quote-name.ts';
import { fromRange } from '../../mysql/table-statements.ts';
import type { ClusterPlan, ClusterTable } from '../cluster-plan.ts';
import { loadObstacle } from './load-column.ts';
import { keysQuery, loadSource, loadStatement, rangeViews, sameServerQuery } from './load-job.ts';
import type { LoadRun } from './load-job.ts';
import { subjectOf } from './merge-subject.ts';

/** What stands for a server until one is asked. */
const PROOFS = {
  mysql: { server: ['{{server uuid}}'], executed: '{{transactions}}' },
  mariadb: {
    server: ['{{host name}}', '{{port}}', '{{server id}}'],
    executed: '{{domain}}-{{writer}}-{{number}}',
  },
} as const;

/**
 * Why Spark cannot load a planned table as the pipeline asks; `null`: it can, or it is not asked
 * to.
 */
export function bootstrapObstacle(
  { config, cluster }: ClusterPlan,
  { schema, base }: ClusterTable,
): string | null {
  if (cluster.bootstrap !== 'spark' || base === null) return null;
  return loadObstacle(schema, config.tables);
}

/**
 * Every statement with what it is for. Two ranges stand for any number of them.
 *
 * @throws {FirnError} CLUSTER-SECRET
 */
export function loadFile(
  plan: ClusterPlan,
  table: ClusterTable,
): readonly (readonly [comment: string, statement: string])[] {
  const { schema } = table;
  const { source, cluster } = plan;
  assert(source.type === 'mysql' && cluster.connect !== null, 'a source that Spark can read');
  const flavour = cluster.connect.connector;
  const proof = { flavour, ...PROOFS[flavour] };
  const reach = loadSource(source, cluster.spark);
  const keys = keyColumns(schema);
  const border = keys.map((_, index) => `{{key ${index + 1} at a border}}`);
  const relation = {
    name: `${quoteMysqlName(schema.table.namespace)}.${quoteMysqlName(schema.table.table)}`,
    keys: keys.map(({ sourceName }) => ({ name: quoteMysqlName(sourceName), labels: null })),
    index: null,
  };
  const run: LoadRun = {
    branch: '{{branch}}',
    session: foreignSession(proof),
    ranges: [
      fromRange(relation, { after: null, upTo: border }),
      fromRange(relation, { after: border, upTo: null }),
    ],
  };
  const subject = subjectOf(plan, table);
  const [server, isSame] = sameServerQuery(reach, isSameServer(proof));
  const [first = '', last = ''] = rangeViews(reach, schema, run);
  return [
    ['Where Spark’s connections to the source end.', server],
    ['1, or nothing is read: it is the server of the low mark, with all that it had then.', isSame],
    ['The first range of the key.', first],
    ['The last one. Between them are others, each behind one border and up to the next.', last],
    ['All rows.', loadStatement(subject, { schema, source: reach }, run)],
    [
      'Afterwards, for one of the buckets: both counts are the same.',
      keysQuery(subject, run.branch, '{{bucket}}'),
    ],
  ];
}
