/**
 * File operations of which each has reached the disk when it returns. A name in a folder is data of
 * that folder: a new or renamed file survives a power cut only after its folder was synced too.
 */
import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, open, opendir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from './storage-failure.ts';

/** Creates a file, which must not exist, with this content. */
export async function writeNewFile(path: string, content: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Copies a file to a path that must not exist. */
export async function copyToNewFile(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL);
  await syncFile(to);
}

/** Makes a file's content durable. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder for syncing; NTFS journals its names.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes `folder` with all above it. The names from `folder` up to `top` are durable then, also
 * where another process made them and may not have synced them yet; so is the name of `top`, if
 * made.
 *
 * @param place `top`: `folder` or one above it; `known`: folders whose names, and the names of
 *   those above them, are durable: they are made again where they are gone
 */
export async function makeFolders(
  folder: string,
  { top, known }: { readonly top: string; readonly known: ReadonlySet<string> },
): Promise<void> {
  const firstMade = (await mkdir(folder, { recursive: true })) ?? null;
  const stop = firstMade !== null && firstMade.length <= top.length ? dirname(firstMade) : top;
  for (let made = folder; made !== stop; made = dirname(made)) {
    const isNew = firstMade !== null && made.length >= firstMade.length;
    if (!isNew && known.has(made)) return;
    await syncFolder(dirname(made));
  }
}

/**
 * Content of a regular file, or its size alone where that exceeds `bytesMax`; `null` for what is no
 * regular file.
 */
export async function readWhole(
  path: string,
  bytesMax: number,
): Promise<{ readonly sizeBytes: number; readonly content: Uint8Array | null } | null> {
  // A pipe that nobody writes to would be waited for.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    const { size } = found;
    if (!found.isFile()) return null;
    if (size > bytesMax) return { sizeBytes: size, content: null };
    const content = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const { bytesRead } = await handle.read(content, filled, size - filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return { sizeBytes: filled, content: content.subarray(0, filled) };
  } finally {
    await handle.close();
  }
}

/** A regular file as a walk found it. */
export interface FoundFile {
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/** Regular files under a folder, recursively. Symbolic links are neither followed nor given. */
export async function* filesUnder(folder: string): AsyncGenerator<FoundFile> {
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    try {
      for await (const entry of await opendir(next)) {
        const path = join(next, entry.name);
        if (entry.isDirectory()) pending.push(path);
        else if (entry.isFile()) yield* found(path, entry.name);
      }
    } catch (error) {
      // Somebody may remove a folder during the walk; then it holds nothing.
      if (!isAbsence(error)) throw error;
    }
  }
}

async function* found(path: string, name: string): AsyncGenerator<FoundFile> {
  try {
    const { size, mtimeMs } = await lstat(path);
    yield { path, name, sizeBytes: size, modifiedMs: Math.trunc(mtimeMs) };
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

/** Whether a system call failed because there is no such file. */
export function isAbsence(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
