/**
 * Requests that a client sends again under the same `Idempotency-Key` take effect once: the second
 * gets the first one's answer, or waits for it (Iceberg REST specification, `Idempotency-Key`).
 * Answers with 5xx are not kept: such a request runs again. What is kept is bounded by age, number
 * and bytes, and lives as long as the server.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { uuidV7TimeMs } from '../kernel/identifiers.ts';
import type { RestAnswer } from './rest-answer.ts';
import { RestRefusal, badRequest } from './rest-error.ts';

/** A request under a key. */
export interface KeyedRequest {
  /** The client's UUIDv7. */
  readonly key: string;
  /** Everything that makes two requests the same: method, path with query, body. */
  readonly parts: readonly string[];
}

interface Kept {
  readonly fingerprint: string;
  readonly answer: Promise<RestAnswer>;
  readonly sinceMs: number;
  bytes: number;
}

const KEYS_MAX = 10_000;
const BYTES_MAX = 32 * 1024 * 1024;

/** The answers of one server. */
export class IdempotencyKeys {
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  readonly #keysMax: number;
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(clock: Clock, limits: { readonly lifetimeMs: number; readonly keysMax?: number }) {
    const { lifetimeMs, keysMax = KEYS_MAX } = limits;
    this.#clock = clock;
    this.#keysMax = keysMax;
    this.#lifetimeMs = lifetimeMs;
  }

  /**
   * The answer of `run`, which runs at most once per key.
   *
   * @throws {RestRefusal} 400 for a key that is no UUIDv7, 422 for one used for another request
   */
  async once(request: KeyedRequest, run: () => Promise<RestAnswer>): Promise<RestAnswer> {
    const key = request.key.toLowerCase();
    if (uuidV7TimeMs(key) === null) throw badRequest('Idempotency-Key must be a UUIDv7');
    this.#forgetOld();
    const hash = createHash('sha256');
    for (const part of request.parts) hash.update(part).update('\0');
    const fingerprint = hash.digest('base64');
    const known = this.#kept.get(key);
    if (known !== undefined) {
      if (known.fingerprint === fingerprint) return known.answer;
      const message = 'the Idempotency-Key was used for another request';
      throw new RestRefusal(422, 'UnprocessableEntityException', message);
    }
    const kept = { fingerprint, answer: run(), sinceMs: this.#clock.monotonicMs(), bytes: 0 };
    this.#kept.set(key, kept);
    return this.#settle(key, kept);
  }

  async #settle(key: string, kept: Kept): Promise<RestAnswer> {
    try {
      const answer = await kept.answer;
      if (answer.status >= 500) this.#forget(key);
      else {
        kept.bytes = answer.body?.length ?? 0;
        this.#bytes += kept.bytes;
      }
      return answer;
    } catch (error) {
      this.#forget(key);
      throw error;
    }
  }

  #forgetOld(): void {
    const oldestMs = this.#clock.monotonicMs() - this.#lifetimeMs;
    for (const [key, { sinceMs }] of this.#kept) {
      const full = this.#kept.size >= this.#keysMax || this.#bytes > BYTES_MAX;
      if (sinceMs >= oldestMs && !full) return;
      this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }
}
