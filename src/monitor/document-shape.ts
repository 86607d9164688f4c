/**
 * Shapes of JSON documents as values, so that one declaration checks a document that was read and
 * pins its form in a test. A shape that disagrees with its type does not compile.
 */
import type { JsonObject, JsonValue } from '../kernel/lossless-json.ts';
import { unreachable } from '../kernel/assert.ts';

/** What a JSON value must look like. Keys that are not named are allowed and ignored. */
export type Shape =
  | { readonly kind: 'text' | 'number' | 'flag' }
  /** `null` or missing is fine. */
  | { readonly kind: 'optional'; readonly of: Shape }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Shape>> };

/** The shape that values of `T` have. */
export type ShapeOf<T> = null extends T
  ? { readonly kind: 'optional'; readonly of: ShapeOf<NonNullable<T>> }
  : [T] extends [string]
    ? { readonly kind: 'text' }
    : [T] extends [number]
      ? { readonly kind: 'number' }
      : [T] extends [boolean]
        ? { readonly kind: 'flag' }
        : T extends readonly (infer Item)[]
          ? { readonly kind: 'list'; readonly of: ShapeOf<Item> }
          : {
              readonly kind: 'object';
              readonly fields: { readonly [K in keyof T]-?: ShapeOf<T[K]> };
            };

/**
 * `value` with exactly the fields of `shape`: what is optional and missing becomes `null`, what is
 * not named is left out. A text says where the value is of another shape.
 */
export function readShape(
  value: JsonValue | undefined,
  shape: Shape,
  path = '$',
): { readonly value: JsonValue } | string {
  switch (shape.kind) {
    case 'text':
      return typeof value === 'string' ? { value } : `${path} is not text`;
    case 'number':
      return typeof value === 'number' ? { value } : `${path} is not a number`;
    case 'flag':
      return typeof value === 'boolean' ? { value } : `${path} is not true or false`;
    case 'optional':
      return value === null || value === undefined
        ? { value: null }
        : readShape(value, shape.of, path);
    case 'list':
      return readList(value, shape.of, path);
    case 'object':
      return readObject(value, shape.fields, path);
    default:
      return unreachable(shape);
  }
}

function readList(
  value: JsonValue | undefined,
  shape: Shape,
  path: string,
): { readonly value: JsonValue } | string {
  if (!Array.isArray(value)) return `${path} is not a list`;
  const items: JsonValue[] = [];
  for (const [index, item] of (value as readonly JsonValue[]).entries()) {
    const read = readShape(item, shape, `${path}[${index}]`);
    if (typeof read === 'string') return read;
    items.push(read.value);
  }
  return { value: items };
}

function readObject(
  value: JsonValue | undefined,
  fields: Readonly<Record<string, Shape>>,
  path: string,
): { readonly value: JsonValue } | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `${path} is not an object`;
  }
  const present = new Map(Object.entries(value as JsonObject));
  const object: Record<string, JsonValue> = {};
  for (const [key, shape] of Object.entries(fields)) {
    const read = readShape(present.get(key), shape, `${path}.${key}`);
    if (typeof read === 'string') return read;
    object[key] = read.value;
  }
  return { value: object };
}
