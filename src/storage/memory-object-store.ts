/**
 * An object store in memory: the port's contract without a disk, for tests and simulations. Content
 * is copied on the way in and out, so that no caller can change a stored object.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../kernel/assert.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Clock } from '../kernel/clock.ts';
import type { ObjectStore, StoredObject } from '../ports/object-store.ts';
import { locationSpace } from './location.ts';
import { notFound, readBytesMaxDefault, storageError, tooLarge } from './storage-failure.ts';

/** What an in-memory store may be given. */
export interface MemoryObjectStoreOptions {
  /** Folder for materialised files, made when missing; without it nothing can be materialised. */
  readonly stageFolder?: string;
  /** Gives objects their `modifiedMs`; default: the machine's. */
  readonly clock?: Clock;
}

interface Content {
  readonly bytes: Uint8Array;
  readonly modifiedMs: number;
}

/** Puts copies of objects into local files, each into one of its own. */
function stage(folder: string | undefined): (bytes: Uint8Array) => Promise<string> {
  let ready: Promise<string> | null = null;
  let count = 0;
  return async (bytes) => {
    assert(folder !== undefined, 'a memory store without a stage folder cannot materialise');
    ready ??= mkdir(folder, { recursive: true }).then(() => mkdtemp(join(folder, 'memory-')));
    const path = join(await ready, String(count++));
    await writeFile(path, bytes);
    return path;
  };
}

/**
 * An empty store in memory.
 *
 * @param root URI that locations start with, such as `memory://lake` or `file:///lake`
 */
export function createMemoryObjectStore(
  root: string,
  options: MemoryObjectStoreOptions = {},
): ObjectStore {
  const space = locationSpace(root);
  const clock = options.clock ?? systemClock;
  const objects = new Map<string, Content>();
  const toStage = stage(options.stageFolder);
  const put = (key: string, bytes: Uint8Array): void => {
    objects.set(key, { bytes: Uint8Array.from(bytes), modifiedMs: clock.nowMs() });
  };
  const get = (location: string): Uint8Array | null =>
    objects.get(space.object(location))?.bytes ?? null;

  const store: ObjectStore = {
    root: space.root,
    async read(location, bytesMax) {
      const content = await store.readIfPresent(location, bytesMax);
      if (content === null) throw notFound(location);
      return content;
    },
    async readIfPresent(location, bytesMax = readBytesMaxDefault) {
      const bytes = get(location);
      if (bytes === null) return null;
      if (bytes.length > bytesMax) throw tooLarge({ location, sizeBytes: bytes.length, bytesMax });
      return Uint8Array.from(bytes);
    },
    async write(location, content, options) {
      const key = space.object(location);
      if (options?.ifAbsent === true && objects.has(key)) return 'exists';
      put(key, content);
      return 'written';
    },
    async upload(localPath, location) {
      const key = space.object(location);
      try {
        const bytes = await readFile(localPath);
        put(key, bytes);
        await rm(localPath);
        return { sizeBytes: bytes.length };
      } catch (error) {
        throw storageError(error, localPath);
      }
    },
    async materialise(location) {
      const bytes = get(location);
      if (bytes === null) throw notFound(location);
      const path = await toStage(bytes);
      return { path, sizeBytes: bytes.length, release: () => rm(path, { force: true }) };
    },
    async *list(folder): AsyncIterable<StoredObject> {
      const prefix = `${space.folder(folder)}/`;
      for (const [location, content] of objects) {
        if (!location.startsWith(prefix)) continue;
        yield { location, sizeBytes: content.bytes.length, modifiedMs: content.modifiedMs };
      }
    },
    async remove(location) {
      objects.delete(space.object(location));
    },
  };
  return store;
}
