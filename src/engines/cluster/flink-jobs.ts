/**
 * Flink's JobManager (Flink 2.1, "REST API"): which jobs there are, how their checkpoints stand,
 * and how to end one. Everything here may be asked twice.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import { listAt, numberAt, textAt, valueAt } from './json-answer.ts';
import { createJsonService } from './json-service.ts';
import type { ServiceParts } from './json-service.ts';

/** A job. */
export interface FlinkJob {
  readonly id: string;
  readonly name: string;
  /** Flink's word: `RUNNING`, `RESTARTING`, `CANCELED`... */
  readonly state: string;
}

/** How a job's checkpoints stand. */
export interface FlinkCheckpoints {
  readonly completed: number;
  readonly failed: number;
  /** The newest completed one. */
  readonly latest: { readonly id: number; readonly endedMs: number } | null;
}

/** What the JobManager says of itself. */
export interface FlinkSettings {
  readonly version: string;
  /** How old what it tells of jobs and checkpoints may be (`web.refresh-interval`). */
  readonly refreshMs: number;
}

/** The JobManager. */
export interface FlinkJobs {
  settings(): Promise<FlinkSettings>;
  /** Jobs that run and those that ended lately. */
  jobs(): Promise<readonly FlinkJob[]>;
  /** `null`: there is no such job. */
  job(id: string): Promise<FlinkJob | null>;
  checkpoints(id: string): Promise<FlinkCheckpoints>;
  /** Class of the exception that a job failed with last; its text may hold values of rows. */
  failure(id: string): Promise<string | null>;
  /**
   * Ends a job without a savepoint and waits until it has ended; no job of this id is one that has.
   *
   * @throws {FirnError} CLUSTER-SILENT when it has not ended within `deadlineMs`
   */
  cancel(id: string, deadlineMs: number): Promise<void>;
  close(): void;
}

/** States that a job does not leave. */
const ENDED: ReadonlySet<string> = new Set(['FAILED', 'CANCELED', 'FINISHED', 'SUSPENDED']);
const POLL_MS = 100;

/** Whether a job runs, or will again by itself. */
export function isLiveJob({ state }: FlinkJob): boolean {
  return !ENDED.has(state);
}

/** A client of the JobManager at `parts.url`. */
export function createFlinkJobs(parts: Omit<ServiceParts, 'name'>): FlinkJobs {
  const service = createJsonService({ ...parts, name: 'Flink’s JobManager' });
  const get = (path: string): ReturnType<typeof service.call> =>
    service.call({ method: 'GET', path, isRepeatable: true, expected: [404] });
  const job = async (id: string): Promise<FlinkJob | null> => {
    const { status, body } = await get(`/jobs/${encodeURIComponent(id)}`);
    if (status === 404) return null;
    return { id, name: textAt(body, 'name') ?? '', state: textAt(body, 'state') ?? 'UNKNOWN' };
  };
  return {
    job,
    settings: async () => {
      const { body } = await get('/config');
      const version = textAt(body, 'flink-version') ?? '';
      return { version, refreshMs: numberAt(body, 'refresh-interval') ?? 0 };
    },
    jobs: async () => {
      const { body } = await get('/jobs/overview');
      return listAt(body, 'jobs').map((item) => ({
        id: textAt(item, 'jid') ?? '',
        name: textAt(item, 'name') ?? '',
        state: textAt(item, 'state') ?? 'UNKNOWN',
      }));
    },
    checkpoints: async (id) => {
      const { body } = await service.call({
        method: 'GET',
        path: `/jobs/${encodeURIComponent(id)}/checkpoints`,
        isRepeatable: true,
        // A job that is only coming up has none: the JobManager fails at looking for them.
        expected: [404, 500],
      });
      const counts = valueAt(body, 'counts');
      const latest = valueAt(valueAt(body, 'latest'), 'completed');
      const latestId = numberAt(latest, 'id');
      return {
        completed: numberAt(counts, 'completed') ?? 0,
        failed: numberAt(counts, 'failed') ?? 0,
        latest:
          latestId === null
            ? null
            : { id: latestId, endedMs: numberAt(latest, 'latest_ack_timestamp') ?? 0 },
      };
    },
    failure: async (id) => {
      const { body } = await get(`/jobs/${encodeURIComponent(id)}/exceptions`);
      const history = valueAt(body, 'exceptionHistory');
      return textAt(listAt(history, 'entries')[0], 'exceptionName');
    },
    cancel: async (id, deadlineMs) => {
      const { clock, signal, url } = parts;
      const until = clock.monotonicMs() + deadlineMs;
      await service.call({
        method: 'PATCH',
        path: `/jobs/${encodeURIComponent(id)}?mode=cancel`,
        isRepeatable: true,
        // It ended before, or was never there.
        expected: [404, 409],
      });
      for (;;) {
        const found = await job(id);
        if (found === null || !isLiveJob(found)) return;
        if (clock.monotonicMs() > until || signal?.aborted === true) break;
        await clock.sleep(POLL_MS, signal);
      }
      throw new FirnError('CLUSTER-SILENT', { what: 'A job has not ended in time', where: url });
    },
    close: () => service.close(),
  };
}
