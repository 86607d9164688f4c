/**
 * Files of the lake at hand locally while something reads them. A file is asked for once, however
 * often it is named, and everything is given back together.
 */
import type { DataFile } from '../../iceberg/manifest.ts';
import type { MaterialisedFile, ObjectStore } from '../../ports/object-store.ts';
import { present } from '../../kernel/assert.ts';

/** Files held locally. */
export interface LocalFiles {
  /** Local path of a file of the lake that was asked for. */
  path(file: DataFile): string;
  /** Gives all back. Idempotent. */
  release(): Promise<void>;
}

/** Downloads at a time, where a store has to download. */
const PARALLEL = 8;

/**
 * Makes files readable locally.
 *
 * @throws FirnError STORAGE-NOT-FOUND; then none is held
 */
export async function holdFiles(
  store: ObjectStore,
  files: readonly DataFile[],
): Promise<LocalFiles> {
  const held = new Map<string, MaterialisedFile>();
  const release = async (): Promise<void> => {
    const copies = [...held.values()];
    held.clear();
    for (const copy of copies) await copy.release();
  };
  const wanted = [...new Set(files.map(({ filePath }) => filePath))];
  const fetchAll = async (): Promise<void> => {
    for (let location = wanted.pop(); location !== undefined; location = wanted.pop()) {
      held.set(location, await store.materialise(location));
    }
  };
  const results = await Promise.allSettled(Array.from({ length: PARALLEL }, fetchAll));
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    await release();
    throw result.reason;
  }
  return {
    path: ({ filePath }) => present(held.get(filePath), 'a file that is held').path,
    release,
  };
}
