/**
 * Calls of gRPC over HTTP/2 ("gRPC over HTTP2"): one message there, any number back, and a status
 * at the end. One connection, made when it is needed and anew when it is lost. Nothing is tried
 * again here. A token goes only where the connection is encrypted.
 */
import { connect, constants } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { Clock } from '../../../kernel/clock.ts';

/** A call that ended otherwise than well. */
export class GrpcFailure extends Error {
  override readonly name = 'GrpcFailure';
  /** Status of gRPC; 14 (unavailable) also for a connection that was lost. */
  readonly status: number;
  /** Text of the server, or why there is none. Foreign: it may hold values of rows. */
  readonly detail: string;
  /** Nothing of the call has left this machine. */
  readonly isUnsent: boolean;

  constructor(status: number, detail: string, isUnsent = false) {
    super(`gRPC status ${status}`);
    this.status = status;
    this.detail = detail;
    this.isUnsent = isUnsent;
  }
}

/** Status of a service that cannot be reached. */
export const UNAVAILABLE = 14;
const INTERNAL = 13;

/** Where a server is. */
export interface ChannelTarget {
  /** `host:port`. */
  readonly address: string;
  readonly isSecure: boolean;
  /** Certificates (PEM) of the authority that signed the server's; `null`: those of Node.js. */
  readonly authority: string | null;
  /** Read for each call. */
  readonly token: (() => Promise<string>) | null;
  readonly clock: Clock;
}

/** How one call is bounded. */
export interface CallBounds {
  /** Silence after which the call is given up; the server's progress counts as words. */
  readonly idleMs: number;
  readonly signal?: AbortSignal;
}

const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const CONNECT_MS = 10_000;
/** A frame's flag and length. */
const FRAME_BYTES = 5;

/** Calls to one server. */
export class GrpcChannel {
  readonly #target: ChannelTarget;
  #session: ClientHttp2Session | null = null;

  constructor(target: ChannelTarget) {
    this.#target = target;
  }

  /**
   * Calls `method` (`/package.Service/Method`) and gives the messages of the answer as they come.
   *
   * @throws {GrpcFailure}
   */
  async *call(method: string, message: Uint8Array, bounds: CallBounds): AsyncGenerator<Uint8Array> {
    const { token, isSecure, clock } = this.#target;
    const secret = token === null || !isSecure ? null : await token();
    const session = await this.#connected();
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: method,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'firn',
      ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
    });
    const watch = watchSilence(stream, clock, bounds);
    try {
      const ended = endOf(stream);
      stream.end(frame(message));
      yield* messagesOf(stream, watch.heard);
      const failure = statusOf(await ended);
      if (failure !== null) throw failure;
    } catch (error) {
      throw error instanceof GrpcFailure ? error : new GrpcFailure(UNAVAILABLE, reasonOf(error));
    } finally {
      watch.stop();
      stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  /** Ends the connection. */
  close(): void {
    this.#session?.destroy();
    this.#session = null;
  }

  /** The connection, made anew when it was lost. It keeps no process alive. */
  async #connected(): Promise<ClientHttp2Session> {
    const known = this.#session;
    if (known !== null && !known.closed && !known.destroyed) return known;
    const { address, isSecure, authority, clock } = this.#target;
    const url = `${isSecure ? 'https' : 'http'}://${address}`;
    const session = connect(url, authority === null ? {} : { ca: authority });
    const over = new AbortController();
    try {
      await new Promise<void>((resolve, reject) => {
        const failed = (error?: Error): void => {
          reject(new GrpcFailure(UNAVAILABLE, reasonOf(error), true));
        };
        session.once('connect', () => {
          resolve();
        });
        session.once('close', failed);
        session.on('error', failed);
        void clock.sleep(CONNECT_MS, over.signal).then(() => failed());
      });
    } catch (error) {
      session.destroy();
      throw error;
    } finally {
      over.abort();
    }
    session.unref();
    this.#session = session;
    return session;
  }
}

/** Ends a stream on which nothing was heard for too long, or when the signal says so. */
function watchSilence(
  stream: ClientHttp2Stream,
  clock: Clock,
  { idleMs, signal }: CallBounds,
): { readonly heard: () => void; readonly stop: () => void } {
  const over = new AbortController();
  let heardMs = clock.monotonicMs();
  const end = (): void => {
    stream.destroy(new GrpcFailure(UNAVAILABLE, 'silence'));
  };
  const watch = async (): Promise<void> => {
    for (;;) {
      const restMs = heardMs + idleMs - clock.monotonicMs();
      if (restMs <= 0) break;
      await clock.sleep(restMs, over.signal);
      if (over.signal.aborted) return;
    }
    end();
  };
  void watch();
  signal?.addEventListener('abort', end);
  return {
    heard: () => {
      heardMs = clock.monotonicMs();
    },
    stop: () => {
      over.abort();
      signal?.removeEventListener('abort', end);
    },
  };
}

function frame(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(FRAME_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function* messagesOf(
  stream: ClientHttp2Stream,
  heard: () => void,
): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    heard();
    if (!(chunk instanceof Uint8Array)) continue;
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    while (rest.length >= FRAME_BYTES) {
      const length = rest.readUInt32BE(1);
      if (rest[0] !== 0 || length > MESSAGE_BYTES_MAX) {
        throw new GrpcFailure(INTERNAL, 'a message that was not asked for');
      }
      if (rest.length < FRAME_BYTES + length) break;
      yield rest.subarray(FRAME_BYTES, FRAME_BYTES + length);
      rest = rest.subarray(FRAME_BYTES + length);
    }
  }
  if (rest.length > 0) throw new GrpcFailure(UNAVAILABLE, 'a message that ends early');
}

/** Headers and trailers of a call, when it has ended. */
function endOf(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  let headers: IncomingHttpHeaders = {};
  return new Promise((resolve) => {
    stream.on('response', (found) => {
      headers = { ...headers, ...found };
    });
    stream.on('trailers', (found: IncomingHttpHeaders) => {
      headers = { ...headers, ...found };
    });
    // Whoever reads the messages is told of the error itself.
    stream.on('error', () => {
      resolve(headers);
    });
    stream.on('close', () => {
      resolve(headers);
    });
  });
}

/** What the end of a call says; `null`: that it went well. */
function statusOf(headers: IncomingHttpHeaders): GrpcFailure | null {
  const status = headers['grpc-status'];
  if (status === '0') return null;
  if (typeof status !== 'string') {
    // A proxy's answer, or a connection that was cut.
    const http = headers[':status'];
    const isDenied = String(http) === '401' || String(http) === '403';
    return new GrpcFailure(isDenied ? 16 : UNAVAILABLE, `HTTP ${String(http ?? 'cut')}`);
  }
  return new GrpcFailure(Number.parseInt(status, 10), percentDecoded(headers['grpc-message']));
}

function percentDecoded(text: string | readonly string[] | undefined): string {
  const joined = typeof text === 'string' ? text : (text ?? []).join('');
  try {
    return decodeURIComponent(joined);
  } catch {
    // Not encoded as it should be: as it is.
    return joined;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no answer';
}
