/**
 * The development cluster of the demo: one of its own in the demo's folder, ended with it, or one
 * that runs already, which stays as it is.
 */
import { resolve } from 'node:path';
import { readSettings, settingsFor } from '../../devcluster/cluster-settings.ts';
import { bringUp, takeDown } from '../../devcluster/dev-cluster.ts';
import { pipelineSections } from '../../devcluster/pipeline-sections.ts';
import { clusterParts, ownCluster, requireLinux, settingsOf } from '../cluster/cluster-world.ts';
import type { CommandContext } from '../command.ts';
import { formatElapsed } from '../output/human-text.ts';
import type { DemoShop } from './demo-shop.ts';
import type { StoryTeller } from './story-teller.ts';

/** A cluster that is up. */
export interface DemoCluster {
  /** Name of the demo's pipeline: on a cluster that stays, no other demo's. */
  readonly pipeline: string;
  /** Lines of the pipeline file: where the lake is, and the services. */
  sections(connector: DemoShop['connector']): readonly string[];
  /** Kills the process that writes the ledgers. */
  killWriter(): Promise<void>;
  /** Starts it again. */
  startWriter(): Promise<void>;
  /** Ends the cluster, if it is the demo's own; others may work on it then. */
  end(): Promise<void>;
}

/** Where the cluster is. */
export interface DemoClusterPlace {
  /** For one of the demo's own. */
  readonly own: string;
  /** Folder of a cluster that stays; `null`: the demo has its own. */
  readonly given: string | null;
}

/** Flink's process that runs the job. */
const WRITER = 'taskmanager';

/**
 * Ends what a demo that was killed left running: its folder is about to be emptied.
 *
 * @throws {FirnError} DEVCLUSTER-BUSY while another demo runs
 */
export async function endOldCluster(context: CommandContext, place: string): Promise<void> {
  const settings = readSettings(place);
  if (settings === null) return;
  const ownership = ownCluster(context, place);
  try {
    const parts = clusterParts(context, settings, null);
    await takeDown(parts, { names: null, isKilled: true, onServer: () => {} });
  } finally {
    ownership.release();
  }
}

/**
 * Sees that there can be a cluster for the demo, before anything is made or removed.
 *
 * @param given folder of a cluster that stays; `null`: the demo has its own
 * @throws {FirnError} CONFIG-USAGE, DEVCLUSTER-FOLDER
 */
export function checkDemoCluster(given: string | null): void {
  requireLinux();
  if (given !== null) settingsOf(resolve(given));
}

/**
 * Brings the cluster up and tells of it. Nobody else starts and ends its servers meanwhile.
 *
 * @throws {FirnError} DEVCLUSTER-BUSY, and what {@link bringUp} throws
 */
export async function openDemoCluster(
  context: CommandContext,
  story: StoryTeller,
  { own, given }: DemoClusterPlace,
): Promise<DemoCluster> {
  const { random, terminal } = context;
  const place = given === null ? own : resolve(given);
  const settings = given === null ? settingsFor(place, {}, random) : settingsOf(place);
  const parts = clusterParts(context, settings, null);
  const ownership = ownCluster(context, place);
  const quiet = (): void => {};
  const end = async (): Promise<void> => {
    try {
      if (given === null) await takeDown(parts, { names: null, isKilled: true, onServer: quiet });
    } finally {
      ownership.release();
    }
  };
  story.headline('A cluster: Kafka, Debezium, Flink and Spark, as processes of this machine');
  try {
    await bringUp(parts, {
      names: null,
      onServer: (event) => {
        if (event.kind === 'starting') terminal.progress(event.name, [`${event.name} starting`]);
        if (event.kind === 'found') story.detail(`${event.name.padEnd(12)} runs already`);
        if (event.kind !== 'ready') return;
        terminal.progress(event.name, []);
        story.detail(`${event.name.padEnd(12)} ready after ${formatElapsed(event.tookMs)}`);
      },
    });
  } catch (error) {
    await end();
    throw error;
  }
  const suffix = Buffer.from(random.bytes(3)).toString('hex');
  const one = { names: [WRITER], onServer: quiet } as const;
  return {
    pipeline: given === null ? 'shop' : `shop_${suffix}`,
    sections: (connector) => pipelineSections(settings, connector).trimEnd().split('\n'),
    killWriter: () => takeDown(parts, { ...one, isKilled: true }),
    startWriter: () => bringUp(parts, one),
    end,
  };
}
