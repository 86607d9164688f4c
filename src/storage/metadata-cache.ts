/**
 * Metadata files read or written lately, decoded and as bytes, so that a file that is read again
 * and still has these bytes need not be decoded. Which file is current is never cached. Bounded by
 * the bytes of the files.
 */
import type { EncodedMetadata } from '../iceberg/table-metadata-json.ts';

/** One metadata file, with its bytes as they are: other writers may have compressed them. */
export type CachedMetadata = EncodedMetadata;

/** Bytes of files held at most; decoded, they take a few times as much. */
const bytesMaxDefault = 32 * 1024 * 1024;

/** Of files that are too small to be held for long, those of the last few tables. */
const smallFilesMax = 16;

/** Files by location, the one unused for longest first. */
export class MetadataCache {
  readonly #entries = new Map<string, CachedMetadata>();
  readonly #small = new Map<string, CachedMetadata>();
  readonly #bytesMax: number;
  readonly #bytesMin: number;
  #bytes = 0;

  /**
   * @param limits `bytesMax`: of all files together, 32 MiB; `bytesMin`: of smaller files only the
   *   last sixteen are kept, 0. One file that is larger than all may be is kept alone.
   */
  constructor(limits: { readonly bytesMax?: number; readonly bytesMin?: number } = {}) {
    this.#bytesMax = limits.bytesMax ?? bytesMaxDefault;
    this.#bytesMin = limits.bytesMin ?? 0;
  }

  /** The file at `location`, or `null` when it is not here. */
  get(location: string): CachedMetadata | null {
    const entries = this.#small.has(location) ? this.#small : this.#entries;
    const entry = entries.get(location);
    if (entry === undefined) return null;
    entries.delete(location);
    entries.set(location, entry);
    return entry;
  }

  /** Keeps a file, and lets go of others where it must. */
  put(location: string, entry: CachedMetadata): void {
    this.forget(location);
    if (entry.content.length < this.#bytesMin) return this.#putSmall(location, entry);
    this.#entries.set(location, entry);
    this.#bytes += entry.content.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax || oldest === location) break;
      this.forget(oldest);
    }
  }

  #putSmall(location: string, entry: CachedMetadata): void {
    this.#small.set(location, entry);
    for (const oldest of this.#small.keys()) {
      if (this.#small.size <= smallFilesMax) break;
      this.#small.delete(oldest);
    }
  }

  /** Lets go of a file. */
  forget(location: string): void {
    this.#small.delete(location);
    this.#bytes -= this.#entries.get(location)?.content.length ?? 0;
    this.#entries.delete(location);
  }
}
