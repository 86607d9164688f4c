/**
 * The Python environments of the tests: virtual environments under `.cache/`, made once per content
 * of a file of requirements, where every package is pinned.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const REQUIREMENTS = 'test/engines/requirements.txt';
const MINOR_MIN = 10;

/** A Python with its packages, or why there is none. */
export type Python =
  | { readonly kind: 'ready'; readonly path: string }
  | { readonly kind: 'absent'; readonly reason: string };

function run(command: string, args: readonly string[]): string {
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status === 0) return result.stdout.trim();
  const why = result.error?.message ?? `${result.stdout}${result.stderr}`;
  throw new Error(`${command} ${args.join(' ')}: ${why}`);
}

function systemPython(): Python {
  try {
    const minor = run('python3', ['-c', 'import sys, venv, ensurepip; print(sys.version_info[1])']);
    if (Number.parseInt(minor, 10) >= MINOR_MIN) return { kind: 'ready', path: 'python3' };
    return { kind: 'absent', reason: `python3 is older than 3.${MINOR_MIN}` };
  } catch {
    // Whatever python3 answered, it cannot make the environment.
    return { kind: 'absent', reason: 'no python3 with venv on this machine' };
  }
}

/**
 * Makes the environment of `requirements` when it is not there; by default PyIceberg’s.
 *
 * @throws {Error} when there is a Python but the packages cannot be installed: that is a failure,
 *   not a reason to skip
 */
export function ensurePython(requirements = REQUIREMENTS): Python {
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = resolve('.cache', `python-${wanted}`);
  const path = join(folder, 'bin', 'python');
  if (existsSync(join(folder, 'complete'))) return { kind: 'ready', path };

  const system = systemPython();
  if (system.kind === 'absent') return system;
  process.stdout.write(`making the Python environment of ${requirements} ...\n`);
  rmSync(folder, { recursive: true, force: true });
  run(system.path, ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  run(path, [...pip, '--no-deps', '-r', requirements]);
  run(path, ['-c', "open(__import__('sys').argv[1], 'w').close()", join(folder, 'complete')]);
  return { kind: 'ready', path };
}
