/**
 * Names of namespaces and tables in requests. Levels of a namespace are separated by the unit
 * separator in paths and are a list in bodies; in the catalog's tables they are joined by dots, so
 * a dot inside a level is refused: it would name another namespace.
 */
import { jsonFields, jsonTexts } from '../iceberg/json-fields.ts';
import type { JsonValue } from '../kernel/lossless-json.ts';
import type { TableIdentifier } from '../ports/catalog.ts';
import { badRequest } from './rest-error.ts';

/** What the columns of the catalog's tables hold. */
const NAME_LENGTH_MAX = 255;
const LEVELS_MAX = 16;
const LEVEL_SEPARATOR = '\u001f';

/** Control characters: they would make names that nobody can type, and log lines that lie. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const controls = /[\u0000-\u001f\u007f-\u009f]/;

function checkName(name: string, kind: string): string {
  if (name === '') throw badRequest(`a ${kind} name is empty`);
  if (name.length > NAME_LENGTH_MAX) {
    throw badRequest(`a ${kind} name has more than ${NAME_LENGTH_MAX} characters`);
  }
  if (controls.test(name)) throw badRequest(`a ${kind} name has a control character`);
  if (!name.isWellFormed()) throw badRequest(`a ${kind} name is not Unicode`);
  return name;
}

/**
 * The catalog's name of a namespace.
 *
 * @throws {RestRefusal} 400
 */
function joinNamespace(levels: readonly string[]): string {
  if (levels.length === 0) throw badRequest('a namespace has no levels');
  if (levels.length > LEVELS_MAX)
    throw badRequest(`a namespace has more than ${LEVELS_MAX} levels`);
  for (const level of levels) {
    checkName(level, 'namespace');
    if (level.includes('.')) throw badRequest('a level of a namespace has a dot in it');
  }
  return checkName(levels.join('.'), 'namespace');
}

/** The levels of a namespace of the catalog. */
export function namespaceLevels(namespace: string): readonly string[] {
  return namespace.split('.');
}

/**
 * The namespace in a path or query, percent-decoded already.
 *
 * @throws {RestRefusal} 400
 */
export function namespaceInPath(text: string): string {
  return joinNamespace(text.split(LEVEL_SEPARATOR));
}

/**
 * The namespace in a body: a list of levels.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID
 * @throws {RestRefusal} 400
 */
export function namespaceInBody(json: readonly JsonValue[], where: string): string {
  return joinNamespace(jsonTexts(json, where));
}

/**
 * A table's name.
 *
 * @throws {RestRefusal} 400
 */
export function tableName(text: string): string {
  return checkName(text, 'table');
}

/**
 * The table in a path.
 *
 * @throws {RestRefusal} 400
 */
export function tableInPath(path: Readonly<Record<string, string>>): TableIdentifier {
  return {
    namespace: namespaceInPath(path['namespace'] ?? ''),
    name: tableName(path['table'] ?? ''),
  };
}

/**
 * The table that a body names: `{"namespace": [..], "name": ".."}`.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID
 * @throws {RestRefusal} 400
 */
export function tableInBody(json: JsonValue, where: string): TableIdentifier {
  const fields = jsonFields(json, where);
  return {
    namespace: namespaceInBody(fields.list('namespace'), where),
    name: tableName(fields.text('name')),
  };
}

/** A table's name for people, as other engines write it. */
export function spelledTable({ namespace, name }: TableIdentifier): string {
  return `${namespace}.${name}`;
}
