/**
 * Barriers: up to where the topics are complete, by Connect's word, and the proof that it is of the
 * database's present history. A barrier counts only after the ends of the topics were read behind
 * it and the history was proved behind that: records of another server may be among them else.
 */
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { SequenceMark } from '../../model/change-sequence.ts';
import { judgeHidden } from '../../model/hidden-changes.ts';
import type { CarriedCounts } from '../../model/hidden-changes.ts';
import type { ChangeSource } from '../../ports/source.ts';
import type { ConnectorPlace, DebeziumConnector } from './debezium-connector.ts';
import { otherHistory } from './history-proof.ts';
import type { TopicPlaces } from './topic-places.ts';

/** The database behind a connector, which can be asked for its log by transactions. */
export type ServerSource = ChangeSource &
  Required<Pick<ChangeSource, 'checkDebezium' | 'foreignMark' | 'hiddenChanges'>> & {
    /** The mark before the first transaction of the log that is not among `gtids`. */
    markAfter(gtids: string, epoch: number): Promise<SequenceMark | null>;
  };

/** What barriers are made from. */
export interface BarrierParts {
  readonly connector: DebeziumConnector;
  readonly database: ServerSource;
  readonly clock: Clock;
  readonly sourceId: string;
}

/** A place of the connector. */
export interface Barrier {
  /** Everything at or below it is in the topics. */
  readonly seq: bigint;
  readonly place: ConnectorPlace;
}

/** A barrier is looked for so often while nothing is behind one. */
const BARRIER_MS = 1000;

/** While the connector stands still its transactions are looked up in the log so often. */
const STILL_MS = 5000;

/** The place of the database's log in a position is renewed so often. */
const HISTORY_MS = 60_000;

/** Watches a connector for one stream. */
export class BarrierWatch {
  readonly #parts: BarrierParts;
  readonly #epoch: number;
  #history: string;
  #historyMs: number;
  #carried: CarriedCounts | null;
  #nextMs = 0;
  #logName = '';
  /** The connector's place at the last barrier, and what is known to be complete by it. */
  #still = { seq: -1n, reached: -1n, nextMs: 0 };

  constructor(
    parts: BarrierParts,
    start: { readonly epoch: number } & Pick<TopicPlaces, 'history' | 'carried'>,
  ) {
    this.#parts = parts;
    this.#epoch = start.epoch;
    this.#history = start.history;
    this.#carried = start.carried;
    this.#historyMs = parts.clock.monotonicMs();
  }

  /** A place of the database's log in the history that was proved, as its source writes it. */
  get history(): string {
    return this.#history;
  }

  /** What the server had done by the last barrier that Debezium hides. */
  get carried(): CarriedCounts | null {
    return this.#carried;
  }

  /** Name of the log that the connector reads; it must stay. */
  async begin(): Promise<string> {
    this.#logName = (await this.#parts.connector.place()).logName;
    return this.#logName;
  }

  /**
   * The next barrier, at or above `seq`; `null`: none is due.
   *
   * @throws {FirnError} SOURCE-CONNECTOR-STOPPED, SOURCE-POSITION-BROKEN
   */
  async next(seq: bigint): Promise<Barrier | null> {
    const { connector, clock } = this.#parts;
    if (clock.monotonicMs() < this.#nextMs) return null;
    this.#nextMs = clock.monotonicMs() + BARRIER_MS;
    await connector.assertRunning();
    const place = await connector.place();
    if (place.logName !== this.#logName) {
      const what = `The log of the database is ${place.logName} now, and was ${this.#logName}`;
      throw new FirnError('SOURCE-POSITION-BROKEN', { what });
    }
    const reached = await this.#reached(place);
    return { place, seq: reached > seq ? reached : seq };
  }

  /**
   * Proves that the places in the topics are of the database's log as it is now.
   *
   * @throws {FirnError} SOURCE-POSITION-BROKEN
   */
  async prove({ place }: Barrier): Promise<void> {
    const { database, sourceId, clock } = this.#parts;
    const broken = await otherHistory(database, { sourceId, token: this.#history });
    if (broken !== null) throw new FirnError('SOURCE-POSITION-BROKEN', { what: broken });
    if (clock.monotonicMs() - this.#historyMs < HISTORY_MS) return;
    // The connector must be in this log, too.
    const { fileName, offset, gtids: transactions } = place;
    const mark = await database.foreignMark({ fileName, offset, transactions }, this.#epoch);
    this.#history = mark.position.token;
    this.#historyMs = clock.monotonicMs();
  }

  /**
   * What the server has done since the last barrier that Debezium has not carried, as a sentence;
   * `null`: nothing.
   */
  async findHidden(): Promise<string | null> {
    const { database, clock } = this.#parts;
    const verdict = judgeHidden(await database.hiddenChanges(), this.#carried, clock.nowMs());
    if (verdict.kind === 'not-carried') return verdict.what;
    this.#carried = verdict.counts;
    return null;
  }

  /**
   * Up to where the topics are complete. Behind its last transaction a connector may stand long
   * before the end of the log, at the start of a file: then its transactions say it.
   */
  async #reached({ seq, gtids }: ConnectorPlace): Promise<bigint> {
    const { clock, database } = this.#parts;
    const now = clock.monotonicMs();
    if (seq !== this.#still.seq) {
      this.#still = { seq, reached: seq - 1n, nextMs: now + BARRIER_MS };
    } else if (gtids !== null && now >= this.#still.nextMs) {
      const mark = await database.markAfter(gtids, this.#epoch);
      const reached = mark === null || mark.seq < seq ? seq - 1n : mark.seq;
      this.#still = { seq, reached, nextMs: now + STILL_MS };
    }
    return this.#still.reached;
  }
}
