/**
 * Requests and answers of the REST catalog without HTTP around them: handlers take one and give the
 * other, so that they can be tested, and answered again, without a connection.
 */
import { stringifyJson } from '../kernel/lossless-json.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';

/** A request whose path matched a route. */
export interface RestRequest {
  /** Values of the path's `{names}`, percent-decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The parsed body; `null` where there is none. */
  readonly body: JsonValue;
  /** Of `If-None-Match`; `null` where it is missing. */
  readonly ifNoneMatch: string | null;
}

/** An answer. */
export interface RestAnswer {
  readonly status: number;
  /** JSON text; `null` for an answer without a body. */
  readonly body: string | null;
  readonly etag?: string;
}

/** What every handler is: errors are thrown and made into answers in one place. */
export type RestHandler = (request: RestRequest) => Promise<RestAnswer>;

/** An answer with a JSON document. */
export function jsonAnswer(value: unknown, status = 200): RestAnswer {
  return { status, body: stringifyJson(value) };
}

/** Done, and nothing to say. */
export const NO_CONTENT: RestAnswer = { status: 204, body: null };
