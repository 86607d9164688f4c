/**
 * What `check` says of the lake: of a folder without making it, of a bucket and of a
 * remote catalog by trying them.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { PipelineConfig } from '../config/pipeline-config.ts';
import type { Finding } from '../ports/source.ts';
import type { CommandContext } from './command.ts';
import { secretReader } from './secret-reader.ts';

/** Whether warehouse and catalog can be written where the pipeline file puts them. */
export async function checkLake(
  context: CommandContext,
  config: PipelineConfig,
): Promise<readonly Finding[]> {
  const { clock, random, environment } = context;
  const { checkStore } = await import('../pipeline/open-store.ts');
  const readSecret = secretReader(environment);
  const { checkCatalog } = await import('../pipeline/remote-catalog.ts');
  const parts = { config, clock, random, readSecret };
  const remote = [...(await checkStore(parts)), ...(await checkCatalog(parts))];
  return [...checkFolders(config), ...remote];
}

function checkFolders({ lake }: PipelineConfig): readonly Finding[] {
  const { catalog } = lake;
  const beside = catalog.type === 'sqlite' ? [dirname(catalog.path)] : [];
  const folders = new Set([lake.s3?.stage ?? lake.warehouse, ...beside]);
  return [...folders].map((folder) => {
    const problem = folderProblem(folder);
    const about = { code: 'warehouse', table: null } as const;
    return problem === null
      ? { ...about, severity: 'ok', message: `The lake can be written: ${folder}`, fix: null }
      : { ...about, severity: 'error', message: problem, fix: null };
  });
}

/** Why a folder cannot be written, or made where it is missing; `null`: it can. */
function folderProblem(folder: string): string | null {
  const place = nearestThere(folder);
  if (statSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return `The lake cannot be made at ${folder}: ${place} is not a folder.`;
  }
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
    return null;
  } catch {
    // Read-only or somebody else's: which of the two makes no difference to what to do.
    return `The lake cannot be made at ${folder}: ${place} cannot be written.`;
  }
}

/** The path itself, or the nearest above it that is there. */
function nearestThere(path: string): string {
  for (let place = path; ; place = dirname(place)) {
    try {
      if (statSync(place, { throwIfNoEntry: false }) !== undefined) return place;
    } catch {
      // A file lies on the way: one of the folders above says so.
    }
    if (place === dirname(place)) return place;
  }
}
