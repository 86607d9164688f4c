/**
 * The Flink job that writes a pipeline's ledgers: started, found again, ended. Its name says whose
 * branch it writes and what it was told, so that a job is recognised by its name alone, after a
 * lost answer and after a new start of Firn. A branch has one job at most, ever: whatever comes of
 * a start whose outcome is unknown writes where nobody reads (docs/spec/cluster.md E18).
 */
import { stableHash } from '../../../cluster/cluster-names.ts';
import type { ClusterPlan } from '../../../cluster/cluster-plan.ts';
import { ledgerStatements } from '../../../cluster/flink/ledger-job.ts';
import type { LedgerRun } from '../../../cluster/flink/ledger-job.ts';
import type { FlinkResult } from '../../../engines/cluster/flink-gateway.ts';
import { isLiveJob } from '../../../engines/cluster/flink-jobs.ts';
import type { FlinkJob } from '../../../engines/cluster/flink-jobs.ts';
import { present } from '../../../kernel/assert.ts';
import type { Clock } from '../../../kernel/clock.ts';
import { FirnError, isFirnError } from '../../../kernel/firn-error.ts';
import type { ClusterServices } from '../cluster-services.ts';

/** What looking after jobs needs. */
export interface JobParts {
  readonly services: Pick<ClusterServices, 'gateway' | 'jobs'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Prefix of the branches of ledger jobs; a UUIDv7 follows, so no name is used twice. */
export const LEDGER_BRANCH_PREFIX = 'firn_ledger_';

/** Flink is given so long to bring a job up again. */
export const TROUBLED_MS_MAX = 180_000;

/** How long a job may take to end. */
const CANCEL_MS = 120_000;

/** How long a start without an answer is looked for: a busy gateway plans for a minute. */
const LOOK_MS = 120_000;
const POLL_MS = 500;

/**
 * Name of the job that writes a branch by a plan. A job knows the partitions that its topics had
 * when it was started, and no other: their numbers are a part of what it was told.
 */
export function ledgerJobName(
  plan: ClusterPlan,
  run: Pick<LedgerRun, 'branch' | 'logName'> & { readonly partitions: (topic: string) => number },
): string {
  const { branch, logName, partitions } = run;
  const offsets = (topic: string): string => String(partitions(topic));
  const told = ledgerStatements(plan, { logName, branch: '', job: '', offsets });
  const fingerprint = stableHash(JSON.stringify(told)).toString(16).padStart(16, '0');
  return `${plan.name}/${branch}/${fingerprint}`;
}

/** The branch in a job's name; `null`: it is no job of a ledger. */
function branchOf(job: FlinkJob): string | null {
  return /\/(firn_ledger_[0-9a-f-]{36})\/[0-9a-f]{16}$/.exec(job.name)?.[1] ?? null;
}

/** The job of a name, while it lives. */
export async function findLedgerJob(parts: JobParts, name: string): Promise<FlinkJob | null> {
  const jobs = await parts.services.jobs.jobs();
  return jobs.find((job) => job.name === name && isLiveJob(job)) ?? null;
}

/**
 * Starts a job and gives its id. A lost answer is looked for by name; a start that is not found
 * throws, and its branch must not be used again.
 *
 * @throws {FirnError} CLUSTER-SILENT, CLUSTER-STATEMENT and those of the services
 */
export async function startLedgerJob(
  parts: JobParts,
  plan: ClusterPlan,
  run: LedgerRun,
): Promise<string> {
  const statements = ledgerStatements(plan, run);
  const start = present(statements.at(-1), 'the statement that starts the job');
  const session = await parts.services.gateway.openSession();
  try {
    for (const statement of statements.slice(0, -1)) await session.run(statement);
    return await startedJob(parts, run.job, () => session.run(start));
  } finally {
    await session.close();
  }
}

/** Id of the job that `run` starts; only this statement leaves anything behind to look for. */
async function startedJob(
  parts: JobParts,
  name: string,
  run: () => Promise<FlinkResult>,
): Promise<string> {
  try {
    const { jobId } = await run();
    if (jobId !== null) return jobId;
    const what = 'Flink’s SQL Gateway gave no job';
    throw new FirnError('CLUSTER-ANSWER', { what, where: name });
  } catch (error) {
    if (!isFirnError(error, 'CLUSTER-SILENT')) throw error;
    const found = await lookForJob(parts, name);
    if (found === null) throw error;
    return found.id;
  }
}

async function lookForJob(parts: JobParts, name: string): Promise<FlinkJob | null> {
  const { clock, signal } = parts;
  const untilMs = clock.monotonicMs() + LOOK_MS;
  while (clock.monotonicMs() < untilMs && !signal.aborted) {
    const found = await findLedgerJob(parts, name);
    if (found !== null) return found;
    await clock.sleep(POLL_MS, signal);
  }
  return null;
}

/** Ends every job that writes one of `branches`, and waits until it has ended. */
export async function endLedgerJobs(
  { services }: JobParts,
  branches: ReadonlySet<string>,
): Promise<void> {
  for (const job of await services.jobs.jobs()) {
    const branch = branchOf(job);
    if (branch === null || !branches.has(branch) || !isLiveJob(job)) continue;
    await services.jobs.cancel(job.id, CANCEL_MS);
  }
}
