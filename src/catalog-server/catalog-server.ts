/**
 * The REST catalog as an HTTP server. Everything from outside is bounded: connections, time to send
 * a request, headers, bodies, names. A request is admitted, read, dispatched and answered here and
 * nowhere else; handlers know nothing of HTTP.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { createTableQueues } from '../lake/table-queues.ts';
import { admit } from './access-guard.ts';
import type { AccessPolicy } from './access-guard.ts';
import { IdempotencyKeys } from './idempotency-keys.ts';
import { parseBody, readBodyText } from './request-body.ts';
import type { RestAnswer } from './rest-answer.ts';
import { RestRefusal, badRequest, errorAnswer } from './rest-error.ts';
import { KEY_LIFETIME_MS, matchRoute, routesOf } from './route-table.ts';
import type { Route } from './route-table.ts';
import type { ServerParts } from './server-parts.ts';

/** A request that was answered, for logs. */
export interface ServedRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  readonly status: number;
  /** What failed, for an answer with 5xx. */
  readonly error: unknown;
}

/** What a server is started with. */
export interface CatalogServerOptions extends Omit<ServerParts, 'queues'> {
  /** Address to listen at, for example `127.0.0.1`. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly access: AccessPolicy;
  readonly onServed?: (request: ServedRequest) => void;
}

/** A server that answers. */
export interface CatalogServer {
  readonly port: number;
  /** Answers what is under way, then ends. Idempotent. */
  close(): Promise<void>;
}

const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
} as const;
const CONNECTIONS_MAX = 256;
/** How long the end waits for requests that are under way; longer than a lock is waited for. */
const GRACE_MS = 15_000;

/**
 * Starts the server.
 *
 * @throws {FirnError} CATALOG-SERVER-ADDRESS when it cannot listen there
 */
export async function startCatalogServer(options: CatalogServerOptions): Promise<CatalogServer> {
  const respond = responder(options);
  const server = createServer(LIMITS, (request, response) => {
    response.on('finish', () => {
      // A connection that is kept would hold up the end of a server that ends.
      if (!server.listening) request.socket.end();
    });
    void respond(request, response);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, options);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    port,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const done = new AbortController();
      const cut = cutLate(server, options.clock, done.signal);
      await closed;
      done.abort();
      await cut;
    },
  };
}

/** Ends the connections that are left after the grace, unless all has ended before. */
async function cutLate(server: Server, clock: Clock, done: AbortSignal): Promise<void> {
  await clock.sleep(GRACE_MS, done);
  if (!done.aborted) server.closeAllConnections();
}

async function listen(server: Server, { host, port }: CatalogServerOptions): Promise<void> {
  try {
    const listening = once(server, 'listening');
    server.listen({ host, port });
    await listening;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new FirnError('CATALOG-SERVER-ADDRESS', {
      what: `the catalog server cannot listen (${code})`,
      where: `${host}:${port}`,
      cause,
    });
  }
}

type Respond = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function responder(options: CatalogServerOptions): Respond {
  const routes = routesOf({ ...options, queues: createTableQueues() });
  const keys = new IdempotencyKeys(options.clock, { lifetimeMs: KEY_LIFETIME_MS });
  return async (request, response) => {
    let answer: RestAnswer;
    let failure: unknown = null;
    try {
      answer = await answerTo(request, { routes, keys, access: options.access });
    } catch (error) {
      answer = errorAnswer(error);
      if (answer.status >= 500) failure = error;
    }
    send(request, response, answer);
    options.onServed?.({
      method: request.method ?? '',
      target: request.url ?? '',
      status: answer.status,
      error: failure,
    });
  };
}

interface Answering {
  readonly routes: readonly Route[];
  readonly keys: IdempotencyKeys;
  readonly access: AccessPolicy;
}

async function answerTo(request: IncomingMessage, answering: Answering): Promise<RestAnswer> {
  admit(request.headers, answering.access);
  const { method = '', url = '' } = request;
  const target = URL.parse(url, 'http://firn');
  if (!url.startsWith('/') || target === null) throw badRequest('the request has no path');
  const match = matchRoute(answering.routes, method, target.pathname);
  if (match.kind === 'no-path') {
    throw new RestRefusal(404, 'NotFoundException', 'there is no such endpoint');
  }
  if (match.kind === 'no-method') {
    const message = `this endpoint takes ${match.allowed.join(', ')}`;
    throw new RestRefusal(405, 'UnsupportedOperationException', message);
  }
  const text = method === 'POST' ? await readBodyText(request) : '';
  const run = (): Promise<RestAnswer> =>
    match.route.handler({
      path: match.path,
      query: target.searchParams,
      body: parseBody(text),
      ifNoneMatch: request.headers['if-none-match'] ?? null,
    });
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || method === 'GET' || method === 'HEAD') return run();
  const answered = async (): Promise<RestAnswer> => {
    try {
      return await run();
    } catch (error) {
      // A refusal is as final as a success; an answer with 5xx is thrown and not kept.
      const answer = errorAnswer(error);
      if (answer.status >= 500) throw error;
      return answer;
    }
  };
  return answering.keys.once({ key, parts: [method, url, text] }, answered);
}

function send(request: IncomingMessage, response: ServerResponse, answer: RestAnswer): void {
  response.statusCode = answer.status;
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  if (answer.etag !== undefined) response.setHeader('etag', answer.etag);
  // What was not read of the request would be taken for the next one.
  if (!request.complete && answer.status >= 400) response.setHeader('connection', 'close');
  if (answer.status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (answer.body === null || request.method === 'HEAD') {
    response.end();
    return;
  }
  const content = Buffer.from(answer.body, 'utf8');
  response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', content.length);
  response.end(content);
}
