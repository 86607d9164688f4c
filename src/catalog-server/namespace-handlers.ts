/** Namespaces over REST: list, create, look at, change, drop. */
import { jsonFields, jsonTexts } from '../iceberg/json-fields.ts';
import { stringRecord } from '../iceberg/snapshot.ts';
import type { ServedCatalog } from '../ports/served-catalog.ts';
import { pageOf } from './paged-list.ts';
import { namespaceInBody, namespaceInPath, namespaceLevels } from './request-names.ts';
import { NO_CONTENT, jsonAnswer } from './rest-answer.ts';
import type { RestHandler } from './rest-answer.ts';
import { RestRefusal, badRequest, readRequest } from './rest-error.ts';

/** Handlers of `/v1/namespaces` and of one namespace. */
export interface NamespaceHandlers {
  readonly list: RestHandler;
  readonly create: RestHandler;
  readonly load: RestHandler;
  readonly exists: RestHandler;
  readonly change: RestHandler;
  readonly drop: RestHandler;
}

/** The refusal of a request about a namespace that is not there. */
export function noSuchNamespace(namespace: string): RestRefusal {
  const message = `Namespace does not exist: ${namespace}`;
  return new RestRefusal(404, 'NoSuchNamespaceException', message);
}

/**
 * @throws {RestRefusal} 404 unless the namespace is there
 */
export async function requireNamespace(catalog: ServedCatalog, namespace: string): Promise<void> {
  if ((await catalog.namespaceProperties(namespace)) === null) throw noSuchNamespace(namespace);
}

/** The handlers over a catalog. */
export function namespaceHandlers(catalog: ServedCatalog): NamespaceHandlers {
  return {
    list: listHandler(catalog),
    create: createHandler(catalog),
    change: changeHandler(catalog),
    async load({ path }) {
      const namespace = namespaceInPath(path['namespace'] ?? '');
      const properties = await catalog.namespaceProperties(namespace);
      if (properties === null) throw noSuchNamespace(namespace);
      return jsonAnswer({ namespace: namespaceLevels(namespace), properties });
    },
    async exists({ path }) {
      await requireNamespace(catalog, namespaceInPath(path['namespace'] ?? ''));
      return NO_CONTENT;
    },
    async drop({ path }) {
      const namespace = namespaceInPath(path['namespace'] ?? '');
      const outcome = await catalog.dropNamespace(namespace);
      if (outcome === 'missing') throw noSuchNamespace(namespace);
      if (outcome === 'dropped') return NO_CONTENT;
      const message = `Namespace is not empty: ${namespace}`;
      throw new RestRefusal(409, 'NamespaceNotEmptyException', message);
    },
  };
}

/** The namespaces one level below `parent`, or the topmost ones. */
function listHandler(catalog: ServedCatalog): RestHandler {
  return async ({ query }) => {
    const parent = query.get('parent') ?? '';
    const prefix = parent === '' ? '' : `${namespaceInPath(parent)}.`;
    if (prefix !== '') await requireNamespace(catalog, prefix.slice(0, -1));
    const depth = namespaceLevels(prefix).length;
    const below = (await catalog.listNamespaces())
      .filter((name) => name.startsWith(prefix))
      .map((name) => namespaceLevels(name).slice(0, depth).join('.'));
    const page = pageOf([...new Set(below)], query);
    const namespaces = page.names.map(namespaceLevels);
    return jsonAnswer({ namespaces, 'next-page-token': page.nextToken });
  };
}

function createHandler(catalog: ServedCatalog): RestHandler {
  return async ({ body }) => {
    const { namespace, properties } = readRequest(() => {
      const fields = jsonFields(body, 'request');
      return {
        namespace: namespaceInBody(fields.list('namespace'), 'request.namespace'),
        properties: stringRecord(fields.value('properties'), 'request.properties'),
      };
    });
    if ((await catalog.createNamespace(namespace, properties)) === 'exists') {
      const message = `Namespace already exists: ${namespace}`;
      throw new RestRefusal(409, 'AlreadyExistsException', message);
    }
    return jsonAnswer({ namespace: namespaceLevels(namespace), properties });
  };
}

function changeHandler(catalog: ServedCatalog): RestHandler {
  return async ({ path, body }) => {
    const namespace = namespaceInPath(path['namespace'] ?? '');
    const { updates, removals } = readRequest(() => {
      const fields = jsonFields(body, 'request');
      const removed = jsonTexts(fields.optionalList('removals') ?? [], 'request.removals');
      return {
        updates: stringRecord(fields.value('updates'), 'request.updates'),
        removals: [...new Set(removed)],
      };
    });
    const both = removals.find((key) => Object.hasOwn(updates, key));
    if (both !== undefined) {
      const message = `cannot set and remove the same key: ${JSON.stringify(both)}`;
      throw new RestRefusal(422, 'UnprocessableEntityException', message);
    }
    if (Object.keys(updates).some((key) => key === '')) throw badRequest('a key is empty');
    const before = await catalog.namespaceProperties(namespace);
    if (before === null) throw noSuchNamespace(namespace);
    const outcome = await catalog.changeNamespace(namespace, { updates, removals });
    if (outcome === 'missing') throw noSuchNamespace(namespace);
    return jsonAnswer({
      updated: Object.keys(updates),
      removed: removals.filter((key) => Object.hasOwn(before, key)),
      missing: removals.filter((key) => !Object.hasOwn(before, key)),
    });
  };
}
