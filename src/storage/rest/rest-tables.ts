/**
 * Reading tables and lists of names from a REST catalog. What is read is never older than what this
 * process has seen already. Lists come in pages; a server that gives the same page again and again
 * is stopped.
 */
import { FirnError, isFirnError } from '../../kernel/firn-error.ts';
import { jsonFields, jsonTexts } from '../../iceberg/json-fields.ts';
import { readTableMetadata } from '../../iceberg/table-metadata-json.ts';
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';
import { retry } from '../../kernel/retry.ts';
import type { RetryContext, RetryPolicy } from '../../kernel/retry.ts';
import type { LoadedTable, TableIdentifier } from '../../ports/catalog.ts';
import type { HttpAnswer } from '../http/http-exchange.ts';
import { spelledTable, tablePath } from './rest-address.ts';
import type { RestPaths } from './rest-address.ts';
import type { Answered, RestClient } from './rest-client.ts';
import { answerError, answerObject, isMissing, problemOf, unreadable } from './rest-failure.ts';
import type { SeenTables } from './seen-tables.ts';

/** Metadata of a table with a very long history; larger is refused. */
export const TABLE_BYTES_MAX = 256 * 1024 * 1024;
const PAGES_MAX = 10_000;
const stalePolicy: RetryPolicy = { attemptsMax: 5, pauseMs: 100, pauseMsMax: 1000 };

/** What reading needs. */
export interface ReadingParts extends RetryContext {
  readonly client: RestClient;
  readonly paths: RestPaths;
  readonly seen: SeenTables;
  /** Sent when tables are loaded. */
  readonly loadHeaders: Readonly<Record<string, string>>;
  /** Told what a loaded table came with. */
  readonly onLoaded: (identifier: TableIdentifier, result: JsonObject) => void;
}

/** The table as it is now; `null` when there is none. */
export function loadTable(
  parts: ReadingParts,
  identifier: TableIdentifier,
): Promise<LoadedTable | null> {
  const { client, paths, seen } = parts;
  const where = spelledTable(identifier);
  return retry(parts, stalePolicy, async () => {
    const answered = await client.ask({
      method: 'GET',
      path: tablePath(paths, identifier),
      headers: { 'cache-control': 'no-cache', ...parts.loadHeaders },
      bytesMax: TABLE_BYTES_MAX,
      where,
    });
    if (answered.answer.status !== 200) {
      if (isGone(answered)) return null;
      throw loadError(answered);
    }
    const table = tableInAnswer(answered.answer, identifier);
    if (seen.isStale(table)) throw stale(where);
    seen.note(table);
    const result = answerObject(answered.answer);
    if (result !== null) parts.onLoaded(identifier, result);
    return table;
  });
}

/** The reference server says by this message that a table's metadata file is lost. */
function loadError(answered: Answered): FirnError {
  const { message } = problemOf(answered.answer, answered.headers);
  const { where } = answered;
  if (answered.answer.status !== 404 || !message.startsWith('Failed to open input stream')) {
    return answerError(answered.answer, answered);
  }
  const what = 'the catalog cannot read the metadata file of a table';
  return new FirnError('CATALOG-METADATA-MISSING', { what, where });
}

function stale(where: string): FirnError {
  const what = 'The catalog gave back an older state of the table than it gave before.';
  return new FirnError('CATALOG-REMOTE-STALE', { what, where });
}

/** Whether an answer says that the table is not there, or its namespace. */
export function isGone({ answer, headers }: Answered): boolean {
  if (answer.status !== 404) return false;
  const problem = problemOf(answer, headers);
  return isMissing(problem, 'table') || isMissing(problem, 'namespace');
}

/**
 * The table in an answer that holds one.
 *
 * @throws {FirnError} CATALOG-REMOTE-FAILED when it cannot be read: the next answer may be whole
 */
export function tableInAnswer(answer: HttpAnswer, identifier: TableIdentifier): LoadedTable {
  const where = spelledTable(identifier);
  const object = answerObject(answer);
  if (object === null) throw unreadable('it is no whole JSON document', where);
  try {
    const fields = jsonFields(object, where);
    const metadataLocation = fields.text('metadata-location');
    const metadata = readTableMetadata(fields.value('metadata'), where);
    return { identifier, metadataLocation, metadata };
  } catch (error) {
    if (isFirnError(error, 'ICEBERG-JSON-INVALID')) throw unreadable(error.what, where);
    throw error;
  }
}

/** A list of names in pages. */
export interface ListRequest {
  readonly path: string;
  readonly query: readonly (readonly [string, string])[];
  /** The key that the items stand under. */
  readonly key: 'namespaces' | 'identifiers';
  readonly where: string;
}

/** All items of a list; `null`: what it should be of is not there. */
export async function listAll(
  client: RestClient,
  request: ListRequest,
): Promise<readonly JsonValue[] | null> {
  const { path, query, key, where } = request;
  const items: JsonValue[] = [];
  let token = '';
  for (let page = 0; page < PAGES_MAX; page++) {
    const paged = [...query, ['pageToken', token]] as const;
    const answered = await client.ask({ method: 'GET', path, query: paged, where });
    if (isGone(answered)) return null;
    if (answered.answer.status !== 200) throw answerError(answered.answer, answered);
    const object = answerObject(answered.answer);
    if (object === null) throw unreadable('it is no whole JSON document', where);
    try {
      const fields = jsonFields(object, where);
      items.push(...(fields.optionalList(key) ?? []));
      const next = fields.optionalText('next-page-token') ?? '';
      if (next === '') return items;
      if (next === token) throw unreadable('its pages have no end', where);
      token = next;
    } catch (error) {
      if (isFirnError(error, 'ICEBERG-JSON-INVALID')) throw unreadable(error.what, where);
      throw error;
    }
  }
  throw unreadable('its pages have no end', where);
}

/** The levels of a namespace in a list, joined; `null` for one that Firn has no name for. */
export function namespaceInList(item: JsonValue, where: string): string | null {
  const levels = Array.isArray(item) ? jsonTexts(item as readonly JsonValue[], where) : [];
  return levels.length === 0 || levels.some((level) => level.includes('.'))
    ? null
    : levels.join('.');
}
