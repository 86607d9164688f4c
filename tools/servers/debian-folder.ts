/**
 * Programs of a Debian suite, unpacked into a folder: nothing is installed, no right of root is
 * needed, and they run on any Linux, since their own libc and loader are unpacked with them. apt
 * works in a root of its own under the folder and checks signatures with the machine's keyring.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** What to unpack, and where. */
export interface DebianWish {
  /** A suite of the Debian archive, for example `sid`. */
  readonly suite: string;
  readonly packages: readonly string[];
  /** Packages of the closure that are not needed to run, as the start of their names. */
  readonly without: readonly string[];
  /** Made complete or not at all. */
  readonly folder: string;
}

/** Unpacked programs, or why this machine cannot have them. */
export type DebianFolder =
  | { readonly kind: 'ready'; readonly loader: readonly string[] }
  | { readonly kind: 'absent'; readonly reason: string };

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const LOADERS: Readonly<Record<string, { readonly triple: string; readonly loader: string }>> = {
  x64: { triple: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { triple: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

interface Run {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

async function run(command: string, args: readonly string[], options: Run = {}): Promise<string> {
  const env = { ...process.env, ...options.env };
  const child = spawn(command, args, { ...options, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status === 0) return out;
  throw new Error(`${command} ${args.join(' ')} ended with ${status}: ${err.slice(-2000)}`);
}

/** The Debian mirror that this machine's own apt uses, or `null`. */
async function debianMirror(): Promise<string | null> {
  try {
    const uris = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)']);
    return uris.split('\n').find((uri) => /\/debian\/?$/.test(uri)) ?? null;
  } catch {
    // No apt, or one that cannot say: this machine has no mirror for us.
    return null;
  }
}

/** A configuration with which apt reads and writes nothing outside `root`. */
function privateApt(root: string, source: string): Readonly<Record<string, string>> {
  for (const folder of ['etc', 'lists/partial', 'cache/archives/partial', 'state']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, 'status'), '');
  writeFileSync(join(root, 'etc', 'sources.list'), `${source}\n`);
  const config = join(root, 'apt.conf');
  const lines = [
    `Dir "${root}";`,
    `Dir::Etc "${root}/etc";`,
    `Dir::State "${root}/state";`,
    `Dir::State::lists "${root}/lists";`,
    `Dir::State::status "${root}/status";`,
    `Dir::Cache "${root}/cache";`,
    'APT::Install-Recommends "false";',
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    'Acquire::Retries "3";',
    // A mirror may hold a release file that is some days old; its signature still counts.
    'Acquire::Check-Valid-Until "false";',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return { APT_CONFIG: config, LC_ALL: 'C' };
}

async function unpack(wish: DebianWish, mirror: string, folder: string): Promise<void> {
  const aptRoot = join(folder, 'apt');
  const debs = join(folder, 'debs');
  mkdirSync(debs, { recursive: true });
  const source = `deb [signed-by=${KEYRING}] ${mirror} ${wish.suite} main`;
  const env = privateApt(aptRoot, source);
  await run('apt-get', ['update', '-qq'], { env });
  const plan = await run('apt-get', ['install', '-y', '--dry-run', ...wish.packages], { env });
  const closure = plan
    .split('\n')
    .flatMap((line) => (line.startsWith('Inst ') ? [line.split(' ')[1] ?? ''] : []))
    .filter((name) => !wish.without.some((start) => name.startsWith(start)));
  await run('apt-get', ['download', '-qq', ...closure], { env, cwd: debs });
  for (const deb of readdirSync(debs)) {
    await run('dpkg-deb', ['-x', join(debs, deb), join(folder, 'root')]);
  }
  rmSync(aptRoot, { recursive: true });
  rmSync(debs, { recursive: true });
}

/** How to run a program of the folder: `[...loader, join(folder, 'root', program), ...args]`. */
function loaderOf(folder: string): readonly string[] {
  const place = LOADERS[process.arch];
  if (place === undefined) return [];
  // A suite before the merge of /lib into /usr/lib has its libc in /lib.
  const libraries = ['usr/lib', 'lib'].map((name) => join(folder, 'root', name, place.triple));
  const loader = libraries
    .map((library) => join(library, place.loader))
    .find((path) => existsSync(path));
  return loader === undefined ? [] : [loader, '--library-path', libraries.join(':')];
}

/** Removes what processes left that were killed while they unpacked. */
function removeAbandoned(folder: string): void {
  const parent = dirname(folder);
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(`${basename(folder)}.`)) continue;
    const pid = Number.parseInt(name.slice(basename(folder).length + 1), 10);
    if (!existsSync(`/proc/${pid}`)) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/**
 * Makes the folder when it is not there. Two processes may do so at once: each works in a folder
 * of its own, and the first to finish wins.
 *
 * @throws {Error} when there is a mirror but the packages cannot be had: that is a failure, not a
 *   reason to skip
 */
export async function ensureDebianFolder(wish: DebianWish): Promise<DebianFolder> {
  if (existsSync(wish.folder)) return { kind: 'ready', loader: loaderOf(wish.folder) };
  if (process.platform !== 'linux' || LOADERS[process.arch] === undefined) {
    return { kind: 'absent', reason: `no packages for ${process.platform} ${process.arch}` };
  }
  if (!existsSync(KEYRING)) return { kind: 'absent', reason: 'no Debian keyring on this machine' };
  const mirror = await debianMirror();
  if (mirror === null) {
    return { kind: 'absent', reason: "this machine's apt names no Debian mirror" };
  }

  removeAbandoned(wish.folder);
  const unfinished = `${wish.folder}.${process.pid}`;
  try {
    await unpack(wish, mirror, unfinished);
    if (!existsSync(wish.folder)) renameSync(unfinished, wish.folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return { kind: 'ready', loader: loaderOf(wish.folder) };
}
