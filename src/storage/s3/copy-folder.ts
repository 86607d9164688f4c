/**
 * The folder of one process's local copies. What a crashed process left goes after a day without a
 * change; a process that is only idle for so long makes its copies again.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { uuidV7 } from '../../kernel/identifiers.ts';
import type { Random } from '../../kernel/random.ts';
import { isAbsence } from '../local-file.ts';
import { storageError } from '../storage-failure.ts';

/** Nothing is read for longer than this. */
const staleMs = 24 * 60 * 60 * 1000;

/**
 * A folder that nobody else uses, not made yet; removes those that nobody has used for a day.
 *
 * @param stage local folder of the pipeline
 */
export async function ownCopyFolder(
  stage: string,
  own: { readonly clock: Clock; readonly random: Random },
): Promise<string> {
  const copies = join(stage, 'copies');
  const before = own.clock.nowMs() - staleMs;
  try {
    for (const name of await readdir(copies)) {
      const path = join(copies, name);
      if ((await stat(path)).mtimeMs < before) await rm(path, { recursive: true, force: true });
    }
  } catch (error) {
    if (!isAbsence(error)) throw storageError(error, copies);
  }
  return join(copies, uuidV7(own.clock, own.random));
}
