/** A development cluster as this program has it: where it can be, who works on it, its parts. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { ClusterParts } from '../../devcluster/cluster-parts.ts';
import { readSettings } from '../../devcluster/cluster-settings.ts';
import type { ClusterSettings } from '../../devcluster/cluster-settings.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { takeOwnership } from '../../pipeline/control/ownership.ts';
import type { Ownership } from '../../pipeline/control/ownership.ts';
import type { CommandContext } from '../command.ts';
import { runtimeFolder } from '../runtime-folder.ts';

/**
 * Sees that this system has what a cluster's servers are known by.
 *
 * @throws {FirnError} CONFIG-USAGE
 */
export function requireLinux(): void {
  if (process.platform === 'linux') return;
  const what = 'a development cluster runs on Linux alone; docs/engines.md says how to use others';
  throw new FirnError('CONFIG-USAGE', { what });
}

/**
 * The right to start and end a cluster's servers, until released: two programs that do so would
 * undo each other's work.
 *
 * @throws {FirnError} DEVCLUSTER-BUSY
 */
export function ownCluster({ environment }: CommandContext, folder: string): Ownership {
  const key = { runtimeFolder: runtimeFolder(environment), catalogId: folder, pipeline: 'cluster' };
  const ownership = takeOwnership(key);
  if (ownership !== null) return ownership;
  const what = 'another firn cluster up or down, or a demo, works on this folder';
  throw new FirnError('DEVCLUSTER-BUSY', { what, where: folder });
}

/**
 * Settings of a cluster that is there.
 *
 * @throws {FirnError} DEVCLUSTER-FOLDER
 */
export function settingsOf(folder: string): ClusterSettings {
  const settings = readSettings(folder);
  if (settings !== null) return settings;
  const what = 'there is no development cluster in the folder';
  const remedy = 'firn cluster up FOLDER makes one.';
  throw new FirnError('DEVCLUSTER-FOLDER', { what, where: folder, remedy });
}

/**
 * The parts; `cacheFolder`: where fetched programs are kept, `null`: where the cluster's are, else
 * the user's usual place.
 *
 * @throws {FirnError} CONFIG-USAGE on other systems than Linux
 */
export function clusterParts(
  context: CommandContext,
  settings: ClusterSettings,
  cacheFolder: string | null,
): ClusterParts {
  requireLinux();
  const { clock, random, environment, signal, terminal, version } = context;
  const home = environment['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return {
    settings,
    clock,
    random,
    environment,
    signal,
    cacheFolder: resolve(cacheFolder ?? settings.cacheFolder ?? join(home, 'firn')),
    firn: [process.execPath, process.argv[1] ?? ''],
    firnVersion: version,
    onFetch: (name) => terminal.line(`fetching ${name}, once ...`),
  };
}
