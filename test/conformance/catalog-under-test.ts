/** What the tests of catalogs share: a catalog to be tested, its tables, and looks at them. */
import { equal, ok } from 'node:assert/strict';
import { ancestors } from '../../src/iceberg/snapshot.ts';
import type { TableMetadata } from '../../src/iceberg/table-metadata.ts';
import { systemClock as clock } from '../../src/kernel/clock.ts';
import { systemRandom as random } from '../../src/kernel/random.ts';
import type {
  Catalog,
  CommitOutcome,
  LoadedTable,
  TableIdentifier,
} from '../../src/ports/catalog.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import { listedNames } from './object-store.ts';
import { sampleMetadata } from './sample-table.ts';

/** An empty catalog. */
export interface CatalogUnderTest {
  readonly catalog: Catalog;
  /** Where it keeps metadata files. */
  readonly store: ObjectStore;
  /** The same catalog through another connection, with another view of the same store. */
  connect(store: ObjectStore): Promise<Catalog>;
  /** Closes everything. */
  close(): Promise<void>;
  /**
   * Who stands between, if anybody: a server of Firn's, which uses the store it is given, or a
   * foreign one, which uses its own, writes its own metadata files and need not clean up.
   */
  readonly server?: 'firn' | 'foreign';
  /** Names that cannot be had there. */
  readonly refused?: { readonly namespaces: readonly string[]; readonly tables: readonly string[] };
}

/** Whether the test sees every file that the catalog writes, and may stand in its way. */
export function ownsFiles({ server }: CatalogUnderTest): boolean {
  return server !== 'foreign';
}

/** Registers one test with a new, empty catalog. */
export type WithCatalog = (title: string, body: (under: CatalogUnderTest) => Promise<void>) => void;

/** Names of the two tables that most tests use. */
export const a: TableIdentifier = { namespace: 'shop', name: 'a' };
/** The second of the two. */
export const b: TableIdentifier = { namespace: 'shop', name: 'b' };
/** Time and randomness of the tests. */
export const source = { clock, random };

/** The table, which must be there. */
export async function loaded(catalog: Catalog, identifier: TableIdentifier): Promise<LoadedTable> {
  const table = await catalog.loadTable(identifier);
  ok(table !== null, `${identifier.name} is not there`);
  return table;
}

/** Steps of the snapshots of main, oldest first. */
export function stepsOf(metadata: TableMetadata): string[] {
  const chain = [...ancestors(metadata, metadata.currentSnapshotId)];
  return chain.map(({ summary }) => summary['step'] ?? '').toReversed();
}

/** The tables of a commit that must have succeeded. */
export function committed(outcome: CommitOutcome): readonly LoadedTable[] {
  if (outcome.kind === 'committed') return outcome.tables;
  throw new Error(`not committed: ${outcome.kind === 'conflict' ? outcome.reason : 'unknown'}`);
}

/** Creates both tables. */
export async function createBoth({
  catalog,
  store,
}: CatalogUnderTest): Promise<readonly LoadedTable[]> {
  await catalog.ensureNamespace('shop');
  const tables: LoadedTable[] = [];
  for (const identifier of [a, b]) {
    tables.push(await catalog.createTable(identifier, sampleMetadata(store.root, source)));
  }
  return tables;
}

/** Checks how many metadata files there are, where all of them are the catalog's own. */
export async function hasMetadataFiles(under: CatalogUnderTest, count: number): Promise<void> {
  if (ownsFiles(under)) equal((await metadataFiles(under.store)).length, count);
}

/** Locations of all metadata files of the store. */
export async function metadataFiles(store: ObjectStore): Promise<string[]> {
  return (await listedNames(store, store.root)).filter((name) => name.endsWith('.metadata.json'));
}

/** A store that runs `before` ahead of each write. */
export function beforeWrite(
  store: ObjectStore,
  before: (location: string) => Promise<void>,
): ObjectStore {
  return {
    root: store.root,
    read: (...parameters) => store.read(...parameters),
    readIfPresent: (...parameters) => store.readIfPresent(...parameters),
    async write(...parameters) {
      await before(parameters[0]);
      return store.write(...parameters);
    },
    upload: (...parameters) => store.upload(...parameters),
    materialise: (...parameters) => store.materialise(...parameters),
    list: (...parameters) => store.list(...parameters),
    remove: (...parameters) => store.remove(...parameters),
  };
}
