/**
 * The plan of a run, from the tables it has opened: what topics, connector and jobs of its epoch
 * are. Retired tables have nothing to bring any more; halted ones are still captured, so that they
 * can go on where they stopped.
 */
import { planCluster } from '../../cluster/cluster-plan.ts';
import type { ClusterPlan } from '../../cluster/cluster-plan.ts';
import type { PipelineConfig } from '../../config/pipeline-config.ts';
import type { CapturedTable } from '../captured-table.ts';
import { planTable, plannableOf } from './plan-pipeline.ts';

/**
 * The plan of these tables in an epoch.
 *
 * @throws {FirnError} CONFIG-USAGE for a pipeline that has no cluster
 */
export function planRun(
  config: PipelineConfig,
  epoch: number,
  tables: Iterable<CapturedTable>,
): ClusterPlan {
  const planned = [...tables]
    .filter(({ halt }) => halt?.scope !== 'retired')
    .map((table) => planTable(config, table.schema, table.source.rowsEstimate));
  return planCluster({ ...plannableOf(config), epoch, tables: planned, refused: [] });
}
