/**
 * A folder as object store. An object appears under its name only when it is whole and on disk:
 * written beside it, synced, renamed, its folder synced (C18). Nothing outside the folder is read
 * or written, not through `..` and not through a symbolic link.
 */
import { link, lstat, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { Random } from '../kernel/random.ts';
import type { MaterialisedFile, ObjectStore, StoredObject } from '../ports/object-store.ts';
import {
  copyToNewFile,
  filesUnder,
  isAbsence,
  makeFolders,
  readWhole,
  syncFile,
  syncFolder,
  writeNewFile,
} from './local-file.ts';
import { locationSpace } from './location.ts';
import type { LocationSpace } from './location.ts';
import {
  notFound,
  readBytesMaxDefault,
  storageError,
  systemCode,
  tooLarge,
} from './storage-failure.ts';
import { isTemporaryName, temporaryBeside } from './temporary-file.ts';

/** What a local store needs. */
export interface LocalObjectStoreOptions {
  /** The warehouse folder; made with the first object when it is not there. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Folders whose names are known to be durable; more are forgotten and synced again. */
const knownFoldersMax = 10_000;

/** The store of the objects in a local folder. */
export function createLocalObjectStore(options: LocalObjectStoreOptions): ObjectStore {
  return new LocalObjectStore(options);
}

class LocalObjectStore implements ObjectStore {
  readonly root: string;
  readonly #options: LocalObjectStoreOptions;
  readonly #folder: string;
  readonly #space: LocationSpace;
  readonly #knownFolders = new Set<string>();
  /** Where the folder really is. Links of its own place may lead anywhere, but not change. */
  #realFolder: string | null = null;

  constructor(options: LocalObjectStoreOptions) {
    this.#options = options;
    this.#folder = resolve(options.folder);
    this.#space = locationSpace(fromPath(this.#folder));
    this.root = this.#space.root;
  }

  async read(location: string, bytesMax?: number): Promise<Uint8Array> {
    const content = await this.readIfPresent(location, bytesMax);
    if (content === null) throw notFound(location);
    return content;
  }

  async readIfPresent(
    location: string,
    bytesMax = readBytesMaxDefault,
  ): Promise<Uint8Array | null> {
    const path = toPath(this.#space.object(location));
    try {
      const found = (await this.#checkInside(path)) ? await readWhole(path, bytesMax) : null;
      if (found?.content === null) {
        throw tooLarge({ location, sizeBytes: found.sizeBytes, bytesMax });
      }
      return found?.content ?? null;
    } catch (error) {
      if (isAbsence(error)) return null;
      throw storageError(error, path);
    }
  }

  async write(
    location: string,
    content: Uint8Array,
    options: { readonly ifAbsent?: boolean } = {},
  ): Promise<'written' | 'exists'> {
    const path = toPath(this.#space.object(location));
    return this.#place(path, async (temporary) => {
      await writeNewFile(temporary, content);
      if (options.ifAbsent !== true) {
        await rename(temporary, path);
        return 'written';
      }
      const answer = await linkIfAbsent(temporary, path);
      await unlink(temporary);
      return answer;
    });
  }

  async upload(localPath: string, location: string): Promise<{ readonly sizeBytes: number }> {
    const path = toPath(this.#space.object(location));
    const { size } = await this.#stagedFile(localPath);
    await this.#place(path, async (temporary) => {
      try {
        await rename(localPath, path);
      } catch (error) {
        if (systemCode(error) !== 'EXDEV') throw error;
        await copyToNewFile(localPath, temporary);
        await rename(temporary, path);
        await unlink(localPath);
      }
    });
    return { sizeBytes: size };
  }

  async materialise(location: string): Promise<MaterialisedFile> {
    const path = toPath(this.#space.object(location));
    try {
      const sizeBytes = await this.#sizeIfPresent(path);
      if (sizeBytes === null) throw notFound(location);
      // The object itself is the local file: there is no copy to give up.
      return { path, sizeBytes, release: () => Promise.resolve() };
    } catch (error) {
      throw storageError(error, path);
    }
  }

  async *list(folder: string): AsyncIterable<StoredObject> {
    const path = toPath(this.#space.folder(folder));
    try {
      await this.#checkInside(path);
      for await (const file of filesUnder(path)) {
        if (isTemporaryName(file.name)) continue;
        const { sizeBytes, modifiedMs } = file;
        yield { location: fromPath(file.path), sizeBytes, modifiedMs };
      }
    } catch (error) {
      throw storageError(error, path);
    }
  }

  async remove(location: string): Promise<void> {
    const path = toPath(this.#space.object(location));
    try {
      await this.#checkInside(dirname(path));
      await unlink(path);
      await syncFolder(dirname(path));
    } catch (error) {
      if (!isAbsence(error)) throw storageError(error, path);
    }
  }

  /** Size of a regular file inside the store; `null` where there is none. */
  async #sizeIfPresent(path: string): Promise<number | null> {
    if (!(await this.#checkInside(path))) return null;
    const found = await stat(path);
    return found.isFile() ? found.size : null;
  }

  /** A file to be taken into the store, with its content on disk. */
  async #stagedFile(localPath: string): Promise<{ readonly size: number }> {
    try {
      const found = await lstat(localPath);
      if (!found.isFile()) throw notFound(localPath);
      await syncFile(localPath);
      return found;
    } catch (error) {
      throw storageError(error, localPath);
    }
  }

  /**
   * Puts an object at `path` by `act`, which is given a temporary path in the same folder, and
   * makes its name durable. `act` leaves nothing at the temporary path, unless it fails.
   */
  async #place<T>(path: string, act: (temporary: string) => Promise<T>): Promise<T> {
    const temporary = temporaryBeside(path, this.#options);
    const folder = dirname(path);
    const wasKnown = this.#knownFolders.has(folder);
    try {
      await this.#makeFolder(folder);
      const result = await act(temporary);
      await syncFolder(folder);
      return result;
    } catch (error) {
      this.#knownFolders.delete(folder);
      // Somebody removed the folder since: it is made again, once.
      if (wasKnown && isAbsence(error)) return this.#place(path, act);
      await unlinkIfPresent(temporary).catch(() => {
        // The first error is the one to tell; what is left has a temporary name.
      });
      throw storageError(error, path);
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#knownFolders.has(folder)) return;
    await this.#checkInside(folder);
    await makeFolders(folder, { top: this.#folder, known: this.#knownFolders });
    if (this.#knownFolders.size >= knownFoldersMax) this.#knownFolders.clear();
    for (let made = folder; made !== this.#folder; made = dirname(made)) {
      this.#knownFolders.add(made);
    }
  }

  /**
   * Follows symbolic links up to `path`, or as far as it exists, and refuses to leave the folder.
   * Gives whether `path` exists.
   */
  async #checkInside(path: string): Promise<boolean> {
    for (let existing = path; existing !== this.#folder; existing = dirname(existing)) {
      try {
        const real = await realpath(existing);
        const top = (this.#realFolder ??= await realpath(this.#folder));
        if (real === top || real.startsWith(top.endsWith(sep) ? top : top + sep)) {
          return existing === path;
        }
        throw new FirnError('STORAGE-OUTSIDE-WAREHOUSE', {
          what: 'a symbolic link leads out of the warehouse',
          where: path,
        });
      } catch (error) {
        if (!isAbsence(error)) throw error;
      }
    }
    return path === this.#folder;
  }
}

/** Gives `to` the content at `from` unless `to` exists: of two processes only one can. */
async function linkIfAbsent(from: string, to: string): Promise<'written' | 'exists'> {
  try {
    await link(from, to);
    return 'written';
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return 'exists';
    throw error;
  }
}

async function unlinkIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsence(error)) throw error;
  }
}

/** `file:` location of an absolute path. */
function fromPath(path: string): string {
  return sep === '/' ? `file://${path}` : `file:///${path.replaceAll(sep, '/')}`;
}

/** Absolute path of a location in its one spelling. */
function toPath(location: string): string {
  const path = location.slice('file://'.length);
  return sep === '/' ? path : path.slice(1).replaceAll('/', sep);
}
