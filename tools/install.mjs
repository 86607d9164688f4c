/**
 * Installs what is missing, and nothing else: `node tools/install.mjs program|tests`.
 *
 * Plain JavaScript for Node 20, because it runs before Node 24 is there. An install is current when
 * every package that the lock file names for this machine is in npm's own record of the folder with
 * the same version and integrity. Packages for development are never taken away by a program run.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { systemNpmEnvironment } from './system-npm.mjs';

/** How much of npm's output a failure shows: the reason comes first, a page of usage after it. */
const FAILURE_LINES_MAX = 12;

/** Whether an `os`, `cpu` or `libc` list of a lock file entry allows `value`. */
function allows(list, value) {
  if (list === undefined) return true;
  const names = Array.isArray(list) ? list : [list];
  if (names.includes(`!${value}`)) return false;
  const wanted = names.filter((name) => !name.startsWith('!'));
  return wanted.length === 0 || wanted.includes(value);
}

/** What of the lock file belongs on `machine`; development packages only when `development`. */
function packagesFor(lock, machine, development) {
  return Object.entries(lock.packages).filter(
    ([path, entry]) =>
      path !== '' &&
      (development || entry.dev !== true) &&
      allows(entry.os, machine.os) &&
      allows(entry.cpu, machine.cpu) &&
      (machine.libc === null || allows(entry.libc, machine.libc)),
  );
}

/** Whether `have` is the package `entry` wants; an entry without a checksum takes any. */
function isSame(entry, have) {
  if (have?.version !== entry.version) return false;
  return entry.integrity === undefined || have.integrity === entry.integrity;
}

/** Paths of the packages that `installed` (npm's record, or `null`) does not have as locked. */
export function missingPackages(lock, installed, machine, development) {
  const have = installed?.packages ?? {};
  return packagesFor(lock, machine, development)
    .filter(([path, entry]) => !isSame(entry, have[path]))
    .map(([path]) => path);
}

/** Whether `installed` holds a package that only development needs. */
export function hasDevelopment(lock, installed) {
  return Object.keys(installed?.packages ?? {}).some((path) => lock.packages[path]?.dev === true);
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : null;
}

function thisMachine() {
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  const libc = process.platform !== 'linux' ? null : glibc === undefined ? 'musl' : 'glibc';
  return { os: process.platform, cpu: process.arch, libc };
}

/** Runs npm with the system's Node: the one inside node_modules is about to be replaced. */
function runNpm(root, args) {
  const run = spawnSync('npm', args, {
    cwd: root,
    env: systemNpmEnvironment(process.env),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (run.status === 0) return true;
  const output = `${run.stdout ?? ''}${run.stderr ?? ''}${run.error?.message ?? ''}`;
  process.stderr.write(`${output.split('\n').slice(0, FAILURE_LINES_MAX).join('\n')}\n`);
  return false;
}

function main(root, what) {
  const lockPath = join(root, 'package-lock.json');
  const recordPath = join(root, 'node_modules', '.package-lock.json');
  const lock = readJson(lockPath);
  const machine = thisMachine();
  const before = readJson(recordPath);
  const development = what === 'tests' || hasDevelopment(lock, before);

  if (missingPackages(lock, before, machine, development).length > 0) {
    const count = packagesFor(lock, machine, development).length;
    const started = Date.now();
    process.stderr.write(`firn: installing ${count} packages into node_modules ...\n`);
    const omit = development ? [] : ['--omit=dev'];
    // The lock file names every version: what npm's cache holds needs no second look.
    const quiet = ['--ignore-scripts', '--prefer-offline', '--loglevel=error'];
    if (!runNpm(root, ['ci', ...quiet, ...omit])) {
      process.stderr.write('firn: npm ci failed (its output is above)\n');
      return 1;
    }
    const missing = missingPackages(lock, readJson(recordPath), machine, development);
    if (missing.length > 0) {
      process.stderr.write(`firn: npm left out ${missing.join(', ')}: run npm ci and look there\n`);
      return 1;
    }
    process.stderr.write(`firn: installed in ${Math.round((Date.now() - started) / 1000)} s\n`);
  }
  try {
    copyFileSync(lockPath, join(root, 'node_modules', '.firn-lock'));
  } catch {
    // A folder that cannot be written only costs this look at every start.
  }
  return 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exitCode = main(fileURLToPath(new URL('..', import.meta.url)), process.argv[2]);
}
