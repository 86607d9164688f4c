/**
 * The Java programs of the engine lane: jars under `.cache/`, fetched once per content of a
 * `pom.xml`, where every version is pinned.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { findJava, findMaven } from '../src/devcluster/machine-programs.ts';
import type { Environment } from '../src/devcluster/machine-programs.ts';
import { isFirnError } from '../src/kernel/firn-error.ts';

/** Jars as a class path, or why they cannot be had here. */
export type JavaJars =
  | { readonly kind: 'ready'; readonly classPath: string }
  | { readonly kind: 'absent'; readonly reason: string };

/** Why Java programs cannot be fetched and run here; `null`: they can. */
export function missingJava(environment: Environment = process.env): string | null {
  try {
    findJava(environment);
    findMaven(environment);
    return null;
  } catch (error) {
    if (isFirnError(error, 'DEVCLUSTER-PROGRAM')) return error.what;
    throw error;
  }
}

/**
 * Fetches the jars of `pom` when they are not there, into a folder named after `name`.
 *
 * @throws {Error} when there is a Java but the jars cannot be fetched: that is a failure, not a
 *   reason to skip
 */
export function ensureJars(request: { readonly name: string; readonly pom: string }): JavaJars {
  const { name, pom } = request;
  // The tests call the java of PATH, whatever JAVA_HOME is.
  const reason = missingJava({ ...process.env, JAVA_HOME: '' });
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
