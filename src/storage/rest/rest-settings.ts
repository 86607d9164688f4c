/**
 * What a REST catalog says of itself (`GET /v1/config`): where its paths begin, which endpoints it
 * has, whether it takes idempotency keys. What it overrides counts more than what it defaults to.
 */
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { jsonFields, jsonTexts } from '../../iceberg/json-fields.ts';
import { stringRecord } from '../../iceberg/snapshot.ts';
import { LEVEL_SEPARATOR } from './rest-address.ts';
import type { RestAddress, RestPaths } from './rest-address.ts';
import type { RestClient } from './rest-client.ts';
import { answerError, answerObject, unreadable } from './rest-failure.ts';

/** The settings that a client obeys. */
export interface RestSettings {
  readonly paths: RestPaths;
  /**
   * Whether the server lists an endpoint, by method and path without `/v1/{prefix}`. `null`: it has
   * no list.
   */
  offers(method: string, path: string): boolean | null;
  readonly takesKeys: boolean;
  /** Id of the catalog, where the server knows one. */
  readonly catalogId: string | null;
}

/** Under this key Firn's own server tells the id of its catalog, and a namespace may keep one. */
export const CATALOG_ID_PROPERTY = 'firn.catalog-id';

/**
 * Asks the server for its settings.
 *
 * @throws {FirnError} CATALOG-REMOTE-… and CATALOG-REMOTE-REFUSED where there is no REST catalog
 */
export async function readSettings(
  client: RestClient,
  target: { readonly address: RestAddress; readonly warehouse: string | null },
): Promise<RestSettings> {
  const { address, warehouse } = target;
  const where = address.uri;
  const query = warehouse === null ? [] : ([['warehouse', warehouse]] as const);
  const answered = await client.ask({ method: 'GET', path: '/v1/config', query, where });
  const { answer } = answered;
  if (answer.status !== 200) throw answerError(answer, answered);
  const object = answerObject(answer);
  if (object === null) throw notACatalog('its settings are no JSON', where);
  try {
    const fields = jsonFields(object, 'config');
    const defaults = stringRecord(fields.value('defaults'), 'config.defaults');
    const overrides = stringRecord(fields.value('overrides'), 'config.overrides');
    const listed = fields.optionalList('endpoints');
    const endpoints = listed === null ? null : new Set(jsonTexts(listed, 'config.endpoints'));
    const settings = { ...defaults, ...overrides };
    checkSameServer(settings['uri'], address);
    return {
      paths: pathsOf(settings, where),
      offers: (method, path) => endpoints?.has(`${method} /v1/{prefix}/${path}`) ?? null,
      takesKeys: fields.optionalText('idempotency-key-lifetime') !== null,
      catalogId: settings[CATALOG_ID_PROPERTY] ?? null,
    };
  } catch (error) {
    if (isFirnError(error, 'ICEBERG-JSON-INVALID')) throw notACatalog(error.message, where);
    throw error;
  }
}

/** A server may send its clients to another address: that is for the pipeline file to say. */
function checkSameServer(uri: string | undefined, address: RestAddress): void {
  if (uri === undefined || uri.replace(/\/+$/, '') === address.uri) return;
  const what = 'the catalog wants to be asked at another address than `lake.catalog.uri`';
  throw new FirnError('CATALOG-REMOTE-REFUSED', { what, where: address.uri });
}

function pathsOf(settings: Readonly<Record<string, string>>, where: string): RestPaths {
  const prefix = (settings['prefix'] ?? '').replaceAll(/^\/+|\/+$/g, '');
  const parts = prefix.split('/');
  const isPath = /^[!$&'()*+,\-./0-9:;=@A-Z_a-z~%]*$/.test(prefix);
  if (!isPath || parts.includes('..') || parts.includes('.')) {
    throw notACatalog('its prefix is no path', where);
  }
  const separator = settings['namespace-separator'];
  try {
    return {
      root: prefix === '' ? '/v1' : `/v1/${prefix}`,
      separator: separator === undefined ? LEVEL_SEPARATOR : decodeURIComponent(separator),
    };
  } catch {
    // Not percent-encoded UTF-8: then it is what it is.
    throw unreadable('its namespace-separator is not percent-encoded', where);
  }
}

function notACatalog(what: string, where: string): FirnError {
  return new FirnError('CATALOG-REMOTE-REFUSED', {
    what: `there is no REST catalog that Firn can use: ${what}`,
    where,
  });
}
