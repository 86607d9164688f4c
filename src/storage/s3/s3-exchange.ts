/**
 * One HTTP request and its whole answer, over connections that are kept. Nothing here is tried
 * again. A body that ends early, a silent connection and an answer longer than allowed are errors.
 */
import { Agent, request as requestPlain } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as SecureAgent, request as requestSecure } from 'node:https';
import type { Clock } from '../../kernel/clock.ts';
import { tooLarge } from '../storage-failure.ts';
import { connectionError } from './s3-failure.ts';
import type { S3Answer } from './s3-failure.ts';

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
export type Exchange = (request: ExchangeRequest) => Promise<S3Answer>;

/** Connections to the store at once. */
const connectionsMax = 16;
/** An error document may be longer than the content that was asked for. */
const errorBytesMax = 65_536;
/** No byte for so long: the connection is dead. */
const idleMs = 30_000;
/** A request may not take longer, however its bytes trickle. */
const totalMs = 600_000;

/** Requests to one host, over plain HTTP or TLS. Idle connections keep no process alive. */
export function createExchange(target: {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly clock: Clock;
}): Exchange {
  const { secure, hostname, port, clock } = target;
  const limits = { keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: connectionsMax };
  const agent = secure ? new SecureAgent(limits) : new Agent(limits);
  const open = secure ? requestSecure : requestPlain;
  return async (wanted) => {
    const over = new AbortController();
    const late = new AbortController();
    void abortLater(clock, late, over.signal);
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
      return await answerTo(sent, wanted);
    } finally {
      over.abort();
    }
  };
}

async function abortLater(clock: Clock, late: AbortController, over: AbortSignal): Promise<void> {
  await clock.sleep(totalMs, over);
  if (!over.aborted) late.abort();
}

function answerTo(sent: ClientRequest, wanted: ExchangeRequest): Promise<S3Answer> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => {
      reject(connectionError(error, wanted.where));
    };
    sent.on('error', failed);
    sent.on('timeout', () => sent.destroy(new Error('the object store is silent')));
    sent.on('response', (message) => {
      readAnswer(message, wanted).then(resolve, (error: unknown) => {
        sent.destroy();
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
    sent.end(wanted.body ?? undefined);
  });
}

async function readAnswer(message: IncomingMessage, wanted: ExchangeRequest): Promise<S3Answer> {
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
    throw length > bytesMax ? error : connectionError(error, location);
  }
  if (!isBodyless && declared > length) {
    throw connectionError(new Error('the body is short'), location);
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
