/**
 * Where the two engines part. A run opens its tables, bootstraps, verifies, maintains and tells its
 * status alike with both; how changes come into the ledgers is the engine's. Both leave the same
 * keys in the tables (docs/spec/ledger.md, docs/spec/merge.md).
 */
import { unreachable } from '../../kernel/assert.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { RunState, StreamPass } from '../run-state.ts';
import { runStream } from '../stream-runner.ts';
import type { CaptureStart } from '../table-places.ts';

/** What an engine does in a run. */
export interface EngineTasks extends CaptureStart {
  /**
   * Brings changes into the ledgers until the pass is over. The only task that commits to ledgers:
   * it carries out `run.runJobs()` between two commits, keeps `run.completeTo`, `run.position` and
   * each table's `unmerged` right, and lets waiters go with `run.settleWaiters()`.
   */
  readonly stream: (run: RunState, pass: StreamPass) => Promise<void>;
  /** Looks after everything else beside the stream, until `signal` aborts. */
  readonly watch: (run: RunState, signal: AbortSignal) => Promise<void>;
}

/** The tasks of the pipeline's engine. `resumes`: what a person has stopped is started again. */
export async function engineTasks(
  parts: PipelineParts,
  { resumes }: { readonly resumes: boolean },
): Promise<EngineTasks> {
  switch (parts.config.engine) {
    case 'embedded':
      return {
        // The source's own log keeps them.
        startCapture: async () => undefined,
        readPlace: async () => null,
        stream: (run, pass) => runStream(parts, run, pass),
        watch: async () => undefined,
      };
    case 'cluster': {
      const { runClusterStream } = await import('./ledgers/cluster-stream.ts');
      const { startCapture } = await import('./start-capture.ts');
      const { watchCluster } = await import('./watch-cluster.ts');
      const { fedPlace } = await import('./feed/feed-places.ts');
      return {
        startCapture: (epoch, tables) => startCapture(parts, { epoch, tables, resumes }),
        readPlace: (epoch) => fedPlace(parts, epoch),
        stream: (run, pass) => runClusterStream(parts, run, pass),
        watch: (run, signal) => watchCluster(parts, run, signal),
      };
    }
    default:
      return unreachable(parts.config.engine);
  }
}
