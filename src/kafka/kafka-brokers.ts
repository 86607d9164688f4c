/**
 * Connections to the brokers of one cluster, one to each, opened when they are needed and opened
 * anew after a failure. Every request has a deadline and a bounded number of attempts: all that
 * Firn asks Kafka may be asked twice. What a broker answered about its topics is never kept, so
 * that a moved leader or a topic made anew is seen by the next attempt.
 */
import { Connection, MultipleErrors, metadataV12 } from '@platformatic/kafka';
import { FirnError } from '../kernel/firn-error.ts';
import { defaultRetryPolicy, retry } from '../kernel/retry.ts';
import type { KafkaParts } from './kafka-address.ts';
import { connectionError } from './kafka-failure.ts';

/** Host and port of a broker. */
export interface Broker {
  readonly host: string;
  readonly port: number;
}

/** A connection, and when it can be used. */
interface Link {
  readonly connection: Connection;
  readonly ready: Promise<unknown>;
}

const DEADLINE_MS = 30_000;
const DEFAULT_PORT = 9092;

/** The brokers that a client talks to. */
export class KafkaBrokers {
  readonly #parts: KafkaParts;
  readonly #open = new Map<string, Link>();
  #isClosed = false;

  constructor(parts: KafkaParts) {
    this.#parts = parts;
  }

  /** For messages: the addresses in the pipeline file. */
  get where(): string {
    return this.#parts.address.bootstrapServers;
  }

  /** How long a request may take. */
  get deadlineMs(): number {
    return this.#parts.deadlineMs ?? DEADLINE_MS;
  }

  /** Runs a request, or several that belong together, again while it fails for passing reasons. */
  retrying<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, random, signal, retryPolicy = defaultRetryPolicy } = this.#parts;
    return retry(
      { clock, random, ...(signal === undefined ? {} : { signal }) },
      retryPolicy,
      attempt,
    );
  }

  /**
   * Asks a broker, or with `null` any of those in the pipeline file. The answer comes also where
   * it holds error numbers: the caller looks at each.
   *
   * @throws {FirnError} KAFKA-UNREACHABLE, KAFKA-LOGIN, KAFKA-ANSWER
   */
  async ask<Answer>(
    broker: Broker | null,
    request: (connection: Connection) => Promise<Answer>,
  ): Promise<Answer> {
    const connection = broker === null ? await this.#any() : await this.#to(broker);
    try {
      return await request(connection);
    } catch (error) {
      const answer = answerOf(error);
      // The caller's request says what its answer is.
      if (answer !== null) return answer as Answer;
      const where = nameOf(connection);
      this.#drop(connection, where);
      throw connectionError(error, where);
    }
  }

  /** What the brokers say about themselves and about `topics`; nothing is made by asking. */
  metadata(topics: readonly string[]): Promise<metadataV12.MetadataResponse> {
    return this.ask(null, (connection) => metadataV12.api.async(connection, [...topics], false));
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const links = [...this.#open.values()];
    this.#open.clear();
    for (const { connection, ready } of links) {
      try {
        await ready;
        await connection.close();
      } catch {
        // It never came about, or is gone already.
      }
    }
  }

  async #any(): Promise<Connection> {
    let failure = new FirnError('KAFKA-UNREACHABLE', { what: 'No broker is named' });
    for (const server of this.#parts.address.bootstrapServers.split(',')) {
      try {
        return await this.#to(parseServer(server));
      } catch (error) {
        // The next one may answer.
        failure = connectionError(error, server);
      }
    }
    throw failure;
  }

  async #to(broker: Broker): Promise<Connection> {
    const where = `${broker.host}:${broker.port}`;
    if (this.#isClosed) {
      throw new FirnError('KAFKA-UNREACHABLE', { what: 'The client of Kafka was closed', where });
    }
    const link = this.#open.get(where) ?? this.#connect(broker, where);
    try {
      await link.ready;
      return link.connection;
    } catch (error) {
      this.#drop(link.connection, where);
      throw connectionError(error, where);
    }
  }

  #connect({ host, port }: Broker, where: string): Link {
    const { tls, sasl } = this.#parts.address;
    const { deadlineMs } = this;
    const connection = new Connection('firn', {
      connectTimeout: deadlineMs,
      requestTimeout: deadlineMs,
      ...(tls === undefined
        ? {}
        : { tls: tls.ca === null ? {} : { ca: tls.ca }, tlsServerName: isName(host) }),
      ...(sasl === undefined ? {} : { sasl }),
    });
    // Without somebody who listens an error would end the process; who asks is told by the answer.
    connection.on('error', () => this.#drop(connection, where));
    connection.on('close', () => this.#forget(connection, where));
    const link = { connection, ready: Promise.resolve(connection.connect(host, port)) };
    this.#open.set(where, link);
    return link;
  }

  /** A connection that failed carries no further request: a late answer is nobody's. */
  #drop(connection: Connection, where: string): void {
    this.#forget(connection, where);
    connection.socket.destroy();
  }

  #forget(connection: Connection, where: string): void {
    if (this.#open.get(where)?.connection === connection) this.#open.delete(where);
  }
}

/** Certificates name hosts, hardly ever addresses, and a server is not asked for an address. */
function isName(host: string): boolean {
  return !/^[\d.]+$|:/.test(host);
}

function nameOf(connection: Connection): string {
  return `${connection.host ?? ''}:${connection.port ?? ''}`;
}

/** The answer that came with error numbers in it; `null`: none came. */
function answerOf(error: unknown): unknown {
  if (!(error instanceof MultipleErrors)) return null;
  const answer: unknown = Reflect.get(error, 'response');
  return answer ?? null;
}

function parseServer(text: string): Broker {
  const [, host = text, port] = /^(.*?)(?::(\d+))?$/.exec(text.trim()) ?? [];
  return {
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? DEFAULT_PORT : Number.parseInt(port, 10),
  };
}
