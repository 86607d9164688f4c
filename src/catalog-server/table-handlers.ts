/** Tables over REST, all but their commits: list, create, register, load, rename, drop. */
import { jsonFields } from '../iceberg/json-fields.ts';
import { schemaFromJson } from '../iceberg/iceberg-schema.ts';
import type { PartitionSpec } from '../iceberg/partition-spec.ts';
import { stringRecord } from '../iceberg/snapshot.ts';
import { UNSORTED, sortOrderFromJson } from '../iceberg/sort-order.ts';
import type { TableMetadata } from '../iceberg/table-metadata.ts';
import { tableFromRequest } from '../iceberg/updates/new-table.ts';
import { locationsInMetadata } from '../iceberg/updates/referenced-locations.ts';
import { requestedSpecFromJson } from '../iceberg/updates/table-update-json.ts';
import { isFirnError } from '../kernel/firn-error.ts';
import { uuidV7 } from '../kernel/identifiers.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import { newTableLocation } from '../lake/table-locations.ts';
import type { LoadedTable, TableIdentifier } from '../ports/catalog.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';
import { noSuchNamespace, requireNamespace } from './namespace-handlers.ts';
import { pageOf } from './paged-list.ts';
import { purgeTable } from './purge-table.ts';
import {
  namespaceInPath,
  namespaceLevels,
  spelledTable,
  tableInBody,
  tableInPath,
  tableName,
} from './request-names.ts';
import { NO_CONTENT, jsonAnswer } from './rest-answer.ts';
import type { RestHandler } from './rest-answer.ts';
import { RestRefusal, badRequest, readRequest } from './rest-error.ts';
import type { ServerParts } from './server-parts.ts';
import { loadedAnswer, stagedAnswer, tableAnswer } from './table-answer.ts';

/** Handlers of tables. */
export interface TableHandlers {
  readonly list: RestHandler;
  readonly create: RestHandler;
  readonly register: RestHandler;
  readonly load: RestHandler;
  readonly exists: RestHandler;
  readonly rename: RestHandler;
  readonly drop: RestHandler;
  readonly reportMetrics: RestHandler;
}

/** The refusal of a request about a table that is not there. */
export function noSuchTable(identifier: TableIdentifier): RestRefusal {
  const message = `Table does not exist: ${spelledTable(identifier)}`;
  return new RestRefusal(404, 'NoSuchTableException', message);
}

function tableExists(identifier: TableIdentifier): RestRefusal {
  const message = `Table already exists: ${spelledTable(identifier)}`;
  return new RestRefusal(409, 'AlreadyExistsException', message);
}

async function requireTable(
  catalog: ServedCatalog,
  identifier: TableIdentifier,
): Promise<LoadedTable> {
  const table = await catalog.loadTable(identifier);
  if (table === null) throw noSuchTable(identifier);
  return table;
}

/** Makes or registers a table, with the refusals that clients know by their words. */
async function made(
  identifier: TableIdentifier,
  make: () => Promise<LoadedTable>,
): Promise<LoadedTable> {
  try {
    return await make();
  } catch (error) {
    if (isFirnError(error, 'CATALOG-TABLE-EXISTS')) throw tableExists(identifier);
    // A file to register that is none: the client named it.
    if (isFirnError(error, 'ICEBERG-JSON-INVALID'))
      throw badRequest(`${error.code}: ${error.what}`);
    if (isFirnError(error, 'CATALOG-NAMESPACE-MISSING'))
      throw noSuchNamespace(identifier.namespace);
    throw error;
  }
}

/** The handlers over a catalog. */
export function tableHandlers(parts: ServerParts): TableHandlers {
  const { catalog } = parts;
  return {
    create: createHandler(parts),
    register: registerHandler(parts),
    rename: renameHandler(catalog),
    drop: dropHandler(parts),
    async list({ path, query }) {
      const namespace = namespaceInPath(path['namespace'] ?? '');
      await requireNamespace(catalog, namespace);
      const tables = await catalog.listTables(namespace);
      const page = pageOf(
        tables.map(({ name }) => name),
        query,
      );
      const levels = namespaceLevels(namespace);
      const identifiers = page.names.map((name) => ({ namespace: levels, name }));
      return jsonAnswer({ identifiers, 'next-page-token': page.nextToken });
    },
    async load(request) {
      const table = await requireTable(catalog, tableInPath(request.path));
      return loadedAnswer(parts, table, request);
    },
    async exists({ path }) {
      await requireTable(catalog, tableInPath(path));
      return NO_CONTENT;
    },
    async reportMetrics({ path, body }) {
      tableInPath(path);
      readRequest(() => jsonFields(body, 'request').text('report-type'));
      return NO_CONTENT;
    },
  };
}

interface CreateRequest {
  readonly identifier: TableIdentifier;
  readonly metadata: TableMetadata;
  /** Only planned: a later commit makes it. */
  readonly staged: boolean;
}

function createHandler(parts: ServerParts): RestHandler {
  const { catalog } = parts;
  return async ({ path, body }) => {
    const namespace = namespaceInPath(path['namespace'] ?? '');
    await requireNamespace(catalog, namespace);
    const { identifier, metadata, staged } = readCreate(parts, namespace, body);
    catalog.checkLocations(locationsInMetadata(metadata));
    if ((await catalog.loadTable(identifier)) !== null) throw tableExists(identifier);
    if (staged) return stagedAnswer(parts, metadata);
    const table = await made(identifier, () => catalog.createTable(identifier, metadata));
    return tableAnswer(parts, table);
  };
}

function readCreate(parts: ServerParts, namespace: string, body: JsonValue): CreateRequest {
  const { clock, random } = parts;
  return readRequest(() => {
    const fields = jsonFields(body, 'request');
    const name = tableName(fields.text('name'));
    const spec = fields.value('partition-spec');
    const order = fields.value('write-order');
    const unpartitioned: PartitionSpec = { specId: 0, fields: [] };
    const location = fields.optionalText('location')?.replace(/\/+$/, '');
    const metadata = tableFromRequest({
      tableUuid: uuidV7(clock, random),
      location: location ?? newTableLocation(parts, { namespace, table: name }),
      schema: schemaFromJson(fields.value('schema'), 'request.schema'),
      spec: spec === null ? unpartitioned : requestedSpecFromJson(spec, 'request.partition-spec'),
      sortOrder: order === null ? UNSORTED : sortOrderFromJson(order, 'request.write-order'),
      properties: stringRecord(fields.value('properties'), 'request.properties'),
      nowMs: clock.nowMs(),
    });
    const staged = fields.value('stage-create') !== null && fields.flag('stage-create');
    return { identifier: { namespace, name }, metadata, staged };
  });
}

function registerHandler(parts: ServerParts): RestHandler {
  const { catalog } = parts;
  return async ({ path, body }) => {
    const namespace = namespaceInPath(path['namespace'] ?? '');
    await requireNamespace(catalog, namespace);
    const { name, metadataLocation, overwrite } = readRequest(() => {
      const fields = jsonFields(body, 'request');
      return {
        name: tableName(fields.text('name')),
        metadataLocation: fields.text('metadata-location'),
        overwrite: fields.value('overwrite') !== null && fields.flag('overwrite'),
      };
    });
    const identifier = { namespace, name };
    const file = { metadataLocation, overwrite };
    const table = await made(identifier, () => catalog.registerTable(identifier, file));
    return tableAnswer(parts, table);
  };
}

function renameHandler(catalog: ServedCatalog): RestHandler {
  return async ({ body }) => {
    const { from, to } = readRequest(() => {
      const fields = jsonFields(body, 'request');
      return {
        from: tableInBody(fields.value('source'), 'request.source'),
        to: tableInBody(fields.value('destination'), 'request.destination'),
      };
    });
    const outcome = await catalog.renameTable(from, to);
    if (outcome === 'missing') throw noSuchTable(from);
    if (outcome === 'taken') throw tableExists(to);
    if (outcome === 'no-namespace') throw noSuchNamespace(to.namespace);
    return NO_CONTENT;
  };
}

function dropHandler(parts: ServerParts): RestHandler {
  const { catalog } = parts;
  return async ({ path, query }) => {
    const identifier = tableInPath(path);
    const table = await requireTable(catalog, identifier);
    await catalog.dropTable(identifier);
    if (query.get('purgeRequested')?.toLowerCase() === 'true') await purgeTable(parts, table);
    return NO_CONTENT;
  };
}
