/**
 * A catalog whose pointers are in memory, for tests and simulations. Its metadata files are in the
 * store like those of every catalog. Each call changes the pointers in one step.
 */
import type { Clock } from '../kernel/clock.ts';
import { FirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import type { Random } from '../kernel/random.ts';
import type { Catalog, TableIdentifier } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { MetadataPointers } from './metadata-pointers.ts';
import { PointerCatalog } from './pointer-catalog.ts';

/** What an in-memory catalog needs. */
export interface MemoryCatalogParts {
  readonly name: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** What several catalogs share that stand for several processes; default: new ones. */
  readonly pointers?: MetadataPointers;
}

/** Empty pointers of a new catalog with this id. */
export function createMemoryPointers(catalogId: string): MetadataPointers {
  const namespaces = new Map<string, Map<string, string>>();
  const find = ({ namespace, name }: TableIdentifier): string | null =>
    namespaces.get(namespace)?.get(name) ?? null;
  return {
    async catalogId() {
      return catalogId;
    },
    async addNamespace(namespace) {
      if (!namespaces.has(namespace)) namespaces.set(namespace, new Map());
    },
    async namespaces() {
      return [...namespaces.keys()];
    },
    async tables(namespace) {
      return [...(namespaces.get(namespace)?.keys() ?? [])];
    },
    async find(identifier) {
      return find(identifier);
    },
    async insert(identifier, location) {
      const tables = namespaces.get(identifier.namespace);
      if (tables === undefined) return { kind: 'no-namespace' };
      if (tables.has(identifier.name)) return { kind: 'taken' };
      tables.set(identifier.name, location);
      return { kind: 'inserted' };
    },
    async swap(swaps) {
      const lost = swaps.find(({ identifier, from }) => find(identifier) !== from);
      if (lost !== undefined) return { kind: 'lost', identifier: lost.identifier };
      const homeless = swaps.find(({ identifier }) => !namespaces.has(identifier.namespace));
      if (homeless !== undefined) {
        const where = homeless.identifier.namespace;
        throw new FirnError('CATALOG-NAMESPACE-MISSING', { what: 'no such namespace', where });
      }
      for (const { identifier, to } of swaps) {
        namespaces.get(identifier.namespace)?.set(identifier.name, to);
      }
      return { kind: 'swapped' };
    },
    async remove({ namespace, name }) {
      namespaces.get(namespace)?.delete(name);
    },
    async close() {
      // Nothing is open.
    },
  };
}

/** A catalog in memory; an empty one with a new id unless `pointers` are given. */
export function createMemoryCatalog(parts: MemoryCatalogParts): Catalog {
  const pointers = parts.pointers ?? createMemoryPointers(uuidV7(parts.clock, parts.random));
  return new PointerCatalog({ ...parts, pointers });
}
