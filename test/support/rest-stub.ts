/**
 * An HTTP server on loopback that answers as a function of the test's says, and remembers what came
 * over the wire: for what no catalog here does (tokens, signatures, keys that it gives out).
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** A request as it came. */
export interface StubRequest {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An answer; `cut`: none, the connection ends. */
export type StubAnswer =
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | 'cut';

/** A stub that runs. */
export interface RestStub {
  readonly uri: string;
  readonly requests: StubRequest[];
  answer: (request: StubRequest) => StubAnswer | Promise<StubAnswer>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** Starts a stub that answers everything with 500 until it is told otherwise. */
export async function startRestStub(): Promise<RestStub> {
  const requests: StubRequest[] = [];
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const { method = '', url: target = '', headers } = incoming;
    const request = { method, target, headers, body: Buffer.concat(parts).toString('utf8') };
    requests.push(request);
    const answer = await stub.answer(request);
    if (answer === 'cut') return void outgoing.destroy();
    const { status, body } = answer;
    const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
    outgoing.writeHead(status, { 'content-type': 'application/json', ...answer.headers });
    outgoing.end(text);
  };
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const stub: RestStub = {
    uri: `http://127.0.0.1:${port}`,
    requests,
    answer: () => ({ status: 500 }),
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return stub;
}

/** An error of the Iceberg REST specification. */
export function restError(status: number, type: string, message = 'by plan'): StubAnswer {
  return { status, body: { error: { message, type, code: status } } };
}
