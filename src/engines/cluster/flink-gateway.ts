/**
 * Flink's SQL Gateway (Flink 2.1, "SQL Gateway, REST Endpoint", version 2): sessions, statements
 * one at a time, rows as text. A statement is sent once: a job must not be started twice. Its
 * answer is asked for until it is there or the deadline is over, because a query that fails again
 * and again would keep its caller for ever.
 */
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';
import { listAt, textAt, valueAt } from './json-answer.ts';
import { createJsonService } from './json-service.ts';
import type { JsonService, ServiceParts } from './json-service.ts';

/** What a statement gave. */
export interface FlinkResult {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly JsonValue[])[];
  /** Id of the job that the statement started; `null`: none. */
  readonly jobId: string | null;
}

/** A session: settings, temporary tables and views live in it. Jobs go on when it ends. */
export interface FlinkSession {
  /**
   * Runs one statement to its end; of one that starts a job, to the job's start.
   *
   * @throws {FirnError} CLUSTER-STATEMENT, CLUSTER-SILENT and those of the service
   */
  run(statement: string): Promise<FlinkResult>;
  close(): Promise<void>;
}

/** The gateway. */
export interface FlinkGateway {
  version(): Promise<string>;
  openSession(): Promise<FlinkSession>;
  close(): void;
}

/** Planning a statement set of hundreds of tables takes tens of seconds. */
const STATEMENT_MS = 300_000;
const POLL_FIRST_MS = 20;
const POLL_MAX_MS = 1000;
/** Rows that Firn asks for are few: offsets per partition, a path. */
const ROWS_MAX = 100_000;

/** A client of the gateway at `parts.url`. */
export function createFlinkGateway(
  parts: Omit<ServiceParts, 'name'> & { readonly statementMs?: number },
): FlinkGateway {
  const service = createJsonService({ ...parts, name: 'Flink’s SQL Gateway' });
  const deadlineMs = parts.statementMs ?? STATEMENT_MS;
  return {
    version: async () => {
      const { body } = await service.call({ method: 'GET', path: '/info', isRepeatable: true });
      return textAt(body, 'version') ?? '';
    },
    openSession: async () => {
      // A second session of the same kind only waits for its end.
      const request = { method: 'POST', path: '/v2/sessions', body: { properties: {} } } as const;
      const { body } = await service.call({ ...request, isRepeatable: true });
      const handle = textAt(body, 'sessionHandle');
      if (handle === null) throw notUnderstood(parts.url, 'no session');
      return session(
        { ...parts, deadlineMs, service },
        `/v2/sessions/${encodeURIComponent(handle)}`,
      );
    },
    close: () => service.close(),
  };
}

interface SessionParts extends Omit<ServiceParts, 'name'> {
  readonly service: JsonService;
  readonly deadlineMs: number;
}

function session(parts: SessionParts, path: string): FlinkSession {
  const { service } = parts;
  return {
    run: async (statement) => {
      const { body } = await service.call({
        method: 'POST',
        path: `${path}/statements`,
        body: { statement, executionConfig: {} },
        isRepeatable: false,
        expected: [400, 500],
      });
      const operation = textAt(body, 'operationHandle');
      if (operation === null) throw refused(parts.url, body);
      const at = `${path}/operations/${encodeURIComponent(operation)}`;
      try {
        return await resultOf(parts, at);
      } finally {
        await close(service, `${at}/close`);
      }
    },
    close: () => close(service, path),
  };
}

/** Whoever started a job goes on, though the gateway still works on what is closed. */
const CLOSE_MS = 5000;

/** The gateway forgets by itself what is not closed: a failure to close is no failure. */
async function close(service: JsonService, path: string): Promise<void> {
  try {
    await service.call({
      method: 'DELETE',
      path,
      isRepeatable: false,
      expected: [400, 404, 500],
      deadlineMs: CLOSE_MS,
    });
  } catch (error) {
    if (!(error instanceof FirnError)) throw error;
  }
}

async function resultOf(parts: SessionParts, operation: string): Promise<FlinkResult> {
  const { service, clock, url, signal, deadlineMs } = parts;
  const until = clock.monotonicMs() + deadlineMs;
  const rows: (readonly JsonValue[])[] = [];
  let columns: readonly string[] = [];
  let jobId: string | null = null;
  let pauseMs = POLL_FIRST_MS;
  let path: string | null = `${operation}/result/0?rowFormat=JSON`;
  while (path !== null) {
    const answer = await service.call({
      method: 'GET',
      path,
      isRepeatable: true,
      expected: [400, 500],
    });
    if (answer.status >= 400) throw refused(url, answer.body);
    const kind = textAt(answer.body, 'resultType');
    if (kind === 'NOT_READY') {
      if (clock.monotonicMs() > until || signal?.aborted === true) throw silent(url);
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(POLL_MAX_MS, pauseMs * 2);
      continue;
    }
    if (kind !== 'PAYLOAD' && kind !== 'EOS') throw notUnderstood(url, 'a result of unknown kind');
    jobId = textAt(answer.body, 'jobID') ?? jobId;
    const results = valueAt(answer.body, 'results');
    columns = listAt(results, 'columns').map((column) => textAt(column, 'name') ?? '');
    for (const row of listAt(results, 'data')) rows.push(listAt(row, 'fields'));
    if (rows.length > ROWS_MAX) throw notUnderstood(url, 'far more rows than were expected');
    path = kind === 'EOS' ? null : pathAt(answer.body, url);
  }
  return { columns, rows, jobId };
}

/** The next result's path without the host, which may be the gateway's own name of itself. */
function pathAt(body: JsonValue, url: string): string {
  const next = textAt(body, 'nextResultUri');
  if (next === null) throw notUnderstood(url, 'a result without a next one');
  return next.replace(/^https?:\/\/[^/]+/, '');
}

function silent(url: string): FirnError {
  const what = 'Flink has not ended a statement within its deadline';
  return new FirnError('CLUSTER-SILENT', { what, where: url });
}

/**
 * A statement that failed. Of the traces only the innermost cause is told: by its class, and its
 * text where the planner speaks, which knows names but no rows.
 */
function refused(url: string, body: JsonValue): FirnError {
  const text = listAt(body, 'errors')
    .filter((line) => typeof line === 'string')
    .join('\n');
  const causes = [...text.matchAll(/^(?:Caused by: )?([\w.$]+(?:Exception|Error))(?::[^\n]*)?$/gm)];
  const cause = causes.at(-1);
  const line = cause?.[0].replace(/^Caused by: /, '') ?? 'no reason was given';
  const isPlanner = PLANNER.test(line);
  const told = isPlanner ? line.slice(0, 300) : (cause?.[1] ?? line);
  const what = `Flink could not run a statement: ${told.replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ')}`;
  return new FirnError('CLUSTER-STATEMENT', { what, where: url });
}

/** What the parser, the planner and catalogs throw: they see statements, not rows. */
const PLANNER =
  /^org\.apache\.calcite\.|ValidationException|ParserException|TableException|CatalogException/;

function notUnderstood(url: string, what: string): FirnError {
  return new FirnError('CLUSTER-ANSWER', { what: `Flink’s SQL Gateway gave ${what}`, where: url });
}
