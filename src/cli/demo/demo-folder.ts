/** The demo's folder: made, recognised, and never somebody else's. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FirnError } from '../../kernel/firn-error.ts';

/** Says that a folder was made by the demo, which may then empty it. */
const MARKER = '.made-by-firn-demo';

/** Paths inside the demo's folder. */
export interface DemoPaths {
  readonly folder: string;
  /** A SQLite shop. */
  readonly database: string;
  /** A server's data. */
  readonly server: string;
  readonly pipelineFile: string;
  /** The password of the shop's server, where a cluster's workers read it. */
  readonly passwordFile: string;
  /** A cluster of the demo's own. */
  readonly cluster: string;
}

/**
 * An empty folder for the demo; what an earlier demo left there is removed.
 *
 * @param endCluster ends what may still run of an earlier demo's cluster in this folder
 * @throws {FirnError} CONFIG-DEMO-FOLDER when the folder holds something else
 */
export async function prepareDemoFolder(
  folder: string,
  endCluster: (place: string) => Promise<void>,
): Promise<DemoPaths> {
  const marker = join(folder, MARKER);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  if (names.length > 0 && !names.includes(MARKER)) {
    const what = 'the folder is not empty and not from an earlier demo; nothing in it was touched';
    throw new FirnError('CONFIG-DEMO-FOLDER', { what, where: folder });
  }
  const cluster = join(folder, 'cluster');
  if (existsSync(cluster)) await endCluster(cluster);
  for (const name of names) {
    if (name !== MARKER) rmSync(join(folder, name), { recursive: true, force: true });
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(marker, 'Made by firn demo; the next demo empties this folder.\n');
  return {
    folder,
    database: join(folder, 'shop.db'),
    server: join(folder, 'server'),
    pipelineFile: join(folder, 'firn.yaml'),
    passwordFile: join(folder, 'password'),
    cluster,
  };
}
