/**
 * One owner per pipeline on a machine (docs/spec/pipeline.md P1, P2): an exclusive SQLite lock on a
 * local file. The operating system ends the lock with its process, so a crash leaves nothing to
 * clean up. Owners on two machines are stopped by the commit rules instead.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** What names an owner's lock. */
export interface OwnershipKey {
  /** Folder of the user for locks and sockets, made with mode 700 where it is missing. */
  readonly runtimeFolder: string;
  readonly catalogId: string;
  readonly pipeline: string;
}

/** The right to write for one pipeline, until released. */
export interface Ownership {
  /** Where the owner listens for other commands; removed when released. */
  readonly socketPath: string;
  release(): void;
}

/**
 * Paths of a pipeline's lock and socket; short, because a socket's path is limited to 107 bytes.
 */
export function ownershipPaths(key: OwnershipKey): {
  readonly lockPath: string;
  readonly socketPath: string;
} {
  const name = createHash('sha256').update(`${key.catalogId}\n${key.pipeline}`).digest('hex');
  const path = join(key.runtimeFolder, name.slice(0, 16));
  return { lockPath: `${path}.lock`, socketPath: `${path}.sock` };
}

/** Takes the pipeline's lock, or gives `null` when another process has it. */
export function takeOwnership(key: OwnershipKey): Ownership | null {
  mkdirSync(key.runtimeFolder, { recursive: true, mode: 0o700 });
  const { lockPath, socketPath } = ownershipPaths(key);
  const database = new DatabaseSync(lockPath, { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isLocked(error)) return null;
    throw error;
  }
  // A socket left by a crashed owner: whoever holds the lock may remove it.
  rmSync(socketPath, { force: true });
  let held = true;
  return {
    socketPath,
    release() {
      if (!held) return;
      held = false;
      rmSync(socketPath, { force: true });
      database.close();
    },
  };
}

function isLocked(error: unknown): boolean {
  // SQLITE_BUSY is 5 (sqlite.org, "Result and Error Codes").
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}
