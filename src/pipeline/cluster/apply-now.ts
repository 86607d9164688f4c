/**
 * What `firn apply` asks for beside a look: that the cluster is brought to what the pipeline file
 * says now, and that a connector which somebody has stopped runs again.
 */
import { describeAction, desiredCapture } from '../../cluster/reconcile-plan.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import { runPipeline } from '../pipeline-runner.ts';
import type { RunState } from '../run-state.ts';
import { beginCarried } from './carried-changes.ts';
import { planRun } from './capture-plan.ts';
import { reconcileCapture } from './reconcile-capture.ts';
import { reconcileParts } from './start-capture.ts';

/** Rounds after which what comes back again and again is somebody else's doing. */
const ROUNDS_MAX = 8;
const ROUND_PAUSE_MS = 1000;

/**
 * Applies until nothing is left to do, and tells each action.
 *
 * @throws {FirnError} CLUSTER-UNREACHABLE where it does not come to an end, and what services throw
 */
export async function applyNow(
  parts: PipelineParts,
  run: RunState,
  progress: (text: string) => void,
): Promise<void> {
  const desired = desiredCapture(planRun(parts.config, run.epoch, run.tables.values()));
  await beginCarried(parts, false);
  const reconciling = await reconcileParts(parts, {
    run,
    onLost: () => run.restart.abort(),
  });
  for (let round = 1; round <= ROUNDS_MAX; round++) {
    const options = { resumes: true, restarts: round === 1 };
    const { actions, findings } = await reconcileCapture(reconciling, desired, options);
    run.findings = findings;
    for (const action of actions) progress(describeAction(action));
    if (actions.length === 0) return;
    // Workers share what they were told a moment later.
    await parts.clock.sleep(ROUND_PAUSE_MS);
  }
  const what = 'What the cluster was told does not stay: somebody else changes it at the same time';
  throw new FirnError('CLUSTER-UNREACHABLE', { what, where: desired.name });
}

/** The same for a pipeline that nobody runs: its tables are opened, and nothing is read. */
export async function applyAlone(
  parts: PipelineParts,
  request: { readonly signal: AbortSignal; readonly progress: (text: string) => void },
): Promise<void> {
  const { signal, progress } = request;
  const onEvent: PipelineParts['onEvent'] = (event) => {
    if (event.kind === 'note') progress(event.text);
    parts.onEvent(event);
  };
  const told = { ...parts, onEvent };
  await runPipeline(told, {
    once: true,
    signal,
    instead: (run) => applyNow(told, run, progress),
    onRun: () => undefined,
  });
}
