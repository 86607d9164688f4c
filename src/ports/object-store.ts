/**
 * Where files of a lake lie. Locations are full URIs as Iceberg metadata holds them
 * (`file:///lake/orders/data/x.parquet`); an implementation refuses every location outside its root
 * (STORAGE-OUTSIDE-WAREHOUSE), also ones with `..` in them.
 */

/** Bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A file of the lake at hand on the local disk, until released. */
export interface MaterialisedFile {
  /** Absolute local path; read only. */
  readonly path: string;
  readonly sizeBytes: number;
  /**
   * Only where not all of the file is at hand: brings further bytes of it. Any others read as
   * zeros.
   */
  readonly fetch?: (ranges: readonly ByteRange[]) => Promise<void>;
  /** Gives up the local copy, if there is one. Idempotent. */
  release(): Promise<void>;
}

/** What listing a folder gives. */
export interface StoredObject {
  readonly location: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * A store of immutable files, and of a few small state objects that are replaced whole. When a call
 * returns, its effect is durable: it survives a power cut.
 */
export interface ObjectStore {
  /** Root URI without a trailing slash; every location starts with it and a slash. */
  readonly root: string;
  /**
   * Whole content. Missing: STORAGE-NOT-FOUND. At most `bytesMax` (default 512 MiB):
   * STORAGE-TOO-LARGE.
   */
  read(location: string, bytesMax?: number): Promise<Uint8Array>;
  /** Whole content, or `null` when there is no such object. */
  readIfPresent(location: string, bytesMax?: number): Promise<Uint8Array | null>;
  /**
   * Stores an object atomically: readers see all of it or none. `ifAbsent`: leaves an existing
   * object alone and answers `exists`.
   */
  write(
    location: string,
    content: Uint8Array,
    options?: { readonly ifAbsent?: boolean },
  ): Promise<'written' | 'exists'>;
  /** Moves a local file into the store and gives its size; the local file is gone afterwards. */
  upload(localPath: string, location: string): Promise<{ readonly sizeBytes: number }>;
  /**
   * Makes an object readable as a local file. With `tailBytes`, a remote store may bring only so
   * many bytes of its end; the file's `fetch` brings more. Missing: STORAGE-NOT-FOUND.
   */
  materialise(
    location: string,
    options?: { readonly tailBytes?: number },
  ): Promise<MaterialisedFile>;
  /** Objects under a folder, recursively, in no order. A folder that is not there has none. */
  list(folder: string): AsyncIterable<StoredObject>;
  /** Removes an object; one that is not there is no error. */
  remove(location: string): Promise<void>;
  /**
   * Where the store can be left with half of a write: removes what was begun more than a day ago.
   * Gives its number.
   */
  removeLeftovers?(): Promise<number>;
}
