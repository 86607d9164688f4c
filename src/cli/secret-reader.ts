/**
 * Reads secrets where the pipeline file says they are kept. A secret is in memory only; neither it
 * nor what a program printed beside it gets into a message.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { SecretReader, SecretReference } from '../config/secret-reference.ts';
import { unreachable } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';

/** A program that asks something, or hangs, must not stop a start for ever. */
const COMMAND_TIMEOUT_MS = 30_000;
const SECRET_LENGTH_MAX = 64 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/** A reader over the environment of this process. One line break at the end is not the secret's. */
export function secretReader(environment: Environment): SecretReader {
  return async (reference) => {
    const text = (await readFrom(reference, environment)).replace(/\r?\n$/, '');
    if (text !== '') return text;
    throw missing(reference, 'it is empty');
  };
}

function readFrom(reference: SecretReference, environment: Environment): Promise<string> {
  switch (reference.kind) {
    case 'env': {
      const value = environment[reference.name];
      return value === undefined
        ? Promise.reject(missing(reference, 'it is not set'))
        : Promise.resolve(value);
    }
    case 'file':
      return readFile(reference.path, 'utf8').catch((error: unknown) => {
        throw missing(reference, `it cannot be read (${reasonOf(error)})`);
      });
    case 'command':
      return runProgram(reference, environment);
    default:
      return unreachable(reference);
  }
}

function runProgram(
  reference: Extract<SecretReference, { kind: 'command' }>,
  environment: Environment,
): Promise<string> {
  const [program = '', ...others] = reference.argv;
  const options = {
    env: environment,
    timeout: COMMAND_TIMEOUT_MS,
    maxBuffer: SECRET_LENGTH_MAX,
    encoding: 'utf8',
  } as const;
  return new Promise((resolve, reject) => {
    execFile(program, others, options, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(missing(reference, `it failed (${reasonOf(error)})`));
    });
  });
}

/** The system's word or an exit code; never a message, which repeats arguments and output. */
function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  if ('killed' in error && error.killed === true) return 'it took too long';
  return 'code' in error ? `code ${String(error.code)}` : 'unknown';
}

function missing(reference: SecretReference, why: string): FirnError {
  const [what, where] = placeOf(reference);
  return new FirnError('CONFIG-SECRET-MISSING', { what: `${what}: ${why}`, where });
}

function placeOf(reference: SecretReference): readonly [what: string, where: string] {
  switch (reference.kind) {
    case 'env':
      return ['A secret comes from an environment variable', reference.name];
    case 'file':
      return ['A secret comes from a file', reference.path];
    case 'command':
      return ['A secret comes from a program', reference.argv[0] ?? ''];
    default:
      return unreachable(reference);
  }
}
