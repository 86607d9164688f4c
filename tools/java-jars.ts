/**
 * The Java programs of the engine lane: jars under `.cache/`, fetched once per content of a
 * `pom.xml`, where every version is pinned.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const JAVA_MIN = 17;

/** Jars as a class path, or why they cannot be had here. */
export type JavaJars =
  | { readonly kind: 'ready'; readonly classPath: string }
  | { readonly kind: 'absent'; readonly reason: string };

/** What a program prints, on either stream; `null` when it cannot be run. */
function said(command: string, args: readonly string[]): string | null {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  return result.status === 0 ? `${result.stdout}${result.stderr}` : null;
}

function missing(): string | null {
  const major = /version "(\d+)/.exec(said('java', ['-version']) ?? '')?.[1];
  if (major === undefined || Number.parseInt(major, 10) < JAVA_MIN) {
    return `no java of version ${JAVA_MIN} or later on this machine`;
  }
  return said('mvn', ['--version']) === null ? 'no mvn on this machine' : null;
}

/**
 * Fetches the jars of `pom` when they are not there, into a folder named after `name`.
 *
 * @throws {Error} when there is a Java but the jars cannot be fetched: that is a failure, not a
 *   reason to skip
 */
export function ensureJars(request: { readonly name: string; readonly pom: string }): JavaJars {
  const { name, pom } = request;
  const reason = missing();
  if (reason !== null) return { kind: 'absent', reason };
  const hash = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  const folder = resolve('.cache', `${name}-${hash}`);
  const complete = join(folder, 'complete');
  const classPath = join(folder, '*');
  if (existsSync(complete)) return { kind: 'ready', classPath };
  process.stdout.write(`fetching the jars of ${pom} ...\n`);
  rmSync(folder, { recursive: true, force: true });
  const args = ['-q', '-B', '-ntp', '-f', pom, 'dependency:copy-dependencies'];
  const wish = ['-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
  const result = spawnSync('mvn', [...args, ...wish], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`mvn: ${result.stdout}${result.stderr}`);
  writeFileSync(complete, '');
  return { kind: 'ready', classPath };
}
