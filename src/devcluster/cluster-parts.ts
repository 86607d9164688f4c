/** What every server of a cluster is made with, and what a server is. */
import type { Clock } from '../kernel/clock.ts';
import type { Random } from '../kernel/random.ts';
import type { ClusterSettings, PortName, ServerName } from './cluster-settings.ts';
import { portOf } from './cluster-settings.ts';
import type { Environment } from './machine-programs.ts';
import type { Launch, ServerProcess } from './server-process.ts';

/** The world of a cluster. */
export interface ClusterParts {
  readonly settings: ClusterSettings;
  readonly clock: Clock;
  readonly random: Random;
  /** Of the program that brings it up. */
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** Folder of fetched programs. */
  readonly cacheFolder: string;
  /** How this program is called: it serves the catalog. */
  readonly firn: readonly string[];
  readonly firnVersion: string;
  /** Told before something is fetched that is not there. */
  readonly onFetch: (name: string) => void;
}

/** A server of a cluster. */
export interface ServerPlan {
  readonly name: ServerName;
  readonly version: string;
  /** Servers of a stage start together, after those of the stages before. */
  readonly stage: number;
  /** Ports that its process listens at, the one for clients first. */
  readonly ports: readonly number[];
  /** After SIGTERM it has so long. */
  readonly graceMs: number;
  /** Fetches what is missing, writes what it reads, and says how it is started. */
  readonly prepare: (instance: string) => Promise<Launch>;
  /** Asked when the process listens at all of its ports; it only looks. */
  readonly isReady: (server: ServerProcess) => Promise<boolean>;
  /**
   * Makes in it what its clients need, whoever started it: called by those who bring it up, again
   * and again while it listens and is not ready.
   */
  readonly complete?: () => Promise<void>;
}

/** Where everything is, as its clients write it. */
export function addressesOf(settings: ClusterSettings) {
  const at = (name: PortName): string => `127.0.0.1:${portOf(settings, name)}`;
  return {
    kafka: at('kafka'),
    connect: `http://${at('connect')}`,
    jobManager: `http://${at('jobManager')}`,
    gateway: `http://${at('gateway')}`,
    spark: at('spark'),
    catalog: `http://${at('catalog')}`,
    s3: settings.s3 ? `http://${at('s3')}` : null,
  } as const;
}
