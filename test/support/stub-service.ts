/**
 * A service over HTTP on this machine that answers what a test says and keeps what it was asked:
 * the wire is real, the service is not.
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the stub was asked. */
export interface StubRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** What it answers: a status and JSON, text as it is, a cut connection, or nothing at all. */
export type StubAnswer =
  | { readonly status: number; readonly json?: unknown; readonly text?: string }
  | 'cut'
  | 'silent';

/** A running stub. */
export interface StubService {
  readonly url: string;
  readonly requests: readonly StubRequest[];
  close(): Promise<void>;
}

/** Starts a stub; `answer` is asked for each request, in order. */
export async function startStub(
  answer: (request: StubRequest) => StubAnswer,
): Promise<StubService> {
  const requests: StubRequest[] = [];
  const server: Server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const request = {
        method: message.method ?? '',
        path: message.url ?? '',
        body: text === '' ? null : (JSON.parse(text) as unknown),
      };
      requests.push(request);
      const given = answer(request);
      if (given === 'silent') return;
      if (given === 'cut') {
        response.socket?.destroy();
        return;
      }
      response.writeHead(given.status, { 'content-type': 'application/json' });
      response.end(given.text ?? (given.json === undefined ? '' : JSON.stringify(given.json)));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
