/**
 * The body of a request: JSON in UTF-8, bounded in bytes before it is parsed and in depth before
 * anything walks it.
 */
import type { IncomingMessage } from 'node:http';
import { parseJson } from '../kernel/lossless-json.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import { RestRefusal, badRequest } from './rest-error.ts';

/** Commits of thousands of snapshots or columns are far below this. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;
/** Objects and lists inside one another; a schema takes about four per level of nesting. */
const DEPTH_MAX = 200;

/**
 * The text of a body; empty where there is none.
 *
 * @throws {RestRefusal} 400, 413, 415
 */
export async function readBodyText(request: IncomingMessage): Promise<string> {
  const announced = Number.parseInt(request.headers['content-length'] ?? '0', 10);
  if (announced > BODY_BYTES_MAX) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not destroyed on the way out: the answer goes through the same socket.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw tooLarge();
    chunks.push(chunk);
  }
  if (bytes === 0) return '';
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json *(?:;|$)/i.test(type)) {
    const message = 'the body must be application/json';
    throw new RestRefusal(415, 'BadRequestException', message);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw badRequest('the body is not UTF-8');
  }
}

function tooLarge(): RestRefusal {
  const message = `the body has more than ${BODY_BYTES_MAX} bytes`;
  return new RestRefusal(413, 'BadRequestException', message);
}

/**
 * The JSON in a body, 64-bit integers exact; `null` for an empty one.
 *
 * @throws {RestRefusal} 400
 */
export function parseBody(text: string): JsonValue {
  if (text === '') return null;
  if (isTooDeep(text)) throw badRequest(`the body is nested deeper than ${DEPTH_MAX} levels`);
  try {
    return parseJson(text);
  } catch {
    throw badRequest('the body is not JSON');
  }
}

function isTooDeep(text: string): boolean {
  let depth = 0;
  // Strings are skipped whole: brackets in them nest nothing.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[[{]|[\]}]/gs)) {
    if (token === '[' || token === '{') depth += 1;
    else if (token === ']' || token === '}') depth -= 1;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}
