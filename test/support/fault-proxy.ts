/**
 * An HTTP proxy on loopback that disturbs what passes: answers in the store's place, loses answers,
 * cuts and garbles bodies. Which exchange is disturbed how is a function of the test's.
 */
import { once } from 'node:events';
import { createServer, request as sendRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * - `answer`: answers this, and the store never sees the request.
 * - `refused`: the store does its work, and this is answered.
 * - `lost`: the store does its work, and the connection is cut.
 * - `reset`: the store sees nothing, and the connection is cut.
 * - `late`: the connection is cut at once, and the store does its work later.
 * - `cut`: half of the body, then the end.
 * - `garbled`: one byte of the body is another one.
 * - `header`: a header of the answer says something else.
 */
export type Fault =
  | { readonly kind: 'answer' | 'refused'; readonly status: number; readonly body: string }
  | { readonly kind: 'lost' | 'cut' | 'reset' | 'garbled' }
  | { readonly kind: 'late'; readonly afterMs: number }
  | { readonly kind: 'header'; readonly name: string; readonly value: string };

/** What a plan is asked about. */
export interface Passing {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  /** From 0, of this proxy. */
  readonly index: number;
}

/** A proxy that runs. */
export interface FaultProxy {
  readonly endpoint: string;
  /** Decides what happens to an exchange; `null`: nothing. */
  plan: (passing: Passing) => Fault | null;
  /** How many requests came since the start. */
  readonly count: () => number;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** An S3 error document. */
export function errorBody(code: string): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>by plan</Message></Error>`;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

async function forward(target: URL, incoming: IncomingMessage, body: Buffer): Promise<Answer> {
  const { hostname, port } = target;
  const { method, url: path, headers } = incoming;
  const sent = sendRequest({ hostname, port, method, path, headers });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body: await bodyOf(answer),
  };
}

/** Starts a proxy in front of `endpoint` that disturbs nothing yet. */
export async function startFaultProxy(endpoint: string): Promise<FaultProxy> {
  const target = new URL(endpoint);
  let count = 0;
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method = '', url = '', headers } = incoming;
    const fault = proxy.plan({ method, target: url, headers, index: count++ });
    const body = await bodyOf(incoming);
    if (fault?.kind === 'reset') return void outgoing.destroy();
    if (fault?.kind === 'answer') {
      return void outgoing.writeHead(fault.status).end(method === 'HEAD' ? '' : fault.body);
    }
    if (fault?.kind === 'late') {
      outgoing.destroy();
      await sleep(fault.afterMs);
    }
    const answer = await forward(target, incoming, body);
    if (fault?.kind !== 'late') disturb(outgoing, answer, fault);
  };
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${port}`,
    plan: () => null,
    count: () => count,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

/** Gives an answer on, or what the fault makes of it. */
function disturb(outgoing: ServerResponse, answer: Answer, fault: Fault | null): void {
  const { status, headers, body } = answer;
  const isHead = body.length === 0;
  switch (fault?.kind) {
    case 'lost':
      outgoing.destroy();
      return;
    case 'refused':
      outgoing.writeHead(fault.status).end(outgoing.req.method === 'HEAD' ? '' : fault.body);
      return;
    case 'cut': {
      if (isHead) return void outgoing.destroy();
      outgoing.writeHead(status, headers);
      outgoing.write(body.subarray(0, body.length >> 1), () => outgoing.destroy());
      return;
    }
    case 'garbled': {
      const garbled = Buffer.from(body);
      if (garbled.length > 0)
        garbled[garbled.length >> 1] = (garbled[garbled.length >> 1] ?? 0) ^ 1;
      outgoing.writeHead(status, headers).end(garbled);
      return;
    }
    case 'header':
      outgoing.writeHead(status, { ...headers, [fault.name]: fault.value }).end(body);
      return;
    default:
      outgoing.writeHead(status, headers).end(body);
  }
}
