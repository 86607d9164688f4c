/**
 * Metadata files of tables: where they lie and what they are called. Each is written once, under a
 * name that nobody used before, and is never changed.
 */
import { decodeTableMetadata, encodeAfter } from '../iceberg/table-metadata-json.ts';
import { metadataFileLocation, metadataFileVersion } from '../iceberg/table-metadata.ts';
import type { SnapshotTexts } from '../iceberg/table-metadata-json.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import type { Clock } from '../kernel/clock.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import type { Random } from '../kernel/random.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { MetadataCache } from './metadata-cache.ts';

/** What reading and writing metadata files needs. */
export interface MetadataFilesParts {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Spares a process that serves many clients the reading of what it just wrote. */
  readonly cache?: MetadataCache;
}

/** The metadata files of one store. */
export class MetadataFiles {
  readonly #parts: MetadataFilesParts;
  /** As long-lived as the metadata that the cache holds. */
  readonly #snapshotTexts: SnapshotTexts | null;

  constructor(parts: MetadataFilesParts) {
    this.#parts = parts;
    this.#snapshotTexts = parts.cache === undefined ? null : new WeakMap();
  }

  /** The metadata in a file; `null`: there is no such file. */
  async read(location: string): Promise<TableMetadata | null> {
    const { store, cache } = this.#parts;
    const content = await store.readIfPresent(location);
    if (content === null) return null;
    // The file is what counts, also when it was damaged or removed: only decoding is spared.
    const cached = cache?.get(location) ?? null;
    if (cached !== null && Buffer.compare(cached.content, content) === 0) return cached.metadata;
    const metadata = decodeTableMetadata(content, location);
    cache?.put(location, { metadata, content, snapshotsAt: null });
    return metadata;
  }

  /**
   * Like `read`, but the file is not looked at again when it is at hand: what follows from it is
   * decided by whether the pointer still names it.
   */
  async readForCommit(location: string): Promise<TableMetadata | null> {
    return this.#parts.cache?.get(location)?.metadata ?? this.read(location);
  }

  /**
   * Writes the successor of the metadata at `previous` and gives its location.
   *
   * @param previous location of the metadata that this one replaces; `null` for a new table
   */
  async write(metadata: TableMetadata, previous: string | null): Promise<string> {
    const { store, clock, random, cache } = this.#parts;
    const version = previous === null ? 0 : (metadataFileVersion(previous) ?? -1) + 1;
    const uuid = uuidV7(clock, random);
    const location = metadataFileLocation({ location: metadata.location, version, uuid });
    const earlier = previous === null ? null : (cache?.get(previous) ?? null);
    const encoded = encodeAfter(metadata, { snapshotTexts: this.#snapshotTexts, earlier });
    await store.write(location, encoded.content);
    cache?.put(location, encoded);
    return location;
  }

  /** Removes a file that no pointer names or ever will. */
  async discard(location: string): Promise<void> {
    this.#parts.cache?.forget(location);
    try {
      await this.#parts.store.remove(location);
    } catch {
      // An unreferenced file costs space only; orphan removal finds it.
    }
  }
}
