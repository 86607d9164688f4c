/**
 * The cluster that tests of the cluster lane share: where its servers are, and accidents of one
 * server. `tools/servers/lane-cluster.ts` says how the lane gets it, and how one file is run by
 * hand.
 *
 * Whoever kills a server starts it again before the test ends, whatever becomes of the test.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSettings } from '../../../src/devcluster/cluster-settings.ts';
import type { ServerName } from '../../../src/devcluster/cluster-settings.ts';
import { bringUp, lookAt, takeDown } from '../../../src/devcluster/dev-cluster.ts';
import type { ServerStatus } from '../../../src/devcluster/dev-cluster.ts';
import { present } from '../../../src/kernel/assert.ts';
import { CLUSTER_VARIABLE, laneParts } from '../../../tools/servers/lane-cluster.ts';

/** Where the services are, as a pipeline file writes them; `s3` is `null` without an S3 server. */
export interface ClusterAddresses {
  readonly kafka: string;
  readonly connect: string;
  readonly jobManager: string;
  readonly gateway: string;
  readonly spark: string;
  readonly catalog: string;
  readonly s3: string | null;
}

/** A cluster that is up. */
export interface DevCluster {
  readonly folder: string;
  readonly addresses: ClusterAddresses;
  /** Folder of the lake that the cluster's catalog serves; its `catalog.db` is the catalog. */
  readonly warehouse: string;
  /** The sections `lake`, `engine` and `cluster` of a pipeline file on this cluster. */
  readonly sections: string;
  /** Every server as it is now. */
  look(): Promise<readonly ServerStatus[]>;
  /** Ends a server by SIGKILL and waits until it is gone. */
  kill(name: ServerName): Promise<void>;
  /** Starts a server that does not run, and waits until it answers. */
  start(name: ServerName): Promise<void>;
}

/** Why tests on the cluster are skipped, or `false`: for the option `skip` of `test()`. */
export function skipWithoutCluster(): string | false {
  const folder = process.env[CLUSTER_VARIABLE] ?? '';
  return folder === '' ? `no cluster: ${CLUSTER_VARIABLE} is not set` : false;
}

/** The cluster of this run. */
export function openCluster(): DevCluster {
  const folder = process.env[CLUSTER_VARIABLE] ?? '';
  const settings = present(readSettings(folder), `a development cluster in ${folder}`);
  const parts = laneParts(settings);
  // Written by the cluster's own code.
  const told = JSON.parse(readFileSync(join(folder, 'cluster.json'), 'utf8')) as {
    readonly addresses: ClusterAddresses;
    readonly pipeline: string;
  };
  const onServer = (): void => {};
  return {
    folder,
    addresses: told.addresses,
    warehouse: join(folder, 'lake'),
    sections: told.pipeline,
    look: () => lookAt(parts),
    kill: (name) => takeDown(parts, { names: [name], isKilled: true, onServer }),
    start: (name) => bringUp(parts, { names: [name], onServer }),
  };
}
