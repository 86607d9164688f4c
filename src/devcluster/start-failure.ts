/** Why a server did not start, as far as the last lines of its log say. */
import { existsSync, readFileSync } from 'node:fs';

const TAIL_CHARACTERS = 20_000;

const CLASSES: readonly (readonly [pattern: RegExp, problem: string])[] = [
  [/OutOfMemoryError|insufficient memory|Cannot allocate memory/, 'there is not enough memory'],
  [/No space left on device/, 'the disk is full'],
  [/BindException|Address already in use|address in use/i, 'one of its ports is taken'],
  [/UnsupportedClassVersionError/, 'the Java program is too old'],
  [
    /NoClassDefFoundError|ClassNotFoundException|Could not find or load main class/,
    'a class is missing: its folder of fetched jars is damaged; remove it, it is fetched again',
  ],
  [/AccessDeniedException|Permission denied/, 'a file or folder cannot be opened'],
  [
    /Unrecognized VM option|Unrecognized option|Could not create the Java Virtual Machine/,
    'this Java does not take its options',
  ],
  [/InconsistentClusterIdException|Invalid cluster\.id/, 'its data is of another cluster'],
];

/** The class of the problem; `null`: the log has no word of one that is known. */
export function startProblem(log: string): string | null {
  const text = existsSync(log) ? readFileSync(log, 'utf8').slice(-TAIL_CHARACTERS) : '';
  return CLASSES.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
