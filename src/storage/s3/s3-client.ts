/**
 * Requests to one bucket: signed, sent, tried again with jitter while the failure may pass by
 * itself, and never longer than a bound. A request may have been carried out although its answer
 * was lost, so every request here can be sent twice; those that must not count twice say how their
 * own first attempt is recognised (s3-writing.ts).
 */
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { Random } from '../../kernel/random.ts';
import { retry } from '../../kernel/retry.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';
import type { BucketAddress } from './s3-address.ts';
import { createExchange } from '../http/http-exchange.ts';
import type { Exchange, HttpAnswer } from '../http/http-exchange.ts';
import { answerCode, answerError, connectionError } from './s3-failure.ts';
import { canonicalQuery, sha256Hex, signedHeaders } from '../http/signature-v4.ts';
import type { SigningKeys } from '../http/signature-v4.ts';

/** Reads the credentials where they are kept; asked again when the store no longer takes them. */
export type CredentialsReader = () => Promise<SigningKeys>;

/** Keys that count for parts of a bucket. */
export interface ScopedKeys {
  /** Those for a location; `null`: the bucket's own count. */
  current(location: string): Promise<SigningKeys | null>;
  /** Others for a location than those that were refused, if there are any. */
  renewed(location: string, refused: SigningKeys): Promise<SigningKeys | null>;
}

/** What a client is made with. */
export interface S3ClientOptions {
  readonly address: BucketAddress;
  readonly region: string;
  readonly credentials: CredentialsReader;
  /** Asked before `credentials`. */
  readonly scoped?: ScopedKeys;
  readonly clock: Clock;
  readonly random: Random;
  /** Default: seven attempts over about ten seconds. */
  readonly retryPolicy?: RetryPolicy;
}

/** A request to the bucket. */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** `null`: the bucket itself. */
  readonly key: string | null;
  readonly query?: readonly (readonly [string, string])[];
  /** Names in small letters. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** SHA-256 of the body in base64, where it is known already. */
  readonly bodySha256?: string;
  /** Statuses of 300 and more that are an answer, not a failure. */
  readonly accept?: readonly number[];
  /** Longest body taken; default 16 MiB. Longer: STORAGE-TOO-LARGE. */
  readonly bytesMax?: number;
}

const defaultPolicy: RetryPolicy = { attemptsMax: 7, pauseMs: 150, pauseMsMax: 5000 };
const answerBytesMax = 16 * 1024 * 1024;
/** With this name a bucket's owner can tell Firn's requests from others (`aws:UserAgent`). */
const userAgent = 'Firn';

/** A client of one bucket. */
export class S3Client {
  readonly #bucketUri: string;
  readonly #options: S3ClientOptions;
  readonly #exchange: Exchange;
  #credentials: Promise<SigningKeys> | null = null;

  constructor(options: S3ClientOptions) {
    const { address, clock } = options;
    this.#options = options;
    this.#exchange = createExchange({ ...address, clock, failed: connectionError });
    this.#bucketUri = `s3://${address.bucket}`;
  }

  /**
   * Sends a request and reads its answer. What `read` throws with a disposition of `retry` is tried
   * again with the request.
   *
   * @throws {FirnError} STORAGE-REMOTE-…, STORAGE-NOT-FOUND, STORAGE-TOO-LARGE
   */
  send<T>(request: S3Request, read: (answer: HttpAnswer) => T | Promise<T>): Promise<T> {
    const { clock, random, retryPolicy } = this.#options;
    const attempt = async (): Promise<T> => read(await this.#once(request));
    return retry({ clock, random }, retryPolicy ?? defaultPolicy, attempt);
  }

  /** The location of a key, for messages. */
  locationOf(key: string | null): string {
    return key === null ? this.#bucketUri : `${this.#bucketUri}/${key}`;
  }

  async #once(request: S3Request): Promise<HttpAnswer> {
    const { address, region, clock } = this.#options;
    const where = this.locationOf(request.key);
    const query = request.query ?? [];
    const path = address.pathOf(request.key);
    const bodySha256 =
      request.bodySha256 === undefined
        ? sha256Hex(request.body ?? '')
        : Buffer.from(request.bodySha256, 'base64').toString('hex');
    const own = { method: request.method, host: address.host, path, query, bodySha256 };
    const scoped = (await this.#options.scoped?.current(where)) ?? null;
    const used = scoped ?? (await this.#currentCredentials());
    const nowMs = clock.nowMs();
    const headers = signedHeaders(
      { ...own, headers: request.headers ?? {} },
      { credentials: used, region, service: 's3', nowMs },
    );
    const answer = await this.#exchange({
      method: request.method,
      path: query.length === 0 ? path : `${path}?${canonicalQuery(query)}`,
      headers: { ...headers, 'user-agent': userAgent },
      body: request.body ?? (request.method === 'PUT' ? new Uint8Array() : null),
      bytesMax: request.bytesMax ?? answerBytesMax,
      where,
    });
    if (!isFailure(request, answer)) return answer;
    const error = answerError({ answer, where, nowMs });
    if (isAboutCredentials(error)) {
      const renewed =
        scoped === null ? this.#renewed() : this.#options.scoped?.renewed(where, scoped);
      refuseSame(used, (await renewed) ?? used, error);
    }
    throw error;
  }

  #currentCredentials(): Promise<SigningKeys> {
    this.#credentials ??= this.#options.credentials().catch((error: unknown) => {
      this.#credentials = null;
      throw error;
    });
    return this.#credentials;
  }

  /** Reads the credentials again. */
  #renewed(): Promise<SigningKeys> {
    this.#credentials = null;
    return this.#currentCredentials();
  }
}

/** Other credentials than those that were refused are worth another attempt. */
function refuseSame(used: SigningKeys, current: SigningKeys, refusal: FirnError): void {
  const isSame =
    current.accessKeyId === used.accessKeyId &&
    current.secretAccessKey === used.secretAccessKey &&
    current.sessionToken === used.sessionToken;
  if (isSame) return;
  throw new FirnError('STORAGE-REMOTE-CREDENTIALS', {
    what: 'The object store refused credentials that have been replaced since.',
    where: refusal.where ?? '',
    cause: refusal,
  });
}

/** With a status below 300 an answer can be an error all the same, unless it is an object. */
function isFailure(request: S3Request, answer: HttpAnswer): boolean {
  const isContent = request.method === 'GET' && request.key !== null;
  if (answer.status < 300) return !isContent && answerCode(answer) !== null;
  if (request.accept?.includes(answer.status) !== true) return true;
  return answerCode(answer) === 'NoSuchBucket';
}

function isAboutCredentials(error: FirnError): boolean {
  return error.code === 'STORAGE-REMOTE-CREDENTIALS' || error.code === 'STORAGE-REMOTE-DENIED';
}
