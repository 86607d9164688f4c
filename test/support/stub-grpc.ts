/**
 * A gRPC server on this machine that answers what a test says: real HTTP/2, and no service behind.
 */
import { createSecureServer, createServer } from 'node:http2';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';

/** A call as the server got it. */
export interface StubCall {
  /** Without the service: `ExecutePlan`. */
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly message: Buffer;
}

/** What the server does with a call: messages, then a status; or a cut; or nothing more. */
export interface StubReply {
  readonly messages?: readonly Uint8Array[];
  readonly end:
    | { readonly status: number; readonly detail?: string }
    | 'cut'
    | 'silent'
    | 'http-401';
}

/** A running server. */
export interface StubGrpc {
  readonly address: string;
  readonly calls: readonly StubCall[];
  close(): Promise<void>;
}

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function reply(stream: ServerHttp2Stream, { messages = [], end }: StubReply): void {
  if (end === 'http-401') {
    stream.respond({ ':status': 401 });
    stream.end();
    return;
  }
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  if (typeof end === 'string') {
    stream.respond(headers);
    for (const message of messages) stream.write(frame(message));
    if (end === 'cut') setImmediate(() => stream.session?.destroy());
    return;
  }
  stream.respond(headers, { waitForTrailers: true });
  stream.on('wantTrailers', () => {
    const detail = encodeURIComponent(end.detail ?? '');
    stream.sendTrailers({ 'grpc-status': String(end.status), 'grpc-message': detail });
  });
  for (const message of messages) stream.write(frame(message));
  stream.end();
}

/** Starts a server; with a certificate it speaks TLS, and calls itself `localhost`. */
export async function startGrpc(
  answer: (call: StubCall) => StubReply,
  tls?: { readonly cert: string; readonly key: string },
): Promise<StubGrpc> {
  const calls: StubCall[] = [];
  const server: Http2Server = tls === undefined ? createServer() : createSecureServer(tls);
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {
      // The test cuts connections.
    });
  });
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('error', () => {
      // The client ends calls that it has heard enough of.
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      const method = String(headers[':path']).split('/').at(-1) ?? '';
      const call = { method, headers, message: Buffer.concat(chunks).subarray(5) };
      calls.push(call);
      reply(stream, answer(call));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `${tls === undefined ? '127.0.0.1' : 'localhost'}:${port}`,
    calls,
    close: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
