/** The user's folder for locks and sockets: private, and short enough for a socket's path. */
import { lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { FirnError } from '../kernel/firn-error.ts';

/**
 * `$XDG_RUNTIME_DIR/firn`, or a folder of the user's own below the system's folder for temporary
 * files. Made when it is missing.
 *
 * @throws {FirnError} CONFIG-RUNTIME-FOLDER when it belongs to somebody else
 */
export function runtimeFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const given = environment['XDG_RUNTIME_DIR'] ?? '';
  const { uid } = userInfo();
  const folder = given === '' ? join(tmpdir(), `firn-${uid}`) : join(given, 'firn');
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const what = 'the folder for locks and sockets cannot be made';
    throw new FirnError('CONFIG-RUNTIME-FOLDER', { what, where: folder, cause });
  }
  // On Windows the user id is -1, and temporary folders are the user's own already.
  const found = lstatSync(folder);
  if (uid >= 0 && (!found.isDirectory() || found.uid !== uid)) {
    const what = 'the folder for locks and sockets belongs to somebody else';
    throw new FirnError('CONFIG-RUNTIME-FOLDER', { what, where: folder });
  }
  return folder;
}
