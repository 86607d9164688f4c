/**
 * The newest state of each table that this process has seen, to notice when a catalog gives back an
 * older one (C7 of the commit protocol's faults: a cache on the way). An older state is one that
 * the newest names among its earlier metadata files, or whose last sequence number is lower.
 */
import type { LoadedTable } from '../../ports/catalog.ts';

interface Seen {
  readonly metadataLocation: string;
  readonly lastSequenceNumber: bigint;
  readonly earlier: ReadonlySet<string>;
}

const tablesMax = 10_000;

/** The states seen by one client. */
export class SeenTables {
  readonly #seen = new Map<string, Seen>();

  /** Whether the table was seen in a later state than this. */
  isStale({ metadata, metadataLocation }: LoadedTable): boolean {
    const seen = this.#seen.get(metadata.tableUuid);
    if (seen === undefined || seen.metadataLocation === metadataLocation) return false;
    return (
      metadata.lastSequenceNumber < seen.lastSequenceNumber || seen.earlier.has(metadataLocation)
    );
  }

  /** Remembers a state that is not stale. */
  note({ metadata, metadataLocation }: LoadedTable): void {
    const { tableUuid, lastSequenceNumber, metadataLog } = metadata;
    const earlier = new Set(metadataLog.map(({ metadataFile }) => metadataFile));
    this.#seen.delete(tableUuid);
    this.#seen.set(tableUuid, { metadataLocation, lastSequenceNumber, earlier });
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= tablesMax) break;
      this.#seen.delete(oldest);
    }
  }
}
