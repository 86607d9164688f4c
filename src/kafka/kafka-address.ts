/** Where Kafka is and how to log in to it. */
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { RetryPolicy } from '../kernel/retry.ts';

/** Addresses of some brokers, and what they ask for. Secrets are never part of a message. */
export interface KafkaAddress {
  /** `host:port`, several with commas between them; an address of version 6 in brackets. */
  readonly bootstrapServers: string;
  /** Encrypted, with certificate and name checked. Left out: everything can be read on the way. */
  readonly tls?: {
    /** Certificates (PEM) of the authority; `null`: those that Node.js brings. */
    readonly ca: string | null;
  };
  readonly sasl?: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  };
}

/** What a client of Kafka is opened with. */
export interface KafkaParts {
  readonly address: KafkaAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** How long one request may take, and how long making a connection. */
  readonly deadlineMs?: number;
  /** Attempts at one request; all of them may be asked twice. */
  readonly retryPolicy?: RetryPolicy;
}
