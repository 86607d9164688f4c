/**
 * Statements that rewrite a base's files on Spark without changing a row (docs/spec/merge.md M19),
 * one bucket at a time, on a branch that Firn checks and publishes as it does a merge. Expiry and
 * removal of files are Firn's own on every engine: it alone knows what its state needs.
 */
import { assert } from '../../kernel/assert.ts';
import type { ClusterPlan, ClusterTable } from '../cluster-plan.ts';
import { sparkName, sparkPath, sparkText } from './spark-text.ts';

/** One compaction. Texts stand for values that are put in later. */
export interface CompactionRun {
  readonly branch: string;
  readonly bucket: number | string;
}

/** Rewrites the files of one bucket that have deletes or are small, in the order of the key. */
export function compactBucket(
  { catalogName }: ClusterPlan,
  { base }: ClusterTable,
  run: CompactionRun,
): string {
  assert(base !== null, 'only a base is compacted');
  const { identifier, spec, schema } = base;
  const field = spec.fields[0];
  const column = schema.fields.find(({ id }) => id === field?.sourceId);
  assert(field?.transform.kind === 'bucket' && column !== undefined, 'a base has buckets');
  const catalog = sparkName(catalogName);
  const bucket = `${catalog}.system.bucket(${field.transform.count}, ${sparkName(column.name)})`;
  const order = base.sortOrder.fields
    .map(({ sourceId }) => schema.fields.find(({ id }) => id === sourceId)?.name ?? '')
    .map((name) => `${sparkName(name)} ASC NULLS FIRST`);
  return `CALL ${catalog}.system.rewrite_data_files(
  table => ${sparkText(sparkPath(identifier.namespace, identifier.name))},
  branch => ${sparkText(run.branch)},
  strategy => 'sort',
  sort_order => ${sparkText(order.join(', '))},
  where => ${sparkText(`${bucket} = ${run.bucket}`)},
  options => map(
    'delete-ratio-threshold', '0.1',
    'remove-dangling-deletes', 'true',
    'use-starting-sequence-number', 'true'
  )
)`;
}
