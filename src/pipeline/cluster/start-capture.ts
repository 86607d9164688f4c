/**
 * The start of capture: topics, the tables of dead letters and the connector are as the plan asks,
 * and Connect has stored a place. Low marks are taken after it, so that no change after a mark is
 * before what Kafka keeps.
 */
import { describeAction, desiredCapture } from '../../cluster/reconcile-plan.ts';
import type { DesiredCapture, LostTopic } from '../../cluster/reconcile-state.ts';
import { present } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { ensureOwnTable } from '../../ledger/ledger-table.ts';
import { formatTableName } from '../../model/table-schema.ts';
import type { CapturedTable } from '../captured-table.ts';
import type { PipelineParts } from '../pipeline-parts.ts';
import type { RunState } from '../run-state.ts';
import { changeHalts, haltOf } from '../state/halts.ts';
import { beginCarried } from './carried-changes.ts';
import { planRun } from './capture-plan.ts';
import { reconcileCapture } from './reconcile-capture.ts';
import type { ReconcileParts, ReconcileReport } from './reconcile-capture.ts';

/** How long a connector may take until it has stored its first place. */
const BEGIN_MS_MAX = 180_000;
const POLL_MS = 500;

/** Failed tasks are started again this often at most. */
const RESTART_PAUSE_MS = 15_000;

/** Whose changes are to be kept. */
export interface CaptureStart {
  readonly epoch: number;
  readonly tables: readonly CapturedTable[];
  /** A connector that somebody has stopped is started: only where a person asks for it. */
  readonly resumes: boolean;
}

/**
 * Makes sure that changes of the tables are kept from now on.
 *
 * @throws {FirnError} CLUSTER-NAME-TAKEN, CLUSTER-HISTORY-LOST, CLUSTER-TOPIC-LOST when tables must
 *   be opened again, CLUSTER-UNREACHABLE when the connector does not begin
 */
export async function startCapture(
  parts: PipelineParts,
  { epoch, tables, resumes }: CaptureStart,
): Promise<void> {
  const plan = planRun(parts.config, epoch, tables);
  if (plan.tables.length === 0) return;
  await beginCarried(parts, true);
  for (const { deadLetters } of plan.tables) await ensureOwnTable(parts.lake, deadLetters);
  const desired = desiredCapture(plan);
  const lost: LostTopic[] = [];
  const onLost = (found: readonly LostTopic[]): void => void lost.push(...found);
  const reconciling = await reconcileParts(parts, { run: null, onLost });
  const { clock } = parts;
  const untilMs = clock.monotonicMs() + BEGIN_MS_MAX;
  let restartMs = -Infinity;
  for (;;) {
    const restarts = clock.monotonicMs() - restartMs >= RESTART_PAUSE_MS;
    const report = await reconcileCapture(reconciling, desired, { resumes, restarts });
    tellActions(parts, report);
    if (report.actions.some(({ kind }) => kind === 'restart-connector')) {
      restartMs = clock.monotonicMs();
    }
    throwIfBlocked(report);
    if (isBegun(desired, report)) break;
    if (clock.monotonicMs() > untilMs) throw notBegun(desired.name, report);
    // Workers share what they were told a moment later.
    await clock.sleep(POLL_MS);
  }
  if (lost.length === 0) return;
  const names = lost.map(({ table }) => formatTableName(table)).join(', ');
  throw new FirnError('CLUSTER-TOPIC-LOST', { what: `These tables are loaded again: ${names}` });
}

/** Says what was done. */
export function tellActions(
  { onEvent }: Pick<PipelineParts, 'onEvent'>,
  { actions }: Pick<ReconcileReport, 'actions'>,
): void {
  for (const action of actions) {
    onEvent({ kind: 'note', text: `Cluster: ${describeAction(action)}.` });
  }
}

/**
 * What reconciling works with; a table whose topic is lost is halted, to be loaded again: in the
 * run too, if there is one, or the run would store its tables without that halt.
 */
export async function reconcileParts(
  parts: Pick<PipelineParts, 'state' | 'clock' | 'config' | 'services'>,
  about: {
    readonly run: Pick<RunState, 'table'> | null;
    readonly onLost: (lost: readonly LostTopic[]) => void;
  },
): Promise<ReconcileParts> {
  const { state, clock } = parts;
  const cluster = present(parts.config.cluster, 'the services of a cluster pipeline');
  return {
    services: await parts.services.of(cluster),
    state,
    clock,
    onLost: async (lost) => {
      const halts = lost.map(({ table, what }) => {
        const where = formatTableName(table);
        const error = new FirnError('CLUSTER-TOPIC-LOST', { what, where });
        const sinceMs = clock.nowMs();
        const halt = haltOf(error, { scope: 'capture', recovery: 'bootstrap', sinceMs });
        const captured = about.run?.table(table) ?? null;
        if (captured !== null) captured.halt = halt;
        return [where, halt] as const;
      });
      await changeHalts(state, (stored) => new Map([...stored, ...halts]));
      about.onLost(lost);
    },
  };
}

/** Names that are somebody else's, and what Debezium cannot go on without, need a person. */
function throwIfBlocked({ findings }: ReconcileReport): void {
  for (const { code, message, fix } of findings) {
    if (code !== 'CLUSTER-NAME-TAKEN' && code !== 'CLUSTER-HISTORY-LOST') continue;
    throw new FirnError(code, { what: message, ...(fix === null ? {} : { remedy: fix }) });
  }
}

/**
 * Whether everything is as asked, and a place is stored. What stands still or failed since does not
 * matter here: it goes on from there.
 */
function isBegun({ config }: DesiredCapture, { actions, actual }: ReconcileReport): boolean {
  const isAsAsked = actions.every(({ kind }) => kind === 'restart-connector');
  // What Firn reads itself is kept by the source until it is in Kafka.
  return isAsAsked && (config === null || actual.offsets !== null);
}

function notBegun(name: string, { findings }: ReconcileReport): FirnError {
  const worst = findings.find(({ severity }) => severity === 'error');
  const seconds = BEGIN_MS_MAX / 1000;
  const what =
    worst?.message ?? `Connector ${name} has stored no place in the source for ${seconds} seconds`;
  const remedy = worst?.fix ?? null;
  const how = remedy === null ? {} : { remedy };
  return new FirnError('CLUSTER-UNREACHABLE', { what, where: name, ...how });
}
