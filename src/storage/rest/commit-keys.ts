/**
 * The `Idempotency-Key` of each commit (Iceberg REST specification). A commit that is sent again
 * because its answer is missing has the key it had, so that a server that was slow applies it once.
 * As soon as there is an answer the key is forgotten: the same change may be wanted again, and a
 * refusal that passed would be repeated for as long as the server remembers it.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../kernel/clock.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import { stringifyJson } from '../../kernel/lossless-json.ts';
import type { JsonObject } from '../../kernel/lossless-json.ts';
import type { Random } from '../../kernel/random.ts';

/** A commit on its way. */
export interface KeyedCommit {
  readonly key: string;
  /** To be called when there is an answer. */
  settled(): void;
}

/** Commits without an answer that are remembered at most. */
const unsettledMax = 1000;

/** The keys of one client. */
export class CommitKeys {
  readonly #parts: { readonly clock: Clock; readonly random: Random };
  readonly #unsettled = new Map<string, string>();

  constructor(parts: { readonly clock: Clock; readonly random: Random }) {
    this.#parts = parts;
  }

  /** The key for sending this request. */
  keyed(path: string, body: JsonObject): KeyedCommit {
    const hash = createHash('sha256').update(path).update('\0').update(stringifyJson(body));
    const fingerprint = hash.digest('base64');
    const known = this.#unsettled.get(fingerprint);
    const key = known ?? uuidV7(this.#parts.clock, this.#parts.random);
    this.#unsettled.set(fingerprint, key);
    for (const oldest of this.#unsettled.keys()) {
      if (this.#unsettled.size <= unsettledMax) break;
      this.#unsettled.delete(oldest);
    }
    return { key, settled: () => void this.#unsettled.delete(fingerprint) };
  }
}
