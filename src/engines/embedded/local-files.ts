/**
 * Files of the lake at hand locally while something reads them. A file is asked for once, however
 * often it is named, and everything is given back together.
 */
import type { DataFile } from '../../iceberg/manifest.ts';
import type * as Api from '@duckdb/node-api';
import type { MaterialisedFile, ObjectStore } from '../../ports/object-store.ts';
import { present } from '../../kernel/assert.ts';
import { FirnError } from '../../kernel/firn-error.ts';
import { findNamedFiles, isOwnFile } from './query/file-columns.ts';
import type { NamedFiles } from './query/file-columns.ts';
import { fetchColumns, fetchFooters, footerBytes } from './remote/column-chunks.ts';

/** Files held locally. */
export interface LocalFiles {
  /** Local path of a file of the lake that was asked for. */
  path(file: DataFile): string;
  /** Whether some of them are at hand in part only. */
  readonly isPartial: boolean;
  /** Brings columns of some files to hand that were asked for in part. */
  bring(files: readonly DataFile[], columns: WantedColumns): Promise<void>;
  /** Brings all of some files to hand that were asked for in part. */
  complete(files: readonly DataFile[]): Promise<void>;
  /** Looks into files that other engines wrote; before anyone asks for `columnNames`. */
  examine(connection: Api.DuckDBConnection): Promise<void>;
  /** Names of the top-level columns of a file without field ids; `null`: it has ids. */
  columnNames(file: DataFile): ReadonlySet<string> | null;
  /** Gives all back. Idempotent. */
  release(): Promise<void>;
}

/** The error for a file that is not what its manifest says. */
export function damagedFile(file: DataFile, what: string, cause?: unknown): FirnError {
  return new FirnError('STORAGE-FILE-DAMAGED', { what, where: file.filePath, cause });
}

/** Downloads at a time, where a store has to download. */
const PARALLEL = 8;

/** Columns that are all that is read of some files; DuckDB is asked where they lie. */
export interface WantedColumns {
  readonly connection: Api.DuckDBConnection;
  readonly fieldIds: readonly number[];
}

/**
 * Makes files readable locally: as a whole, or of each only some columns, as far as the store can
 * bring parts; `later`: which columns is not known yet.
 *
 * @throws FirnError STORAGE-NOT-FOUND, STORAGE-FILE-DAMAGED; then none is held
 */
export async function holdFiles(
  store: ObjectStore,
  files: readonly DataFile[],
  columns: WantedColumns | 'later' | null = null,
): Promise<LocalFiles> {
  const held = new Map<string, MaterialisedFile>();
  const release = async (): Promise<void> => {
    const copies = [...held.values()];
    held.clear();
    for (const copy of copies) await copy.release();
  };
  const part = columns === null ? {} : { tailBytes: footerBytes };
  const wanted = [...new Set(files.map(({ filePath }) => filePath))];
  const fetchAll = async (): Promise<void> => {
    for (let location = wanted.pop(); location !== undefined; location = wanted.pop()) {
      held.set(location, await store.materialise(location, part));
    }
  };
  const results = await Promise.allSettled(Array.from({ length: PARALLEL }, fetchAll));
  for (const result of results) {
    if (result.status === 'fulfilled') continue;
    await release();
    throw result.reason;
  }
  const copyOf = ({ filePath }: DataFile): MaterialisedFile =>
    present(held.get(filePath), 'a file that is held');
  try {
    for (const file of files) {
      const { sizeBytes } = copyOf(file);
      if (BigInt(sizeBytes) === file.fileSizeBytes) continue;
      throw damagedFile(file, `it has ${sizeBytes} bytes, its manifest says ${file.fileSizeBytes}`);
    }
    if (columns === 'later') await fetchFooters([...held.values()]);
    else if (columns !== null) {
      await fetchColumns(columns.connection, [...held.values()], columns.fieldIds);
    }
  } catch (error) {
    await release();
    throw error;
  }
  const path = (file: DataFile): string => copyOf(file).path;
  let named: NamedFiles | null = null;
  return {
    path,
    isPartial: [...held.values()].some(({ fetch }) => fetch !== undefined),
    async bring(some, wantedColumns) {
      const { connection, fieldIds } = wantedColumns;
      await fetchColumns(connection, some.map(copyOf), fieldIds);
    },
    async complete(some) {
      for (const file of some) {
        const { sizeBytes, fetch } = copyOf(file);
        await fetch?.([{ start: 0, end: sizeBytes }]);
      }
    },
    async examine(connection) {
      named ??= await findNamedFiles(connection, { path }, files);
    },
    columnNames(file) {
      if (isOwnFile(file)) return null;
      return present(named, 'what was found in foreign files').get(file.filePath) ?? null;
    },
    release,
  };
}

/** Files of which only some columns are read, and files that are read as a whole, together. */
export async function holdParts(
  store: ObjectStore,
  wanted: {
    readonly parts: readonly DataFile[];
    /** Of `parts`; `later`: they are asked for when they are known. */
    readonly columns: WantedColumns | 'later';
    readonly whole: readonly DataFile[];
  },
): Promise<LocalFiles> {
  const whole = await holdFiles(store, wanted.whole);
  try {
    const parts = await holdFiles(store, wanted.parts, wanted.columns);
    const isWhole = new Set(wanted.whole.map(({ filePath }) => filePath));
    return {
      path: (file) => (isWhole.has(file.filePath) ? whole : parts).path(file),
      isPartial: parts.isPartial,
      bring: (some, columns) => parts.bring(some, columns),
      complete: (some) => parts.complete(some.filter(({ filePath }) => !isWhole.has(filePath))),
      async examine(connection) {
        await parts.examine(connection);
        await whole.examine(connection);
      },
      columnNames: (file) => (isWhole.has(file.filePath) ? whole : parts).columnNames(file),
      async release() {
        await parts.release();
        await whole.release();
      },
    };
  } catch (error) {
    await whole.release();
    throw error;
  }
}
