/**
 * Clients of the services of clusters: one of each per address in a process, however many pipelines
 * use it, so that hundreds of pipelines share a few connections. Nothing is loaded or connected
 * before it is used, and how many pipelines look at their services at once is bounded.
 */
import type { ClusterConfig } from '../../config/pipeline-config.ts';
import type { SecretReader } from '../../config/secret-reference.ts';
import type { ConnectClient } from '../../engines/cluster/connect-client.ts';
import type { FlinkGateway } from '../../engines/cluster/flink-gateway.ts';
import type { FlinkJobs } from '../../engines/cluster/flink-jobs.ts';
import type { KeptSessions, LeasedSession } from '../../engines/cluster/spark/kept-sessions.ts';
import type { SparkParts, SparkSession } from '../../engines/cluster/spark/spark-session.ts';
import type { KafkaAdmin } from '../../kafka/kafka-admin.ts';
import type { Clock } from '../../kernel/clock.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import type { Random } from '../../kernel/random.ts';
import type { RetryPolicy } from '../../kernel/retry.ts';

/** The services of one cluster. They belong to the pool, which closes them. */
export interface ClusterServices {
  readonly kafka: KafkaAdmin;
  /** `null`: the pipeline needs none. */
  readonly connect: ConnectClient | null;
  readonly gateway: FlinkGateway;
  readonly jobs: FlinkJobs;
  /**
   * A session of its own, not connected yet; whoever opens it closes it. Its work is given up when
   * `signal` aborts.
   */
  readonly openSpark: (signal?: AbortSignal) => SparkSession;
  /** A session that may be one that was kept under this name; whoever has it closes it. */
  readonly leaseSpark: (name: string, signal?: AbortSignal) => LeasedSession;
}

/** What a pool is made with. */
export interface PoolParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Needed where Spark asks for a token, and called at each session. */
  readonly readSecret?: SecretReader;
  /** Attempts at what may be asked twice; left out: the clients' own. */
  readonly retryPolicy?: RetryPolicy;
}

/** Pipelines that are looked at at the same time. */
const LOOKS_MAX = 16;

/** The services that the pipelines of a process use. */
export class ServicePool {
  readonly #parts: PoolParts;
  readonly #kafka = new Map<string, KafkaAdmin>();
  readonly #connect = new Map<string, ConnectClient>();
  readonly #gateways = new Map<string, FlinkGateway>();
  readonly #jobs = new Map<string, FlinkJobs>();
  readonly #waiting: (() => void)[] = [];
  #sessions: KeptSessions | null = null;
  #looking = 0;

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** The services at the addresses of a pipeline file. */
  async of({ kafka, connect, flink, spark }: ClusterConfig): Promise<ClusterServices> {
    const [{ KafkaAdmin: Kafka }, { ConnectClient: Connect }, gateway, jobs, sessions, kept] =
      await Promise.all([
        import('../../kafka/kafka-admin.ts'),
        import('../../engines/cluster/connect-client.ts'),
        import('../../engines/cluster/flink-gateway.ts'),
        import('../../engines/cluster/flink-jobs.ts'),
        import('../../engines/cluster/spark/spark-session.ts'),
        import('../../engines/cluster/spark/kept-sessions.ts'),
      ]);
    this.#sessions ??= new kept.KeptSessions();
    const [pool, { bootstrapServers }] = [this.#sessions, kafka];
    const openSpark = (signal?: AbortSignal): SparkSession => {
      const target = sparkTarget(this.#parts, spark);
      return new sessions.SparkSession({ ...target, ...(signal && { signal }) });
    };
    const at = (url: string): PoolParts & { readonly url: string } => ({ ...this.#parts, url });
    const address = { bootstrapServers };
    return {
      kafka: once(this.#kafka, bootstrapServers, () => new Kafka({ ...this.#parts, address })),
      connect:
        connect === null ? null : once(this.#connect, connect.url, (url) => new Connect(at(url))),
      gateway: once(this.#gateways, flink.gateway, (url) => gateway.createFlinkGateway(at(url))),
      jobs: once(this.#jobs, flink.jobManager, (url) => jobs.createFlinkJobs(at(url))),
      openSpark,
      leaseSpark: (name, signal) => {
        return pool.lease(`${spark.address} ${name}`, () => openSpark(signal));
      },
    };
  }

  /** Runs `look` when few enough others run. */
  async looking<T>(look: () => Promise<T>): Promise<T> {
    if (this.#looking >= LOOKS_MAX) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#looking += 1;
    }
    try {
      return await look();
    } finally {
      const next = this.#waiting.shift();
      // Who waits takes the place that is given up here.
      if (next === undefined) this.#looking -= 1;
      else next();
    }
  }

  /** Closes all clients. */
  async close(): Promise<void> {
    for (const client of [...this.#connect.values(), ...this.#gateways.values()]) client.close();
    for (const client of this.#jobs.values()) client.close();
    await this.#sessions?.close();
    await Promise.all([...this.#kafka.values()].map((admin) => admin.close()));
  }
}

function once<T>(made: Map<string, T>, address: string, make: (address: string) => T): T {
  const known = made.get(address);
  if (known !== undefined) return known;
  const client = make(address);
  made.set(address, client);
  return client;
}

/**
 * How the Spark of a pipeline file is reached.
 *
 * @throws {FirnError} CLUSTER-REFUSED
 */
export function sparkTarget(
  { clock, random, readSecret }: PoolParts,
  { address, tls, token }: ClusterConfig['spark'],
): SparkParts {
  if (token !== null && tls === 'off') {
    const what = 'a token is sent only over TLS, and cluster.spark.tls is off';
    throw new FirnError('CLUSTER-REFUSED', { what, where: address });
  }
  const read = token === null || readSecret === undefined ? null : () => readSecret(token);
  return { address, isSecure: tls !== 'off', authority: null, token: read, clock, random };
}
