/**
 * The programs of this machine that the cluster needs, each with the version that it says itself.
 * What is missing is told with the way to get it.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { FirnError } from '../kernel/firn-error.ts';

/** Variables of the process. */
export type Environment = Readonly<Record<string, string | undefined>>;

const JAVA_MIN = 17;

/** What a program says on either stream; `null` when it cannot be run. */
function said(environment: Environment, command: string, ...words: readonly string[]) {
  const result = spawnSync(command, words, { encoding: 'utf8', env: environment });
  return result.status === 0 ? `${result.stdout}${result.stderr}` : null;
}

function missing(what: string): FirnError {
  return new FirnError('DEVCLUSTER-PROGRAM', { what });
}

/**
 * Path or name of a Java that is new enough: that of `JAVA_HOME`, else that of `PATH`.
 *
 * @throws {FirnError} DEVCLUSTER-PROGRAM
 */
export function findJava(environment: Environment): string {
  const home = environment['JAVA_HOME'] ?? '';
  const java = home === '' ? 'java' : join(home, 'bin', 'java');
  const text = said(environment, java, '-version');
  if (text === null) throw missing(`there is no ${java}`);
  const major = Number.parseInt(/version "(\d+)/.exec(text)?.[1] ?? '0', 10);
  if (major >= JAVA_MIN) return java;
  throw missing(`${java} is of version ${major}; ${JAVA_MIN} or newer is needed`);
}

/**
 * Name of Maven's program.
 *
 * @throws {FirnError} DEVCLUSTER-PROGRAM
 */
export function findMaven(environment: Environment): string {
  if (said(environment, 'mvn', '--version') !== null) return 'mvn';
  throw missing('there is no mvn in PATH that runs');
}

/**
 * Name of Python's program, which has pip.
 *
 * @throws {FirnError} DEVCLUSTER-PROGRAM
 */
export function findPython(environment: Environment): string {
  if (said(environment, 'python3', '-m', 'pip', '--version') !== null) return 'python3';
  throw missing('there is no python3 with pip in PATH');
}
