/**
 * Files that are being written: `.firn-<uuidv7>.tmp`, beside the file they become. A crash leaves
 * them behind; they are never listed as objects (engines skip names with a leading dot, too), and
 * they go away after a day.
 */
import { unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import type { Random } from '../kernel/random.ts';
import { filesUnder, isAbsence } from './local-file.ts';
import { storageError } from './storage-failure.ts';

/** Nothing is written to one file for longer than this. */
const staleMs = 24 * 60 * 60 * 1000;

/** A new temporary path in the folder of `path`. */
export function temporaryBeside(
  path: string,
  source: { readonly clock: Clock; readonly random: Random },
): string {
  return join(dirname(path), `.firn-${uuidV7(source.clock, source.random)}.tmp`);
}

/** Whether a file of this name, without folder, is one that is being written or was left behind. */
export function isTemporaryName(name: string): boolean {
  return /^\.firn-[0-9a-f-]{36}\.tmp$/.test(name);
}

/**
 * Removes temporary files that a crash left under a folder, last written more than a day ago.
 * Gives their number.
 *
 * @throws {FirnError} STORAGE-DENIED, STORAGE-READ-ONLY, STORAGE-IO
 */
export async function removeStaleTemporaries(options: {
  readonly folder: string;
  readonly clock: Clock;
}): Promise<number> {
  const before = options.clock.nowMs() - staleMs;
  let removed = 0;
  try {
    for await (const file of filesUnder(options.folder)) {
      if (!isTemporaryName(file.name) || file.modifiedMs >= before) continue;
      try {
        await unlink(file.path);
        removed++;
      } catch (error) {
        if (!isAbsence(error)) throw error;
      }
    }
  } catch (error) {
    throw storageError(error, options.folder);
  }
  return removed;
}
