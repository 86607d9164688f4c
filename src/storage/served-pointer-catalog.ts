/**
 * The SQLite catalog as the REST server offers it: the pointer catalog, its namespaces, and a check
 * of every location that a client names. A table lies under the warehouse, in a folder of its own,
 * and never in the folder of Firn's own state.
 */
import { METADATA_CLEANUP_PROPERTY } from '../iceberg/table-metadata.ts';
import { encodeTableMetadata } from '../iceberg/table-metadata-json.ts';
import { locationsInMetadata } from '../iceberg/updates/referenced-locations.ts';
import { unreachable } from '../kernel/assert.ts';
import { FirnError } from '../kernel/firn-error.ts';
import type { Catalog, LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';
import { locationSpace } from './location.ts';
import type { MetadataCache } from './metadata-cache.ts';
import { MetadataFiles } from './metadata-files.ts';
import type { MetadataFilesParts } from './metadata-files.ts';
import type { SqliteNamespaces } from './sqlite-namespaces.ts';
import type { SqlitePointers } from './sqlite-pointers.ts';

/** First byte of a JSON document that is not compressed. */
const OPENING_BRACE = 0x7b;

/** What a served catalog is made of. */
export interface ServedCatalogParts extends MetadataFilesParts {
  /** Over the same pointers and the same cache. */
  readonly catalog: Catalog;
  readonly pointers: SqlitePointers;
  readonly namespaces: SqliteNamespaces;
  readonly store: ObjectStore;
  readonly cache: MetadataCache;
}

/** The catalog that the REST server offers. */
export function createServedCatalog(parts: ServedCatalogParts): ServedCatalog {
  const { catalog, pointers, namespaces, cache, store } = parts;
  const checkLocations = locationCheck(store.root);
  const files = new MetadataFiles(parts);
  return {
    name: catalog.name,
    catalogId: () => catalog.catalogId(),
    listNamespaces: () => catalog.listNamespaces(),
    namespaceProperties: (namespace) => namespaces.properties(namespace),
    createNamespace: (namespace, properties) => namespaces.create(namespace, properties),
    changeNamespace: (namespace, change) => namespaces.change(namespace, change),
    dropNamespace: (namespace) => namespaces.drop(namespace),
    listTables: (namespace) => catalog.listTables(namespace),
    loadTable: (identifier) => catalog.loadTable(identifier),
    metadataText({ metadataLocation, metadata }) {
      const content = cache.get(metadataLocation)?.content ?? encodeTableMetadata(metadata);
      // A file that another writer compressed, or wrote in an old form, is told in Firn's words.
      const plain = content[0] === OPENING_BRACE ? content : encodeTableMetadata(metadata);
      return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString('utf8');
    },
    checkLocations,
    createTable: (identifier, metadata) => catalog.createTable(identifier, metadata),
    async registerTable(identifier, { metadataLocation, overwrite }) {
      checkLocations([metadataLocation]);
      const metadata = await files.read(metadataLocation);
      if (metadata === null) {
        const what = 'there is no such metadata file';
        throw new FirnError('STORAGE-NOT-FOUND', { what, where: metadataLocation });
      }
      checkLocations(locationsInMetadata(metadata));
      const table = { identifier, metadataLocation, metadata };
      await point(pointers, { table, overwrite });
      return table;
    },
    renameTable: (from, to) => pointers.rename(from, to),
    dropTable: (identifier) => catalog.dropTable(identifier),
    async commit(commits) {
      const outcome = await catalog.commit(commits);
      if (outcome.kind === 'committed') {
        for (const table of outcome.tables) await discardOldFiles({ files, cache }, table);
      }
      return outcome;
    },
    close: () => catalog.close(),
  };
}

/**
 * Removes metadata files that the commit pushed out of the log, where the table says that they go.
 * They are known only while the metadata before the commit is at hand; those that are missed are
 * left to orphan removal.
 */
async function discardOldFiles(
  { files, cache }: { readonly files: MetadataFiles; readonly cache: MetadataCache },
  { metadata }: LoadedTable,
): Promise<void> {
  if (metadata.properties[METADATA_CLEANUP_PROPERTY] !== 'true') return;
  const kept = new Set(metadata.metadataLog.map((entry) => entry.metadataFile));
  const before = cache.get(metadata.metadataLog.at(-1)?.metadataFile ?? '');
  for (const { metadataFile } of before?.metadata.metadataLog ?? []) {
    const inTable = metadataFile.startsWith(`${metadata.location}/metadata/`);
    if (inTable && !kept.has(metadataFile)) await files.discard(metadataFile);
  }
}

/** Refuses locations outside the warehouse, the warehouse itself and Firn's own folder in it. */
function locationCheck(root: string): (locations: readonly string[]) => void {
  const space = locationSpace(root);
  return (locations) => {
    for (const location of locations) {
      const spelled = space.object(location);
      if (spelled !== `${space.root}/_firn` && !spelled.startsWith(`${space.root}/_firn/`))
        continue;
      throw new FirnError('STORAGE-OUTSIDE-WAREHOUSE', {
        what: 'the location lies in the folder of Firn’s own state',
        where: space.root,
      });
    }
  };
}

/** Lets a name point to metadata that is there already. */
async function point(
  pointers: SqlitePointers,
  request: { readonly table: LoadedTable; readonly overwrite: boolean },
): Promise<void> {
  const { identifier, metadataLocation: to } = request.table;
  const from = request.overwrite ? await pointers.find(identifier) : null;
  const outcome = await pointers.swap([{ identifier, from, to }]);
  switch (outcome.kind) {
    case 'swapped':
      return;
    case 'lost':
      throw taken(identifier);
    case 'unknown':
      throw new FirnError('CATALOG-CREATE-UNKNOWN', {
        what: 'no answer to the registration of a table',
        where: to,
        cause: outcome.cause,
      });
    default:
      unreachable(outcome);
  }
}

function taken({ namespace, name }: TableIdentifier): FirnError {
  const where = JSON.stringify([namespace, name]);
  return new FirnError('CATALOG-TABLE-EXISTS', { what: 'another table has this name', where });
}
