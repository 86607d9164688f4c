/**
 * Tokens by client credentials (RFC 6749, section 4.4, with the client's id and secret in the body
 * as the Iceberg REST specification has it). A token is replaced before it ends, and once when the
 * server refuses it earlier; however many requests wait, one asks for it.
 */
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import type { Random } from '../../kernel/random.ts';
import { retry } from '../../kernel/retry.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';
import { createExchange } from '../http/http-exchange.ts';
import type { HttpAnswer } from '../http/http-exchange.ts';
import type { TokenSource } from './authorization.ts';
import type { RestAddress } from './rest-address.ts';
import { answerObject, connectionError, mayPass, unreadable } from './rest-failure.ts';

/** What asking for tokens needs. */
export interface OauthOptions {
  /** The token endpoint. */
  readonly address: RestAddress;
  readonly clientId: string;
  /** Read again for each token, so that it can be changed where it is kept. */
  readonly clientSecret: () => Promise<string>;
  readonly scope: string | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly retryPolicy?: RetryPolicy;
}

interface Token {
  readonly text: string;
  /** On the monotonic clock; a token without an end is replaced when it is refused. */
  readonly renewAtMs: number;
}

const answerBytesMax = 1024 * 1024;
const defaultPolicy: RetryPolicy = { attemptsMax: 5, pauseMs: 150, pauseMsMax: 5000 };
/** A token is replaced so long before its end, but not before this share of its life. */
const marginMs = 60_000;
const lifeShareMin = 0.75;

/** A source of such tokens. */
export function oauthTokens(options: OauthOptions): TokenSource {
  const { address, clock, random, timeoutMs, retryPolicy } = options;
  const exchange = createExchange({
    ...address,
    clock,
    failed: connectionError,
    totalMs: timeoutMs,
  });
  let token: Promise<Token> | null = null;

  const request = async (): Promise<Token> => {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: options.clientId,
      client_secret: await options.clientSecret(),
      ...(options.scope === null ? {} : { scope: options.scope }),
    });
    const askedMs = clock.monotonicMs();
    const answer = await exchange({
      method: 'POST',
      path: address.path === '' ? '/' : address.path,
      headers: {
        host: address.host,
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        'user-agent': 'Firn',
      },
      body: Buffer.from(form.toString(), 'utf8'),
      bytesMax: answerBytesMax,
      where: address.uri,
    });
    return readToken(answer, { askedMs, where: address.uri });
  };
  /** The token, or another one where `isOld` says so of it: asked for once by all who wait. */
  const tokenUnless = async (isOld: (known: Token) => boolean): Promise<string> => {
    for (let known = token; known !== null; known = token) {
      const found = await known;
      if (!isOld(found)) return found.text;
      if (known === token) break;
    }
    const asked = retry({ clock, random }, retryPolicy ?? defaultPolicy, request);
    token = asked.catch((error: unknown) => {
      token = null;
      throw error;
    });
    return (await token).text;
  };
  return {
    current: () => tokenUnless(({ renewAtMs }) => clock.monotonicMs() >= renewAtMs),
    renewed: (old) => tokenUnless(({ text }) => text === old),
  };
}

function readToken(
  answer: HttpAnswer,
  request: { readonly askedMs: number; readonly where: string },
): Token {
  const { where, askedMs } = request;
  const object = answerObject(answer);
  if (answer.status !== 200) throw refused(answer.status, object, where);
  const text = object?.['access_token'];
  const seconds = object?.['expires_in'];
  // What is in the answer is secret, also where it is not what was expected.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    throw unreadable('it holds no access_token', where);
  }
  const lifeMs = typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : Infinity;
  const useMs = Math.max(lifeMs - marginMs, lifeMs * lifeShareMin);
  return { text, renewAtMs: askedMs + useMs };
}

function refused(status: number, object: JsonObject | null, where: string): FirnError {
  const word = object?.['error'];
  const known = typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? ` ${word}` : '';
  const code = mayPass(status) ? 'CATALOG-REMOTE-FAILED' : 'CATALOG-REMOTE-DENIED';
  return new FirnError(code, { what: `The token server answered ${status}${known}.`, where });
}
