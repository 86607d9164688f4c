/**
 * A catalog over metadata pointers. A commit reads the tables' current metadata, checks what the
 * commit relies on, writes the new metadata files, durably, and only then moves all pointers in one
 * transaction (C13, C15). A pointer that moved meanwhile loses the race, and everything is done
 * again from the new metadata: that another commit came first is a conflict only if it broke a
 * requirement. A metadata file that no pointer can ever name is removed; while it is unknown
 * whether one does, it stays (C5).
 */
import { applyUpdates } from '../iceberg/apply-updates.ts';
import { tableFromUpdates } from '../iceberg/updates/new-table.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { checkRequirements } from '../iceberg/table-requirement.ts';
import { assert, unreachable } from '../kernel/assert.ts';
import type { Clock } from '../kernel/clock.ts';
import { FirnError, isFirnError } from '../kernel/firn-error.ts';
import type { Random } from '../kernel/random.ts';
import type {
  Catalog,
  CommitOutcome,
  LoadedTable,
  TableCommit,
  TableIdentifier,
} from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { MetadataCache } from './metadata-cache.ts';
import { MetadataFiles } from './metadata-files.ts';
import type { InsertOutcome, MetadataPointers, SwapOutcome } from './metadata-pointers.ts';

/** What a catalog is made of. */
export interface PointerCatalogParts {
  /** Catalog name; part of the key in a SQL catalog. */
  readonly name: string;
  readonly pointers: MetadataPointers;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Metadata files at hand; none are kept without it. */
  readonly cache?: MetadataCache;
  /** As in `ApplyContext`: for commits of others, whose clients expect it. */
  readonly acceptsStaleRoots?: boolean;
}

/** One table's step, worked out but visible to nobody yet. */
interface Step {
  readonly identifier: TableIdentifier;
  /** Location of the metadata that is replaced; `null` for a table that the commit makes. */
  readonly from: string | null;
  readonly after: TableMetadata;
}

/** Why a commit to a table that is not there is a conflict. */
const TABLE_GONE = 'the table is gone';

type Conflict = Extract<CommitOutcome, { readonly kind: 'conflict' }>;
type LostRace = Extract<SwapOutcome, { readonly kind: 'lost' }>;

/** Lost races before a commit answers `conflict`. Each one means that somebody else committed. */
const attemptsMax = 12;
/** Longest pause after the first lost race; it grows by this much with each further one. */
const pauseMs = 8;

/** A table's name in a form that no two tables share. */
function spelled(identifier: TableIdentifier): string {
  return JSON.stringify([identifier.namespace, identifier.name]);
}

/** The catalog that keeps its pointers in `parts.pointers` and its metadata files in the store. */
export class PointerCatalog implements Catalog {
  readonly name: string;
  readonly commitsAtomically = true;
  readonly #parts: PointerCatalogParts;
  readonly #pointers: MetadataPointers;
  readonly #files: MetadataFiles;

  constructor(parts: PointerCatalogParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#pointers = parts.pointers;
    this.#files = new MetadataFiles(parts);
  }

  catalogId(): Promise<string> {
    return this.#pointers.catalogId();
  }

  ensureNamespace(namespace: string): Promise<void> {
    return this.#pointers.addNamespace(namespace);
  }

  listNamespaces(): Promise<readonly string[]> {
    return this.#pointers.namespaces();
  }

  async listTables(namespace: string): Promise<readonly TableIdentifier[]> {
    return (await this.#pointers.tables(namespace)).map((name) => ({ namespace, name }));
  }

  loadTable(identifier: TableIdentifier): Promise<LoadedTable | null> {
    return this.#load(identifier, (location) => this.#files.read(location));
  }

  /** Follows the pointer again when its file was removed between the two reads. */
  async #load(
    identifier: TableIdentifier,
    read: (location: string) => Promise<TableMetadata | null>,
  ): Promise<LoadedTable | null> {
    let previous: string | null = null;
    for (;;) {
      const metadataLocation = await this.#pointers.find(identifier);
      if (metadataLocation === null) return null;
      const metadata = await read(metadataLocation);
      if (metadata !== null) return { identifier, metadataLocation, metadata };
      if (metadataLocation === previous) {
        throw new FirnError('CATALOG-METADATA-MISSING', {
          what: `table ${spelled(identifier)} points to a file that is not there`,
          where: metadataLocation,
        });
      }
      previous = metadataLocation;
    }
  }

  async createTable(identifier: TableIdentifier, metadata: TableMetadata): Promise<LoadedTable> {
    const metadataLocation = await this.#files.write(metadata, null);
    const where = spelled(identifier);
    const outcome = await this.#insert(identifier, metadataLocation);
    switch (outcome.kind) {
      case 'inserted':
        return { identifier, metadataLocation, metadata };
      case 'unknown':
        throw new FirnError('CATALOG-CREATE-UNKNOWN', {
          what: 'no answer to the creation of a table',
          where,
          cause: outcome.cause,
        });
      case 'no-namespace':
        await this.#files.discard(metadataLocation);
        throw new FirnError('CATALOG-NAMESPACE-MISSING', { what: 'no such namespace', where });
      case 'taken': {
        await this.#files.discard(metadataLocation);
        const present = await this.loadTable(identifier);
        if (present?.metadata.tableUuid === metadata.tableUuid) return present;
        throw new FirnError('CATALOG-TABLE-EXISTS', { what: 'another table has this name', where });
      }
      default:
        return unreachable(outcome);
    }
  }

  async commit(commits: readonly TableCommit[]): Promise<CommitOutcome> {
    const names = new Set(commits.map(({ identifier }) => spelled(identifier)));
    assert(names.size === commits.length, 'a commit names each table once');
    const { clock, random } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(commits);
      if (outcome.kind !== 'lost') return outcome;
      const { identifier } = outcome;
      if (attempt === attemptsMax) {
        return { kind: 'conflict', identifier, reason: `lost ${attempt} races in a row` };
      }
      await clock.sleep((attempt * pauseMs * (random.bytes(1)[0] ?? 0)) / 255);
    }
  }

  dropTable(identifier: TableIdentifier): Promise<void> {
    return this.#pointers.remove(identifier);
  }

  close(): Promise<void> {
    return this.#pointers.close();
  }

  async #attempt(commits: readonly TableCommit[]): Promise<CommitOutcome | LostRace> {
    const steps: Step[] = [];
    for (const commit of commits) {
      const step = await this.#plan(commit);
      if ('kind' in step) return step;
      steps.push(step);
    }
    const tables = await this.#writeAll(steps);
    const outcome = await this.#swap(steps, tables);
    switch (outcome.kind) {
      case 'swapped':
        return { kind: 'committed', tables };
      case 'unknown':
        return outcome;
      case 'lost':
        await this.#discard(tables);
        return outcome;
      default:
        return unreachable(outcome);
    }
  }

  async #plan(commit: TableCommit): Promise<Step | Conflict> {
    const { identifier, requirements, updates } = commit;
    const before = await this.#load(identifier, (location) => this.#files.readForCommit(location));
    const makes = requirements.some(({ kind }) => kind === 'assert-create');
    if (before === null && !makes) return { kind: 'conflict', identifier, reason: TABLE_GONE };
    const reason = checkRequirements(before?.metadata ?? null, requirements);
    if (reason !== null) return { kind: 'conflict', identifier, reason };
    const from = before?.metadataLocation ?? null;
    const { clock, acceptsStaleRoots = false } = this.#parts;
    const context = { nowMs: clock.nowMs(), previousMetadataLocation: from, acceptsStaleRoots };
    try {
      const after =
        before === null
          ? tableFromUpdates(updates, context)
          : applyUpdates(before.metadata, updates, context);
      return { identifier, from, after };
    } catch (error) {
      // Another ref moved on: the snapshot's sequence number is taken, whatever was asserted.
      if (!isFirnError(error, 'ICEBERG-UPDATE-STALE')) throw error;
      return { kind: 'conflict', identifier, reason: error.what };
    }
  }

  /** Writes all metadata files, or leaves none behind. */
  async #writeAll(steps: readonly Step[]): Promise<readonly LoadedTable[]> {
    const written: LoadedTable[] = [];
    try {
      for (const { identifier, from, after } of steps) {
        const metadataLocation = await this.#files.write(after, from);
        written.push({ identifier, metadataLocation, metadata: after });
      }
    } catch (error) {
      await this.#discard(written);
      throw error;
    }
    return written;
  }

  async #discard(tables: readonly LoadedTable[]): Promise<void> {
    for (const { metadataLocation } of tables) await this.#files.discard(metadataLocation);
  }

  async #insert(identifier: TableIdentifier, location: string): Promise<InsertOutcome> {
    try {
      return await this.#pointers.insert(identifier, location);
    } catch (error) {
      await this.#files.discard(location);
      throw error;
    }
  }

  async #swap(steps: readonly Step[], tables: readonly LoadedTable[]): Promise<SwapOutcome> {
    const swaps = steps.flatMap(({ identifier, from }, index) => {
      const after = tables[index];
      return after === undefined ? [] : [{ identifier, from, to: after.metadataLocation }];
    });
    try {
      return await this.#pointers.swap(swaps);
    } catch (error) {
      await this.#discard(tables);
      throw error;
    }
  }
}
