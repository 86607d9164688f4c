/**
 * Requests to a REST catalog: authorised, sent, and read whole within bounds. What may be sent
 * twice is asked again with jitter, as long as the failure may pass by itself; what may not is sent
 * once, and it is said when there was no answer. Redirects are not followed: what proves who asks
 * is for the server that the pipeline file names.
 */
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { stringifyJson } from '../../kernel/lossless-json.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import type { Random } from '../../kernel/random.ts';
import { retry } from '../../kernel/retry.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';
import { createExchange } from '../http/http-exchange.ts';
import type { Exchange, HttpAnswer } from '../http/http-exchange.ts';
import { canonicalQuery } from '../http/signature-v4.ts';
import type { Authorization } from './authorization.ts';
import type { RestAddress } from './rest-address.ts';
import { answerError, connectionError, mayPass, wasNeverSent } from './rest-failure.ts';

/** What a client is made with. */
export interface RestClientOptions {
  readonly address: RestAddress;
  readonly authorization: Authorization;
  readonly clock: Clock;
  readonly random: Random;
  /** Longest time for one request with its answer. */
  readonly timeoutMs: number;
  /** Of requests that may be sent twice; default: six attempts over about eight seconds. */
  readonly retryPolicy?: RetryPolicy;
}

/** A request to the catalog. */
export interface RestCall {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  /** Encoded, from the catalog's own path on. */
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly body?: JsonObject;
  /** Names in small letters. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest answer taken; default 16 MiB. Longer: STORAGE-TOO-LARGE. */
  readonly bytesMax?: number;
  /** For messages. */
  readonly where: string;
}

/** An answer with what was sent for it. */
export interface Answered {
  readonly kind: 'answered';
  readonly answer: HttpAnswer;
  readonly where: string;
  /** All headers of the request. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What became of one request. `unanswered`: it may have been carried out, or may still be.
 */
export type Sent = Answered | { readonly kind: 'unanswered'; readonly cause: FirnError };

const defaultPolicy: RetryPolicy = { attemptsMax: 6, pauseMs: 150, pauseMsMax: 5000 };
const answerBytesMax = 16 * 1024 * 1024;
/** A server may ask for any pause; the pipeline waits no longer for one attempt. */
const retryAfterMsMax = 20_000;
const userAgent = 'Firn';

/** A client of one catalog. */
export class RestClient {
  readonly #options: RestClientOptions;
  readonly #exchange: Exchange;

  constructor(options: RestClientOptions) {
    const { address, clock, timeoutMs } = options;
    this.#options = options;
    const target = { ...address, clock, failed: connectionError, totalMs: timeoutMs };
    this.#exchange = createExchange(target);
  }

  /**
   * Asks until there is an answer that will not pass by itself. Only for requests that may be
   * carried out twice.
   *
   * @throws {FirnError} CATALOG-REMOTE-FAILED, CATALOG-REMOTE-CERTIFICATE, STORAGE-TOO-LARGE, and
   *   those of authorisation
   */
  ask(call: RestCall): Promise<Answered> {
    const { clock, random, retryPolicy } = this.#options;
    return retry({ clock, random }, retryPolicy ?? defaultPolicy, async () => {
      const sent = await this.send(call);
      if (sent.kind === 'unanswered') throw sent.cause;
      if (!mayPass(sent.answer.status)) return sent;
      await this.heed(sent.answer);
      throw answerError(sent.answer, sent);
    });
  }

  /**
   * Sends a request once, and once more with new credentials when the server does not take the ones
   * it was sent with: then it was not carried out.
   *
   * @throws {FirnError} as `ask`, when nothing was sent
   */
  async send(call: RestCall): Promise<Sent> {
    const first = await this.#once(call);
    if (first.kind === 'unanswered' || ![401, 403, 419].includes(first.answer.status)) return first;
    const renewed = await this.#options.authorization.renew(first.headers, first.answer.status);
    return renewed ? this.#once(call) : first;
  }

  /** Waits as long as an answer asks for, within bounds. */
  async heed({ headers }: HttpAnswer): Promise<void> {
    const { clock } = this.#options;
    const text = headers['retry-after'] ?? '';
    const untilMs = Date.parse(text);
    const seconds = /^\d{1,6}$/.test(text) ? Number.parseInt(text, 10) : 0;
    const askedMs = seconds > 0 || Number.isNaN(untilMs) ? seconds * 1000 : untilMs - clock.nowMs();
    if (askedMs > 0) await clock.sleep(Math.min(askedMs, retryAfterMsMax));
  }

  async #once(call: RestCall): Promise<Sent> {
    const { address, authorization, clock } = this.#options;
    const { method, where, query = [] } = call;
    const path = `${address.path}${call.path}`;
    const body = call.body === undefined ? null : Buffer.from(stringifyJson(call.body), 'utf8');
    const type = body === null ? {} : { 'content-type': 'application/json' };
    const unsigned = {
      method,
      host: address.host,
      path,
      query,
      headers: { accept: 'application/json', ...type, ...call.headers },
      body,
      nowMs: clock.nowMs(),
    };
    const headers = await authorization.headers(unsigned);
    const bytesMax = call.bytesMax ?? answerBytesMax;
    const target = query.length === 0 ? path : `${path}?${canonicalQuery(query)}`;
    const sent = { ...headers, 'user-agent': userAgent };
    try {
      const answer = await this.#exchange({
        method,
        path: target,
        headers: sent,
        body,
        bytesMax,
        where,
      });
      return { kind: 'answered', answer, where, headers };
    } catch (error) {
      if (!(error instanceof FirnError)) throw error;
      if (wasNeverSent(error)) throw error;
      return { kind: 'unanswered', cause: error };
    }
  }
}
