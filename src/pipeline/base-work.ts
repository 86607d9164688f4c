/**
 * Who brings bases up to their ledgers and keeps their files few: this process, or Spark. Either
 * leaves the same rows and the same state in the tables.
 */
import type { BaseWork } from '../base/base-work.ts';
import { compactBase } from '../base/compact-base.ts';
import { mergeBase } from '../base/merge-base.ts';
import type { MergeParts } from '../base/merge-base.ts';
import { commitToTable } from './commit-tables.ts';
import type { PipelineParts } from './pipeline-parts.ts';

/** The work on bases of the pipeline's engine. */
export async function baseWork(parts: PipelineParts): Promise<BaseWork> {
  if (parts.config.engine === 'cluster') {
    const { sparkWork } = await import('./cluster/spark/spark-bases.ts');
    return sparkWork(parts);
  }
  const merge = mergeParts(parts);
  return {
    merge: (request) => mergeBase(merge, request),
    compact: (request) => compactBase(merge, request),
  };
}

/** What this process works on bases with. */
export function mergeParts(parts: PipelineParts): MergeParts {
  return {
    context: parts.lake,
    engine: parts.engine,
    commit: (request) => commitToTable(parts, request),
  };
}
