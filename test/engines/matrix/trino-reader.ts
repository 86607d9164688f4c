/**
 * Trino as a reader of the matrix: statements over its HTTP protocol, cells in the form of
 * `firn-cells.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { asWritten, cell } from './firn-cells.ts';
import type { ReadAnswer } from './reader-process.ts';

/** Numbers are text as they were written. */
type TrinoValue = string | boolean | null;

/** One answer of a statement; the last one has no `nextUri`. */
interface TrinoPage {
  readonly columns?: readonly { readonly name: string; readonly type: string }[];
  readonly data?: readonly (readonly TrinoValue[])[];
  readonly nextUri?: string;
  readonly error?: { readonly errorName: string; readonly failureInfo?: TrinoFailure };
}

interface TrinoFailure {
  readonly message?: string;
  readonly cause?: TrinoFailure;
}

/** The deepest cause says what happened; those above it say that something did. */
function told(failure: TrinoFailure | undefined): string {
  return failure?.cause === undefined ? (failure?.message ?? '') : told(failure.cause);
}

const HEADERS = {
  'X-Trino-User': 'matrix',
  'X-Trino-Time-Zone': 'UTC',
  // A client that does not say so is given times rounded to milliseconds.
  'X-Trino-Client-Capabilities': 'PARAMETRIC_DATETIME',
};
const BUSY = [429, 502, 503, 504];
const PATIENCE_MS = 120_000;
const READY_WITHIN_MS = 60_000;

/** A cell; bytes come in base64, times with a zone end in its name, which is UTC in Iceberg. */
function cellOf(kind: string, value: TrinoValue): string | null {
  if (value === null) return null;
  if (kind === 'binary') return Buffer.from(String(value), 'base64').toString('hex');
  if (kind !== 'timestamptz') return cell(kind, value);
  const [time, rest] = String(value).split(' UTC');
  if (rest !== '') throw new Error(`${value} is no time in UTC`);
  return cell(kind, time ?? '');
}

/** The rows of a statement's answers, each the text of a JSON document. */
export function trinoRows(
  pages: readonly string[],
  kinds: Readonly<Record<string, string>>,
): ReadAnswer {
  const answers = pages.map((text) => JSON.parse(text, asWritten) as TrinoPage);
  const error = answers.find((page) => page.error !== undefined)?.error;
  if (error !== undefined) {
    return { kind: 'refused', error: `${error.errorName}: ${told(error.failureInfo)}` };
  }
  const names = answers.find(({ columns }) => columns !== undefined)?.columns ?? [];
  const columns = names.map(({ name }) => name);
  const known = columns.map((name) => kinds[name] ?? 'string');
  const rows = answers.flatMap(({ data }) => data ?? []);
  return {
    kind: 'rows',
    columns,
    rows: rows.map((row) => known.map((kind, at) => cellOf(kind, row[at] ?? null))),
  };
}

/** The text of an answer; a server that is busy is asked again. */
async function ask(uri: string, request: RequestInit, deadline: number): Promise<string> {
  for (;;) {
    const answer = await fetch(uri, request);
    if (answer.ok) return answer.text();
    const text = await answer.text();
    if (!BUSY.includes(answer.status) || performance.now() > deadline) {
      throw new Error(`Trino answers ${answer.status}: ${text}`);
    }
    await sleep(100);
  }
}

/** Runs a statement to its end; `kinds` says what each column holds. */
export async function readTrino(
  uri: string,
  statement: string,
  kinds: Readonly<Record<string, string>> = {},
): Promise<ReadAnswer> {
  const deadline = performance.now() + PATIENCE_MS;
  const first = { method: 'POST', headers: HEADERS, body: statement };
  const pages = [await ask(`${uri}/v1/statement`, first, deadline)];
  for (;;) {
    const { nextUri } = JSON.parse(pages.at(-1) ?? '{}') as TrinoPage;
    if (nextUri === undefined) return trinoRows(pages, kinds);
    if (performance.now() > deadline) throw new Error(`Trino does not end: ${statement}`);
    pages.push(await ask(nextUri, { headers: HEADERS }, deadline));
  }
}

/** Waits until the server takes queries; its version. */
export async function trinoVersion(uri: string): Promise<string> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const answer = await readTrino(uri, 'SELECT node_version FROM system.runtime.nodes');
    const version = answer.kind === 'rows' ? answer.rows[0]?.[0] : null;
    if (typeof version === 'string') return version;
    if (performance.now() > deadline) throw new Error(`no query: ${JSON.stringify(answer)}`);
    await sleep(200);
  }
}
