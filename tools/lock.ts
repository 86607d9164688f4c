/**
 * Completes `package-lock.json` after a change of versions (`node tools/lock.ts`).
 *
 * A registry may not have every platform package of a version. npm then leaves that package out of
 * the lock file, and `npm ci` refuses the file on every system. This adds the missing entries, by
 * name and exact version; they have no checksum, because nobody here has seen their bytes.
 */
import { readFileSync, writeFileSync } from 'node:fs';

/** The part of a lock file entry that matters here. */
export interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly license?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** A lock file, format 3. */
export interface LockFile {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
];
const MORE_SYSTEMS = ['sunos', 'win32'];
const CPUS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

function only(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}

/** Where a platform package belongs, read from its name (`…-linux-arm64-musl`). */
export function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[-/]/);
  const os = only([...SYSTEMS, ...MORE_SYSTEMS].find((system) => words.includes(system)));
  const cpu = only(CPUS.find((candidate) => words.includes(candidate)));
  const last = words.at(-1) ?? '';
  if (last.startsWith('musl')) return { os, cpu, libc: ['musl'] };
  if (last.startsWith('gnu')) return { os, cpu, libc: ['glibc'] };
  return { os, cpu };
}

/** Optional dependencies that `lock` names but has no entry for: path to entry. */
export function missingEntries(lock: LockFile): ReadonlyMap<string, LockEntry> {
  const missing = new Map<string, LockEntry>();
  for (const entry of Object.values(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      if (path in lock.packages) continue;
      const development = entry.dev === true ? { dev: true } : {};
      missing.set(path, { version, ...platformOf(name), ...development, optional: true });
    }
  }
  return missing;
}

function main(): void {
  const text = readFileSync('package-lock.json', 'utf8');
  const lock = JSON.parse(text) as LockFile;
  const missing = missingEntries(lock);
  const packages = Object.entries({ ...lock.packages, ...Object.fromEntries(missing) });
  packages.sort(([left], [right]) => (left < right ? -1 : 1));
  const complete = { ...lock, packages: Object.fromEntries(packages) };
  writeFileSync('package-lock.json', `${JSON.stringify(complete, null, 2)}\n`);
  process.stdout.write(`${missing.size} entries added\n`);
}

if (import.meta.main) main();
