/**
 * Requests with JSON to one service over HTTP. Each has a deadline and a bounded answer; what may
 * be asked twice is asked again a bounded number of times, anything else once. Whether a request
 * that got no answer was carried out is never guessed: that is an error of its own.
 *
 * Answers are foreign text: of a refusal only its first line is told, shortened.
 */
import { Agent, request as requestPlain } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { parseJson, stringifyJson } from '../../kernel/lossless-json.ts';
import type { JsonValue } from '../../kernel/lossless-json.ts';
import type { Random } from '../../kernel/random.ts';
import { retry } from '../../kernel/retry.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';
import { listAt, textAt } from './json-answer.ts';

/** Where a service is, and what calling it needs. */
export interface ServiceParts {
  /** For messages: `Kafka Connect`. */
  readonly name: string;
  /** `http://host:port/path`, without a user in it. */
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Attempts at what may be asked twice. */
  readonly retryPolicy?: RetryPolicy;
}

/** One request. */
export interface JsonRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Encoded, below the service's own path; begins with `/`. */
  readonly path: string;
  readonly body?: unknown;
  /** Asking twice does what asking once does. */
  readonly isRepeatable: boolean;
  /** Statuses, besides success, that the caller understands. */
  readonly expected?: readonly number[];
  /** Whether a refusal passes by itself, besides those of 429 and 503. */
  readonly isPassing?: (answer: JsonAnswer) => boolean;
  readonly deadlineMs?: number;
}

/** An answer; `body` is `null` where there was none. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: JsonValue;
}

/** A service that speaks JSON. */
export interface JsonService {
  /**
   * Sends a request.
   *
   * @throws {FirnError} CLUSTER-UNREACHABLE, CLUSTER-SILENT, CLUSTER-REFUSED, CLUSTER-ANSWER
   */
  call(request: JsonRequest): Promise<JsonAnswer>;
  /** Ends idle connections. */
  close(): void;
}

/** Four attempts over about three seconds: a restart behind a load balancer takes as long. */
const RETRY: RetryPolicy = { attemptsMax: 4, pauseMs: 250, pauseMsMax: 2000 };
const DEADLINE_MS = 30_000;
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const CONNECTIONS_MAX = 8;
const WORDS_LENGTH_MAX = 300;

/** A service. Idle connections keep no process alive. */
export function createJsonService(parts: ServiceParts): JsonService {
  const { clock, random, signal, retryPolicy = RETRY } = parts;
  const url = new URL(parts.url);
  const isSecure = url.protocol === 'https:';
  const limits = { keepAlive: true, maxSockets: CONNECTIONS_MAX, maxFreeSockets: 2 };
  const agent = isSecure ? new SecureAgent(limits) : new Agent(limits);
  const open = isSecure ? requestSecure : requestPlain;
  const base = url.pathname.replace(/\/$/, '');
  const attempt = async (wanted: JsonRequest): Promise<JsonAnswer> => {
    const text = wanted.body === undefined ? null : stringifyJson(wanted.body);
    const headers = {
      accept: 'application/json',
      ...(text === null
        ? {}
        : {
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(text)),
          }),
    };
    const over = new AbortController();
    const late = new AbortController();
    const stop = (): void => late.abort();
    signal?.addEventListener('abort', stop);
    void abortLater(clock, wanted.deadlineMs ?? DEADLINE_MS, { late, over: over.signal });
    try {
      const { hostname, port } = url;
      const sent = open({
        // An address of version 6 stands in brackets in a URL alone.
        hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
        ...(port === '' ? {} : { port }),
        method: wanted.method,
        path: `${base}${wanted.path}`,
        headers,
        // A kept connection may be closing: what is sent once gets one of its own.
        agent: wanted.isRepeatable ? agent : false,
        signal: late.signal,
      });
      return judged(parts, wanted, await exchange(parts, wanted, { sent, text }));
    } finally {
      over.abort();
      signal?.removeEventListener('abort', stop);
    }
  };
  return {
    call: (wanted) =>
      retry({ clock, random, ...(signal === undefined ? {} : { signal }) }, retryPolicy, () =>
        attempt(wanted),
      ),
    close: () => {
      agent.destroy();
    },
  };
}

async function abortLater(
  clock: Clock,
  deadlineMs: number,
  { late, over }: { readonly late: AbortController; readonly over: AbortSignal },
): Promise<void> {
  await clock.sleep(deadlineMs, over);
  if (!over.aborted) late.abort();
}

/** Text of an answer and its status. */
interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

function exchange(
  parts: ServiceParts,
  wanted: JsonRequest,
  { sent, text }: { readonly sent: ClientRequest; readonly text: string | null },
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    // A connection that was never made has carried nothing.
    let isSent = false;
    const failed = (cause: unknown): void => {
      reject(lost(parts, wanted, { isSent, cause }));
    };
    sent.on('socket', (socket) => {
      if (!socket.connecting) isSent = true;
      else socket.once('connect', () => (isSent = true));
    });
    sent.on('error', failed);
    sent.on('response', (message) => {
      resolve(answerOf(parts, wanted, message));
    });
    sent.end(text ?? undefined);
  });
}

async function answerOf(
  parts: ServiceParts,
  wanted: JsonRequest,
  message: IncomingMessage,
): Promise<RawAnswer> {
  let text: string | null;
  try {
    text = await readText(message);
  } catch (cause) {
    throw lost(parts, wanted, { isSent: true, cause });
  }
  if (text === null) throw notUnderstood(parts, 'an answer far longer than expected');
  return { status: message.statusCode ?? 0, text };
}

/** `null`: longer than is taken. */
async function readText(message: IncomingMessage): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of message) {
    if (!(chunk instanceof Uint8Array)) continue;
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function lost(
  { name, url }: ServiceParts,
  { isRepeatable }: JsonRequest,
  { isSent, cause }: { readonly isSent: boolean; readonly cause: unknown },
): FirnError {
  const isUnknown = isSent && !isRepeatable;
  const what = isUnknown
    ? `${name} did not answer what was asked`
    : `${name} cannot be reached or does not answer`;
  return new FirnError(isUnknown ? 'CLUSTER-SILENT' : 'CLUSTER-UNREACHABLE', {
    what,
    where: url,
    cause,
  });
}

function notUnderstood({ name, url }: ServiceParts, what: string): FirnError {
  return new FirnError('CLUSTER-ANSWER', { what: `${name} gave ${what}`, where: url });
}

function judged(parts: ServiceParts, wanted: JsonRequest, { status, text }: RawAnswer): JsonAnswer {
  const isGood = status >= 200 && status < 300;
  const body = bodyOf(text);
  const isPassing =
    status === 429 ||
    status === 503 ||
    (!isGood && wanted.isPassing?.({ status, body: body ?? null }) === true);
  const isGateway = status === 502 || status === 504;
  if (isPassing || (isGateway && wanted.isRepeatable)) {
    const what = `${parts.name} is not ready (${status}${wordsOf(body)})`;
    throw new FirnError('CLUSTER-UNREACHABLE', { what, where: parts.url });
  }
  // Something between us and the service has given up: the service may not have.
  if (isGateway) throw lost(parts, wanted, { isSent: true, cause: null });
  if (!isGood && wanted.expected?.includes(status) !== true) {
    const what = `${parts.name} refused ${wanted.method} ${wanted.path} (${status}${wordsOf(body)})`;
    throw new FirnError('CLUSTER-REFUSED', { what, where: parts.url });
  }
  if (body === undefined && isGood) throw notUnderstood(parts, 'something that is no JSON');
  return { status, body: body ?? null };
}

/** `null`: there was no body; `undefined`: it is no JSON. */
function bodyOf(text: string): JsonValue | undefined {
  if (text === '') return null;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** What a service says of a refusal: its first line, from the fields that these services use. */
function wordsOf(body: JsonValue | undefined): string {
  const message = textAt(body, 'message');
  const last = listAt(body, 'errors').at(-1);
  const words = message ?? (typeof last === 'string' ? last : '');
  const line =
    words
      .split('\n', 1)[0]
      ?.replaceAll(/[\p{Cc}\p{Cs}]/gu, ' ')
      .trim() ?? '';
  return line === '' ? '' : `: ${line.slice(0, WORDS_LENGTH_MAX)}`;
}
