/**
 * Reading keys of parsed JSON objects with a coded error in place of a surprise. A missing key and
 * an explicit `null` are the same, as in every JSON document of the Iceberg specification. Messages
 * name the key and its place, never the value.
 */
import { FirnError } from '../kernel/firn-error.ts';
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';

/**
 * One JSON object, read key by key. `optional…` methods give `null` for a missing key; the others
 * throw ICEBERG-JSON-INVALID. All throw it for a value of the wrong kind.
 */
export interface JsonFields {
  /** The object itself. */
  readonly object: JsonObject;
  /** Where the object stands, for messages, for example `v3.metadata.json: schemas[0]`. */
  readonly where: string;
  /** The value as it stands; `null` when missing. */
  value(key: string): JsonValue;
  /** A 32-bit signed integer. */
  int(key: string): number;
  optionalInt(key: string): number | null;
  /** A 64-bit signed integer. */
  long(key: string): bigint;
  optionalLong(key: string): bigint | null;
  text(key: string): string;
  optionalText(key: string): string | null;
  flag(key: string): boolean;
  list(key: string): readonly JsonValue[];
  optionalList(key: string): readonly JsonValue[] | null;
}

/** The error for a document that is not what the specification says. */
export function invalidJson(what: string, where: string): FirnError {
  return new FirnError('ICEBERG-JSON-INVALID', { what, where });
}

/** Nesting of values that are kept as they are: deeper ones could not be written again. */
const DEPTH_MAX = 100;

/**
 * The same value, which is kept without being understood, and must not be nested without end.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID
 */
export function keptJson<T extends JsonValue>(value: T, where: string): T {
  const look = (item: JsonValue, depth: number): void => {
    if (typeof item !== 'object' || item === null) return;
    if (depth > DEPTH_MAX)
      throw invalidJson(`values are nested more than ${DEPTH_MAX} deep`, where);
    for (const inner of Object.values(item)) look(inner, depth + 1);
  };
  look(value, 0);
  return value;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value` as a 32-bit signed integer, or `null` when it is none. */
function asInt(value: JsonValue): number | null {
  return typeof value === 'number' && (value | 0) === value ? value : null;
}

/** `value` as a 64-bit signed integer, or `null` when it is none. */
function asLong(value: JsonValue): bigint | null {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : null;
}

function asText(value: JsonValue): string | null {
  return typeof value === 'string' ? value : null;
}

function asFlag(value: JsonValue): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

function asList(value: JsonValue): readonly JsonValue[] | null {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : null;
}

/**
 * Opens `value` for reading by key.
 *
 * @param where place of the object, for messages
 * @throws {FirnError} ICEBERG-JSON-INVALID when `value` is not a JSON object
 */
export function jsonFields(value: JsonValue, where: string): JsonFields {
  if (!isObject(value)) throw invalidJson('expected a JSON object', where);
  const object = value;
  const at = (key: string): JsonValue =>
    Object.hasOwn(object, key) ? (object[key] ?? null) : null;

  function optional<T>(key: string, read: (value: JsonValue) => T | null, kind: string): T | null {
    const found = at(key);
    if (found === null) return null;
    const result = read(found);
    if (result === null) throw invalidJson(`key "${key}" must be ${kind}`, where);
    return result;
  }
  function required<T>(key: string, read: (value: JsonValue) => T | null, kind: string): T {
    const result = optional(key, read, kind);
    if (result === null) throw invalidJson(`key "${key}" (${kind}) is missing`, where);
    return result;
  }

  return {
    object,
    where,
    value: at,
    int: (key) => required(key, asInt, 'a 32-bit integer'),
    optionalInt: (key) => optional(key, asInt, 'a 32-bit integer'),
    long: (key) => required(key, asLong, 'a 64-bit integer'),
    optionalLong: (key) => optional(key, asLong, 'a 64-bit integer'),
    text: (key) => required(key, asText, 'a string'),
    optionalText: (key) => optional(key, asText, 'a string'),
    flag: (key) => required(key, asFlag, 'true or false'),
    list: (key) => required(key, asList, 'a list'),
    optionalList: (key) => optional(key, asList, 'a list'),
  };
}

/**
 * Every item of `items` as a 32-bit integer.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID when one is none
 */
export function jsonInts(items: readonly JsonValue[], where: string): readonly number[] {
  return items.map((item) => {
    const value = asInt(item);
    if (value === null) throw invalidJson('expected a list of 32-bit integers', where);
    return value;
  });
}

/**
 * Every item of `items` as a 64-bit integer.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID when one is none
 */
export function jsonLongs(items: readonly JsonValue[], where: string): readonly bigint[] {
  return items.map((item) => {
    const value = asLong(item);
    if (value === null) throw invalidJson('expected a list of 64-bit integers', where);
    return value;
  });
}

/**
 * Every item of `items` as a string.
 *
 * @throws {FirnError} ICEBERG-JSON-INVALID when one is none
 */
export function jsonTexts(items: readonly JsonValue[], where: string): readonly string[] {
  return items.map((item) => {
    const value = asText(item);
    if (value === null) throw invalidJson('expected a list of strings', where);
    return value;
  });
}
