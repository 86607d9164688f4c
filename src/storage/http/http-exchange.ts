/**
 * One HTTP request and its whole answer, over connections that are kept. Nothing here is tried
 * again. A body that ends early, a silent connection and an answer longer than allowed are errors.
 */
import { Agent, request as requestPlain } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import type { Clock } from '../../kernel/clock.ts';
import type { FirnError } from '../../kernel/firn-error.ts';
import { tooLarge } from '../storage-failure.ts';

/** An answer as it came, its body whole. */
export interface HttpAnswer {
  readonly status: number;
  /** By name in small letters. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** A request, ready to be sent. */
export interface ExchangeRequest {
  readonly method: string;
  /** Encoded path with the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** Longest body of an answer that is taken. */
  readonly bytesMax: number;
  /** For messages. */
  readonly where: string;
}

/** Sends requests to one host. */
export type Exchange = (request: ExchangeRequest) => Promise<HttpAnswer>;

/** One host, and how failures of its connections are told. */
export interface ExchangeTarget {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly clock: Clock;
  /** A request without a whole answer: it may or may not have been carried out. */
  readonly failed: (cause: unknown, where: string) => FirnError;
  /** A request may not take longer, however its bytes trickle; default: ten minutes. */
  readonly totalMs?: number;
}

/** Connections to the host at once. */
const connectionsMax = 16;
/** An error document may be longer than the content that was asked for. */
const errorBytesMax = 65_536;
/** No byte for so long: the connection is dead. */
const idleMs = 30_000;
const totalMsDefault = 600_000;

/** Requests to one host, over plain HTTP or TLS. Idle connections keep no process alive. */
export function createExchange(target: ExchangeTarget): Exchange {
  const { secure, hostname, port, clock, failed, totalMs = totalMsDefault } = target;
  const limits = { keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: connectionsMax };
  const agent = secure ? new SecureAgent(limits) : new Agent(limits);
  const open = secure ? requestSecure : requestPlain;
  return async (wanted) => {
    const over = new AbortController();
    const late = new AbortController();
    void abortLater({ clock, totalMs, late }, over.signal);
    const { method, path } = wanted;
    const length = wanted.body === null ? {} : { 'content-length': String(wanted.body.length) };
    const headers = { ...wanted.headers, ...length };
    try {
      const sent = open({
        hostname,
        port,
        method,
        path,
        headers,
        agent,
        timeout: idleMs,
        signal: late.signal,
      });
      return await answerTo(sent, wanted, failed);
    } finally {
      over.abort();
    }
  };
}

interface Deadline {
  readonly clock: Clock;
  readonly totalMs: number;
  readonly late: AbortController;
}

async function abortLater(deadline: Deadline, over: AbortSignal): Promise<void> {
  await deadline.clock.sleep(deadline.totalMs, over);
  if (!over.aborted) deadline.late.abort();
}

function answerTo(
  sent: ClientRequest,
  wanted: ExchangeRequest,
  failed: ExchangeTarget['failed'],
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    sent.on('error', (error: unknown) => {
      reject(failed(error, wanted.where));
    });
    sent.on('timeout', () => sent.destroy(new Error('the server is silent')));
    sent.on('response', (message) => {
      readAnswer(message, wanted, failed).then(resolve, (error: unknown) => {
        sent.destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
    sent.end(wanted.body ?? undefined);
  });
}

async function readAnswer(
  message: IncomingMessage,
  wanted: ExchangeRequest,
  failed: ExchangeTarget['failed'],
): Promise<HttpAnswer> {
  const { where: location } = wanted;
  const isError = (message.statusCode ?? 0) >= 300;
  const bytesMax = isError ? Math.max(wanted.bytesMax, errorBytesMax) : wanted.bytesMax;
  const declared = Number.parseInt(message.headers['content-length'] ?? '', 10);
  const isBodyless = wanted.method === 'HEAD';
  if (!isBodyless && declared > bytesMax) {
    throw tooLarge({ location, sizeBytes: declared, bytesMax });
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const part of message) {
      if (!(part instanceof Uint8Array)) continue;
      length += part.length;
      if (length > bytesMax) throw tooLarge({ location, sizeBytes: length, bytesMax });
      parts.push(part);
    }
  } catch (error) {
    throw length > bytesMax ? error : failed(error, location);
  }
  if (!isBodyless && declared > length) {
    throw failed(new Error('the body is short'), location);
  }
  const headers = Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, String(value)]),
  );
  return { status: message.statusCode ?? 0, headers, body: joined(parts, length) };
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
