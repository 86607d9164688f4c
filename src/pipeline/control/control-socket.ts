/**
 * How other commands reach the owner of a pipeline: one JSON request per connection over a local
 * socket, answered by progress lines and one last line. Only the user who owns the runtime folder
 * can connect.
 */
import { createConnection, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { parseJson } from '../../kernel/lossless-json.ts';

/** What a command asks of the owner. */
export interface ControlRequest {
  readonly command: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** One line of an answer. */
type AnswerLine =
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly what: string; readonly remedy: string };

/** Carries out one request; `progress` reaches the one who asked. */
export type ControlHandler = (
  request: ControlRequest,
  progress: (text: string) => void,
) => Promise<unknown>;

/** Longest request taken: arguments are names. */
const REQUEST_BYTES_MAX = 64 * 1024;

/** Listens until closed. */
export async function listenForRequests(
  socketPath: string,
  handler: ControlHandler,
): Promise<{ close(): Promise<void> }> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    // A client that went away needs no answer.
    socket.on('error', () => socket.destroy());
    void answer(socket, handler);
  });
  await listening(server, socketPath);
  return {
    async close() {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function listening(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
}

async function answer(socket: Socket, handler: ControlHandler): Promise<void> {
  const send = (line: AnswerLine): void => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(line)}\n`);
  };
  try {
    const request = await readRequest(socket);
    const result = await handler(request, (text) => send({ kind: 'progress', text }));
    send({ kind: 'done', result: result ?? null });
  } catch (error) {
    const what = error instanceof Error ? error.message : 'unknown failure';
    send({ kind: 'failed', what, remedy: isFirnError(error) ? error.remedy : '' });
  }
  socket.end();
}

function readRequest(socket: Socket): Promise<ControlRequest> {
  return new Promise((resolve, reject) => {
    let text = '';
    const malformed = (what: string): FirnError =>
      new FirnError('PIPELINE-REQUEST-FAILED', { what: `The request ${what}.` });
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.length > REQUEST_BYTES_MAX) reject(malformed('is too long'));
      const end = text.indexOf('\n');
      if (end < 0) return;
      const request = parseRequest(text.slice(0, end));
      if (request === null) reject(malformed('is not understood'));
      else resolve(request);
    });
    socket.on('end', () => reject(malformed('ended early')));
  });
}

function parseRequest(text: string): ControlRequest | null {
  try {
    // The peer is our own program of the same user; the shape is checked as far as it is used.
    const value = parseJson(text) as unknown as Partial<ControlRequest> | null;
    if (typeof value?.command !== 'string') return null;
    return { command: value.command, arguments: value.arguments ?? {} };
  } catch {
    // Not JSON: refused by the caller, with a sentence.
    return null;
  }
}

/**
 * Sends a request to the owner and waits for its answer.
 *
 * @returns the owner's result; `null` when nobody listens
 * @throws FirnError PIPELINE-REQUEST-FAILED with the owner's own words
 */
export async function sendRequest(
  socketPath: string,
  request: ControlRequest,
  onProgress: (text: string) => void,
): Promise<{ readonly result: unknown } | null> {
  const socket = createConnection(socketPath);
  const connected = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  if (!connected) return null;
  socket.on('error', () => socket.destroy());
  socket.write(`${JSON.stringify(request)}\n`);
  for await (const text of createInterface({ input: socket, crlfDelay: Infinity })) {
    // Written by `answer` above, by the owner of the same user.
    const line = parseJson(text) as unknown as AnswerLine;
    if (line.kind === 'progress') {
      onProgress(line.text);
      continue;
    }
    socket.end();
    if (line.kind === 'done') return { result: line.result };
    throw new FirnError('PIPELINE-REQUEST-FAILED', { what: line.what, remedy: line.remedy });
  }
  throw new FirnError('PIPELINE-REQUEST-FAILED', {
    what: 'The process that owns the pipeline ended before it answered.',
    remedy: 'Look at its log, start it again with firn run, and repeat the request.',
  });
}
