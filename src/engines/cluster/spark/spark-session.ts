/**
 * A session of Spark Connect. A statement is sent once: when its connection is cut, its answer is
 * taken up again where it ended, and when that cannot be, its outcome is said to be unknown. A
 * server that was started anew has other sessions: what was set in this one is gone, so nothing
 * more is run in it.
 */
import type { Clock } from '../../../kernel/clock.ts';
import { FirnError } from '../../../kernel/firn-error.ts';
import { uuidV7 } from '../../../kernel/identifiers.ts';
import { parseJson } from '../../../kernel/lossless-json.ts';
import type { JsonObject } from '../../../kernel/lossless-json.ts';
import type { Random } from '../../../kernel/random.ts';
import { objectOf } from '../json-answer.ts';
import { arrowTexts } from './arrow-texts.ts';
import { GrpcChannel, GrpcFailure, UNAVAILABLE } from './grpc-channel.ts';
import type { ChannelTarget } from './grpc-channel.ts';
import { decodeMessage } from './protobuf.ts';
import type { ProtoMessage } from './protobuf.ts';
import {
  configRequest,
  executeRequest,
  executeResponse,
  interruptRequest,
  reattachRequest,
  releaseRequest,
  releaseSessionRequest,
  serverSideIdOf,
  unsetRequest,
  versionOf,
  versionRequest,
} from './spark-messages.ts';
import type { SparkPlan } from './spark-messages.ts';

/** What a session is opened with. */
export interface SparkParts extends ChannelTarget {
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Longest that one statement may take; it is interrupted then. */
  readonly statementMs?: number;
  /** Silence after which a cut is assumed. */
  readonly idleMs?: number;
}

const SERVICE = '/spark.connect.SparkConnectService';
const STATEMENT_MS = 3_600_000;
/** The server tells its progress every two seconds. */
const IDLE_MS = 60_000;
const SHORT_CALL_MS = 30_000;
/** Times that an answer is taken up again in vain, one after the other. */
const CUTS_MAX = 6;
const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 5000;
const ROWS_MAX = 1_000_000;

/** One operation on its way. */
interface Operation {
  readonly id: string;
  readonly plan: SparkPlan;
  readonly texts: string[];
  lastResponseId: string | null;
  /** It may have arrived at the server. */
  isSent: boolean;
  cuts: number;
}

/** A session: settings and temporary views live in it. */
export class SparkSession {
  readonly #parts: SparkParts;
  readonly #channel: GrpcChannel;
  readonly #sessionId: string;
  #serverSideId: string | null = null;
  #wasCut = false;

  constructor(parts: SparkParts) {
    this.#parts = parts;
    this.#channel = new GrpcChannel(parts);
    this.#sessionId = uuidV7(parts.clock, parts.random);
  }

  /** Whether a call's connection was cut: the call may still arrive, whatever was done since. */
  get wasCut(): boolean {
    return this.#wasCut;
  }

  /** Version of Spark at the server. */
  async version(): Promise<string> {
    return versionOf(await this.#unary('AnalyzePlan', versionRequest(this.#identity())));
  }

  /** Sets keys of the session, in order. */
  async configure(pairs: readonly (readonly [key: string, value: string])[]): Promise<void> {
    await this.#unary('Config', configRequest(this.#identity(), pairs));
  }

  /** Takes keys of the session away. */
  async unset(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#unary('Config', unsetRequest(this.#identity(), keys));
  }

  /**
   * Runs a statement for its effect.
   *
   * @throws {FirnError} CLUSTER-STATEMENT, CLUSTER-SILENT, CLUSTER-UNREACHABLE, CLUSTER-REFUSED
   */
  async execute(sql: string): Promise<void> {
    await this.#run({ kind: 'command', sql });
  }

  /**
   * Rows of a query by column name, as JSON has them; 64-bit integers are exact, decimals are not:
   * the query casts them to text. Column names must differ. Throws as {@link execute}.
   */
  async query(sql: string): Promise<readonly JsonObject[]> {
    const texts = await this.#run({
      kind: 'query',
      // Each row as one text: no more of Arrow has to be read.
      sql: `SELECT to_json(struct(*), map('ignoreNullFields', 'false')) AS v FROM (\n${sql}\n)`,
    });
    return texts.map((text) => {
      const row = objectOf(parseJson(text));
      if (row === null) throw this.#notUnderstood('a row that is none');
      return row;
    });
  }

  /** Ends the session at the server, if it can be reached, and the connection. */
  async close(): Promise<void> {
    try {
      if (this.#serverSideId !== null) {
        await this.#unary('ReleaseSession', releaseSessionRequest(this.#identity()));
      }
    } catch (error) {
      // The server ends sessions that are idle by itself.
      if (!(error instanceof FirnError)) throw error;
    } finally {
      this.#channel.close();
    }
  }

  #identity(): { readonly sessionId: string; readonly serverSideId: string | null } {
    return { sessionId: this.#sessionId, serverSideId: this.#serverSideId };
  }

  /** A call with one answer. All of them may be made twice, and are made again after a cut. */
  async #unary(method: string, request: Uint8Array): Promise<ProtoMessage> {
    for (let cuts = 1; ; cuts++) {
      try {
        const bounds = { idleMs: SHORT_CALL_MS, ...this.#signal() };
        const answers = this.#channel.call(`${SERVICE}/${method}`, request, bounds);
        let message: ProtoMessage | null = null;
        for await (const bytes of answers) message = this.#decoded(bytes);
        if (message === null) throw this.#notUnderstood('an empty answer');
        this.#serverSideId ??= serverSideIdOf(message) || null;
        return message;
      } catch (error) {
        if (!(error instanceof GrpcFailure)) throw error;
        this.#noteCut(error);
        if (error.status !== UNAVAILABLE || cuts >= CUTS_MAX || this.#isStopped()) {
          throw this.#told(error, false);
        }
      }
      await this.#pause(cuts);
    }
  }

  async #run(plan: SparkPlan): Promise<readonly string[]> {
    const { clock, random, statementMs = STATEMENT_MS } = this.#parts;
    const operation: Operation = {
      id: uuidV7(clock, random),
      plan,
      texts: [],
      lastResponseId: null,
      isSent: false,
      cuts: 0,
    };
    const until = clock.monotonicMs() + statementMs;
    for (;;) {
      try {
        const last = operation.lastResponseId;
        if (await this.#follow(operation, until)) return operation.texts;
        // The server ends long answers from time to time: they go on in another one.
        if (last === operation.lastResponseId) throw new GrpcFailure(UNAVAILABLE, 'no word');
      } catch (error) {
        if (!(error instanceof GrpcFailure)) throw error;
        this.#noteCut(error);
        operation.isSent ||= !error.isUnsent;
        operation.cuts += 1;
        const isCut = error.status === UNAVAILABLE && operation.cuts <= CUTS_MAX;
        if (!isCut || this.#isStopped()) throw this.#told(error, operation.isSent);
        await this.#pause(operation.cuts);
      }
      if (clock.monotonicMs() <= until && !this.#isStopped()) continue;
      await this.#interrupt(operation.id);
      const what = 'Spark has not ended a statement within its deadline';
      throw new FirnError('CLUSTER-SILENT', { what, where: this.#parts.address });
    }
  }

  /** Reads an answer on; whether it is complete. */
  async #follow(operation: Operation, until: number): Promise<boolean> {
    const { idleMs = IDLE_MS, clock } = this.#parts;
    const { id, plan, lastResponseId, isSent } = operation;
    const [method, request] = isSent
      ? (['ReattachExecute', reattachRequest(this.#identity(), id, lastResponseId)] as const)
      : (['ExecutePlan', executeRequest(this.#identity(), id, plan)] as const);
    const bounds = { idleMs, ...this.#signal() };
    for await (const bytes of this.#channel.call(`${SERVICE}/${method}`, request, bounds)) {
      const response = executeResponse(this.#decoded(bytes));
      operation.isSent = true;
      operation.cuts = 0;
      this.#serverSideId ??= response.serverSideId || null;
      if (response.responseId !== '') operation.lastResponseId = response.responseId;
      if (response.rows !== null) this.#collect(operation, response.rows);
      if (response.isComplete) {
        await this.#forget(id);
        return true;
      }
      if (clock.monotonicMs() > until) return false;
    }
    operation.isSent = true;
    return false;
  }

  #noteCut({ status, isUnsent }: GrpcFailure): void {
    this.#wasCut ||= status === UNAVAILABLE && !isUnsent;
  }

  #collect({ plan, texts }: Operation, rows: Uint8Array): void {
    // What a statement answers is nothing that Firn asked for.
    if (plan.kind === 'command') return;
    const found = arrowTexts(rows);
    if (found === null) throw this.#notUnderstood('rows in a form that was not asked for');
    texts.push(...found);
    if (texts.length > ROWS_MAX) throw this.#notUnderstood('far more rows than were expected');
  }

  /** The server forgets results by itself after a while: a failure to say so is none. */
  async #forget(operationId: string): Promise<void> {
    try {
      await this.#unary('ReleaseExecute', releaseRequest(this.#identity(), operationId));
    } catch (error) {
      if (!(error instanceof FirnError)) throw error;
    }
  }

  /** Asks the server to stop an operation; whether it has, is asked of the table. */
  async #interrupt(operationId: string): Promise<void> {
    try {
      const request = interruptRequest(this.#identity(), operationId);
      const bounds = { idleMs: SHORT_CALL_MS };
      for await (const bytes of this.#channel.call(`${SERVICE}/Interrupt`, request, bounds)) {
        this.#decoded(bytes);
      }
    } catch (error) {
      if (!(error instanceof GrpcFailure)) throw error;
    }
  }

  #decoded(bytes: Uint8Array): ProtoMessage {
    const message = decodeMessage(bytes);
    if (message === null) throw this.#notUnderstood('a message that is none');
    return message;
  }

  #signal(): { readonly signal?: AbortSignal } {
    const { signal } = this.#parts;
    return signal === undefined ? {} : { signal };
  }

  #isStopped(): boolean {
    return this.#parts.signal?.aborted === true;
  }

  async #pause(cuts: number): Promise<void> {
    const { clock, signal } = this.#parts;
    await clock.sleep(Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** (cuts - 1)), signal);
  }

  #notUnderstood(what: string): FirnError {
    const told = `Spark’s server gave ${what}`;
    return new FirnError('CLUSTER-ANSWER', { what: told, where: this.#parts.address });
  }

  /** A failure in words. Spark's text may hold values of rows: only the class of it is told. */
  #told({ status, detail }: GrpcFailure, isSent: boolean): FirnError {
    const at = { where: this.#parts.address };
    // The handle is another server's, or the server has forgotten it: what it did is not known.
    const isLost = /\[INVALID_HANDLE\./.test(detail);
    if (isSent && (status === UNAVAILABLE || isLost)) {
      const what = 'Spark’s server was lost while it ran a statement';
      return new FirnError('CLUSTER-SILENT', { what, ...at });
    }
    if (status === UNAVAILABLE || isLost) {
      const what = 'Spark’s server cannot be reached, or has lost the session';
      return new FirnError('CLUSTER-UNREACHABLE', { what, ...at });
    }
    if (status === 16 || status === 7) {
      const what = 'Spark’s server refused the token';
      return new FirnError('CLUSTER-REFUSED', { what, ...at });
    }
    const errorClass = /^\s*\[([A-Z0-9_.]+)\]/.exec(detail)?.[1];
    const exception = /[\w$]+(?:\.[\w$]+)+(?:Exception|Error)\b/.exec(detail)?.[0];
    const state = /SQLSTATE: ([0-9A-Z]{5})/.exec(detail)?.[1];
    // What a statement of Firn's raises itself holds no value.
    const raised = /\[USER_RAISED_EXCEPTION\] (firn:[a-z]+:[0-9]+)\b/.exec(detail)?.[1];
    const told = raised ?? errorClass ?? exception ?? `gRPC status ${status}`;
    const what = `Spark could not run a statement: ${told}${state === undefined ? '' : ` (SQLSTATE ${state})`}`;
    return new FirnError('CLUSTER-STATEMENT', { what, ...at });
  }
}
