/**
 * The endpoints of the server: one row each, from which both the dispatch and the list of endpoints
 * in `/v1/config` are made, so that they cannot differ. Clients use nothing that is not in the
 * list.
 */
import { commitHandlers } from './commit-handlers.ts';
import { namespaceHandlers } from './namespace-handlers.ts';
import { jsonAnswer } from './rest-answer.ts';
import type { RestHandler } from './rest-answer.ts';
import { RestRefusal, badRequest } from './rest-error.ts';
import type { ServerParts } from './server-parts.ts';
import { tableHandlers } from './table-handlers.ts';

/** One endpoint. */
export interface Route {
  readonly method: string;
  /** As the specification spells it, without `{prefix}`: `/v1/namespaces/{namespace}`. */
  readonly path: string;
  readonly handler: RestHandler;
}

/** A route with the values of its path's names, or why there is none. */
export type RouteMatch =
  | {
      readonly kind: 'route';
      readonly route: Route;
      readonly path: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'no-path' }
  | { readonly kind: 'no-method'; readonly allowed: readonly string[] };

/** How long a client may send a request again under the same key (ISO 8601). */
const KEY_LIFETIME = 'PT30M';
/** The same in milliseconds. */
export const KEY_LIFETIME_MS = 30 * 60 * 1000;

/** The server's endpoints. */
export function routesOf(parts: ServerParts): readonly Route[] {
  const spaces = namespaceHandlers(parts.catalog);
  const tables = tableHandlers(parts);
  const commits = commitHandlers(parts);
  const space = '/v1/namespaces/{namespace}';
  const table = `${space}/tables/{table}`;
  const rows: readonly (readonly [method: string, path: string, handler: RestHandler])[] = [
    ['GET', '/v1/namespaces', spaces.list],
    ['POST', '/v1/namespaces', spaces.create],
    ['GET', space, spaces.load],
    ['HEAD', space, spaces.exists],
    ['DELETE', space, spaces.drop],
    ['POST', `${space}/properties`, spaces.change],
    ['GET', `${space}/tables`, tables.list],
    ['POST', `${space}/tables`, tables.create],
    ['POST', `${space}/register`, tables.register],
    ['GET', table, tables.load],
    ['HEAD', table, tables.exists],
    ['POST', table, commits.commitTable],
    ['DELETE', table, tables.drop],
    ['POST', `${table}/metrics`, tables.reportMetrics],
    ['POST', '/v1/tables/rename', tables.rename],
    ['POST', '/v1/transactions/commit', commits.commitTransaction],
  ];
  const offered = rows.map(([method, path, handler]) => ({ method, path, handler }));
  return [
    { method: 'GET', path: '/v1/config', handler: configHandler(parts, offered) },
    ...offered,
    ...refusedRoutes(space),
  ];
}

/** Under this key the server tells the id of its catalog: Firn ties a warehouse to it. */
const CATALOG_ID_PROPERTY = 'firn.catalog-id';

function configHandler({ catalog }: ServerParts, offered: readonly Route[]): RestHandler {
  const endpoints = offered.map(
    ({ method, path }) => `${method} ${path.replace('/v1/', '/v1/{prefix}/')}`,
  );
  return async () =>
    jsonAnswer({
      defaults: {},
      overrides: { [CATALOG_ID_PROPERTY]: await catalog.catalogId() },
      endpoints,
      'idempotency-key-lifetime': KEY_LIFETIME,
    });
}

/** What clients may ask for without having looked at the list: refused in plain words. */
function refusedRoutes(space: string): readonly Route[] {
  const unsupported =
    (what: string): RestHandler =>
    () =>
      Promise.reject(new RestRefusal(406, 'UnsupportedOperationException', what));
  const views = unsupported('this catalog has tables only, no views');
  const tokens = unsupported('this server gives no tokens: set the client’s token itself');
  return [
    { method: 'GET', path: `${space}/views`, handler: views },
    { method: 'POST', path: `${space}/views`, handler: views },
    { method: 'GET', path: `${space}/views/{view}`, handler: views },
    { method: 'HEAD', path: `${space}/views/{view}`, handler: views },
    { method: 'POST', path: `${space}/views/{view}`, handler: views },
    { method: 'DELETE', path: `${space}/views/{view}`, handler: views },
    { method: 'POST', path: `${space}/register-view`, handler: views },
    { method: 'POST', path: '/v1/views/rename', handler: views },
    { method: 'POST', path: '/v1/oauth/tokens', handler: tokens },
  ];
}

/**
 * The route of a request.
 *
 * @param pathname still percent-encoded
 * @throws {RestRefusal} 400 for a path that is not percent-encoded UTF-8
 */
export function matchRoute(routes: readonly Route[], method: string, pathname: string): RouteMatch {
  const parts = pathname.split('/');
  const allowed: string[] = [];
  for (const route of routes) {
    const path = matchPath(route.path.split('/'), parts);
    if (path === null) continue;
    if (route.method === method) return { kind: 'route', route, path };
    allowed.push(route.method);
  }
  return allowed.length === 0 ? { kind: 'no-path' } : { kind: 'no-method', allowed };
}

function matchPath(
  pattern: readonly string[],
  parts: readonly string[],
): Readonly<Record<string, string>> | null {
  if (pattern.length !== parts.length) return null;
  const values: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(expected)?.[1];
    if (name !== undefined) values[name] = part;
    else if (part !== expected) return null;
  }
  for (const [name, value] of Object.entries(values)) values[name] = decoded(value);
  return values;
}

/** Iceberg's client in Java writes a space as forms do (`RESTUtil`); all write plus as `%2B`. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw badRequest('the path is not percent-encoded UTF-8');
  }
}
