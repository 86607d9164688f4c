/** Who reads the rows of a first copy where it is not this process: the pipeline file says so. */
import type { BootstrapParts } from '../../../bootstrap/copy-parts.ts';
import type { PipelineConfig } from '../../../config/pipeline-config.ts';
import { toSafeNumber } from '../../../kernel/integers.ts';
import type { CapturedTable } from '../../captured-table.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import { assert } from '../../../kernel/assert.ts';
import { plannableOf } from '../plan-pipeline.ts';

/** Ranges of a table, about, and rows that are worth one. */
const RANGES_WANTED = 64n;
const RANGE_ROWS_MIN = 100_000n;

/** Whether the cluster's engine reads the rows of first copies. */
export function isLoadedByCluster({ engine, cluster }: PipelineConfig): boolean {
  return engine === 'cluster' && cluster?.bootstrap === 'spark';
}

/** Loads a table's rows by the cluster's engine; nothing where this process reads them. */
export function rowLoader(
  parts: PipelineParts,
  one: { readonly table: CapturedTable; readonly epoch: number; readonly signal: AbortSignal },
): Pick<BootstrapParts, 'load'> {
  const { config, source } = parts;
  if (!isLoadedByCluster(config)) return {};
  const { table, epoch, signal } = one;
  return {
    async load(onto) {
      const [{ loadOnSpark }, { sparkParts }, { loadSource }] = await Promise.all([
        import('./spark-load.ts'),
        import('../spark/spark-bases.ts'),
        import('../../../cluster/spark/load-job.ts'),
      ]);
      const plan = plannableOf(config);
      assert(plan.source.type === 'mysql', 'a source that Spark can read');
      const reach = loadSource(plan.source, plan.cluster.spark);
      const work = { ...(await sparkParts(parts, signal)), source, reach };
      const rangeRows = rangeRowsOf(table.source.rowsEstimate);
      const { schema } = table;
      return loadOnSpark(work, { ...onto, schema, epoch, signal, rules: config.tables, rangeRows });
    },
  };
}

function rangeRowsOf(estimate: bigint | null): number {
  const rows = (estimate ?? 0n) / RANGES_WANTED;
  return toSafeNumber(rows > RANGE_ROWS_MIN ? rows : RANGE_ROWS_MIN);
}
