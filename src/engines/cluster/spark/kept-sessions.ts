/**
 * Sessions of Spark that one piece of work after another uses. Spark compiles what it runs anew for
 * each session (measured: a quarter of a merge's processor time), so one that is in order is kept
 * for the next. It is in order when every call in it has been answered at once: what is still on
 * its way, or may be, must never meet the settings of the next piece of work, nor change them.
 * Sessions are kept apart by all that is fixed when they are first used; few are kept, and the
 * server ends idle ones.
 */
import { assert, present } from '../../../kernel/assert.ts';
import { isFirnError } from '../../../kernel/firn-error.ts';
import type { JsonObject } from '../../../kernel/lossless-json.ts';
import type { SparkSession } from './spark-session.ts';

type Settings = readonly (readonly [key: string, value: string])[];

/** A session that is kept. */
interface Kept {
  /** Sessions of other names are for others. */
  readonly name: string;
  readonly session: SparkSession;
  /** Keys that are set in it. */
  readonly keys: readonly string[];
}

/** Sessions that are kept while nobody uses them. */
const KEPT_MAX = 8;

/** The sessions that a process keeps. */
export class KeptSessions {
  /** The one that was used last is the last. */
  readonly #idle: Kept[] = [];
  #isClosed = false;

  /**
   * A session for one piece of work, not connected yet; whoever has it closes it.
   *
   * @param name tells apart what cannot be changed in a session: server, catalog, who asks
   * @param open makes a new one
   */
  lease(name: string, open: () => SparkSession): LeasedSession {
    return new LeasedSession(open, {
      take: () => this.#take(name),
      keep: (session, keys) => this.#keep({ name, session, keys }),
    });
  }

  /** Ends those that nobody uses; those in use end with their work. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#idle.splice(0).map(({ session }) => session.close()));
  }

  #take(name: string): Kept | null {
    const at = this.#idle.findLastIndex((kept) => kept.name === name);
    return at < 0 ? null : (this.#idle.splice(at, 1)[0] ?? null);
  }

  async #keep(kept: Kept): Promise<void> {
    this.#idle.push(kept);
    const tooMany = this.#isClosed ? this.#idle.length : this.#idle.length - KEPT_MAX;
    for (const { session } of this.#idle.splice(0, Math.max(0, tooMany))) await session.close();
  }
}

interface Store {
  readonly take: () => Kept | null;
  readonly keep: (session: SparkSession, keys: readonly string[]) => Promise<void>;
}

/** A session for one piece of work. Errors are those of {@link SparkSession}. */
export class LeasedSession {
  readonly #open: () => SparkSession;
  readonly #store: Store;
  #session: SparkSession | null = null;
  #keys: readonly string[] = [];
  /** Statements without an answer; one that failed has none. */
  #unanswered = 0;

  constructor(open: () => SparkSession, store: Store) {
    this.#open = open;
    this.#store = store;
  }

  /** Sets these keys and no others; before anything else, and once. */
  async configure(pairs: Settings): Promise<void> {
    assert(this.#session === null, 'a leased session is configured once');
    this.#keys = pairs.map(([key]) => key);
    const kept = this.#store.take();
    if (kept !== null && (await isReset(kept, pairs))) {
      this.#session = kept.session;
      return;
    }
    this.#session = this.#open();
    await this.#answered((session) => session.configure(pairs));
  }

  /** As {@link SparkSession.execute}. */
  execute(sql: string): Promise<void> {
    return this.#answered((session) => session.execute(sql));
  }

  /** As {@link SparkSession.query}. */
  query(sql: string): Promise<readonly JsonObject[]> {
    return this.#answered((session) => session.query(sql));
  }

  /** Keeps the session if it is in order, or ends it. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    if (session === null) return;
    if (this.#unanswered > 0 || session.wasCut) await session.close();
    else await this.#store.keep(session, this.#keys);
  }

  async #answered<T>(run: (session: SparkSession) => Promise<T>): Promise<T> {
    const session = present(this.#session, 'a session that is configured');
    this.#unanswered += 1;
    const answer = await run(session);
    this.#unanswered -= 1;
    return answer;
  }
}

/** Gives a kept session other settings; one that is gone, or whose server is another, is ended. */
async function isReset({ session, keys }: Kept, pairs: Settings): Promise<boolean> {
  const wanted = new Set(pairs.map(([key]) => key));
  try {
    await session.unset(keys.filter((key) => !wanted.has(key)));
    await session.configure(pairs);
    return true;
  } catch (error) {
    if (!isFirnError(error)) throw error;
    await session.close();
    return false;
  }
}
