/**
 * Looking into JSON of a service: what is not there, or of another kind, is nothing. Callers say
 * what they cannot do without.
 */
import type { JsonObject, JsonValue } from '../../kernel/lossless-json.ts';

/** A value's object; `null` when it is none. */
export function objectOf(value: JsonValue | undefined): JsonObject | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : null;
}

/** The value under a key of an object. */
export function valueAt(value: JsonValue | undefined, key: string): JsonValue | undefined {
  const object = objectOf(value);
  return object !== null && Object.hasOwn(object, key) ? object[key] : undefined;
}

/** The text under a key, else `null`. */
export function textAt(value: JsonValue | undefined, key: string): string | null {
  const found = valueAt(value, key);
  return typeof found === 'string' ? found : null;
}

/** The number under a key, else `null`. */
export function numberAt(value: JsonValue | undefined, key: string): number | null {
  const found = valueAt(value, key);
  return typeof found === 'number' ? found : null;
}

/** Items of a list, else none. */
export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

/** Items of the list under a key, else none. */
export function listAt(value: JsonValue | undefined, key: string): readonly JsonValue[] {
  return listOf(valueAt(value, key));
}
