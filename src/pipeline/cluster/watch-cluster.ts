/**
 * What looks after a cluster while a pipeline runs: at the reconcile interval topics and connector
 * are brought back to what the pipeline file asks, and the source is asked for tables that came or
 * went. What it finds is for the status; what cannot be reached is asked again next time, and never
 * ends the run.
 */
import { desiredCapture } from '../../cluster/reconcile-plan.ts';
import { present } from '../../kernel/assert.ts';
import { isFirnError } from '../../kernel/firn-error.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { Finding } from '../../ports/source.ts';
import { isUnread } from '../dropped-tables.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { RunState } from '../run-state.ts';
import { planRun } from './capture-plan.ts';
import { keptRecords } from './ledgers/kept-records.ts';
import { reconcileCapture } from './reconcile-capture.ts';
import { reconcileParts, tellActions } from './start-capture.ts';

/** Failed tasks are started again after this time, doubled each time, up to the longest. */
const RESTART_MS_FIRST = 15_000;
const RESTART_MS_MAX = 600_000;

/** Records that have waited for so long wait for more than the next checkpoint. */
const LATE_MS = 600_000;

/** When what failed is started again. */
interface Restarts {
  count: number;
  nextMs: number;
}

/** Looks until `signal` aborts. */
export async function watchCluster(
  parts: PipelineParts,
  run: RunState,
  signal: AbortSignal,
): Promise<void> {
  const { reconcileIntervalMs } = present(parts.config.cluster, 'a cluster');
  const restarts: Restarts = { count: 0, nextMs: 0 };
  while (!signal.aborted) {
    await parts.clock.sleep(reconcileIntervalMs, signal);
    if (signal.aborted) return;
    try {
      run.findings = await parts.services.looking(async () => [
        ...(await lookOnce(parts, run, restarts)),
        ...(await lateRecords(parts, run)),
      ]);
      await lookForTables(parts, run);
    } catch (error) {
      if (!isFirnError(error)) throw error;
      const { code, message } = error;
      run.findings = [{ severity: 'error', code, table: null, message, fix: error.remedy }];
    }
  }
}

/** One look at topics and connector, with what follows from it. */
async function lookOnce(
  parts: PipelineParts,
  run: RunState,
  restarts: Restarts,
): Promise<readonly Finding[]> {
  const desired = desiredCapture(planRun(parts.config, run.epoch, run.tables.values()));
  const nowMs = parts.clock.monotonicMs();
  const reopen = (): void => run.restart.abort();
  const reconciling = await reconcileParts(parts, { run, onLost: reopen });
  const report = await reconcileCapture(reconciling, desired, {
    resumes: false,
    restarts: nowMs >= restarts.nextMs,
  });
  tellActions(parts, report);
  if (report.actions.some(({ kind }) => kind === 'restart-connector')) {
    const pauseMs = Math.min(RESTART_MS_MAX, RESTART_MS_FIRST * 2 ** restarts.count);
    restarts.count += 1;
    restarts.nextMs = nowMs + pauseMs;
  } else if (report.actual.connector?.tasks.some(({ state }) => state === 'RUNNING') === true) {
    restarts.count = 0;
  }
  // The job that runs knows its partitions by number: it is started again with all of them.
  if (report.grown.length > 0) reopen();
  return report.findings;
}

/** How long Kafka keeps what ledgers lack, where that is more than what is on its way. */
async function lateRecords(parts: PipelineParts, run: RunState): Promise<readonly Finding[]> {
  const nowMs = parts.clock.monotonicMs();
  const isLate = run.completeAtMs === null || nowMs - run.completeAtMs > LATE_MS;
  const isHalted = [...run.tables.values()].some(({ halt }) => halt?.scope === 'capture');
  if (!isLate && !isHalted) return [];
  const { kafka } = await parts.services.of(present(parts.config.cluster, 'a cluster'));
  return keptRecords({ ...parts, kafka });
}

/** Opens all tables again where the source has one that was not there when that was done last. */
async function lookForTables(parts: PipelineParts, run: RunState): Promise<void> {
  const found = await parts.source.discover();
  const names = found.map(({ table }) => formatTableName(table));
  const added = names.filter((name) => isUnread(run, name));
  if (added.length === 0 || run.restart.signal.aborted) return;
  parts.onEvent({ kind: 'note', text: `New in the source: ${added.join(', ')}.` });
  run.restart.abort();
}
