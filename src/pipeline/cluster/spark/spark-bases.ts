/** The work on bases that Spark does: with which server, and as whom. */
import type { BaseWork } from '../../../base/base-work.ts';
import { catalogNameOf } from '../../../cluster/cluster-plan.ts';
import { catalogSettings, sessionSettings } from '../../../cluster/spark/merge-job.ts';
import { present } from '../../../kernel/assert.ts';
import { commitToTable, publishTable } from '../../commit-tables.ts';
import type { PipelineParts } from '../../pipeline-parts.ts';
import { whenPossible } from '../engine-trouble.ts';
import { compactOnSpark } from './spark-compaction.ts';
import { mergeOnSpark } from './spark-merge.ts';
import type { SparkMergeParts } from './spark-merge.ts';

/**
 * Merges and compactions of a pipeline on Spark.
 *
 * @throws {FirnError} CLUSTER-REFUSED where a token would be sent in the clear
 */
export async function sparkWork(parts: PipelineParts): Promise<BaseWork> {
  const { signal, config } = parts;
  const cluster = present(config.cluster, 'the cluster of a pipeline on one');
  const { leaseSpark } = await parts.services.of(cluster);
  // A session that has read a catalog keeps to its address.
  const name = JSON.stringify([config.name, catalogNameOf(config), cluster.catalogUri]);
  const work: SparkMergeParts = {
    ...(await sparkParts(parts, signal)),
    openSession: () => leaseSpark(name, signal),
  };
  return {
    merge: (request) => mergeOnSpark(work, request),
    compact(request) {
      const { namespace, name } = request.base.identifier;
      const compact = (): ReturnType<BaseWork['compact']> => compactOnSpark(work, request);
      return whenPossible(compact, { name: `${namespace}.${name} is compacted`, parts });
    },
  };
}

/** What work on Spark needs; it is given up when `signal` aborts. */
export async function sparkParts(
  parts: PipelineParts,
  signal: AbortSignal | undefined,
): Promise<SparkMergeParts> {
  const { config, lake, state } = parts;
  const cluster = present(config.cluster, 'the cluster of a pipeline on one');
  const { openSpark } = await parts.services.of(cluster);
  const catalogName = catalogNameOf(config);
  return {
    context: lake,
    state,
    catalogName,
    openSession: () => openSpark(signal),
    settings: [...catalogSettings({ cluster, config, catalogName }), ...sessionSettings()],
    commit: (request) => commitToTable(parts, request),
    publish: (request) => publishTable(parts, request),
  };
}
